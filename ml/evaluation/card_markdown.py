"""Writes ``docs/model-card.md`` from a card: the figures of the dashboard's model page as a document."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from ml import NOTICE
from ml.model_card.card import GRAPH, ModelCard
from ml.model_card.decision_evidence import ExpectedDecisions, FeatureRangeEvidence, HospitalDecisions
from ml.model_card.evidence import GateEvidence, LeftOutResult, Shortcuts, Subgroup
from ml.statistics.estimate import Estimate

TARGET = Path(__file__).resolve().parents[2] / "docs" / "model-card.md"
FIGURES = ("auroc", "auprc", "recall", "specificity", "precision", "brier", "ece")


def write_model_card(card: ModelCard, target: Path = TARGET) -> None:
    """Write the document; headings follow Mitchell et al. 2019 and the CLAIM checklist (Mongan et al. 2020)."""
    target.parent.mkdir(parents=True, exist_ok=True)
    target.write_text("\n".join(_lines(card)) + "\n")


def _lines(card: ModelCard) -> Iterable[str]:
    yield f"# Model card: {card.name}\n"
    yield f"**{NOTICE}**\n"
    yield (
        "Written by `python -m ml.training.screener.build_bundle` from the card beside the weights; "
        "do not edit by hand.\n"
    )
    yield from _model(card)
    yield from _data(card)
    if card.expected_decisions:
        yield from _expected_decisions(card.expected_decisions)
    yield from _performance(card)
    if card.feature_range:
        yield from _feature_range(card.feature_range)
    if card.shortcuts:
        yield from _shortcuts(card.shortcuts)
    if card.gate:
        yield from _gate(card.gate)
    yield from _limits(card)


def _model(card: ModelCard) -> Iterable[str]:
    size, points = card.preprocessing, card.operating_points
    yield f"## Model details\n\n{card.summary}\n"
    yield f"- Network: {card.network.description}, {card.network.parameters:,} parameters"
    yield f"- Input: {size.height} × {size.width} × {size.channels}, {size.resize}"
    yield f"- Trained: {card.created}, seed {card.training.seed}, {card.training.chosen_by}"
    if card.calibration:
        yield f"- Calibration: {card.calibration.method}, slope {card.calibration.slope:.3f}, "
        yield f"  intercept {card.calibration.intercept:.3f}"
    yield f"- Operating points: negative below {points.low:.3f}, positive from {points.high:.3f}, between them"
    yield f"  uncertain (chosen on {points.chosen_on})"
    yield f"- Weights: sha256 `{card.checksums[GRAPH]}`\n"
    yield f"## Intended use\n\n{card.intended_use}\n\nNot for:\n"
    yield from (f"- {line}" for line in card.not_for)
    yield ""


def _data(card: ModelCard) -> Iterable[str]:
    yield "## Data\n\nReference standard: the publishers' labels. Split by patient, duplicates and published case.\n"
    yield from _table(
        ("source", "use", "licence", "citation"),
        [(source.name, source.use, source.licence, source.citation) for source in card.data.sources],
    )
    yield from _table(
        ("part", "films", "COVID-19", "patient groups"),
        [(name, part.films, part.positives, part.patients) for name, part in card.data.split.items()],
    )


def _performance(card: ModelCard) -> Iterable[str]:
    yield "## Performance\n\nWith 95 % intervals from 2,000 bootstraps by patient group. The last row is the model on"
    yield "new patients of the training hospitals; the others are networks trained by the same recipe without the"
    yield "sources they are tested on, and tell what to expect at a hospital not trained on.\n"
    rows = [row for row in (*card.elsewhere, card.metrics) if row]
    yield from _table(
        ("films", "n", "COVID-19", *FIGURES),
        [(row.name, row.films, row.positives, *(_cell(getattr(row.values, key)) for key in FIGURES)) for row in rows],
    )
    if card.metrics:
        yield f"Calibration on the test films: slope {card.metrics.calibration_slope}, intercept "
        yield f"{card.metrics.calibration_intercept}.\n"
    yield from _seeds(card)
    yield "### Against `seed-cnn` on the same films\n"
    yield from _table(
        ("films", "n", "screener", "seed-cnn", "p (DeLong)"),
        [(row.name, row.films, row.screener, row.seed_cnn, row.p) for row in card.against_seed_cnn],
    )
    films = "hospitals left out (mean)" if card.expected_decisions else "the test films"
    yield f"### Predictive values by prevalence\n\nFrom the sensitivity and specificity on {films}.\n"
    yield from _table(
        ("prevalence", "PPV of positive", "NPV of negative"),
        [(row.prevalence, row.ppv, row.npv) for row in card.prevalence],
    )
    yield "### Subgroups of the test films\n"
    yield from _table(("", "", "films", "COVID-19", "AUROC"), [_subgroup(row) for row in card.subgroups])


def _expected_decisions(expected: ExpectedDecisions) -> Iterable[str]:
    yield "## Decisions at hospitals not trained on\n"
    yield f"The band of uncertain scores is chosen for an error of at most {100 * expected.stated_error:g} % in each"
    yield f"class, on average over hospitals, by {expected.method}."
    yield "Each row is a hospital or collection that was left out of the training and of the choice of the band. The"
    yield "error is the share of positive films among those without COVID-19, and of negative films among those with"
    yield "it. A single hospital can have a larger error than the mean. Intervals of hospitals are Wilson's over"
    yield "patients; those of the mean are from a bootstrap of hospitals and of patients within them.\n"
    average = replace(expected.mean, name=f"**{expected.mean.name}**")
    known = [expected.known] if expected.known else []
    yield from _table(
        ("hospital", "without COVID-19", "positive", "uncertain", "with COVID-19", "negative", "uncertain"),
        [_decisions_row(row) for row in (*expected.hospitals, average, *known)],
    )
    if expected.calibration:
        yield "### Calibration\n\nHospitals left out and both classes have the same weight; scores of a hospital are"
        yield "calibrated without its films.\n"
        yield from _table(
            ("calibrated on", "measured on", "Brier score", "calibration error", "slope"),
            [(row.fitted_on, row.measured_on, row.brier, row.ece, row.slope) for row in expected.calibration],
        )


def _decisions_row(row: HospitalDecisions) -> tuple[Any, ...]:
    cells: list[Any] = [row.name]
    for shares, decision in ((row.without_covid, "positive"), (row.with_covid, "negative")):
        if shares is None:
            cells += ["–", "–", "–"]
        else:
            cells += [shares.films, _cell(getattr(shares, decision)), _cell(shares.uncertain)]
    return tuple(cells)


def _feature_range(evidence: FeatureRangeEvidence) -> Iterable[str]:
    yield "## Films unlike those of the training\n"
    yield f"Distance: {evidence.method}. The threshold is that of {100 * evidence.noted_validation:g} % of the"
    yield "validation films. AUROC: how well the distance separates the films from patients of the training"
    yield "hospitals. Hospitals left out are measured by networks that were not trained on them, other pictures by"
    yield "the shipped network.\n"
    yield from _table(
        ("films", "n", "AUROC", "with the note"),
        [
            (row.name, row.films, row.auroc, _cell(row.noted))
            for row in (evidence.known, *evidence.hospitals, *evidence.other)
        ],
    )
    yield from _table(
        ("hospitals left out", "films", "uncertain", "wrong among the decided films"),
        [
            (name, row.films, _share(row.uncertain), _share(row.wrong))
            for name, row in (("with the note", evidence.with_note), ("without the note", evidence.without_note))
        ],
    )


def _share(value: float | None) -> str:
    return "–" if value is None else f"{value:.3f}"


def _seeds(card: ModelCard) -> Iterable[str]:
    if not card.seeds:
        return
    yield "### Spread over three seeds\n"
    tests = ", ".join(f"{run.auroc:.3f}" for run in card.seeds.runs)
    yield f"AUROC on the test films: {tests}. On sources left out:\n"
    yield from _table(
        ("left out", "AUROC of each seed", "spread"),
        [(row.name, ", ".join(f"{value:.3f}" for value in row.values), row.spread) for row in card.seeds.folds],
    )


def _subgroup(row: Subgroup) -> tuple[Any, ...]:
    value = "too few" if row.auroc is None else f"{row.auroc:.3f} ({row.low:.3f} to {row.high:.3f})"
    return row.dimension, row.name, row.films, row.positives, value


def _shortcuts(found: Shortcuts) -> Iterable[str]:
    yield "## Shortcut probes\n\nOn the test films.\n"
    yield from _table(
        ("probe", "AUROC", "expected"), [(row.name, row.auroc, row.expected) for row in found.changed_films]
    )
    source = found.source_from_features
    yield "- A linear probe predicts the source from the last features with a balanced accuracy of"
    yield f"  {source.balanced_accuracy:.3f}; chance is {source.chance:.3f}."
    apart = found.healthy_children_below_healthy_adults
    yield f"- Healthy children score below healthy adults with AUROC {apart:.3f}; 0.5 would be no difference."
    inside = f"{found.map_in_lungs * 100:.0f} %"
    yield f"- {inside} of the positive activation in the class activation maps lies inside the lungs.\n"


def _gate(gate: GateEvidence) -> Iterable[str]:
    yield "## The gate\n\nShares by gates that were not trained on the hospital, web site or folder of the picture,"
    yield "or on its kind of drawing. A film with a note is scored and flagged for review.\n"
    yield from _table(
        ("kind", "pictures", "groups", "scored with a note", "refused"),
        [
            (kind, row.pictures, row.groups, "–" if row.unsure is None else f"{row.unsure:.3f}", f"{row.refused:.3f}")
            for kind, row in gate.out_of_fold.items()
        ],
    )
    if gate.left_out:
        yield "### By left-out source, framing and kind of picture\n"
        heads = ("left out", "name", "kind", "pictures", "scored", "scored with a note", "refused")
        yield from _table(heads, [_left_out(row) for row in gate.left_out])


def _left_out(row: LeftOutResult) -> tuple[Any, ...]:
    shares = (f"{row.kept:.3f}", f"{row.unsure:.3f}", _cell(row.refused))
    return row.family, row.name, row.kind, row.pictures, *shares


def _limits(card: ModelCard) -> Iterable[str]:
    yield "## Limits\n"
    yield from (f"- {line}" for line in card.limits)
    yield "\n## Ethical considerations\n"
    yield from (f"- {line}" for line in card.ethics)


def _table(heads: Sequence[str], rows: Iterable[Sequence[Any]]) -> Iterable[str]:
    yield "| " + " | ".join(heads) + " |"
    yield "|" + " --- |" * len(heads)
    yield from ("| " + " | ".join(str(cell) for cell in row) + " |" for row in rows)
    yield ""


def _cell(estimate: Estimate) -> str:
    if estimate.value is None:
        return "–"
    shown = f"{estimate.value:.3f}"
    return shown if estimate.low is None else f"{shown} ({estimate.low:.3f}–{estimate.high:.3f})"
