"""A model card's numbers, prepared for reading. Cards may lack parts; what is missing is left out."""

from __future__ import annotations

from dataclasses import dataclass

from ml.model_card.card import ModelCard, card_to_json
from ml.model_card.description import PartCounts
from ml.model_card.evidence import ClassReport, Evaluation, GateResult, SeedRun
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
# What the gate was shown, in the order of the table.
GATE_KINDS = {
    "frontal": "Upright frontal films, which it should keep",
    "lateral": "Lateral films",
    "ct": "CT slices",
    "turned_left": "Films turned left",
    "turned_right": "Films turned right",
    "upside_down": "Films upside down",
    "mirrored": "Mirrored films",
    "inverted": "Films with black and white exchanged",
    "several": "Several films in one picture",
    "framed": "Screenshots with a film in a window",
    "other": "Photographs, documents and noise",
}
FURTHER = {"auprc": "AUPRC", "brier": "Brier score", "ece": "Calibration error"}


SHORTCUTS = 2  # sentences beside a score


@dataclass(frozen=True)
class Figure:
    """A metric of the card as the page shows it: its label, the number and the interval."""

    label: str
    estimate: Estimate

    @property
    def value(self) -> float | None:
        """Return the number; ``None`` where it is undefined."""
        return self.estimate.value

    @property
    def text(self) -> str:
        """The number alone."""
        return "–" if self.value is None else f"{self.value:.2f}"

    @property
    def interval(self) -> str:
        """The interval alone."""
        low, high = self.estimate.low, self.estimate.high
        return "" if low is None or high is None else f"{low:.2f}–{high:.2f}"

    @property
    def interval_words(self) -> str:
        """The interval as part of a sentence, or why there is none."""
        if self.interval:
            # Word joiners: a line must not break inside it.
            return f"95 % interval {self.interval}".replace("–", "\u2060–\u2060")
        return "no interval, as nothing went wrong" if self.value == 1.0 else "no interval"

    @property
    def at(self) -> str:
        """Where the number lies on 0..1, in per cent."""
        return f"{100 * (self.value or 0.0):.1f}%"

    @property
    def start(self) -> str:
        """Where the interval begins, in per cent."""
        return f"{100 * (self.value or 0.0 if self.estimate.low is None else self.estimate.low):.1f}%"

    @property
    def end(self) -> str:
        """Where the interval ends, in per cent."""
        return f"{100 * (self.value or 0.0 if self.estimate.high is None else self.estimate.high):.1f}%"


@dataclass(frozen=True)
class Evidence:
    """One collection of films the model was measured on."""

    name: str
    films: int
    positives: int
    patients: int
    own: bool
    auroc: Figure
    cells: list[Figure]
    further: list[Figure]
    raw: Evaluation


@dataclass(frozen=True)
class InternalVersusExternal:
    """The model's best known number beside its worst one."""

    own: Evidence
    worst: Evidence

    @property
    def headline(self) -> str:
        """Return the heading of the comparison."""
        return "Own data versus other hospitals"


@dataclass(frozen=True)
class Matrix:
    """A confusion matrix and the classification report that goes with it."""

    name: str
    counts: Confusion
    report: list[ClassReport]
    films: int
    threshold: float


def evidence(card: ModelCard | None) -> list[Evidence]:
    """Every collection, the model's own test films first."""
    if card is None:
        return []
    own = [_evidence(card.metrics, own=True)] if card.metrics else []
    return own + [_evidence(row, own=False) for row in card.elsewhere]


def internal_and_worst_external(card: ModelCard | None) -> InternalVersusExternal | None:
    """The own test films and the collection with the lowest AUROC; nothing where either is missing."""
    rows = evidence(card)
    others = [row for row in rows if not row.own and row.auroc.value is not None]
    if not others or not rows[0].own:
        return None
    return InternalVersusExternal(rows[0], min(others, key=lambda row: row.auroc.value or 0.0))


def elsewhere(card: ModelCard | None) -> list[Evidence]:
    """The collections that are not the model's own, the worst first."""
    return sorted((row for row in evidence(card) if not row.own), key=lambda row: row.auroc.value or 0.0)


def shortcuts(card: ModelCard | None) -> list[str]:
    """What the model is known to look at that is no disease, a sentence each."""
    if card is None:
        return []
    known = card.shortcuts
    if not known:  # not measured; the first limits of the card name the likely shortcuts
        return list(card.limits[:SHORTCUTS])
    changed = {row.name: row.auroc for row in known.changed_films}
    sentences = []
    if "lungs blacked out" in changed:
        sentences.append(f"With the lungs blacked out its AUROC is still {changed['lungs blacked out']:.2f}.")
    sentences.append(f"{100 * known.map_in_lungs:.0f} % of what raises a score lies inside the lungs.")
    told, chance = known.source_from_features.balanced_accuracy, known.source_from_features.chance
    sentences.append(f"It can tell the collection a film is from ({told:.2f}; guessing reaches {chance:.2f}).")
    return sentences


def matrices(card: ModelCard | None) -> list[Matrix]:
    """Confusion matrices: on the own test films, and where the model is worst."""
    pair = internal_and_worst_external(card)
    rows = [pair.own, pair.worst] if pair else evidence(card)[:1]
    return [Matrix(row.name, row.raw.confusion, list(row.raw.report), row.films, row.raw.threshold) for row in rows]


def split(card: ModelCard | None) -> list[tuple[str, PartCounts]]:
    """Counts of each part of the data, in the order the parts are used; a database keeps no order."""
    parts = card.data.split if card else {}
    return [(name, parts[name]) for name in ("train", "validation", "test") if name in parts]


@dataclass(frozen=True)
class Seeds:
    """Training runs with other random numbers, and their mean; only what was measured of any of them."""

    labels: list[str]
    rows: list[tuple[str, list[str]]]


def seeds(card: ModelCard | None) -> Seeds | None:
    """One row a run; nothing where there was one run only."""
    if card is None or card.seeds is None:
        return None
    rows = [(f"Seed {run.seed}", _metrics_of(run)) for run in card.seeds.runs]
    if rows and card.seeds.mean:
        rows.append(("Mean", card.seeds.mean))
    known = [key for key in LABELS if any(key in metrics for _, metrics in rows)]
    if not known:
        return None
    return Seeds(
        [LABELS[key] for key in known],
        [(name, [_number(metrics.get(key)) for key in known]) for name, metrics in rows],
    )


def gate(card: ModelCard | None) -> list[tuple[str, GateResult]]:
    """How much of each kind of picture the gate refuses; a database keeps no order, so it is made here."""
    shown = card.gate.out_of_fold if card and card.gate else {}
    return [(words, shown[kind]) for kind, words in GATE_KINDS.items() if kind in shown]


def details(card: ModelCard | None) -> list[tuple[str, list[tuple[str, str]]]]:
    """Training, preprocessing, software and checksums as plain pairs."""
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
        auroc=Figure("AUROC", row.values.auroc),
        cells=[Figure(label, getattr(row.values, key)) for key, label in LABELS.items()],
        further=[Figure(label, getattr(row.values, key)) for key, label in FURTHER.items()],
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
