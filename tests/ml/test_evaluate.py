"""The figures of the card are measured again on the real films, by the graph of the bundle."""

import csv
from dataclasses import fields, replace
from pathlib import Path

import pytest

from ml import evaluate
from ml.evaluation import collections as evidence
from ml.evaluation import measurement
from ml.evaluation.collections import SeedData, collections_of, load_seed_data
from ml.inference.bundle import SPLIT, find_bundle, sha256_of
from ml.model_card.card import card_to_json
from ml.model_card.evidence import Evaluation, Measures
from ml.model_card.strict_json import to_json
from ml.statistics import metrics
from ml.statistics.estimate import Estimate
from tests.ml.helpers import seed_cnn_bundle


@pytest.fixture(scope="module")
def parted(data: Path) -> SeedData:
    return load_seed_data("patient")


def groups_of(parted: SeedData, *names: str) -> set[str]:
    return {parted.group_of[film] for name in names for film in getattr(parted.split, name)}


def test_no_group_is_on_two_sides(parted: SeedData) -> None:
    train, validation, test = (groups_of(parted, name) for name in ("train", "validation", "test"))
    assert train
    assert not train & validation
    assert not test & (train | validation)


def test_split_is_the_one_the_bundle_was_made_with(parted: SeedData) -> None:
    expected: dict[str, set[tuple[str, str]]] = {"train": set(), "validation": set(), "test": set()}
    with (seed_cnn_bundle().path / SPLIT).open(newline="") as file:
        for row in csv.DictReader(file):
            expected[row["part"]].add((row["patient"], row["sha256"]))
    for part, rows in expected.items():
        films = getattr(parted.split, part)
        assert {(film.patient_key, sha256_of(film.path)) for film in films} == rows


def test_elsewhere_shares_no_group_with_what_was_trained_on(parted: SeedData) -> None:
    seen = groups_of(parted, "train", "validation")
    collections = evidence.external_tests(parted)
    assert [part.name for part in collections] == [row.name for row in seed_cnn_bundle().card.elsewhere]
    for part in collections:
        assert len(part.films) == len(part.groups) > 50
        assert not set(part.groups) & seen, part.name


def test_elsewhere_holds_both_classes(parted: SeedData) -> None:
    for part in evidence.external_tests(parted):
        assert {film.label for film in part.films} == {0, 1}, part.name


def test_figures_of_the_card_are_measured_again(parted: SeedData, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(measurement, "BOOTSTRAPS", 50)
    bundle = seed_cnn_bundle()
    row = to_json(
        evidence.evaluate_collection(
            evidence.internal_test(parted), evidence.score_function(bundle), bundle.card.threshold
        )
    )
    claimed = card_to_json(bundle.card)["metrics"]
    assert (row["films"], row["positives"]) == (72, 36)
    assert row["patients"] == claimed["patients"]
    assert row["values"]["accuracy"]["value"] == pytest.approx(claimed["values"]["accuracy"]["value"], abs=0.03)
    assert row["values"]["auroc"]["value"] == pytest.approx(claimed["values"]["auroc"]["value"], abs=0.01)
    assert row["values"]["brier"]["value"] == pytest.approx(claimed["values"]["brier"]["value"], abs=0.01)


def test_the_model_is_still_no_better_than_chance_elsewhere(parted: SeedData) -> None:
    """On every fourth film of a hospital it was not trained on."""
    part, claimed = evidence.external_tests(parted)[1], card_to_json(seed_cnn_bundle().card)["elsewhere"][1]
    assert len(part.films) == claimed["films"]
    films = part.films[::4]
    value = metrics.auroc([film.label for film in films], evidence.score_function(seed_cnn_bundle())(films))
    assert value < 0.5
    assert value == pytest.approx(claimed["values"]["auroc"]["value"], abs=0.1)


def own_evaluation() -> Evaluation:
    row = seed_cnn_bundle().card.metrics
    assert row is not None
    return row


def test_rows_print_as_a_table() -> None:
    lines = evidence.format_table([own_evaluation(), *seed_cnn_bundle().card.elsewhere]).splitlines()
    assert lines[0].split() == ["films", "accuracy", "precision", "recall", "specificity", "f1", "auroc"]
    assert lines[1].endswith("1.000")
    assert len({len(line) for line in lines}) == 1


def test_undefined_figures_print_as_a_dash() -> None:
    undefined = Estimate(None, None, None)
    row = replace(own_evaluation(), values=Measures(**{item.name: undefined for item in fields(Measures)}))
    assert evidence.format_table([row]).splitlines()[1].split()[-6:] == ["-"] * 6


@pytest.mark.parametrize("arguments", [[], ["--model", "resnet"]])
def test_without_data_or_model_it_says_so(
    arguments: list[str], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.delenv("XRAY_DATA_DIR", raising=False)
    assert evaluate.main(arguments) == 2
    assert ("resnet" if arguments else "XRAY_DATA_DIR") in capsys.readouterr().err


def test_each_model_is_measured_on_the_films_it_was_not_trained_on(data: Path) -> None:
    (own,) = collections_of(find_bundle("screener"))
    assert len(own.films) == find_bundle("screener").card.data.split["test"].films
    assert len(collections_of(find_bundle("seed-cnn"))) == 6
