"""A model card's numbers, prepared for reading. Cards may lack parts; what is missing is left out."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

Card = Mapping[str, Any]

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
class Estimate:
    """A measured number with its 95 % interval; ``None`` where it is undefined."""

    label: str
    value: float | None
    low: float | None
    high: float | None

    @property
    def text(self) -> str:
        """The number alone."""
        return "–" if self.value is None else f"{self.value:.2f}"

    @property
    def interval(self) -> str:
        """The interval alone."""
        return "" if self.low is None or self.high is None else f"{self.low:.2f}–{self.high:.2f}"

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
        return f"{100 * (self.value or 0.0 if self.low is None else self.low):.1f}%"

    @property
    def end(self) -> str:
        """Where the interval ends, in per cent."""
        return f"{100 * (self.value or 0.0 if self.high is None else self.high):.1f}%"


@dataclass(frozen=True)
class Evidence:
    """One collection of films the model was measured on."""

    name: str
    films: int
    positives: int
    patients: int
    own: bool
    auroc: Estimate
    cells: list[Estimate]
    further: list[Estimate]
    raw: Mapping[str, Any]


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
    counts: Mapping[str, int]
    report: list[Mapping[str, Any]]
    films: int
    threshold: float


def evidence(card: Card) -> list[Evidence]:
    """Every collection, the model's own test films first."""
    own = [_evidence(card["metrics"], own=True)] if card.get("metrics") else []
    return own + [_evidence(row, own=False) for row in card.get("elsewhere", [])]


def internal_and_worst_external(card: Card) -> InternalVersusExternal | None:
    """The own test films and the collection with the lowest AUROC; nothing where either is missing."""
    rows = evidence(card)
    others = [row for row in rows if not row.own and row.auroc.value is not None]
    if not others or not rows[0].own:
        return None
    return InternalVersusExternal(rows[0], min(others, key=lambda row: row.auroc.value or 0.0))


def elsewhere(card: Card) -> list[Evidence]:
    """The collections that are not the model's own, the worst first."""
    return sorted((row for row in evidence(card) if not row.own), key=lambda row: row.auroc.value or 0.0)


def shortcuts(card: Card) -> list[str]:
    """What the model is known to look at that is no disease, a sentence each."""
    known = card.get("shortcuts")
    if not known:  # it was not measured; its first limits say what is to be feared
        return list(card.get("limits", []))[:SHORTCUTS]
    changed = {row["name"]: row["auroc"] for row in known.get("changed_films", [])}
    sentences = []
    if "lungs blacked out" in changed:
        sentences.append(f"With the lungs blacked out its AUROC is still {changed['lungs blacked out']:.2f}.")
    if "map_in_lungs" in known:
        sentences.append(f"{100 * known['map_in_lungs']:.0f} % of what raises a score lies inside the lungs.")
    if source := known.get("source_from_features"):
        told, chance = source["balanced_accuracy"], source["chance"]
        sentences.append(f"It can tell the collection a film is from ({told:.2f}; guessing reaches {chance:.2f}).")
    return sentences


def matrices(card: Card) -> list[Matrix]:
    """Confusion matrices: on the own test films, and where the model is worst."""
    pair = internal_and_worst_external(card)
    rows = [pair.own, pair.worst] if pair else evidence(card)[:1]
    return [
        Matrix(
            row.name,
            row.raw["confusion"],
            list(row.raw.get("report", [])),
            row.films,
            float(row.raw.get("threshold", 0.5)),
        )
        for row in rows
        if "confusion" in row.raw
    ]


def split(card: Card) -> list[tuple[str, Mapping[str, Any]]]:
    """Counts of each part of the data, in the order the parts are used; a database keeps no order."""
    parts = (card.get("data") or {}).get("split", {})
    return [(name, parts[name]) for name in ("train", "validation", "test") if name in parts]


@dataclass(frozen=True)
class Seeds:
    """Training runs with other random numbers, and their mean; only what was measured of any of them."""

    labels: list[str]
    rows: list[tuple[str, list[str]]]


def seeds(card: Card) -> Seeds | None:
    """One row a run; nothing where there was one run only."""
    spread = card.get("seeds") or {}
    rows = [(f"Seed {run.get('seed')}", run) for run in spread.get("runs", [])]
    if rows and spread.get("mean"):
        rows.append(("Mean", spread["mean"]))
    known = [key for key in LABELS if any(run.get(key) is not None for _, run in rows)]
    if not known:
        return None
    return Seeds(
        [LABELS[key] for key in known], [(name, [_number(run.get(key)) for key in known]) for name, run in rows]
    )


def gate(card: Card) -> list[tuple[str, Mapping[str, Any]]]:
    """How much of each kind of picture the gate refuses; a database keeps no order, so it is made here."""
    shown = (card.get("gate") or {}).get("out_of_fold", {})
    return [(words, shown[kind]) for kind, words in GATE_KINDS.items() if kind in shown]


def details(card: Card) -> list[tuple[str, list[tuple[str, str]]]]:
    """Training, preprocessing, software and checksums as plain pairs."""
    parts = ("training", "preprocessing", "network", "operating_points", "parity", "software", "checksums")
    return [
        (part.replace("_", " ").capitalize(), _pairs(card[part]))
        for part in parts
        if isinstance(card.get(part), Mapping)
    ]


def _evidence(row: Mapping[str, Any], *, own: bool) -> Evidence:
    return Evidence(
        name=str(row.get("name", "")),
        films=int(row.get("films", 0)),
        positives=int(row.get("positives", 0)),
        patients=int(row.get("patients", 0)),
        own=own,
        auroc=_estimate(row, "auroc", "AUROC"),
        cells=[_estimate(row, key, label) for key, label in LABELS.items()],
        further=[_estimate(row, key, label) for key, label in FURTHER.items()],
        raw=row,
    )


def _estimate(row: Mapping[str, Any], key: str, label: str) -> Estimate:
    entry = row.get("values", {}).get(key) or {}
    return Estimate(label, entry.get("value"), entry.get("low"), entry.get("high"))


def _number(value: float | None) -> str:
    return "–" if value is None else f"{value:.3f}"


def _pairs(part: Mapping[str, Any]) -> list[tuple[str, str]]:
    return [
        (key.replace("_", " "), f"{value:.4g}" if isinstance(value, float) else str(value))
        for key, value in part.items()
        if not isinstance(value, list | dict)
    ]
