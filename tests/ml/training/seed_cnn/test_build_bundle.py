"""The recipe describes the model as its card in the repository does; nothing is trained or measured here."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

pytest.importorskip("tensorflow")

from ml.data.splits import Split
from ml.evaluation.card_builder import build_card
from ml.evaluation.collections import SeedData
from ml.model_card.card import card_to_json
from ml.model_card.evidence import Seeds
from ml.training.seed_cnn import build_bundle
from ml.training.seed_cnn.card_text import CARD_TEXT
from tests.ml.helpers import record, seed_cnn_bundle

FILMS = [record(Path(f"/{number}.png"), finding="covid" if number % 2 else "normal") for number in range(8)]
DATA = SeedData(Split(FILMS[:2], FILMS[2:6], FILMS[6:], []), FILMS, {film: film.patient_key for film in FILMS})


@pytest.fixture(autouse=True)
def _scores_without_a_network(monkeypatch: pytest.MonkeyPatch) -> None:
    def score(network: Any, films: Any) -> Any:
        return np.array([0.9 * film.label + 0.05 for film in films])

    monkeypatch.setattr(build_bundle, "_score", score)


def test_the_description_is_that_of_the_card() -> None:
    card = seed_cnn_bundle().card
    history = [
        {
            "epoch": (row.epoch or 0) - 1,
            "loss": row.loss,
            "accuracy": row.accuracy,
            "val_loss": row.val_loss,
            "val_accuracy": row.val_accuracy,
        }
        for row in card.training.history
    ]
    training = build_bundle._training("patient", card.training.seed, history)  # type: ignore[arg-type]
    built = build_card(CARD_TEXT, build_bundle._describe(DATA, training, network=None))
    assert built.data.split["validation"].films == 4
    same = replace(
        built,
        schema_version=card.schema_version,
        created=card.created,
        data=replace(built.data, split=card.data.split),
        operating_points=card.operating_points,
        software=card.software,
        checksums=card.checksums,
    )
    described = card_to_json(same)
    assert described == {name: value for name, value in card_to_json(card).items() if name in described}


def test_seeds_are_measured_on_the_same_films_and_averaged() -> None:
    test = DATA.collection("test", FILMS)
    seeds = build_bundle._seeds(test, {0: None, 1: None})
    assert isinstance(seeds, Seeds)
    assert [run.seed for run in seeds.runs] == [0, 1]
    assert {run.auroc for run in seeds.runs} == {1.0}
    assert seeds.mean == dict.fromkeys(("accuracy", "precision", "recall", "specificity", "f1", "auroc"), 1.0)
