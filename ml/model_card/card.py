"""The model card, and how it is read, checked and written.

Content follows Mitchell et al., "Model Cards for Model Reporting", 2019, and the CLAIM checklist (Mongan et al.
2020).
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ml.errors import BundleError
from ml.model_card.decision_evidence import ExpectedDecisions, FeatureRangeEvidence
from ml.model_card.description import Calibration, Data, Network, OperatingPoints, Preprocessing, Training
from ml.model_card.evidence import (
    AtOperatingPoints,
    AtPrevalence,
    Evaluation,
    GateEvidence,
    Parity,
    SeedComparison,
    Seeds,
    Shortcuts,
    Subgroup,
)
from ml.model_card.strict_json import FieldError, from_json, to_json
from ml.statistics.ranges import Share

CARD = "card.json"
GRAPH = "model.onnx"
SCHEMA_VERSION = 1


class CardError(BundleError):
    """A model card that does not follow its schema; the message names the field."""


@dataclass(frozen=True, kw_only=True)
class ModelCard:
    """What is known about a model, stored with its weights.

    Measurements are absent from a card that is written before they are made; the page shows those that are there.

    Attributes:
        schema_version: of this schema; a card without it has version 1.
        name: of the model, as its folder.
        title: for people.
        summary: what the model is, in a few sentences.
        positive_class: what a high score stands for.
        created: the day, ISO 8601.
        intended_use: what the model is for.
        not_for: what it must not be used for.
        limits: what is known to limit it.
        ethics: ethical considerations.
        preprocessing: how a film becomes the network's input.
        network: the architecture.
        training: how it was trained.
        data: what it was trained and tested on.
        threshold: of the metrics that need one.
        calibration: from logit to score; without it the network's own probability is the score.
        operating_points: the decision rule.
        metrics: the model on its own test films.
        elsewhere: the model, or networks of the same recipe, on sources not seen in training.
        seeds: how far results depend on random numbers.
        against_seed_cnn: AUROC against the reference network on the same films.
        at_operating_points: sensitivity and specificity of the decisions.
        prevalence: predictive values at several prevalences.
        subgroups: AUROC by view, sex, age and source.
        shortcuts: what else than disease the model reacts to.
        gate: what the gate refuses.
        expected_decisions: decisions to expect at a hospital that the model was not trained on.
        feature_range: the note on films unlike those of the training.
        parity: agreement of the exported graph with the network.
        software: versions of the packages it was made with.
        checksums: sha256 of each file of the bundle, hex.
    """

    schema_version: int | None = None
    name: str
    title: str
    summary: str
    positive_class: str
    created: str
    intended_use: str
    not_for: tuple[str, ...]
    limits: tuple[str, ...]
    ethics: tuple[str, ...] = ()
    preprocessing: Preprocessing
    network: Network
    training: Training
    data: Data
    threshold: Share
    calibration: Calibration | None = None
    operating_points: OperatingPoints
    metrics: Evaluation | None = None
    elsewhere: tuple[Evaluation, ...] = ()
    seeds: Seeds | None = None
    against_seed_cnn: tuple[SeedComparison, ...] = ()
    at_operating_points: AtOperatingPoints | None = None
    prevalence: tuple[AtPrevalence, ...] = ()
    subgroups: tuple[Subgroup, ...] = ()
    shortcuts: Shortcuts | None = None
    gate: GateEvidence | None = None
    expected_decisions: ExpectedDecisions | None = None
    feature_range: FeatureRangeEvidence | None = None
    parity: Parity | None = None
    software: dict[str, str]
    checksums: dict[str, str]


def parse_card(value: object, source: str = CARD) -> ModelCard:
    """Check a card against the schema.

    Args:
        value: what :func:`json.loads` returned.
        source: what the message of an error begins with.

    Raises:
        CardError: when a field is missing, unknown, of another type or out of range, or the schema version is not
            one that this software knows. The message names the field, such as
            ``card.json: elsewhere[2].values.auroc.value: expected a number between 0 and 1, got "x"``.
    """
    try:
        _check_version(value)
        card = from_json(ModelCard, value)
        _check_consistency(card)
    except FieldError as error:
        raise CardError(f"{source}: {error}") from error
    return card


def read_card(path: Path) -> ModelCard:
    """Read ``card.json``.

    Raises:
        CardError: when it cannot be read, is no JSON or does not follow the schema.
    """
    try:
        value = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise CardError(f"{path.name}: {error}") from error
    return parse_card(value, path.name)


def card_to_json(card: ModelCard) -> dict[str, Any]:
    """Return a card as :func:`parse_card` reads it."""
    value: dict[str, Any] = to_json(card)
    return value


def card_to_text(card: ModelCard) -> str:
    """Return the text of ``card.json``; lists of numbers stay on one line."""
    text = json.dumps(card_to_json(card), indent=1, ensure_ascii=False)
    return re.sub(r"\[[^\[\]{}\"]*\]", lambda numbers: " ".join(numbers[0].split()), text) + "\n"


def _check_version(value: object) -> None:
    """Refuse another schema version before its fields are looked at."""
    version = value.get("schema_version", SCHEMA_VERSION) if isinstance(value, dict) else SCHEMA_VERSION
    if version != SCHEMA_VERSION or isinstance(version, bool):
        shown = json.dumps(version)
        raise FieldError(
            f"expected {SCHEMA_VERSION}, the version this software knows, got {shown}", ".schema_version"
        )


def _check_consistency(card: ModelCard) -> None:
    points = card.operating_points
    if points.low > points.high:
        raise FieldError(f"expected low to be at most high, got {points.low} and {points.high}", ".operating_points")
    if GRAPH not in card.checksums:
        raise FieldError("missing", f".checksums.{GRAPH}")
