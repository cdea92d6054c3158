"""An evaluation has the values of the metrics, is valid JSON, and has an interval where no call was wrong."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from ml.arrays import Float64Array
from ml.data.datasets import FilmRecord
from ml.evaluation import measurement
from ml.evaluation.card_builder import count_part
from ml.model_card.description import PartCounts
from ml.model_card.strict_json import to_json
from ml.statistics import metrics
from ml.statistics.estimate import wilson_interval
from tests.ml.helpers import record


@pytest.fixture(autouse=True)
def _few_draws(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(measurement, "BOOTSTRAPS", 100)


def films_of(labels: list[int]) -> list[FilmRecord]:
    return [
        record(Path(f"/{index}.png"), "covid-cxnet" if label else "chest_xray", "covid" if label else "normal")
        for index, label in enumerate(labels)
    ]


def evaluate(labels: list[int], scores: Any, groups: list[str] | None = None, threshold: float = 0.5) -> Any:
    films = films_of(labels)
    names = groups or [film.patient_key for film in films]
    return to_json(
        measurement.evaluate_scores("A collection", films, names, np.asarray(scores, dtype=float), threshold)
    )


def noisy(films: int = 300) -> tuple[list[int], Float64Array]:
    rng = np.random.default_rng(0)
    labels = (rng.random(films) < 0.3).astype(int)
    return labels.tolist(), np.clip(0.4 * labels + 0.6 * rng.random(films), 0, 1)


def test_row_counts_what_it_was_given() -> None:
    row = evaluate([1, 0, 0, 1], [0.9, 0.2, 0.6, 0.4], ["a", "b", "b", "a"])
    assert (row["name"], row["films"], row["positives"], row["patients"]) == ("A collection", 4, 2, 2)
    assert row["sources"] == ["chest_xray", "covid-cxnet"]
    assert row["confusion"] == {
        "true_positive": 1,
        "false_positive": 1,
        "true_negative": 1,
        "false_negative": 1,
    }


@pytest.mark.parametrize("threshold", [0.3, 0.5])
def test_values_are_the_metrics_within_their_intervals(threshold: float) -> None:
    labels, scores = noisy()
    row = evaluate(labels, scores, threshold=threshold)
    assert row["threshold"] == threshold
    assert set(row["values"]) == {
        *("accuracy", "precision", "recall", "specificity", "f1", "auroc", "auprc", "brier", "ece"),
    }
    for name in ("accuracy", "precision", "recall", "specificity", "f1"):
        expected = getattr(metrics, name)(labels, scores, threshold)
        assert row["values"][name]["value"] == pytest.approx(expected, abs=1e-6)
    for name in ("auroc", "auprc", "brier"):
        assert row["values"][name]["value"] == pytest.approx(getattr(metrics, name)(labels, scores), abs=1e-6)
    # A resampled set is less calibrated than the set itself, so ece may lie below its own interval.
    for name, value in row["values"].items():
        assert name == "ece" or value["low"] <= value["value"] <= value["high"]
        assert value["low"] < value["high"]


@pytest.mark.parametrize("threshold", [0.3, 0.5])
def test_report_gives_each_class_its_own_figures(threshold: float) -> None:
    """For the other class, labels and calls are swapped."""
    labels, scores = noisy()
    called = scores >= threshold
    sides = {"not COVID-19": (1 - np.array(labels), 1.0 - called), "COVID-19": (np.array(labels), 1.0 * called)}
    report = evaluate(labels, scores, threshold=threshold)["report"]
    assert [part["class"] for part in report] == list(sides)
    for part in report:
        truth, calls = sides[part["class"]]
        assert part["films"] == truth.sum()
        assert part["precision"] == pytest.approx(metrics.precision(truth, calls), abs=1e-6)
        assert part["recall"] == pytest.approx(metrics.recall(truth, calls), abs=1e-6)
        assert part["f1"] == pytest.approx(metrics.f1(truth, calls), abs=1e-6)


@pytest.mark.parametrize(
    ("labels", "scores"),
    [
        ([1, 0, 1, 0], [0.9, 0.1, 0.8, 0.2]),
        ([1, 1, 1], [0.9, 0.8, 0.1]),
        ([0, 0, 0], [0.1, 0.2, 0.3]),
        ([0], [0.4]),
        (*noisy(),),
    ],
    ids=["perfect", "positives only", "negatives only", "one film", "noisy"],
)
def test_row_is_json_without_nan(labels: list[int], scores: Any) -> None:
    row = evaluate(labels, scores)
    assert json.loads(json.dumps(row, allow_nan=False)) == row


def test_undefined_is_null() -> None:
    row = evaluate([0, 0, 0], [0.1, 0.2, 0.3])
    assert row["values"]["auroc"] == {"value": None, "low": None, "high": None}
    assert row["values"]["recall"]["value"] is None
    assert row["report"][1]["recall"] is None
    assert row["report"][0]["recall"] == 1


def test_perfect_scores_still_have_an_interval_of_patients() -> None:
    """Twelve films of one class, six patients: Wilson over six, not over twelve, and no collapsed 1.0 to 1.0."""
    labels = [1, 0] * 12
    groups = [f"{label}-{index // 4}" for index, label in enumerate(labels)]
    values = evaluate(labels, [0.9, 0.1] * 12, groups)["values"]
    by_class, overall = wilson_interval(6, 6)[0], wilson_interval(12, 12)[0]
    for name in ("precision", "recall", "specificity"):
        assert values[name] == {"value": 1.0, "low": pytest.approx(by_class, abs=1e-6), "high": 1.0}
    assert values["accuracy"] == {"value": 1.0, "low": pytest.approx(overall, abs=1e-6), "high": 1.0}
    # An area is no share, and there is nothing to say about it here.
    assert values["auroc"] == {"value": 1.0, "low": None, "high": None}


def test_intervals_are_drawn_by_group() -> None:
    labels = [0, 1] * 40
    scores = [0.1, 0.9] * 36 + [0.9, 0.1] * 4
    single = evaluate(labels, scores)["values"]["accuracy"]
    grouped = evaluate(labels, scores, [str(index // 8) for index in range(80)])["values"]["accuracy"]
    assert grouped["high"] - grouped["low"] > 1.5 * (single["high"] - single["low"])


def test_long_curves_are_thinned_and_keep_their_ends() -> None:
    labels, scores = noisy(1000)
    row = evaluate(labels, scores)
    assert len(row["roc"]) == len(row["pr"]) == measurement.CURVE_POINTS
    assert row["roc"][0] == [0, 0]
    assert row["roc"][-1] == [1, 1]
    first, *_, last = metrics.pr_points(labels, scores)
    assert row["pr"][0] == pytest.approx(list(first[:2]), abs=1e-6)
    assert row["pr"][-1] == pytest.approx(list(last[:2]), abs=1e-6)
    rising = np.array(row["roc"])
    assert (np.diff(rising, axis=0) >= 0).all()


def test_short_curves_are_kept_whole() -> None:
    row = evaluate([1, 0, 1, 0], [0.9, 0.8, 0.4, 0.1])
    assert row["roc"] == [[0, 0], [0, 0.5], [0.5, 0.5], [0.5, 1], [1, 1]]
    assert row["pr"] == [[0.5, 1], [0.5, 0.5], [1, pytest.approx(2 / 3, abs=1e-6)], [1, 0.5]]


def test_part_counts() -> None:
    assert count_part(films_of([1, 0, 1]), ["a", "b", "a"]) == PartCounts(films=3, positives=2, patients=2)
