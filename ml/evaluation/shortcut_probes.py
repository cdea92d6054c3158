"""Shortcut probes: does the model look at lungs, or at what gives the hospital away?

After DeGrave, Janizek & Lee (Nature Machine Intelligence 2021) and Maguolo & Nanni (Information Fusion 2021).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
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
from ml.statistics.metrics import auroc

BORDER = 0.12  # of the film's sides; what the border probe leaves
THUMBNAIL = 32  # pixels
GROW = 9  # pixels of the 256-pixel mask; the lungs' edge belongs to the lungs
BATCH = 8

Change = Callable[[Grey, NDArray[np.bool_]], Grey]


def lungs_hidden(film: Grey, lungs: NDArray[np.bool_]) -> Grey:
    """The lungs blacked out."""
    return np.where(lungs, np.uint8(0), film)


def lungs_alone(film: Grey, lungs: NDArray[np.bool_]) -> Grey:
    """Everything but the lungs blacked out."""
    return np.where(lungs, film, np.uint8(0))


def border_alone(film: Grey, lungs: NDArray[np.bool_]) -> Grey:
    """Only the outer frame of the film."""
    hidden = film.copy()
    rows, columns = (int(side * BORDER) for side in film.shape)
    hidden[rows:-rows, columns:-columns] = 0
    return hidden


def thumbnail(film: Grey, lungs: NDArray[np.bool_]) -> Grey:
    """The film as a picture of 32 × 32 pixels."""
    picture = Image.fromarray(film)
    small = picture.resize((THUMBNAIL, THUMBNAIL), Image.Resampling.BOX)
    return np.asarray(small.resize(picture.size, Image.Resampling.BILINEAR))


CHANGES: dict[str, tuple[Change, bool, str]] = {
    # name: what is done to the film, whether the network still sees where the lungs were, what should happen
    "lungs blacked out": (lungs_hidden, True, "should fall towards 0.5"),
    "everything but the lungs blacked out": (lungs_alone, True, "should hold"),
    "border only": (border_alone, False, "should fall towards 0.5"),
    "32 × 32 thumbnail": (thumbnail, True, "what coarse brightness alone can tell"),
}


def probe(classifier: Classifier, films: Sequence[Grey], labels: NDArray[Any]) -> list[dict[str, Any]]:
    """AUROC on changed films, beside that on the films as they are.

    Args:
        classifier: a bundle whose network takes lung crops.
        films: working pictures, [N].
        labels: 0 or 1, [N].
    """
    masks = masks_of(classifier, films)
    rows = [{"name": "films as they are", "auroc": _auroc(classifier, films, masks, labels), "expected": ""}]
    for name, (change, keep_place, expected) in CHANGES.items():
        changed = [change(film, _full(mask, film)) for film, mask in zip(films, masks, strict=True)]
        seen = masks if keep_place else [np.zeros_like(mask) for mask in masks]
        rows.append({"name": name, "auroc": _auroc(classifier, changed, seen, labels), "expected": expected})
    return rows


def masks_of(classifier: Classifier, films: Sequence[Grey]) -> list[Float32Array]:
    """Probability of lung for each film, [64, 64] over the film padded to a square."""
    return [mask for start in range(0, len(films), BATCH) for mask in classifier.masks(films[start : start + BATCH])]


def map_in_lungs(classifier: Classifier, films: Sequence[Grey]) -> float:
    """Mean share of what speaks for COVID-19 in the maps that lies inside the lungs."""
    shares = []
    for start in range(0, len(films), BATCH):
        some = films[start : start + BATCH]
        masks = classifier.masks(some)
        size = classifier.bundle.input.height
        inputs = np.stack([to_lung_input(film, mask, size) for film, mask in zip(some, masks, strict=True)])
        maps = classifier.predict(inputs).maps
        if maps is None:
            return float("nan")
        for film, mask, heat in zip(some, masks, maps, strict=True):
            box = lung_box(mask, (film.shape[0], film.shape[1]))
            lungs = crop(_full(mask, film) * np.uint8(255), box, heat.shape[0]) > 127
            hot = np.clip(heat, 0, None)
            if hot.sum() > 0:
                shares.append(float(hot[lungs].sum() / hot.sum()))
    return float(np.mean(shares)) if shares else float("nan")


def source_from_features(
    train: Float32Array, train_sources: Sequence[str], test: Float32Array, test_sources: Sequence[str]
) -> Any:
    """Can a linear probe tell a film's source from the last features?

    Returns:
        balanced accuracy on the test films, and what guessing would reach.
    """
    mean, scale = train.mean(axis=0), train.std(axis=0) + 1e-6
    model = LogisticRegression(C=0.05, max_iter=300, class_weight="balanced")
    model.fit((train - mean) / scale, train_sources)
    told = model.predict((test - mean) / scale)
    chance = 1 / len(set(test_sources))
    return {"balanced_accuracy": round(float(balanced_accuracy_score(test_sources, told)), 4), "chance": chance}


def _auroc(
    classifier: Classifier, films: Sequence[Grey], masks: Sequence[Float32Array], labels: NDArray[Any]
) -> float:
    size = classifier.bundle.input.height
    scores = []
    for start in range(0, len(films), BATCH):
        pairs = zip(films[start : start + BATCH], masks[start : start + BATCH], strict=True)
        scores.append(classifier.predict(np.stack([to_lung_input(film, mask, size) for film, mask in pairs])).scores)
    return round(auroc(labels, np.concatenate(scores)), 4)


def _full(mask: Float32Array, film: Grey) -> NDArray[np.bool_]:
    """A mask over the padded square, grown a little, as a mask over the film."""
    height, width = film.shape
    picture = Image.fromarray(((mask > 0.5) * 255).astype(np.uint8)).resize((256, 256), Image.Resampling.BILINEAR)
    grown = picture.filter(ImageFilter.MaxFilter(GROW)).resize((max(film.shape), max(film.shape)))
    top, left = (max(film.shape) - height) // 2, (max(film.shape) - width) // 2
    return np.asarray(grown)[top : top + height, left : left + width] > 127
