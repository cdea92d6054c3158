"""Fit of the range of the training films' features, and its test as a detector of films unlike them.

For a fold, the reference films are films it was trained on; the known patients are other films of its training
sources, and the films to detect are those of the hospitals left out. The network of a fold was trained on its known
patients too, so these are a little nearer to the reference films than new patients would be.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import keras
import numpy as np
from numpy.typing import NDArray

from ml.arrays import Float32Array, Float64Array
from ml.errors import BundleError
from ml.inference.feature_range import FeatureRange, prepare_features
from ml.model_card.decision_evidence import NoteDecisions, RangeResult
from ml.statistics.conformal import Band
from ml.statistics.estimate import Estimate, wilson_interval
from ml.statistics.metrics import auroc
from ml.training.screener.films import Films, Mask, cell_weights, folds
from ml.training.screener.left_out_scores import SCORES, hospital_names, read_logits

FEATURES = "features.npy"  # of a fold, float16 [N, C]
COMPONENTS, REFERENCES, NEIGHBOURS = 128, 500, 10
NOTED = 0.02  # share of the known patients that carries the note
BATCH = 32
METHOD = (
    f"distance to the {NEIGHBOURS}th nearest of {REFERENCES} training films, square root of the pooled features at "
    f"length 1, {COMPONENTS} principal components and the distance to them (Sun et al. 2022)"
)


@dataclass(frozen=True)
class TestedFilms:
    """Films of one hospital by one fold.

    Attributes:
        distances: [N].
        known: distances of known patients, [M].
        threshold: of the note.
        groups: patient groups, [N].
        uncertain: films without a decision, [N].
        wrong: films with a wrong decision, [N].
    """

    distances: Float32Array
    known: Float32Array
    threshold: float
    groups: NDArray[np.str_]
    uncertain: Mask
    wrong: Mask

    @property
    def noted(self) -> Mask:
        """Return which films carry the note, [N]."""
        return np.asarray(self.distances > self.threshold)


def pooled_features(network: keras.Model, served: NDArray[np.float16]) -> NDArray[np.float16]:
    """Return the pooled features of every film, float16 [N, C].

    Args:
        network: the trained part, with a layer ``pool``, see :func:`ml.training.screener.network.trained_part`.
        served: cached features of the films as they are served, [N, ...].
    """
    pool = keras.Model(network.input, network.get_layer("pool").output)
    batches = (served[start : start + BATCH].astype(np.float32) for start in range(0, len(served), BATCH))
    return np.concatenate([np.asarray(pool(batch, training=False)).astype(np.float16) for batch in batches])


def fit_feature_range(
    features: Float32Array, weights: Float64Array, known: Float32Array, share: float = NOTED
) -> FeatureRange:
    """Fit the range of some films' features.

    Args:
        features: pooled, of the training films, [N, C].
        weights: how often each is drawn as a reference film, [N], sums to 1.
        known: pooled features of patients that are not among these films, [M, C], for the threshold.
        share: of the known patients, beyond the threshold.
    """
    prepared = prepare_features(features)
    mean = prepared.mean(axis=0)
    centred = prepared - mean
    _, vectors = np.linalg.eigh(centred.T @ centred)
    components = vectors[:, ::-1][:, : min(COMPONENTS, len(features) - 1)]
    size = min(REFERENCES, int(np.count_nonzero(weights)))
    chosen = np.random.default_rng(0).choice(len(features), size, replace=False, p=weights)
    references = _as_stored(centred[chosen] @ components)
    fitted = FeatureRange(_as_stored(mean), _as_stored(components), references, min(NEIGHBOURS, size), np.inf)
    return replace(fitted, threshold=float(np.quantile(fitted.distances(known), 1 - share)))


def measure_feature_range(
    films: Films, runs: Path, held_out: Mask, bands: Mapping[str, Band]
) -> tuple[tuple[RangeResult, ...], NoteDecisions, NoteDecisions]:
    """Test the distance on hospitals left out: fitted on each fold's training films, applied to its test films.

    Args:
        films: every film.
        runs: folder of the trained folds, with ``FOLD/features.npy``.
        held_out: films that are not used as reference films, [N]; those of the training sources are known patients.
        bands: for each hospital the band of logits that was chosen without it.

    Returns:
        a row for each hospital, the mean over the folds that leave it out; the decisions on all films with the note;
        those on all films without it.

    Raises:
        BundleError: when a fold has no features.
    """
    names = hospital_names(films)
    found: dict[str, list[TestedFilms]] = {}
    for fold, plan in folds(films).items():
        features, logits = _read_fold(films, runs / fold)
        fitted = _fit_on_fold(films, features, plan.train, held_out)
        distances = fitted.distances(features)
        for name in np.unique(names[~np.isnan(logits)]):
            part = ~np.isnan(logits) & (names == name)
            found.setdefault(str(name), []).append(
                _tested(films, part, logits, distances, distances[plan.train & held_out], fitted, bands[str(name)])
            )
    every = [item for items in found.values() for item in items]
    rows = tuple(_describe_hospital(name, items) for name, items in sorted(found.items()))
    return rows, _decisions(every, noted=True), _decisions(every, noted=False)


def describe_films(
    name: str, feature_range: FeatureRange, features: Float32Array, known: Float32Array, groups: NDArray[np.str_]
) -> RangeResult:
    """Return what the shipped range tells about some films.

    Args:
        name: of the films.
        feature_range: of the shipped model.
        features: of the films, [N, C].
        known: features of known patients to separate them from, [M, C].
        groups: patient groups of the films, [N].
    """
    distances = feature_range.distances(features)
    noted = _wilson(distances > feature_range.threshold, groups)
    return RangeResult(name, len(features), _auroc(feature_range.distances(known), distances), noted)


def _read_fold(films: Films, folder: Path) -> tuple[Float32Array, Float64Array]:
    if not (folder / FEATURES).exists():
        raise BundleError(f"{folder / FEATURES} is missing; train the fold again.")
    return np.load(folder / FEATURES).astype(np.float32), read_logits(films, folder / SCORES)


def _fit_on_fold(films: Films, features: Float32Array, train: Mask, held_out: Mask) -> FeatureRange:
    reference, known = train & ~held_out, train & held_out
    weights = cell_weights(films, reference)[reference]
    return fit_feature_range(features[reference], weights, features[known])


def _tested(
    films: Films,
    part: Mask,
    logits: Float64Array,
    distances: Float32Array,
    known: Float32Array,
    fitted: FeatureRange,
    band: Band,
) -> TestedFilms:
    positive, negative = logits[part] >= band.high, logits[part] < band.low
    wrong = np.where(films.labels[part] == 1, negative, positive)
    uncertain = ~positive & ~negative
    return TestedFilms(distances[part], known, fitted.threshold, films.groups[part], uncertain, wrong)


def _describe_hospital(name: str, items: Sequence[TestedFilms]) -> RangeResult:
    separation = float(np.mean([_auroc(item.known, item.distances) for item in items]))
    noted = _wilson(np.concatenate([item.noted for item in items]), np.concatenate([item.groups for item in items]))
    return RangeResult(name, max(len(item.distances) for item in items), round(separation, 4), noted)


def _decisions(items: Sequence[TestedFilms], *, noted: bool) -> NoteDecisions:
    chosen = np.concatenate([item.noted == noted for item in items])
    uncertain = np.concatenate([item.uncertain for item in items])[chosen]
    wrong = np.concatenate([item.wrong for item in items])[chosen]
    decided = int((~uncertain).sum())
    return NoteDecisions(
        int(chosen.sum()),
        round(float(uncertain.mean()), 4) if len(uncertain) else None,
        round(float(wrong.sum() / decided), 4) if decided else None,
    )


def _auroc(known: Float32Array, others: Float32Array) -> float:
    labels = np.repeat([0, 1], [len(known), len(others)])
    return round(auroc(labels, np.concatenate([known, others])), 4)


def _wilson(noted: Mask, groups: NDArray[np.str_]) -> Estimate:
    """Return a share with Wilson's interval over patients."""
    share, patients = float(noted.mean()), len(np.unique(groups))
    low, high = wilson_interval(share * patients, patients)
    return Estimate(round(share, 4), round(low, 4), round(high, 4), method="Wilson, by patient")


def _as_stored(values: Float32Array) -> Float32Array:
    """Return values as they are read again from a file."""
    return values.astype(np.float16).astype(np.float32)
