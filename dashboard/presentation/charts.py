"""The charts of a model card, drawn as SVG by pygal: no script, no foreign address, light and dark."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import cast
from xml.etree.ElementTree import Element

import pygal
from pygal.style import Style

from dashboard.presentation.model_evidence import Evidence, evidence, internal_and_worst_external
from ml.model_card.card import ModelCard, card_to_json
from ml.model_card.evidence import Point

EDITION = 4  # raise it when the drawing changes, so that browsers ask anew
WIDTH, HEIGHT = 520, 360
DASHES = ("none", "7 5", "2 5")  # as in pages.css, where the legend is
FONT = "system-ui, sans-serif"
LIGHT, DARK = ("#0a5a80", "#b0461e", "#5f6f7d"), ("#6fbfe6", "#f4a37c", "#93a3b0")


@dataclass(frozen=True)
class Line:
    """One line of a chart."""

    name: str
    points: Sequence[tuple[float, float]]
    dots: bool = False


@dataclass(frozen=True)
class Plot:
    """A chart's numbers; drawn as SVG, and shown as a table for those who want to read them."""

    kind: str
    title: str
    about: str
    x: str
    y: str
    lines: list[Line]
    share: bool = True


def roc(card: ModelCard | None) -> Plot:
    """True against false positive rate."""
    lines = [Line(name, _pairs(row.raw.roc)) for name, row in _compared(card)]
    chance = Line("Coin toss", [(0.0, 0.0), (1.0, 1.0)])
    about = "A good model climbs to the upper left corner; a coin toss follows the diagonal."
    return Plot("roc", "ROC curve", about, "False positive rate", "True positive rate", [*lines, chance])


def pr(card: ModelCard | None) -> Plot:
    """Precision against recall."""
    lines = [Line(name, _pairs(row.raw.pr)) for name, row in _compared(card)]
    about = "A good model stays at the top for as long as it can; a useless one runs at the share of COVID-19."
    return Plot("pr", "Precision and recall", about, "Recall", "Precision", lines)


def calibration(card: ModelCard | None) -> Plot:
    """Share of COVID-19 among films of a score, against that score."""
    lines = [
        Line(
            name,
            [(part.mean_score, part.observed) for part in row.raw.calibration],
            dots=True,
        )
        for name, row in _compared(card)
    ]
    ideal = Line("Scores that mean what they say", [(0.0, 0.0), (1.0, 1.0)])
    about = "On the diagonal, 70 of 100 films with score 0.7 are COVID-19. Away from it, a score is no probability."
    return Plot("calibration", "Calibration", about, "Mean score", "Share of COVID-19", [*lines, ideal])


def loss(card: ModelCard | None) -> Plot:
    """Loss over the training."""
    about = "Lines that part late in training are a network that learns its films by heart."
    return Plot("loss", "Loss", about, _unit(card), "Loss", _history(card, "loss"), share=False)


def accuracy(card: ModelCard | None) -> Plot:
    """Accuracy by epoch."""
    about = "On the validation films this chooses nothing but the epoch; the test films are not part of it."
    return Plot("accuracy", "Accuracy", about, _unit(card), "Accuracy", _history(card, "accuracy"), share=False)


KINDS = {"roc": roc, "pr": pr, "calibration": calibration, "loss": loss, "accuracy": accuracy}


def catalogue(card: ModelCard | None) -> list[Plot]:
    """Every chart the card has numbers for."""
    plots = [make(card) for make in KINDS.values()]
    return [plot for plot in plots if any(line.points for line in plot.lines)]


def fingerprint(card: ModelCard | None, kind: str) -> str:
    """Changes whenever the drawing would."""
    content = json.dumps([EDITION, kind, card_to_json(card) if card else None], sort_keys=True)
    return hashlib.sha256(content.encode()).hexdigest()[:32]


def draw(card: ModelCard | None, kind: str) -> bytes:
    """One chart as an SVG file."""
    plot = KINDS[kind](card)
    axes = {"xrange": (0, 1), "range": (0, 1)} if plot.share else {"include_x_axis": True}
    chart = pygal.XY(
        width=WIDTH, height=HEIGHT, margin=8, spacing=12,
        js=[], css=["file://style.css", "file://graph.css", "file://base.css", f"inline:{_sheet(plot)}"],
        style=_style(), x_title=plot.x, y_title=plot.y, show_x_guides=plot.share, show_legend=False,
        dots_size=3, value_formatter=_short, x_value_formatter=_short, no_data_text="No numbers", **axes,
    )  # fmt: skip
    if plot.share:
        chart.x_labels = chart.y_labels = [0, 0.25, 0.5, 0.75, 1]
    chart.uuid = kind  # pygal's own is random, and the same card should give the same file
    for index, line in enumerate(plot.lines):
        stroke = {"width": 2.2, "dasharray": DASHES[index % len(DASHES)]}
        chart.add(line.name, list(line.points), show_dots=line.dots, stroke_style=stroke)
    chart.add_xml_filter(_without_scripts)
    return cast(bytes, chart.render())


def _without_scripts(root: Element) -> Element:
    """Take out the configuration script pygal always writes, and the texts only that script would show."""
    for parent in list(root.iter()):
        for child in list(parent):
            if isinstance(child.tag, str) and child.tag.rsplit("}", 1)[-1] in ("script", "desc"):
                parent.remove(child)
    return root


def _sheet(plot: Plot) -> str:
    """What the style of the library has no setting for: the dark scheme."""
    chosen = f"#chart-{plot.kind}"
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


def _compared(card: ModelCard | None) -> list[tuple[str, Evidence]]:
    """The own test films, and the collection the model does worst on."""
    pair = internal_and_worst_external(card)
    if pair is not None:
        return [("Own test films", pair.own), ("Elsewhere, at its worst", pair.worst)]
    return [("Own test films", row) for row in evidence(card)[:1]]


def _history(card: ModelCard | None, key: str) -> list[Line]:
    rows = card.training.history if card else ()
    unit = _unit(card).lower()
    names = {f"val_{key}": "Validation films", key: "Training films"}
    lines = [
        Line(name, _pairs([(getattr(row, unit), getattr(row, column, None)) for row in rows]))
        for column, name in names.items()
    ]
    return [line for line in lines if line.points]


def _unit(card: ModelCard | None) -> str:
    """What a training's log counts: epochs where the data are passed through, steps where they are drawn."""
    return "Step" if card and any(row.step is not None for row in card.training.history) else "Epoch"


def _pairs(points: Sequence[Point]) -> list[tuple[float, float]]:
    """Points without those that are undefined."""
    return [(x, y) for x, y in points if x is not None and y is not None]


def _short(value: float) -> str:
    return f"{value:.4g}"
