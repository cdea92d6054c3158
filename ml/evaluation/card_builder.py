"""The builder of the model card of every recipe. It writes ``card.json`` into the folder of the model's files."""

from __future__ import annotations

import platform
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path

from ml.data.datasets import FilmRecord
from ml.inference.bundle import GATE, LUNGS, RANGE, SPLIT, sha256_of
from ml.model_card.card import CARD, GRAPH, SCHEMA_VERSION, ModelCard, card_to_text
from ml.model_card.description import (
    Calibration,
    Data,
    DataSource,
    Network,
    OperatingPoints,
    PartCounts,
    Preprocessing,
    Training,
)

BUNDLE_FILES = (GRAPH, LUNGS, GATE, RANGE, SPLIT)


@dataclass(frozen=True, kw_only=True)
class CardText:
    """The texts of a card, written by people."""

    name: str
    title: str
    summary: str
    intended_use: str
    not_for: tuple[str, ...]
    limits: tuple[str, ...]
    sources: tuple[DataSource, ...]
    ethics: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Model:
    """What a recipe knows of the model it has trained.

    Attributes:
        preprocessing: how a film becomes the network's input.
        network: the architecture.
        training: how it was trained.
        split: for ``train``, ``validation`` and ``test`` the counts of its films, see :func:`count_part`.
        threshold: of the metrics that need one.
        operating_points: the decision rule.
        calibration: from logit to score; ``None`` where the network ends in its own sigmoid.
        packages: whose versions the card names.
    """

    preprocessing: Preprocessing
    network: Network
    training: Training
    split: Mapping[str, PartCounts]
    threshold: float
    operating_points: OperatingPoints
    calibration: Calibration | None = None
    packages: Sequence[str] = ()


def build_card(text: CardText, model: Model) -> ModelCard:
    """Return the card of a model without its measurements and checksums.

    Measurements are added by :func:`dataclasses.replace`, checksums by :func:`write_card`.
    """
    return ModelCard(
        schema_version=SCHEMA_VERSION,
        name=text.name,
        title=text.title,
        summary=text.summary,
        positive_class="COVID-19",
        created=datetime.now(UTC).date().isoformat(),
        intended_use=text.intended_use,
        not_for=text.not_for,
        limits=text.limits,
        ethics=text.ethics,
        preprocessing=model.preprocessing,
        network=model.network,
        training=model.training,
        data=Data(text.sources, dict(model.split)),
        threshold=model.threshold,
        calibration=model.calibration,
        operating_points=model.operating_points,
        software=package_versions(model.packages),
        checksums={},
    )


def write_card(folder: Path, card: ModelCard) -> ModelCard:
    """Write ``card.json`` with the checksums of the other files in its folder.

    Returns:
        the card as written.
    """
    present = [name for name in BUNDLE_FILES if (folder / name).exists()]
    card = replace(card, checksums={name: sha256_of(folder / name) for name in present})
    (folder / CARD).write_text(card_to_text(card), encoding="utf-8")
    return card


def package_versions(names: Sequence[str]) -> dict[str, str]:
    """Return the installed versions of some packages, and Python's."""
    return {name: version(name) for name in names} | {"python": platform.python_version()}


def count_part(films: Sequence[FilmRecord], groups: Sequence[str]) -> PartCounts:
    """Return films, COVID-19 films and patient groups of one part of a split."""
    return PartCounts(len(films), sum(film.label for film in films), len(set(groups)))
