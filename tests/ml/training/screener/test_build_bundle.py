"""The recipe describes the model as its card in the repository does; nothing is trained or measured here."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("tensorflow")

from ml.inference.bundle import find_bundle
from ml.model_card.card import ModelCard, card_to_json
from ml.model_card.strict_json import to_json
from ml.training.screener import build_bundle
from ml.training.screener.build_bundle import describe_model
from ml.training.screener.decision_band import DecisionRule
from ml.training.screener.evidence import Parts
from ml.training.screener.films import Films
from tests.ml.helpers import record


@pytest.fixture(scope="module")
def card() -> ModelCard:
    return find_bundle("screener").card


@pytest.fixture
def runs(card: ModelCard, tmp_path: Path) -> Path:
    """The folder of finished trainings that the card was made of."""
    assert card.seeds is not None
    (tmp_path / build_bundle.SEEDS_FILE).write_text(json.dumps(to_json(card.seeds.runs)))
    chosen = tmp_path / f"ships-{card.training.seed}"
    chosen.mkdir()
    (chosen / "history.json").write_text(json.dumps({"history": to_json(card.training.history)}))
    return tmp_path


def few_films() -> Films:
    records = [record(Path(f"/{number}.png"), finding="covid" if number % 2 else "normal") for number in range(6)]
    groups = np.array([f"patient {number // 2}" for number in range(6)])
    return Films(records, [np.zeros((8, 8), np.uint8)] * 6, groups, np.array([""] * 6))


def test_the_description_is_that_of_the_card(runs: Path, card: ModelCard) -> None:
    assert card.calibration is not None
    number = np.arange(6)
    parts = Parts(train=number < 2, validation=(number >= 2) & (number < 4), test=number >= 4)
    points = card.operating_points
    fit = (card.calibration.slope, card.calibration.intercept)
    rule = DecisionRule(*fit, points.low, points.high, "the same", "films of hospitals left out")
    built = describe_model(few_films(), parts, runs, rule)
    assert to_json(built.data.split["test"]) == {"films": 2, "positives": 1, "patients": 1}
    assert built.operating_points.chosen_on == "films of hospitals left out"
    assert built.calibration is not None
    assert built.calibration.method == "Platt 1999, fitted on the same"
    same = replace(
        built,
        schema_version=card.schema_version,
        created=card.created,
        data=replace(built.data, split=card.data.split),
        calibration=card.calibration,
        operating_points=replace(built.operating_points, chosen_on=points.chosen_on),
        software=card.software,
        checksums=card.checksums,
    )
    described = card_to_json(same)
    assert described == {name: value for name, value in card_to_json(card).items() if name in described}
    assert {"metrics", "elsewhere", "gate"}.isdisjoint(described)
