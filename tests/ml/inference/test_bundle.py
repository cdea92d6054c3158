"""A bundle opens only when it is whole and fits this code; what ships keeps the promised figures."""

import csv
import json
import shutil
from collections import defaultdict
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from ml.decoding.preprocess import PREPROCESSING_VERSION
from ml.errors import BundleError
from ml.inference import bundle as module
from ml.inference.bundle import SPLIT, bundle_names, find_bundle, open_bundle, sha256_of
from ml.model_card.card import CARD, GRAPH, card_to_json
from ml.training.onnx_export import MAX_DIFFERENCE
from tests.ml.helpers import seed_cnn_bundle


def shipped_card() -> dict[str, Any]:
    return card_to_json(seed_cnn_bundle().card)


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    """The shipped bundle with small weights in the place of the large ones, checksums to match."""
    folder = tmp_path / "seed-cnn"
    folder.mkdir()
    (folder / GRAPH).write_bytes(bytes(range(256)) * 16)
    shutil.copy(seed_cnn_bundle().path / SPLIT, folder)
    checksums = {name: sha256_of(folder / name) for name in (GRAPH, SPLIT)}
    (folder / CARD).write_text(json.dumps({**shipped_card(), "checksums": checksums}))
    return folder


def edit_card(folder: Path, change: Callable[[Any], object]) -> None:
    card = json.loads((folder / CARD).read_text())
    change(card)
    (folder / CARD).write_text(json.dumps(card))


def test_an_intact_bundle_opens(copy: Path) -> None:
    bundle = open_bundle(copy)
    assert bundle.name == "seed-cnn"
    assert bundle.digest == sha256_of(bundle.graph)
    assert (bundle.input.height, bundle.input.width, bundle.input.channels) == (224, 224, 3)


@pytest.mark.parametrize("name", [GRAPH, SPLIT])
def test_one_changed_byte_is_noticed(copy: Path, name: str) -> None:
    data = bytearray((copy / name).read_bytes())
    data[len(data) // 2] ^= 1
    (copy / name).write_bytes(data)
    with pytest.raises(BundleError, match=f"{name} is not the file the card describes"):
        open_bundle(copy)


@pytest.mark.parametrize("name", [GRAPH, SPLIT, CARD])
def test_a_missing_file_is_noticed(copy: Path, name: str) -> None:
    (copy / name).unlink()
    with pytest.raises(BundleError, match=name if name != CARD else "no complete model bundle"):
        open_bundle(copy)


def test_another_preprocessing_is_refused(copy: Path) -> None:
    edit_card(copy, lambda card: card["preprocessing"].update(version="grey8-0"))
    with pytest.raises(BundleError, match=f"grey8-0.*{PREPROCESSING_VERSION}"):
        open_bundle(copy)


@pytest.mark.parametrize(
    "change",
    [
        lambda card: card.pop("checksums"),
        lambda card: card.pop("operating_points"),
        lambda card: card.pop("name"),
        lambda card: card["preprocessing"].pop("version"),
        lambda card: card["preprocessing"].update(height="tall"),
        lambda card: card["checksums"].pop(GRAPH),
        lambda card: card.update(operating_points=None),
    ],
)
def test_an_incomplete_card_is_refused(copy: Path, change: Callable[[Any], object]) -> None:
    edit_card(copy, change)
    with pytest.raises(BundleError, match="no complete model bundle"):
        open_bundle(copy)


@pytest.mark.parametrize("text", ["", "{", "[]", "null"])
def test_a_card_that_is_none_is_refused(copy: Path, text: str) -> None:
    (copy / CARD).write_text(text)
    with pytest.raises(BundleError, match="no complete model bundle"):
        open_bundle(copy)


def test_an_unknown_name_lists_the_known_ones() -> None:
    with pytest.raises(BundleError, match=r"no model 'resnet'; there are: .*seed-cnn"):
        find_bundle("resnet")


def test_a_path_is_no_name(copy: Path) -> None:
    with pytest.raises(BundleError, match="no model"):
        find_bundle(str(copy))


def test_without_any_model_the_sentence_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MODELS", tmp_path)
    assert bundle_names() == []
    with pytest.raises(BundleError, match="there are: none"):
        find_bundle("seed-cnn")


def test_every_shipped_bundle_opens_under_its_own_name() -> None:
    assert "seed-cnn" in bundle_names()
    for name in bundle_names():
        bundle = find_bundle(name)
        assert bundle.name == name
        assert 0 <= bundle.low <= bundle.high <= 1
        assert {GRAPH, SPLIT} <= set(bundle.card.checksums)


def test_figures_reach_the_bar() -> None:
    seeds = shipped_card()["seeds"]
    assert len(seeds["runs"]) == len({run["seed"] for run in seeds["runs"]}) == 3
    for name, bar in (("accuracy", 0.96), ("precision", 0.97), ("recall", 0.94), ("f1", 0.96)):
        mean = sum(run[name] for run in seeds["runs"]) / 3
        assert mean >= bar
        assert seeds["mean"][name] == pytest.approx(mean, abs=1e-3)


def test_figures_were_measured_on_36_films_a_class() -> None:
    test = shipped_card()["metrics"]
    assert (test["films"], test["positives"]) == (72, 36)
    assert sum(test["confusion"].values()) == 72
    right = test["confusion"]["true_positive"] + test["confusion"]["true_negative"]
    assert test["values"]["accuracy"]["value"] == pytest.approx(right / 72, abs=1e-6)


def test_card_shows_the_run_it_was_made_of() -> None:
    card = shipped_card()
    chosen = next(run for run in card["seeds"]["runs"] if run["seed"] == card["training"]["seed"])
    assert chosen["accuracy"] == pytest.approx(card["metrics"]["values"]["accuracy"]["value"], abs=1e-4)
    history = card["training"]["history"]
    best = min(history, key=lambda row: row["val_loss"])
    assert best["epoch"] == card["training"]["best_epoch"]


def test_card_says_what_the_model_is_worth_elsewhere_and_not_for() -> None:
    card = shipped_card()
    assert len(card["elsewhere"]) >= 4
    assert min(row["values"]["auroc"]["value"] for row in card["elsewhere"]) < 0.6
    assert any("Diagnosis" in line for line in card["not_for"])
    assert card["limits"]


def test_onnx_and_keras_agreed() -> None:
    parity = shipped_card()["parity"]
    assert 0 <= parity["largest_difference"] <= MAX_DIFFERENCE
    assert MAX_DIFFERENCE <= 1e-4
    assert parity["films"] == 72


def split_rows() -> list[dict[str, str]]:
    with (seed_cnn_bundle().path / SPLIT).open(newline="") as file:
        return list(csv.DictReader(file))


def test_split_file_has_the_sizes_of_the_card() -> None:
    rows = split_rows()
    for part, counts in shipped_card()["data"]["split"].items():
        mine = [row for row in rows if row["part"] == part]
        assert len(mine) == counts["films"]
        assert sum(row["label"] == "1" for row in mine) == counts["positives"]


@pytest.mark.parametrize("key", ["patient", "sha256"])
def test_no_patient_and_no_file_is_on_two_sides(key: str) -> None:
    parts = defaultdict(set)
    for row in split_rows():
        assert row[key]
        parts[row[key]].add(row["part"])
    assert len(parts) > 200
    assert all(len(sides) == 1 for sides in parts.values())


def test_no_file_is_listed_twice() -> None:
    digests = [row["sha256"] for row in split_rows()]
    assert len(set(digests)) == len(digests) == 360
