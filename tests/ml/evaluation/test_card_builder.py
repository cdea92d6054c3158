"""Both recipes' cards are built in one way, and what is written can be opened."""

from __future__ import annotations

from pathlib import Path

import pytest

from ml.evaluation.card_builder import CardText, Model, build_card, package_versions, write_card
from ml.inference.bundle import SPLIT, sha256_of
from ml.model_card.card import CARD, GRAPH, CardError, read_card
from ml.model_card.description import (
    Calibration,
    DataSource,
    Network,
    OperatingPoints,
    PartCounts,
    Preprocessing,
    Training,
    TrainingLogEntry,
)
from ml.training.screener.card_text import CARD_TEXT as SCREENER_TEXT
from ml.training.seed_cnn.card_text import CARD_TEXT as SEED_TEXT
from tests.ml.helpers import seed_cnn_bundle

TEXT = CardText(
    name="small",
    title="A small model",
    summary="Made for a test.",
    intended_use="Tests.",
    not_for=("Anything else.",),
    limits=("It knows nothing.",),
    sources=(DataSource("set", "all of it", "Somebody 2020", "CC BY 4.0"),),
)
MODEL = Model(
    preprocessing=Preprocessing("grey8-1", 4, 4, 1, "stretched", "0..1"),
    network=Network("mean", 0),
    training=Training(protocol="patient", seed=0, chosen_by="chance", batch=1, history=(TrainingLogEntry(loss=0.7),)),
    split={"test": PartCounts(films=3, positives=1, patients=2)},
    threshold=0.5,
    operating_points=OperatingPoints(0.2, 0.8, "nothing"),
    calibration=Calibration(2.0, -1.0, "by hand"),
    packages=("numpy",),
)


def test_a_built_card_is_read_again_with_the_checksums_of_its_files(tmp_path: Path) -> None:
    (tmp_path / GRAPH).write_bytes(b"graph")
    (tmp_path / SPLIT).write_bytes(b"split")
    card = write_card(tmp_path, build_card(TEXT, MODEL))
    assert read_card(tmp_path / CARD) == card
    assert card.schema_version == 1
    assert card.checksums == {name: sha256_of(tmp_path / name) for name in (GRAPH, SPLIT)}
    assert card.data.split == MODEL.split
    assert card.software == package_versions(["numpy"])
    assert card.metrics is None


def test_a_card_without_its_graph_cannot_be_opened(tmp_path: Path) -> None:
    write_card(tmp_path, build_card(TEXT, MODEL))
    with pytest.raises(CardError, match=r"checksums\.model\.onnx: missing"):
        read_card(tmp_path / CARD)


@pytest.mark.parametrize("text", [SEED_TEXT, SCREENER_TEXT], ids=["seed-cnn", "screener"])
def test_the_texts_of_the_recipes_are_those_of_their_cards(text: CardText) -> None:
    card = read_card(seed_cnn_bundle().path.parent / text.name / CARD)
    assert (card.title, card.summary, card.intended_use) == (text.title, text.summary, text.intended_use)
    assert (card.not_for, card.limits, card.ethics) == (text.not_for, text.limits, text.ethics)
    assert card.data.sources == text.sources
