"""``docs/model-card.md`` from a card: the same figures as on the dashboard, for people who read files."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from ml import NOTICE

TARGET = Path(__file__).resolve().parents[2] / "docs" / "model-card.md"
FIGURES = ("auroc", "auprc", "recall", "specificity", "precision", "brier", "ece")


def write_model_card(card: dict[str, Any], target: Path = TARGET) -> None:
    """Write the document; headings follow Mitchell et al. 2019 and the CLAIM checklist (Mongan et al. 2020)."""
    target.parent.mkdir(parents=True, exist_ok=True)
    target.write_text("\n".join(_lines(card)) + "\n")


def _lines(card: dict[str, Any]) -> Iterable[str]:
    yield f"# Model card: {card['name']}\n"
    yield f"**{NOTICE}**\n"
    yield (
        "Written by `python -m ml.training.screener.build_bundle` from the card beside the weights; "
        "do not edit by hand.\n"
    )
    yield from _model(card)
    yield from _data(card)
    yield from _performance(card)
    yield from _shortcuts(card["shortcuts"])
    yield from _gate(card["gate"])
    yield from _words(card)


def _model(card: dict[str, Any]) -> Iterable[str]:
    size = card["preprocessing"]
    yield f"## Model details\n\n{card['summary']}\n"
    yield f"- Network: {card['network']['description']}, {card['network']['parameters']:,} parameters"
    yield f"- Input: {size['height']} × {size['width']} × {size['channels']}, {size['resize']}"
    yield f"- Trained: {card['created']}, seed {card['training']['seed']}, {card['training']['chosen_by']}"
    yield f"- Calibration: {card['calibration']['method']}, slope {card['calibration']['slope']:.3f}, "
    yield f"  intercept {card['calibration']['intercept']:.3f}"
    points = card["operating_points"]
    yield f"- Operating points: negative below {points['low']:.3f}, positive from {points['high']:.3f}, between them"
    yield f"  uncertain (chosen on {points['chosen_on']})"
    yield f"- Weights: sha256 `{card['checksums']['model.onnx'] if 'checksums' in card else 'see card.json'}`\n"
    yield f"## Intended use\n\n{card['intended_use']}\n\nNot for:\n"
    yield from (f"- {line}" for line in card["not_for"])
    yield ""


def _data(card: dict[str, Any]) -> Iterable[str]:
    yield "## Data\n\nReference standard: the publishers' labels. Split by patient, duplicates and published case.\n"
    yield from _table(
        ("source", "use", "licence", "citation"),
        [(s["name"], s["use"], s["licence"], s["citation"]) for s in card["data"]["sources"]],
    )
    yield from _table(
        ("part", "films", "COVID-19", "patient groups"),
        [(name, p["films"], p["positives"], p["patients"]) for name, p in card["data"]["split"].items()],
    )


def _performance(card: dict[str, Any]) -> Iterable[str]:
    yield "## Performance\n\nWith 95 % intervals from 2,000 bootstraps by patient group. The first row is the shipped"
    yield "model on films held back from it; the others are networks trained by the same recipe without the sources"
    yield "they are tested on.\n"
    rows = [card["metrics"], *card["elsewhere"]]
    yield from _table(
        ("films", "n", "COVID-19", *FIGURES),
        [(row["name"], row["films"], row["positives"], *(_cell(row["values"][f]) for f in FIGURES)) for row in rows],
    )
    yield f"Calibration on the test films: slope {card['metrics']['calibration_slope']}, intercept "
    yield f"{card['metrics']['calibration_intercept']}.\n"
    yield "### Spread over three seeds\n"
    tests = ", ".join(f"{run['auroc']:.3f}" for run in card["seeds"]["runs"])
    yield f"AUROC on the test films: {tests}. On sources left out:\n"
    yield from _table(
        ("left out", "AUROC of each seed", "spread"),
        [(r["name"], ", ".join(f"{v:.3f}" for v in r["values"]), r["spread"]) for r in card["seeds"]["folds"]],
    )
    yield "### Against `seed-cnn` on the same films\n"
    yield from _table(
        ("films", "n", "screener", "seed-cnn", "p (DeLong)"),
        [(r["name"], r["films"], r["screener"], r["seed_cnn"], r["p"]) for r in card["against_seed_cnn"]],
    )
    yield "### Predictive values by prevalence\n\nFrom the sensitivity and specificity on the test films.\n"
    yield from _table(
        ("prevalence", "PPV of positive", "NPV of negative"),
        [(r["prevalence"], r["ppv"], r["npv"]) for r in card["prevalence"]],
    )
    yield "### Subgroups of the test films\n"
    yield from _table(("", "", "films", "COVID-19", "AUROC"), [_subgroup(row) for row in card["subgroups"]])


def _subgroup(row: dict[str, Any]) -> tuple[Any, ...]:
    value = "too few" if row["auroc"] is None else f"{row['auroc']:.3f} ({row['low']:.3f} to {row['high']:.3f})"
    return row["dimension"], row["name"], row["films"], row["positives"], value


def _shortcuts(found: dict[str, Any]) -> Iterable[str]:
    yield "## Shortcut probes\n\nOn the test films.\n"
    yield from _table(
        ("probe", "AUROC", "expected"), [(r["name"], r["auroc"], r["expected"]) for r in found["changed_films"]]
    )
    source = found["source_from_features"]
    yield "- A linear probe predicts the source from the last features with a balanced accuracy of"
    yield f"  {source['balanced_accuracy']:.3f}; chance is {source['chance']:.3f}."
    apart = found["healthy_children_below_healthy_adults"]
    yield f"- Healthy children score below healthy adults with AUROC {apart:.3f}; 0.5 would be no difference."
    inside = f"{found['map_in_lungs'] * 100:.0f} %"
    yield f"- {inside} of the positive activation in the class activation maps lies inside the lungs.\n"


def _gate(gate: dict[str, Any]) -> Iterable[str]:
    yield "## The gate\n\nShare of pictures refused, by gates that had not seen the patient or photograph.\n"
    yield from _table(
        ("kind", "pictures", "groups", "refused"),
        [(kind, r["pictures"], r["groups"], f"{r['refused']:.3f}") for kind, r in gate["out_of_fold"].items()],
    )


def _words(card: dict[str, Any]) -> Iterable[str]:
    yield "## Limits\n"
    yield from (f"- {line}" for line in card["limits"])
    yield "\n## Ethical considerations\n"
    yield from (f"- {line}" for line in card["ethics"])


def _table(heads: Sequence[str], rows: Iterable[Sequence[Any]]) -> Iterable[str]:
    yield "| " + " | ".join(heads) + " |"
    yield "|" + " --- |" * len(heads)
    yield from ("| " + " | ".join(str(cell) for cell in row) + " |" for row in rows)
    yield ""


def _cell(value: dict[str, float | None]) -> str:
    if value["value"] is None:
        return "–"
    shown = f"{value['value']:.3f}"
    return shown if value["low"] is None else f"{shown} ({value['low']:.3f}–{value['high']:.3f})"
