"""Charts of a model card, drawn as SVG by pygal: without scripts or outside addresses, for light and dark pages."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import cast
from xml.etree.ElementTree import Element

import pygal
from pygal.style import Style

from dashboard.presentation.model_evidence import Evidence, all_evidence, internal_and_worst_external
from ml.model_card.card import ModelCard, card_to_json
from ml.model_card.evidence import Point

DRAWING_VERSION = 5  # raise it when the drawing changes: it is part of the ETag
WIDTH, HEIGHT = 520, 360
DASHES = ("none", "7 5", "2 5")  # the same as those of the legend in pages.css
FONT = "system-ui, sans-serif"
LIGHT, DARK = ("#0a5a80", "#b0461e", "#5f6f7d"), ("#6fbfe6", "#f4a37c", "#93a3b0")


@dataclass(frozen=True)
class Curve:
    """One curve of a chart."""

    name: str
    points: Sequence[tuple[float, float]]
    dots: bool = False


@dataclass(frozen=True)
class Chart:
    """The content of a chart, for the SVG and for the table below it.

    Attributes:
        kind: the name in the address of the SVG.
        description: one sentence on how to read the chart.
        x: label of the horizontal axis.
        y: label of the vertical axis.
        unit_square: whether both axes run from 0 to 1.
    """

    kind: str
    title: str
    description: str
    x: str
    y: str
    curves: list[Curve]
    unit_square: bool = True


def roc_chart(card: ModelCard | None) -> Chart:
    """Return true against false positive rate."""
    curves = [Curve(name, _pairs(row.raw.roc)) for name, row in _compared_evidence(card)]
    chance = Curve("Chance", [(0.0, 0.0), (1.0, 1.0)])
    description = "A good model comes close to the upper left corner; chance is the diagonal."
    return Chart("roc", "ROC curve", description, "False positive rate", "True positive rate", [*curves, chance])


def precision_recall_chart(card: ModelCard | None) -> Chart:
    """Return precision against recall."""
    curves = [Curve(name, _pairs(row.raw.pr)) for name, row in _compared_evidence(card)]
    description = "A good model stays close to the top; chance is a level line at the share of COVID-19 films."
    return Chart("pr", "Precision and recall", description, "Recall", "Precision", curves)


def calibration_chart(card: ModelCard | None) -> Chart:
    """Return the share of COVID-19 films in each bin of scores, against the mean score of the bin."""
    curves = [
        Curve(
            name,
            [(part.mean_score, part.observed) for part in row.raw.calibration],
            dots=True,
        )
        for name, row in _compared_evidence(card)
    ]
    ideal = Curve("Perfect calibration", [(0.0, 0.0), (1.0, 1.0)])
    description = "On the diagonal, 70 of 100 films with score 0.7 are COVID-19; elsewhere a score is no probability."
    return Chart("calibration", "Calibration", description, "Mean score", "Share of COVID-19", [*curves, ideal])


def loss_chart(card: ModelCard | None) -> Chart:
    """Return training and validation loss over the training."""
    description = "Curves that move apart late in training show that the network overfits."
    return Chart("loss", "Loss", description, _unit(card), "Loss", _history(card, "loss"), unit_square=False)


def accuracy_chart(card: ModelCard | None) -> Chart:
    """Return training and validation accuracy over the training."""
    description = "The validation films were used only to choose the epoch; test films are not included."
    curves = _history(card, "accuracy")
    return Chart("accuracy", "Accuracy", description, _unit(card), "Accuracy", curves, unit_square=False)


CHARTS = {
    "roc": roc_chart,
    "pr": precision_recall_chart,
    "calibration": calibration_chart,
    "loss": loss_chart,
    "accuracy": accuracy_chart,
}


def available_charts(card: ModelCard | None) -> list[Chart]:
    """Return every chart that the card has numbers for."""
    charts = [build(card) for build in CHARTS.values()]
    return [chart for chart in charts if any(curve.points for curve in chart.curves)]


def chart_digest(card: ModelCard | None, kind: str) -> str:
    """Return a digest that changes whenever the drawing changes."""
    content = json.dumps([DRAWING_VERSION, kind, card_to_json(card) if card else None], sort_keys=True)
    return hashlib.sha256(content.encode()).hexdigest()[:32]


def draw_chart(card: ModelCard | None, kind: str) -> bytes:
    """Return one chart as an SVG file."""
    content = CHARTS[kind](card)
    axes = {"xrange": (0, 1), "range": (0, 1)} if content.unit_square else {"include_x_axis": True}
    chart = pygal.XY(
        width=WIDTH, height=HEIGHT, margin=8, spacing=12,
        js=[], css=["file://style.css", "file://graph.css", "file://base.css", f"inline:{_style_sheet(kind)}"],
        style=_style(), x_title=content.x, y_title=content.y, show_x_guides=content.unit_square, show_legend=False,
        dots_size=3, value_formatter=_short, x_value_formatter=_short, no_data_text="No numbers", **axes,
    )  # fmt: skip
    if content.unit_square:
        chart.x_labels = chart.y_labels = [0, 0.25, 0.5, 0.75, 1]
    chart.uuid = kind  # pygal's own is random; the same card must give the same file
    for index, curve in enumerate(content.curves):
        stroke = {"width": 2.2, "dasharray": DASHES[index % len(DASHES)]}
        chart.add(curve.name, list(curve.points), show_dots=curve.dots, stroke_style=stroke)
    chart.add_xml_filter(_remove_scripts)
    return cast(bytes, chart.render())


def _remove_scripts(root: Element) -> Element:
    """Remove pygal's configuration script and the texts that only this script would show."""
    for parent in list(root.iter()):
        for child in list(parent):
            if isinstance(child.tag, str) and child.tag.rsplit("}", 1)[-1] in ("script", "desc"):
                parent.remove(child)
    return root


def _style_sheet(kind: str) -> str:
    """Return the colours of the dark scheme, for which pygal has no setting."""
    chosen = f"#chart-{kind}"
    night = "".join(
        f"{chosen} .color-{index}, {chosen} .color-{index} a:visited {{ stroke: {colour}; fill: {colour}; }}"
        for index, colour in enumerate(DARK)
    )
    return (
        f"{chosen} .series .line {{ fill: none; }}"
        f"@media (prefers-color-scheme: dark) {{ {chosen} {{ color-scheme: dark; }} {night}"
        f"{chosen} text, {chosen} .title {{ fill: #c3ced7 !important; }}"
        f"{chosen} .axis .line, {chosen} .axis .guide.line, {chosen} .axis .major.guide.line "
        "{ stroke: #3a4753; }}"
        f"{chosen} .series .line {{ fill: none !important; }}"
    )


def _style() -> Style:
    return Style(
        background="transparent", plot_background="transparent",
        foreground="#33414d", foreground_strong="#33414d", foreground_subtle="#d5dce3",
        guide_stroke_color="#d5dce3", major_guide_stroke_color="#d5dce3",
        guide_stroke_dasharray="1,3", major_guide_stroke_dasharray="1,3",
        colors=LIGHT, opacity="1", opacity_hover="1", stroke_opacity="1", stroke_width="2.2",
        font_family=FONT, label_font_family=FONT, major_label_font_family=FONT,
        legend_font_family=FONT, title_font_family=FONT, transition="0s",
        label_font_size=14, major_label_font_size=14, legend_font_size=14, title_font_size=14,
    )  # fmt: skip


def _compared_evidence(card: ModelCard | None) -> list[tuple[str, Evidence]]:
    """Return the metrics on the own test films and on the worst external data set, with their names."""
    pair = internal_and_worst_external(card)
    if pair is not None:
        return [("Own test films", pair.own), ("Worst external data set", pair.worst)]
    return [("Own test films", row) for row in all_evidence(card)[:1]]


def _history(card: ModelCard | None, key: str) -> list[Curve]:
    rows = card.training.history if card else ()
    unit = _unit(card).lower()
    names = {f"val_{key}": "Validation films", key: "Training films"}
    curves = [
        Curve(name, _pairs([(getattr(row, unit), getattr(row, column, None)) for row in rows]))
        for column, name in names.items()
    ]
    return [curve for curve in curves if curve.points]


def _unit(card: ModelCard | None) -> str:
    """Return the unit of the training log: epochs, or steps where films are drawn at random."""
    return "Step" if card and any(row.step is not None for row in card.training.history) else "Epoch"


def _pairs(points: Sequence[Point]) -> list[tuple[float, float]]:
    """Return the points without undefined ones."""
    return [(x, y) for x, y in points if x is not None and y is not None]


def _short(value: float) -> str:
    return f"{value:.4g}"
