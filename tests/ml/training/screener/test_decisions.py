"""Calibration, operating points and the range of features from folds of synthetic hospitals."""

from __future__ import annotations

import csv
from pathlib import Path

import keras
import numpy as np
import pytest
from keras import layers

pytest.importorskip("tensorflow")

from ml.data.datasets import COVID, NORMAL, PNEUMONIA, FilmRecord
from ml.errors import BundleError
from ml.statistics.calibration import sigmoid
from ml.statistics.conformal import Band
from ml.training.screener.calibration_choice import KNOWN, LEFT_OUT
from ml.training.screener.decision_band import FittedDecision, fit_decision_band, measure_known
from ml.training.screener.feature_range import FEATURES, measure_feature_range, pooled_features
from ml.training.screener.films import COHEN, CXNET, HANNOVER, KERMANY, NIH, Films, folds
from ml.training.screener.left_out_scores import hospital_names, read_left_out_scores

COUNT = 60  # films of a source and finding
CHANNELS = 24


@pytest.fixture(scope="module")
def films() -> Films:
    rows = [(source, COVID, "") for source in (HANNOVER, CXNET) for _ in range(COUNT)]
    rows += [(source, finding, "") for source in (KERMANY, NIH) for finding in (NORMAL, PNEUMONIA)
             for _ in range(COUNT)]  # fmt: skip
    rows += [(COHEN, finding, site) for site in ("radiopaedia.org", "www.eurorad.org", "journal.org")
             for finding in (COVID, PNEUMONIA, NORMAL) for _ in range(COUNT)]  # fmt: skip
    records = [FilmRecord(Path(f"{i}.png"), source, finding, str(i)) for i, (source, finding, _) in enumerate(rows)]
    groups = np.array([f"patient {i // 2}" for i in range(len(rows))])
    return Films(records, [], groups, np.array([site for *_, site in rows]))


@pytest.fixture(scope="module")
def runs(films: Films, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Folds whose logits tell the classes apart, less well than on known patients, and whose hospitals differ."""
    folder, rng = tmp_path_factory.mktemp("runs"), np.random.default_rng(0)
    names = hospital_names(films)
    shift = dict(zip(np.unique(names), np.linspace(-0.5, 0.5, 7), strict=True))
    place = {name: number * 3 for number, name in enumerate(np.unique(names))}
    for fold, plan in folds(films).items():
        run = folder / fold
        run.mkdir()
        tested = np.any([positives | negatives for positives, negatives in plan.tests.values()], axis=0)
        with (run / "scores.csv").open("w", newline="") as file:
            writer = csv.writer(file)
            writer.writerow(["source", "file", "group", "finding", "label", "logit"])
            for film, name, is_tested in zip(films.records, names, tested, strict=True):
                if not is_tested:
                    continue
                logit = rng.normal(1.5 * (2 * film.label - 1) + 2 * shift[name], 2)
                writer.writerow([film.source, film.path.name, "", film.finding, film.label, logit])
        features = rng.gamma(1.0, 0.05, (len(names), CHANNELS))
        for index, name in enumerate(names):
            features[index, place[name] : place[name] + 3] += 1
        np.save(run / FEATURES, features.astype(np.float16))
    return folder


@pytest.fixture(scope="module")
def decision(films: Films, runs: Path) -> FittedDecision:
    rng = np.random.default_rng(1)
    labels = rng.integers(0, 2, 200).astype(np.float32)
    return fit_decision_band(films, runs, labels, rng.normal(4 * (2 * labels - 1), 1.5))


def test_the_stated_error_holds_on_average_over_hospitals_left_out(decision: FittedDecision) -> None:
    expected = decision.expected
    assert expected.without_covid.positive.value is not None
    assert expected.with_covid.negative.value is not None
    assert expected.without_covid.positive.value <= 0.11
    assert expected.with_covid.negative.value <= 0.11
    for item in (expected.without_covid, expected.with_covid):
        found = [share.value for share in (item.negative, item.uncertain, item.positive)]
        assert sum(value or 0 for value in found) == pytest.approx(1, abs=1e-3)
        for share in (item.negative, item.uncertain, item.positive):
            assert (share.low or 0) <= (share.value or 0) <= (share.high or 0)
    assert 0.1 < (expected.with_covid.uncertain.value or 0) < 0.95


def test_every_hospital_has_a_row_with_the_classes_it_has(decision: FittedDecision) -> None:
    rows = {row.name: row for row in decision.expected.hospitals}
    assert len(rows) == 7
    assert rows["NIH"].with_covid is None
    assert rows["Hannover"].without_covid is None
    assert rows["Radiopaedia"].with_covid is not None
    for row in rows.values():
        assert row.low <= row.high
        assert row.name in decision.bands


def test_operating_points_are_ordered_and_say_how_they_were_chosen(decision: FittedDecision) -> None:
    rule = decision.rule
    assert 0 < rule.low < rule.high < 1
    assert "7 hospitals and collections" in rule.chosen_on
    assert "at most 10 % of the films without COVID-19 are positive" in rule.chosen_on


def test_the_calibration_that_is_better_elsewhere_is_taken(decision: FittedDecision) -> None:
    checks = {(check.fitted_on, check.measured_on): check for check in decision.expected.calibration}
    assert decision.rule.fitted_on == LEFT_OUT
    assert checks[LEFT_OUT, LEFT_OUT].brier < checks[KNOWN, LEFT_OUT].brier
    assert checks[KNOWN, KNOWN].brier < checks[LEFT_OUT, KNOWN].brier
    assert checks[LEFT_OUT, LEFT_OUT].slope == pytest.approx(1, abs=0.25)
    assert decision.rule.method == "Platt 1999, fitted on films of hospitals left out"


def test_known_patients_are_measured_by_the_shipped_points(films: Films, decision: FittedDecision) -> None:
    logits = 8.0 * (2 * films.labels - 1)
    rule = decision.rule
    scores = sigmoid(rule.slope * logits + rule.intercept)
    known = measure_known(films, films.labels >= 0, scores, rule)
    assert known.without_covid is not None
    assert known.with_covid is not None
    assert (known.without_covid.negative.value, known.with_covid.positive.value) == (1.0, 1.0)
    assert known.without_covid.films == int((films.labels == 0).sum())


def test_only_the_merged_network_of_a_fold_is_read(films: Films, runs: Path, tmp_path: Path) -> None:
    for run in runs.iterdir():
        for copy in (tmp_path / run.name, tmp_path / f"{run.name}-1"):
            copy.mkdir()
            (copy / "scores.csv").write_bytes((run / "scores.csv").read_bytes())
    read = read_left_out_scores(films, tmp_path)
    assert len(read.with_covid["Hannover"].logits) == 2  # two folds leave it out
    assert read.with_covid["Hannover"].count == COUNT


def test_a_fold_that_is_missing_is_named(films: Films, tmp_path: Path) -> None:
    with pytest.raises(BundleError, match="fold cohen is not trained"):
        read_left_out_scores(films, tmp_path)


def test_the_range_finds_hospitals_left_out(films: Films, runs: Path, decision: FittedDecision) -> None:
    held_out = np.arange(len(films.records)) % 4 == 0
    rows, with_note, without_note = measure_feature_range(films, runs, held_out, decision.bands)
    assert {row.name for row in rows} == set(decision.bands)
    assert min(row.auroc for row in rows) > 0.9
    assert with_note.films > without_note.films
    assert with_note.wrong is not None


def test_a_fold_without_features_is_named(films: Films, runs: Path, tmp_path: Path) -> None:
    bands = dict.fromkeys(np.unique(hospital_names(films)), Band(-1, 1))
    with pytest.raises(BundleError, match=r"cohen/features\.npy is missing"):
        measure_feature_range(films, tmp_path, np.zeros(len(films.records), dtype=bool), bands)


def test_pooled_features_are_those_of_the_pool() -> None:
    given = layers.Input((2, 2, 3))
    pooled = layers.GlobalAveragePooling2D(name="pool")(given)
    network = keras.Model(given, layers.Dense(1)(pooled))
    served = np.random.default_rng(0).random((70, 2, 2, 3)).astype(np.float16)
    found = pooled_features(network, served)
    assert found.dtype == np.float16
    assert found == pytest.approx(served.astype(np.float32).mean(axis=(1, 2)), abs=1e-3)
