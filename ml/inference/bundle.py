"""A trained model on disk: a folder with ``model.onnx``, ``card.json`` and ``split.csv``. Imports no framework."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path

from ml.decoding.preprocess import PREPROCESSING_VERSION, InputSpec
from ml.errors import BundleError
from ml.model_card.card import CARD, GRAPH, CardError, ModelCard, read_card

MODELS = Path(__file__).resolve().parents[1] / "models"
SPLIT = "split.csv"
LUNGS = "lungs.onnx"  # the network that finds the lung fields, for networks that take lung crops
GATE = "gate.npz"  # the quality gate, where the bundle has one
RANGE = "range.npz"  # the range of the training films' features, where the bundle has one


@dataclass(frozen=True)
class Bundle:
    """A model with all files and values that are needed to run it.

    Attributes:
        path: the folder.
        name: the model's name.
        digest: sha256 of the weights (the ONNX file), hex.
        input: the network's input.
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
    card: ModelCard

    @property
    def graph(self) -> Path:
        """Return the path of the ONNX file."""
        return self.path / GRAPH


def sha256_of(path: Path) -> str:
    """Return the hex sha256 of a file."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def bundle_names() -> list[str]:
    """Return the names of the bundles that come with the project."""
    return sorted(card.parent.name for card in MODELS.glob(f"*/{CARD}"))


def find_bundle(name: str) -> Bundle:
    """Open a bundle that comes with the project.

    Raises:
        BundleError: unknown name, or what :func:`open_bundle` raises.
    """
    if name not in bundle_names():
        raise BundleError(f"There is no model {name!r}; there are: {', '.join(bundle_names()) or 'none'}.")
    return open_bundle(MODELS / name)


def open_bundle(path: Path, *, gate: bool = True) -> Bundle:
    """Open a bundle and check it against its own checksums.

    Args:
        path: the folder.
        gate: check the gate's file too; off while it is being trained.

    Raises:
        BundleError: when a file is missing or damaged, a field of the card is wrong, or the model was trained with
            another version of the preprocessing.
    """
    try:
        card = read_card(path / CARD)
    except CardError as error:
        raise BundleError(f"{path} is no complete model bundle: {error}") from error
    version = card.preprocessing.version
    if version != PREPROCESSING_VERSION:
        raise BundleError(
            f"{path.name} was trained with preprocessing {version}, this software has {PREPROCESSING_VERSION}; "
            "its scores would be wrong. Use a bundle made for this version."
        )
    for name, expected in card.checksums.items():
        if name == GATE and not gate:
            continue
        if not (path / name).is_file() or sha256_of(path / name) != expected:
            raise BundleError(f"{path / name} is not the file the card describes; restore it from a release.")
    return _bundle_of(path, card)


def _bundle_of(path: Path, card: ModelCard) -> Bundle:
    """Return the bundle of a checked card."""
    size, calibration = card.preprocessing, card.calibration
    return Bundle(
        path=path,
        name=card.name,
        digest=card.checksums[GRAPH],
        input=InputSpec(size.height, size.width, size.channels, size.kind or "stretch"),
        low=card.operating_points.low,
        high=card.operating_points.high,
        slope=calibration.slope if calibration else 1.0,
        intercept=calibration.intercept if calibration else 0.0,
        card=card,
    )
