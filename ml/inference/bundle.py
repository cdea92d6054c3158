"""A trained model on disk: a folder with ``model.onnx``, ``card.json`` and ``split.csv``. Imports no framework."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ml.decoding.preprocess import PREPROCESSING_VERSION, InputSpec
from ml.errors import BundleError

MODELS = Path(__file__).resolve().parents[1] / "models"
GRAPH = "model.onnx"
CARD = "card.json"
SPLIT = "split.csv"
LUNGS = "lungs.onnx"  # finds the lung fields, where the network wants them cut out
GATE = "gate.npz"  # refuses what is no upright frontal chest film, where the bundle has one


@dataclass(frozen=True)
class Bundle:
    """A model with everything that must travel with it.

    Attributes:
        path: the folder.
        name: the model's name.
        digest: sha256 of the weights (the ONNX file), hex.
        input: what the network takes.
        low: operating point; below it a film is negative.
        high: operating point; at or above it a film is positive, between the two uncertain.
        slope: of the calibration (Platt 1999) from the network's logit to the score's.
        intercept: of the calibration.
        card: the whole model card.
    """

    path: Path
    name: str
    digest: str
    input: InputSpec
    low: float
    high: float
    slope: float
    intercept: float
    card: dict[str, Any]

    @property
    def graph(self) -> Path:
        """The ONNX file."""
        return self.path / GRAPH


def sha256_of(path: Path) -> str:
    """The hex sha256 of a file."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def names() -> list[str]:
    """The bundles that ship with the project."""
    return sorted(card.parent.name for card in MODELS.glob(f"*/{CARD}"))


def find(name: str) -> Bundle:
    """Open a bundle that ships with the project.

    Raises:
        BundleError: unknown name, or what :func:`open_bundle` raises.
    """
    if name not in names():
        raise BundleError(f"There is no model {name!r}; there are: {', '.join(names()) or 'none'}.")
    return open_bundle(MODELS / name)


def open_bundle(path: Path, *, gate: bool = True) -> Bundle:
    """Open a bundle and check it against its own checksums.

    Args:
        path: the folder.
        gate: check the gate's file too; off while it is being trained.

    Raises:
        BundleError: when something is missing, damaged or of another preprocessing version.
    """
    try:
        card = json.loads((path / CARD).read_text())
        bundle = _from_card(path, card)
        checksums: dict[str, str] = card["checksums"]
        version = card["preprocessing"]["version"]
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise BundleError(f"{path} is no complete model bundle: {error!r}") from error
    if version != PREPROCESSING_VERSION:
        raise BundleError(
            f"{path.name} was trained with preprocessing {version}, this code has {PREPROCESSING_VERSION}; "
            "its scores would mean nothing here."
        )
    for name, expected in checksums.items():
        if name == GATE and not gate:
            continue
        if not (path / name).is_file() or sha256_of(path / name) != expected:
            raise BundleError(f"{path / name} is not the file the card describes; restore it from a release.")
    return bundle


def _from_card(path: Path, card: dict[str, Any]) -> Bundle:
    size = card["preprocessing"]
    points, calibration = card["operating_points"], card.get("calibration", {})
    return Bundle(
        path=path,
        name=str(card["name"]),
        digest=str(card["checksums"][GRAPH]),
        input=InputSpec(
            int(size["height"]), int(size["width"]), int(size["channels"]), str(size.get("kind", "stretch"))
        ),
        low=float(points["low"]),
        high=float(points["high"]),
        slope=float(calibration.get("slope", 1.0)),
        intercept=float(calibration.get("intercept", 0.0)),
        card=card,
    )
