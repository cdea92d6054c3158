"""Numbers of a model card, prepared for the pages. Parts that a card lacks are left out."""

from __future__ import annotations

from dataclasses import dataclass

from dashboard.presentation.estimates import format_interval, interval_phrase
from ml.model_card.card import ModelCard, card_to_json
from ml.model_card.description import PartCounts
from ml.model_card.evidence import ClassReport, Evaluation, GateResult, LeftOutResult, SeedRun
from ml.statistics.estimate import Estimate
from ml.statistics.metrics import Confusion

LABELS = {
    "auroc": "AUROC",
    "accuracy": "Accuracy",
    "precision": "Precision",
    "recall": "Recall",
    "specificity": "Specificity",
    "f1": "F1",
}
# Kinds of pictures that the gate was tested on, in the order of the table.
GATE_KINDS = {
    "frontal": "Upright frontal films, which should be scored",
    "lateral": "Lateral films",
    "ct": "CT slices",
    "turned_left": "Films rotated left",
    "turned_right": "Films rotated right",
    "upside_down": "Films upside down",
    "mirrored": "Mirrored films",
    "inverted": "Films with black and white inverted",
    "several": "Several films in one image",
    "framed": "Screenshots that show a film",
    "other": "Photographs, documents and noise",
}
# What the gates of the second table were not trained on, in its order.
GATE_FAMILIES = {
    "source": "Films of a hospital or web site not trained on, as published",
    "source, in a framing": "The same films in framings: borders, letters, contrast, arms in view",
    "framing": "Frontal films in a framing not trained on",
    "interface": "Screenshots of a kind not trained on",
    "document or drawing": "Documents, drawings and noise of a kind not trained on",
    "other body part": "Other body parts of a kind not trained on",
    "photographs": "Photographs of a folder not trained on",
}
FURTHER_LABELS = {"auprc": "AUPRC", "brier": "Brier score", "ece": "Calibration error"}

MAX_LIMITS_SHOWN = 2  # sentences beside a score


@dataclass(frozen=True)
class Metric:
    """A metric of a model card with its label."""

    label: str
    estimate: Estimate

    @property
    def value(self) -> float | None:
        """Return the number; ``None`` where it is undefined."""
        return self.estimate.value

    @property
    def text(self) -> str:
        """Return the value with two decimals."""
        return "–" if self.value is None else f"{self.value:.2f}"

    @property
    def interval(self) -> str:
        """Return the interval with two decimals; empty without one."""
        return format_interval(self.estimate)

    @property
    def interval_words(self) -> str:
        """Return the interval as part of a sentence, or the reason why there is none."""
        if not self.interval and self.value == 1.0:
            return "no interval, as there were no errors"
        return interval_phrase(self.interval)

    @property
    def at(self) -> str:
        """Return the position of the value on 0..1, in per cent."""
        return f"{100 * (self.value or 0.0):.1f}%"

    @property
    def start(self) -> str:
        """Return the start of the interval on 0..1, in per cent."""
        return f"{100 * (self.value or 0.0 if self.estimate.low is None else self.estimate.low):.1f}%"

    @property
    def end(self) -> str:
        """Return the end of the interval on 0..1, in per cent."""
        return f"{100 * (self.value or 0.0 if self.estimate.high is None else self.estimate.high):.1f}%"


@dataclass(frozen=True)
class Evidence:
    """The metrics of the model on one data set."""

    name: str
    films: int
    positives: int
    patients: int
    own: bool
    auroc: Metric
    cells: list[Metric]
    further: list[Metric]
    raw: Evaluation


@dataclass(frozen=True)
class InternalVersusExternal:
    """The metrics on the model's own test films and on the external data set with the lowest AUROC."""

    own: Evidence
    worst: Evidence


@dataclass(frozen=True)
class Matrix:
    """A confusion matrix with its classification report."""

    name: str
    counts: Confusion
    report: list[ClassReport]
    films: int
    threshold: float


def all_evidence(card: ModelCard | None) -> list[Evidence]:
    """Return the metrics on every data set, the model's own test films first."""
    if card is None:
        return []
    own = [_evidence(card.metrics, own=True)] if card.metrics else []
    return own + [_evidence(row, own=False) for row in card.elsewhere]


def own_evidence(card: ModelCard | None) -> list[Evidence]:
    """Return the metrics on the model's own test films, if they were measured."""
    return [row for row in all_evidence(card) if row.own]


def internal_and_worst_external(card: ModelCard | None) -> InternalVersusExternal | None:
    """Return the own test films and the external data set with the lowest AUROC; ``None`` where one is missing."""
    rows = all_evidence(card)
    others = [row for row in rows if not row.own and row.auroc.value is not None]
    if not others or not rows[0].own:
        return None
    return InternalVersusExternal(rows[0], min(others, key=lambda row: row.auroc.value or 0.0))


def external_evidence(card: ModelCard | None) -> list[Evidence]:
    """Return the metrics on external data sets, the lowest AUROC first."""
    return sorted((row for row in all_evidence(card) if not row.own), key=lambda row: row.auroc.value or 0.0)


def shortcut_sentences(card: ModelCard | None) -> list[str]:
    """Return a sentence for each known feature of a film, other than disease, that influences the score."""
    if card is None:
        return []
    known = card.shortcuts
    if not known:  # not measured; the first limits of the card name the likely shortcuts
        return list(card.limits[:MAX_LIMITS_SHOWN])
    changed = {row.name: row.auroc for row in known.changed_films}
    sentences = []
    if "lungs blacked out" in changed:
        sentences.append(f"With the lungs blacked out, the AUROC is still {changed['lungs blacked out']:.2f}.")
    sentences.append(f"Only {100 * known.map_in_lungs:.0f} % of the heatmap lies inside the lungs.")
    source = known.source_from_features
    sentences.append(
        f"Its features reveal the data set of a film (balanced accuracy {source.balanced_accuracy:.2f};"
        f" by chance {source.chance:.2f})."
    )
    return sentences


def confusion_matrices(card: ModelCard | None) -> list[Matrix]:
    """Return the confusion matrices of the own test films and of the worst external data set."""
    pair = internal_and_worst_external(card)
    rows = [pair.own, pair.worst] if pair else all_evidence(card)[:1]
    return [Matrix(row.name, row.raw.confusion, list(row.raw.report), row.films, row.raw.threshold) for row in rows]


def split_counts(card: ModelCard | None) -> list[tuple[str, PartCounts]]:
    """Return the counts of training, validation and test data, in this order; JSON in a database has no order."""
    parts = card.data.split if card else {}
    return [(name, parts[name]) for name in ("train", "validation", "test") if name in parts]


@dataclass(frozen=True)
class SeedRuns:
    """Metrics of training runs with different random seeds, and their mean."""

    labels: list[str]
    rows: list[tuple[str, list[str]]]


def seed_runs(card: ModelCard | None) -> SeedRuns | None:
    """Return one row for each training run and one for their mean; ``None`` where the card has no such runs."""
    if card is None or card.seeds is None:
        return None
    rows = [(f"Seed {run.seed}", _metrics_of(run)) for run in card.seeds.runs]
    if rows and card.seeds.mean:
        rows.append(("Mean", card.seeds.mean))
    known = [key for key in LABELS if any(key in metrics for _, metrics in rows)]
    if not known:
        return None
    return SeedRuns(
        [LABELS[key] for key in known],
        [(name, [_number(metrics.get(key)) for key in known]) for name, metrics in rows],
    )


@dataclass(frozen=True)
class Subgroup:
    """The test films of one subgroup; the value of ``auroc`` is ``None`` where they are too few."""

    name: str
    films: int
    positives: int
    auroc: Metric


def subgroups(card: ModelCard | None) -> list[Subgroup]:
    """Return the AUROC of each subgroup of the test films."""
    return [
        Subgroup(
            f"{row.dimension.capitalize()}: {row.name}",
            row.films,
            row.positives,
            Metric("AUROC", Estimate(row.auroc, row.low, row.high)),
        )
        for row in (card.subgroups if card else ())
    ]


def gate_results(card: ModelCard | None) -> list[tuple[str, GateResult]]:
    """Return the share that the gate rejects of each kind of picture; JSON in a database has no order."""
    results = card.gate.out_of_fold if card and card.gate else {}
    return [(label, results[kind]) for kind, label in GATE_KINDS.items() if kind in results]


def gate_left_out(card: ModelCard | None) -> list[tuple[str, list[LeftOutResult]]]:
    """Return what gates decided on sources and recipes that they were not trained on, by family."""
    rows = card.gate.left_out if card and card.gate else ()
    return [
        (label, members)
        for family, label in GATE_FAMILIES.items()
        if (members := [row for row in rows if row.family == family])
    ]


def gate_kind(kind: str) -> str:
    """Return the words for a class of the gate."""
    return GATE_KINDS.get(kind, kind)


def card_details(card: ModelCard | None) -> list[tuple[str, list[tuple[str, str]]]]:
    """Return training, preprocessing, software and checksums as pairs of name and value."""
    parts = ("training", "preprocessing", "network", "operating_points", "parity", "software", "checksums")
    sections = card_to_json(card) if card else {}
    return [(part.replace("_", " ").capitalize(), _pairs(sections[part])) for part in parts if part in sections]


def _evidence(row: Evaluation, *, own: bool) -> Evidence:
    return Evidence(
        name=row.name,
        films=row.films,
        positives=row.positives,
        patients=row.patients,
        own=own,
        auroc=Metric("AUROC", row.values.auroc),
        cells=[Metric(label, getattr(row.values, key)) for key, label in LABELS.items()],
        further=[Metric(label, getattr(row.values, key)) for key, label in FURTHER_LABELS.items()],
        raw=row,
    )


def _metrics_of(run: SeedRun) -> dict[str, float]:
    """Return the metrics of a training that were measured."""
    return {key: value for key in LABELS if (value := getattr(run, key)) is not None}


def _number(value: float | None) -> str:
    return "–" if value is None else f"{value:.3f}"


def _pairs(part: dict[str, object]) -> list[tuple[str, str]]:
    return [
        (key.replace("_", " "), f"{value:.4g}" if isinstance(value, float) else str(value))
        for key, value in part.items()
        if not isinstance(value, list | dict)
    ]
