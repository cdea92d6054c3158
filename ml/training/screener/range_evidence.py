"""The file ``range.npz`` of the bundle and its evidence on the card, in one call."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np

from ml.arrays import Float32Array
from ml.inference.bundle import RANGE
from ml.inference.classifier import Classifier
from ml.inference.feature_range import FeatureRange, write_range
from ml.model_card.decision_evidence import FeatureRangeEvidence, RangeResult
from ml.statistics.conformal import Band
from ml.training.screener.evidence import Parts, score_films
from ml.training.screener.feature_range import (
    METHOD,
    NOTED,
    describe_films,
    fit_feature_range,
    measure_feature_range,
)
from ml.training.screener.films import Films, cell_weights
from ml.training.screener.other_pictures import other_pictures


def build_feature_range(
    films: Films,
    parts: Parts,
    classifier: Classifier,
    features: Float32Array,
    runs: Path,
    target: Path,
    bands: Mapping[str, Band],
) -> FeatureRangeEvidence:
    """Fit the range on the training films, write it into the bundle, and test it.

    Args:
        films: every film.
        parts: of the films; the threshold is chosen on the validation films.
        classifier: of the bundle.
        features: pooled, of every film by the bundle, [N, C].
        runs: folder of the trained folds, with their features.
        target: folder of the bundle.
        bands: for each hospital the band of logits that was chosen without it.

    Raises:
        BundleError: when a fold has no features.
    """
    weights = cell_weights(films, parts.train)[parts.train]
    fitted = fit_feature_range(features[parts.train], weights, features[parts.validation])
    hospitals, with_note, without_note = measure_feature_range(films, runs, parts.validation | parts.test, bands)
    known = describe_films(
        "Test patients of the hospitals trained on",
        fitted,
        features[parts.test],
        features[parts.validation],
        films.groups[parts.test],
    )
    others = _test_other_pictures(films, parts, classifier, features, fitted)
    write_range(target / RANGE, fitted)
    return FeatureRangeEvidence(
        method=METHOD,
        noted_validation=NOTED,
        known=known,
        hospitals=hospitals,
        with_note=with_note,
        without_note=without_note,
        other=others,
    )


def _test_other_pictures(
    films: Films, parts: Parts, classifier: Classifier, features: Float32Array, fitted: FeatureRange
) -> tuple[RangeResult, ...]:
    tests = [film for film, use in zip(films.pixels, parts.test, strict=True) if use]
    results = []
    for name, pictures in other_pictures(tests):
        found = score_films(classifier, [picture for picture, _ in pictures]).features
        groups = np.array([group for _, group in pictures])
        results.append(describe_films(name, fitted, found, features[parts.test], groups))
    return tuple(results)
