"""The document of a card says first what to expect at hospitals not trained on."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from ml.evaluation.card_markdown import write_model_card
from ml.inference.bundle import find_bundle
from ml.model_card.card import ModelCard
from tests.ml.model_card.decision_samples import EXPECTED, RANGE


@pytest.fixture
def card() -> ModelCard:
    return replace(find_bundle("screener").card, expected_decisions=EXPECTED, feature_range=RANGE)


def document(card: ModelCard, folder: Path) -> str:
    write_model_card(card, folder / "card.md")
    return (folder / "card.md").read_text()


def test_decisions_of_every_hospital_stand_before_the_inner_figures(card: ModelCard, tmp_path: Path) -> None:
    text = document(card, tmp_path)
    assert card.metrics is not None
    rows = [
        "| Radiopaedia | 100 | 0.050 (0.025–0.525) | 0.550 (0.275–0.775) | 100 | 0.220 (0.110–0.610) |",
        "| NIH | 100 | 0.160 (0.080–0.580) | 0.570 (0.285–0.785) | – | – | – |",
        "| **Mean of the hospitals** | 100 | 0.080 (0.040–0.540) |",
        f"| {card.elsewhere[0].name} | ",
        f"| {card.metrics.name} | ",
    ]
    places = [text.index(row) for row in rows]
    assert places == sorted(places)
    assert "an error of at most 10 % in each\nclass" in text
    assert "| known films | left-out films | 0.24 | 0.16 | 0.46 |" in text
    assert "sensitivity and specificity on hospitals left out (mean)" in text


def test_the_note_is_described_with_what_it_finds(card: ModelCard, tmp_path: Path) -> None:
    text = document(card, tmp_path)
    assert "| CT slices | 416 | 0.99 | 0.900 (0.450–0.950) |" in text
    assert "| with the note | 807 | 0.740 | 0.120 |" in text


def test_a_card_without_these_measurements_leaves_them_out(card: ModelCard, tmp_path: Path) -> None:
    text = document(replace(card, expected_decisions=None, feature_range=None), tmp_path)
    assert "Decisions at hospitals not trained on" not in text
    assert "Films unlike" not in text
    assert "sensitivity and specificity on the test films" in text
