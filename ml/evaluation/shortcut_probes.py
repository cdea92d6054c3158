"""Shortcut probes: whether the model reacts to the lungs or to traces of the hospital.

After DeGrave, Janizek & Lee (Nature Machine Intelligence 2021) and Maguolo & Nanni (Information Fusion 2021).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageFilter
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import balanced_accuracy_score

from ml.arrays import Float32Array
from ml.decoding.preprocess import Grey
from ml.inference.classifier import Classifier
from ml.inference.lung_crop import crop, lung_box, to_lung_input
from ml.model_card.evidence import ShortcutProbe, SourceProbe
from ml.statistics.metrics import auroc

BORDER = 0.12  # of the film's sides; width of the frame that the border probe keeps
THUMBNAIL = 32  # pixels
MASK_GROWTH = 9  # pixels of the 256-pixel mask, so that the edge of the lungs counts as lung
BATCH = 8

Change = Callable[[Grey, NDArray[np.bool_]], Grey]


def hide_lungs(film: Grey, lungs: NDArray[np.bool_]) -> Grey:
    """Blank the lungs."""
    return np.where(lungs, np.uint8(0), film)


def keep_lungs(film: Grey, lungs: NDArray[np.bool_]) -> Grey:
    """Blank everything but the lungs."""
    return np.where(lungs, film, np.uint8(0))


def keep_border(film: Grey, lungs: NDArray[np.bool_]) -> Grey:
    """Blank everything but the outer frame of the film."""
    hidden = film.copy()
    rows, columns = (int(side * BORDER) for side in film.shape)
    hidden[rows:-rows, columns:-columns] = 0
    return hidden


def shrink_to_thumbnail(film: Grey, lungs: NDArray[np.bool_]) -> Grey:
    """Reduce the film to 32 × 32 pixels and enlarge it to its size again."""
    picture = Image.fromarray(film)
    small = picture.resize((THUMBNAIL, THUMBNAIL), Image.Resampling.BOX)
    return np.asarray(small.resize(picture.size, Image.Resampling.BILINEAR))


@dataclass(frozen=True)
class Probe:
    """A change of the films, and what is expected of the AUROC.

    Attributes:
        name: on the card.
        change: what is done to a film, given its lung mask.
        keep_crop: whether the network still gets the crop of the original lungs.
        expected: on the card.
    """

    name: str
    change: Change
    keep_crop: bool
    expected: str


PROBES = (
    Probe("lungs blacked out", hide_lungs, True, "should fall towards 0.5"),
    Probe("everything but the lungs blacked out", keep_lungs, True, "should hold"),
    Probe("border only", keep_border, False, "should fall towards 0.5"),
    Probe("32 × 32 thumbnail", shrink_to_thumbnail, True, "what coarse brightness alone can tell"),
)


def probe_changed_films(
    classifier: Classifier, films: Sequence[Grey], labels: NDArray[Any]
) -> tuple[ShortcutProbe, ...]:
    """Return the AUROC on the films as they are and on changed films.

    Args:
        classifier: a bundle whose network takes lung crops.
        films: working pictures, [N].
        labels: 0 or 1, [N].
    """
    masks = lung_masks(classifier, films)
    rows = [ShortcutProbe("films as they are", _auroc(classifier, films, masks, labels), "")]
    for probe in PROBES:
        changed = [probe.change(film, _mask_over_film(mask, film)) for film, mask in zip(films, masks, strict=True)]
        crops = masks if probe.keep_crop else [np.zeros_like(mask) for mask in masks]
        rows.append(ShortcutProbe(probe.name, _auroc(classifier, changed, crops, labels), probe.expected))
    return tuple(rows)


def lung_masks(classifier: Classifier, films: Sequence[Grey]) -> list[Float32Array]:
    """Return the probability of lung for each film: float32 [64, 64] over the film padded to a square."""
    return [mask for start in range(0, len(films), BATCH) for mask in classifier.masks(films[start : start + BATCH])]


def measure_map_in_lungs(classifier: Classifier, films: Sequence[Grey]) -> float:
    """Return the mean share of the positive activation in the maps that lies inside the lungs.

    NaN where the network has no maps.
    """
    shares = []
    for start in range(0, len(films), BATCH):
        batch = films[start : start + BATCH]
        masks = classifier.masks(batch)
        size = classifier.bundle.input.height
        inputs = np.stack([to_lung_input(film, mask, size) for film, mask in zip(batch, masks, strict=True)])
        maps = classifier.predict(inputs).maps
        if maps is None:
            return float("nan")
        for film, mask, heat in zip(batch, masks, maps, strict=True):
            box = lung_box(mask, (film.shape[0], film.shape[1]))
            lungs = crop(_mask_over_film(mask, film) * np.uint8(255), box, heat.shape[0]) > 127
            hot = np.clip(heat, 0, None)
            if hot.sum() > 0:
                shares.append(float(hot[lungs].sum() / hot.sum()))
    return float(np.mean(shares)) if shares else float("nan")


def probe_source(
    train: Float32Array, train_sources: Sequence[str], test: Float32Array, test_sources: Sequence[str]
) -> SourceProbe:
    """Fit a linear probe that predicts a film's source from the last features.

    Args:
        train: features of the films to fit on, [N, C].
        train_sources: the source of each, [N].
        test: features of the films to test on, [M, C].
        test_sources: the source of each, [M].

    Returns:
        balanced accuracy on the test films, and that of guessing.
    """
    mean, scale = train.mean(axis=0), train.std(axis=0) + 1e-6
    model = LogisticRegression(C=0.05, max_iter=300, class_weight="balanced")
    model.fit((train - mean) / scale, train_sources)
    predicted = model.predict((test - mean) / scale)
    accuracy = round(float(balanced_accuracy_score(test_sources, predicted)), 4)
    return SourceProbe(accuracy, chance=1 / len(set(test_sources)))


def _auroc(
    classifier: Classifier, films: Sequence[Grey], masks: Sequence[Float32Array], labels: NDArray[Any]
) -> float:
    size = classifier.bundle.input.height
    scores = []
    for start in range(0, len(films), BATCH):
        pairs = zip(films[start : start + BATCH], masks[start : start + BATCH], strict=True)
        scores.append(classifier.predict(np.stack([to_lung_input(film, mask, size) for film, mask in pairs])).scores)
    return round(auroc(labels, np.concatenate(scores)), 4)


def _mask_over_film(mask: Float32Array, film: Grey) -> NDArray[np.bool_]:
    """Return the mask of a padded square as a mask over the film, grown a little."""
    height, width = film.shape
    picture = Image.fromarray(((mask > 0.5) * 255).astype(np.uint8)).resize((256, 256), Image.Resampling.BILINEAR)
    grown = picture.filter(ImageFilter.MaxFilter(MASK_GROWTH)).resize((max(film.shape), max(film.shape)))
    top, left = (max(film.shape) - height) // 2, (max(film.shape) - width) // 2
    return np.asarray(grown)[top : top + height, left : left + width] > 127
