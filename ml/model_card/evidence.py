"""Parts of the model card that hold measurements. Shares, AUROCs and scores are 0..1."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

from ml.model_card.strict_json import json_key
from ml.statistics.estimate import Estimate
from ml.statistics.metrics import CalibrationBin, Confusion
from ml.statistics.ranges import Count, Range, Share

Measure = Annotated[Estimate, Range(0, 1)]
Point = tuple[Share | None, Share | None]


@dataclass(frozen=True)
class Measures:
    """The metrics of one evaluation; those that need a threshold are at the evaluation's."""

    accuracy: Measure
    precision: Measure
    recall: Measure
    specificity: Measure
    f1: Measure
    auroc: Measure
    auprc: Measure
    brier: Measure
    ece: Measure


@dataclass(frozen=True, kw_only=True)
class ClassReport:
    """Precision, recall and F1 of one class."""

    class_name: str = json_key("class")
    precision: Share | None
    recall: Share | None
    f1: Share | None
    films: Count


@dataclass(frozen=True)
class Evaluation:
    """A model measured on one collection of films.

    Attributes:
        name: what the collection is, for people.
        films: how many there are.
        positives: how many of them are COVID-19 films.
        patients: patient groups; intervals are drawn by group.
        sources: the data sets the films are from.
        threshold: from this score on a film is called COVID-19.
        values: the metrics.
        confusion: counts at the threshold.
        report: precision, recall and F1 of each class.
        roc: the ROC curve as false and true positive rates, thinned for drawing.
        pr: the precision-recall curve as recall and precision, thinned for drawing.
        calibration: reliability by equal bins of the score.
        calibration_slope: 1 where scores are calibrated; ``None`` where it was not measured.
        calibration_intercept: 0 where scores are calibrated; ``None`` where it was not measured.
    """

    name: str
    films: Count
    positives: Count
    patients: Count
    sources: tuple[str, ...]
    threshold: Share
    values: Measures
    confusion: Confusion
    report: tuple[ClassReport, ...]
    roc: tuple[Point, ...]
    pr: tuple[Point, ...]
    calibration: tuple[CalibrationBin, ...]
    calibration_slope: float | None = None
    calibration_intercept: float | None = None


@dataclass(frozen=True, kw_only=True)
class SeedRun:
    """One training with other random numbers, measured on the test films (``validation``: AUROC on those)."""

    seed: Count
    auroc: Share
    accuracy: Share | None = None
    precision: Share | None = None
    recall: Share | None = None
    specificity: Share | None = None
    f1: Share | None = None
    validation: Share | None = None


@dataclass(frozen=True)
class FoldSpread:
    """AUROC of each seed on a source left out of training, and the difference of the best and the worst."""

    name: str
    values: tuple[Share, ...]
    spread: Share


@dataclass(frozen=True)
class Seeds:
    """How far results depend on the random numbers of the training.

    Attributes:
        runs: one for each seed.
        mean: mean of each metric over the runs.
        folds: the same for training without a source.
    """

    runs: tuple[SeedRun, ...]
    mean: dict[str, Share] | None = None
    folds: tuple[FoldSpread, ...] = ()


@dataclass(frozen=True)
class Parity:
    """Agreement of the exported graph with the network it was exported from."""

    against: str
    films: Count
    largest_difference: float


@dataclass(frozen=True)
class SeedComparison:
    """AUROC of the screener and of ``seed-cnn`` on the same films, with the p-value of DeLong's test."""

    name: str
    films: Count
    screener: Share
    seed_cnn: Share
    p: Share


@dataclass(frozen=True)
class SensitivitySpecificity:
    """Sensitivity and specificity at one threshold."""

    sensitivity: Share
    specificity: Share


@dataclass(frozen=True)
class AtOperatingPoints:
    """Sensitivity and specificity at both operating points, on the test films."""

    low: SensitivitySpecificity
    high: SensitivitySpecificity


@dataclass(frozen=True)
class AtPrevalence:
    """PPV of a positive and NPV of a negative decision at a prevalence; ``None`` where no film is called so."""

    prevalence: Share
    ppv: Share | None
    npv: Share | None


@dataclass(frozen=True)
class Subgroup:
    """AUROC with its interval on one subgroup of the test films; ``None`` where it has too few films."""

    dimension: str
    name: str
    films: Count
    positives: Count
    auroc: Share | None
    low: Share | None
    high: Share | None


@dataclass(frozen=True)
class ShortcutProbe:
    """AUROC on films that were changed, and what is expected of a model that looks at lungs."""

    name: str
    auroc: Share
    expected: str


@dataclass(frozen=True)
class SourceProbe:
    """Balanced accuracy of a linear probe that predicts a film's source from the features, and that of guessing."""

    balanced_accuracy: Share
    chance: Share


@dataclass(frozen=True)
class Shortcuts:
    """Measurements of what else than disease the model reacts to.

    Attributes:
        changed_films: AUROC on films with parts hidden.
        source_from_features: how well the features tell the source.
        healthy_children_below_healthy_adults: AUROC of the score for age; 0.5 is no difference.
        map_in_lungs: share of the positive activation that lies inside the lungs.
    """

    changed_films: tuple[ShortcutProbe, ...]
    source_from_features: SourceProbe
    healthy_children_below_healthy_adults: Share
    map_in_lungs: Share


@dataclass(frozen=True)
class GateResult:
    """Pictures of one kind, their groups, and the share that the gate refused.

    ``false_alarms``: of the mirror rule, the share of films noted or refused that are the right way round.
    ``unsure``: the share that was scored with a note and flagged for review.
    """

    pictures: Count
    groups: Count
    refused: Share
    false_alarms: Share | None = None
    unsure: Share | None = None


@dataclass(frozen=True)
class LeftOutResult:
    """What a gate decided on pictures of a source, or made by a recipe, that it was not trained on.

    Attributes:
        family: what was left out: ``source``, ``photographs``, or the family of a recipe, such as ``framing``.
        name: the source or recipe.
        kind: of the pictures, a class of the gate.
        pictures: how many.
        kept: share scored without a note.
        unsure: share scored with a note and flagged for review.
        refused: share refused, with its 95 % interval (Wilson).
    """

    family: str
    name: str
    kind: str
    pictures: Count
    kept: Share
    unsure: Share
    refused: Measure


@dataclass(frozen=True)
class GateEvidence:
    """The gate's thresholds, and what gates decided that had not seen the pictures' source or recipe.

    Attributes:
        threshold: probability of a frontal film below which a picture is refused.
        out_of_fold: results by kind.
        accept_from: probability from which a film is scored without a note; ``None`` in cards of earlier versions.
        left_out: results by source and recipe; empty in cards of earlier versions.
        lungs: sha256 of the lung network that the gate was trained with; empty in cards of earlier versions.
    """

    threshold: Share
    out_of_fold: dict[str, GateResult]
    accept_from: Share | None = None
    left_out: tuple[LeftOutResult, ...] = ()
    lungs: str = ""
