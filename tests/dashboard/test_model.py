"""The page of a model and its charts, with complete and with incomplete model cards."""

from __future__ import annotations

import re
from typing import Any
from xml.etree import ElementTree as ET

import pytest
from django.test import Client
from django.urls import reverse

from dashboard.presentation import charts, geometry, model_evidence
from screening.model_versions import card_of
from screening.models import ModelVersion

POOR_CARDS: list[dict[str, Any]] = [
    {},
    {"name": "bare", "operating_points": {"low": 0.2, "high": 0.7}},
    {"metrics": {"name": "own", "values": {"auroc": {"value": None, "low": None, "high": None}}}},
    {"elsewhere": [{"name": "x", "films": 1, "values": {}}], "training": {"history": []}},
]


def test_page_puts_the_worst_number_beside_the_own_one(as_owner: Client, model_version: ModelVersion) -> None:
    content = as_owner.get(reverse("model")).content.decode()
    pair = model_evidence.internal_and_worst_external(card_of(model_version))
    assert pair is not None
    assert pair.own.auroc.text in content
    assert pair.worst.auroc.interval in content
    for item in (*model_version.card["not_for"], *model_version.card["limits"]):
        assert item.split("'")[0] in content
    assert model_version.card["checksums"]["model.onnx"] in content


def test_worst_is_the_lowest_auroc_elsewhere(model_version: ModelVersion) -> None:
    pair = model_evidence.internal_and_worst_external(card_of(model_version))
    assert pair is not None
    known = [row["values"]["auroc"]["value"] for row in model_version.card["elsewhere"]]
    assert pair.worst.auroc.value == min(value for value in known if value is not None)


@pytest.mark.parametrize("kind", charts.CHARTS)
def test_chart_is_plain_svg(kind: str, as_owner: Client, model_version: ModelVersion) -> None:
    address = reverse("model-chart", args=[model_version.name, kind])
    answer = as_owner.get(address)
    assert answer.headers["Content-Type"] == "image/svg+xml"
    root = ET.fromstring(answer.content)  # noqa: S314  # our own drawing
    tags = {element.tag.rsplit("}", 1)[-1] for element in root.iter()}
    assert "path" in tags
    assert not tags & {"script", "image", "foreignObject", "use"}
    for element in root.iter():
        assert not [name for name in element.attrib if name.startswith("on") or name.endswith("href")]
    text = answer.content.decode()
    assert not re.search(r"@import|url\(", text)
    assert re.search(r"prefers-color-scheme:\s*dark", text)
    lines = charts.CHARTS[kind](card_of(model_version)).curves  # told apart by more than their colours
    for dash in charts.DASHES[: len(lines)]:
        assert re.search(rf"stroke-dasharray:\s*{dash}", text)


def test_chart_has_its_own_policy_and_is_not_sent_twice(as_owner: Client, model_version: ModelVersion) -> None:
    address = reverse("model-chart", args=[model_version.name, "roc"])
    answer = as_owner.get(address)
    policy = answer.headers["Content-Security-Policy"]
    assert "style-src 'self' 'unsafe-inline'" in policy
    assert "script-src 'self'" in policy
    again = as_owner.get(address, headers={"If-None-Match": answer.headers["ETag"]})
    assert again.status_code == 304


def test_unknown_models_and_charts_are_not_found(as_owner: Client, model_version: ModelVersion) -> None:
    for address in ("/models/nobody", "/models/nobody/charts/roc.svg", "/models/seed-cnn/charts/pie.svg"):
        assert as_owner.get(address).status_code == 404, address


def test_without_a_model_the_pages_say_so(as_owner: Client) -> None:
    assert as_owner.get(reverse("model")).status_code == 404
    assert "No model is registered" in as_owner.get(reverse("home")).content.decode()


@pytest.mark.parametrize("card", POOR_CARDS)
def test_a_card_may_lack_parts(card: dict[str, Any], as_owner: Client) -> None:
    version = ModelVersion.objects.create(name="bare", digest="0" * 64, card=card, is_default=True)
    assert as_owner.get(reverse("model", args=[version.name])).status_code == 200
    assert as_owner.get(reverse("model-chart", args=[version.name, "roc"])).status_code == 200


@pytest.mark.parametrize("card", POOR_CARDS)
def test_the_page_says_that_a_card_cannot_be_read(card: dict[str, Any], as_owner: Client, caplog: Any) -> None:
    ModelVersion.objects.create(name="bare", digest="0" * 64, card=card, is_default=True)
    assert "cannot be read by this release" in as_owner.get(reverse("model")).content.decode()
    assert "card of bare 00000000: " in caplog.text


def test_same_card_gives_the_same_drawing(model_version: ModelVersion) -> None:
    assert charts.draw_chart(card_of(model_version), "roc") == charts.draw_chart(card_of(model_version), "roc")
    assert charts.chart_digest(card_of(model_version), "roc") != charts.chart_digest(None, "roc")


def test_histogram_shows_one_film_among_many() -> None:
    drawn = geometry.histogram([0, 1, 10_000], geometry.Points(0.2, 0.8))
    assert drawn.films == 10_001
    assert [bar.height for bar in drawn.bars] == ["0.00%", "2.00%", "100.00%"]
    assert geometry.histogram([0, 0], geometry.Points(0.5, 0.5)).bars[0].height == "0.00%"
