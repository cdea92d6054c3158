"""Every figure against scikit-learn or against arithmetic done by hand."""

import math
from dataclasses import asdict
from itertools import pairwise

import numpy as np
import pytest
import sklearn.metrics as witness
from numpy.typing import NDArray

from ml.arrays import Float64Array
from ml.statistics import metrics

LABELS = [1, 1, 1, 0, 0]
SCORES = [0.9, 0.5, 0.4, 0.6, 0.1]  # at 0.5: two true and one false positive, one true and one false negative


def sample(seed: int, films: int = 200, levels: int | None = 20) -> tuple[NDArray[np.int64], Float64Array]:
    """Labels, and scores that know a little of them; few levels make many ties."""
    rng = np.random.default_rng(seed)
    labels = rng.integers(0, 2, films)
    scores = np.clip(0.35 * labels + 0.65 * rng.random(films), 0, 1)
    return labels, scores if levels is None else np.round(scores * levels) / levels


SAMPLES = [sample(seed, levels=levels) for seed in range(4) for levels in (None, 20, 3)]


@pytest.mark.parametrize(("labels", "scores"), SAMPLES)
@pytest.mark.parametrize("threshold", [0.0, 0.35, 0.5, 0.8, 1.0])
def test_counts_and_shares(labels: NDArray[np.int64], scores: Float64Array, threshold: float) -> None:
    called = (scores >= threshold).astype(int)
    counts = metrics.confusion(labels, scores, threshold)
    expected = witness.confusion_matrix(labels, called, labels=[0, 1]).ravel().tolist()
    assert [
        counts.true_negative,
        counts.false_positive,
        counts.false_negative,
        counts.true_positive,
    ] == expected
    options = {"zero_division": float("nan")}
    pairs = [
        (metrics.accuracy, witness.accuracy_score(labels, called)),
        (metrics.precision, witness.precision_score(labels, called, **options)),
        (metrics.recall, witness.recall_score(labels, called, **options)),
        (metrics.specificity, witness.recall_score(labels, called, pos_label=0, **options)),
        (metrics.f1, witness.f1_score(labels, called, **options)),
    ]
    for ours, theirs in pairs:
        assert ours(labels, scores, threshold) == pytest.approx(theirs, nan_ok=True), ours.__name__


@pytest.mark.parametrize(("labels", "scores"), SAMPLES)
def test_areas_and_brier(labels: NDArray[np.int64], scores: Float64Array) -> None:
    assert metrics.auroc(labels, scores) == pytest.approx(witness.roc_auc_score(labels, scores))
    assert metrics.auprc(labels, scores) == pytest.approx(witness.average_precision_score(labels, scores))
    assert metrics.brier(labels, scores) == pytest.approx(witness.brier_score_loss(labels, scores))


@pytest.mark.parametrize(("labels", "scores"), SAMPLES)
def test_roc_curve(labels: NDArray[np.int64], scores: Float64Array) -> None:
    false_positive, true_positive, thresholds = witness.roc_curve(labels, scores, drop_intermediate=False)
    ours = np.array(metrics.roc_points(labels, scores))
    assert np.allclose(ours[:, 0], false_positive)
    assert np.allclose(ours[:, 1], true_positive)
    assert np.allclose(ours[1:, 2], thresholds[1:])  # the first has no film above it, whatever it is called


@pytest.mark.parametrize(("labels", "scores"), SAMPLES)
def test_precision_recall_curve(labels: NDArray[np.int64], scores: Float64Array) -> None:
    precision, recall, thresholds = witness.precision_recall_curve(labels, scores)
    ours = np.array(metrics.pr_points(labels, scores))
    theirs = np.column_stack([recall[:-1], precision[:-1], thresholds])[::-1]
    assert np.allclose(ours, theirs)


def test_all_films_tied_is_chance() -> None:
    assert metrics.auroc([1, 0, 0, 0], [0.3] * 4) == 0.5
    assert metrics.auprc([1, 0, 0, 0], [0.3] * 4) == 0.25


@pytest.mark.parametrize("perfect", [True, False])
def test_perfect_and_worst_order(perfect: bool) -> None:
    labels = [1, 1, 0, 0] if perfect else [0, 0, 1, 1]
    assert metrics.auroc(labels, [0.9, 0.8, 0.2, 0.1]) == float(perfect)


@pytest.mark.parametrize(
    ("labels", "undefined"),
    [
        ([0, 0, 0], {"recall", "auroc", "auprc"}),
        ([1, 1, 1], {"specificity", "auroc"}),
    ],
)
def test_a_missing_class_leaves_undefined_what_needs_it(labels: list[int], undefined: set[str]) -> None:
    names = ("accuracy", "precision", "recall", "specificity", "f1", "auroc", "auprc", "brier")
    values = {name: getattr(metrics, name)(labels, [0.2, 0.6, 0.7]) for name in names}
    assert {name for name, value in values.items() if math.isnan(value)} == undefined


def test_nothing_called_positive_leaves_precision_undefined() -> None:
    assert math.isnan(metrics.precision(LABELS, SCORES, 0.95))
    assert metrics.recall(LABELS, SCORES, 0.95) == 0
    assert metrics.f1(LABELS, SCORES, 0.95) == 0


def test_the_threshold_itself_counts_as_positive() -> None:
    assert metrics.confusion(LABELS, SCORES, 0.5) == metrics.Confusion(2, 1, 1, 1)
    assert metrics.confusion(LABELS, SCORES, 0.5001) == metrics.Confusion(1, 1, 1, 2)
    assert asdict(metrics.confusion(LABELS, SCORES)) == {
        "true_positive": 2,
        "false_positive": 1,
        "true_negative": 1,
        "false_negative": 1,
    }


def test_precision_and_recall_are_not_swapped() -> None:
    labels, scores = [1, 1, 1, 1, 0], [0.9, 0.1, 0.1, 0.1, 0.1]
    assert metrics.precision(labels, scores) == 1
    assert metrics.recall(labels, scores) == 0.25


def test_calibration_by_hand() -> None:
    labels, scores = [0, 1, 1, 1, 0], [0.0, 0.05, 0.72, 1.0, 0.98]
    bins = metrics.calibration_bins(labels, scores)
    assert [(part.low, part.high, part.count) for part in bins] == [(0.0, 0.1, 2), (0.7, 0.8, 1), (0.9, 1.0, 2)]
    assert [part.mean_score for part in bins] == pytest.approx([0.025, 0.72, 0.99])
    assert [part.observed for part in bins] == [0.5, 1.0, 0.5]
    by_hand = (2 * 0.475 + 1 * 0.28 + 2 * 0.49) / 5
    assert metrics.expected_calibration_error(labels, scores) == pytest.approx(by_hand)


def test_calibration_error_is_zero_where_scores_are_shares() -> None:
    assert metrics.expected_calibration_error([0, 1, 1, 1], [0.75] * 4) == 0
    assert metrics.expected_calibration_error([0, 0, 0, 0], [0.75] * 4) == 0.75


@pytest.mark.parametrize(("labels", "scores"), SAMPLES[:3])
def test_calibration_bins_hold_every_film_once(labels: NDArray[np.int64], scores: Float64Array) -> None:
    bins = metrics.calibration_bins(labels, scores, bins=7)
    assert sum(part.count for part in bins) == len(labels)
    assert sum(part.count * part.observed for part in bins) == pytest.approx(labels.sum())
    assert all(left.high <= right.low + 1e-12 for left, right in pairwise(bins))
    assert all(part.low - 1e-12 <= part.mean_score <= part.high + 1e-12 for part in bins)


def share(labels: Float64Array, scores: Float64Array) -> float:
    return float(labels.mean())


def test_bootstrap_draws_whole_groups() -> None:
    """Ten patients with twenty equal films each count as ten films, not as two hundred."""
    labels = np.repeat([0, 1] * 5, 20)
    by_patient = metrics.bootstrap_interval(share, labels, labels, [str(i // 20) for i in range(200)], repeats=400)
    by_film = metrics.bootstrap_interval(share, labels, labels, [str(i) for i in range(200)], repeats=400)
    assert by_patient[1] - by_patient[0] > 3 * (by_film[1] - by_film[0])


def test_bootstrap_never_tears_a_group() -> None:
    """Each group holds one film of each class, so that any draw of whole groups is half positive."""
    labels = [0, 1] * 10
    groups = [str(index // 2) for index in range(20)]
    assert metrics.bootstrap_interval(share, labels, labels, groups, repeats=100) == (0.5, 0.5)


def test_bootstrap_covers_the_truth() -> None:
    """Over 150 studies of 40 patients with 5 like films each; drawing films instead would cover far less."""
    rng = np.random.default_rng(7)
    covered = {"patients": 0, "films": 0}
    for _ in range(150):
        labels = np.repeat(rng.random(40) < 0.7, 5).astype(float)
        for unit, size in (("patients", 5), ("films", 1)):
            groups = [str(index // size) for index in range(200)]
            low, high = metrics.bootstrap_interval(share, labels, labels, groups, repeats=200)
            covered[unit] += low <= 0.7 <= high
    assert covered["patients"] >= 0.88 * 150
    assert covered["films"] < 0.75 * 150


def test_bootstrap_is_seeded_and_holds_the_value() -> None:
    labels, scores = sample(3, films=60)
    groups = [str(index // 2) for index in range(60)]
    first = metrics.bootstrap_interval(metrics.auroc, labels, scores, groups, repeats=200)
    assert first == metrics.bootstrap_interval(metrics.auroc, labels, scores, groups, repeats=200)
    assert first != metrics.bootstrap_interval(metrics.auroc, labels, scores, groups, repeats=200, seed=1)
    assert first[0] < metrics.auroc(labels, scores) < first[1]
    narrow = metrics.bootstrap_interval(metrics.auroc, labels, scores, groups, repeats=200, level=0.5)
    assert first[0] < narrow[0] < narrow[1] < first[1]


def test_bootstrap_leaves_undefined_draws_out() -> None:
    """Of two patients with one class each, half of the draws hold one class only."""
    low, high = metrics.bootstrap_interval(metrics.auroc, [0, 1], [0.2, 0.8], ["a", "b"], repeats=100)
    assert (low, high) == (1, 1)


def test_bootstrap_of_what_is_never_defined_is_undefined() -> None:
    interval = metrics.bootstrap_interval(metrics.auroc, [1, 1], [0.2, 0.8], ["a", "b"], repeats=20)
    assert all(math.isnan(bound) for bound in interval)


@pytest.mark.parametrize("seed", range(6))
@pytest.mark.parametrize("films", [12, 60, 300])
@pytest.mark.parametrize("wanted", [0.8, 0.95])
def test_operating_points_keep_what_they_promise(seed: int, films: int, wanted: float) -> None:
    labels, scores = sample(seed, films, levels=None if seed % 2 else 20)
    low, high = metrics.operating_points(labels, scores, wanted, wanted)
    assert 0 <= low <= high <= 1
    assert metrics.recall(labels, scores, low) >= wanted
    assert metrics.specificity(labels, scores, high) >= wanted


def test_operating_points_are_no_wider_than_needed() -> None:
    """The next film above the lower point, or below the upper one, would break the promise."""
    labels = np.repeat([1, 0], 100)
    scores = np.concatenate([np.linspace(0.3, 0.99, 100), np.linspace(0.01, 0.7, 100)])
    low, high = metrics.operating_points(labels, scores)
    assert low < high
    assert metrics.recall(labels, scores, np.nextafter(low, 1)) < 0.96
    assert metrics.specificity(labels, scores, high - 0.01) < 0.95


def test_operating_points_of_classes_far_apart_enclose_the_empty_gap() -> None:
    labels, scores = [0, 0, 0, 1, 1, 1], [0.1, 0.15, 0.2, 0.8, 0.85, 0.9]
    low, high = metrics.operating_points(labels, scores)
    assert 0.2 < low < 0.2001
    assert high == 0.8
    assert metrics.specificity(labels, scores, low) == metrics.recall(labels, scores, high) == 1


@pytest.mark.parametrize("label", [0, 1])
def test_operating_points_need_both_classes(label: int) -> None:
    with pytest.raises(ValueError, match="both classes"):
        metrics.operating_points([label] * 3, [0.1, 0.5, 0.9])
