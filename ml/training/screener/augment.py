"""Augmentation for the screener: views of a film as if other hospitals had acquired it.

A view depends on the seed, the film's position and the view's number alone, so that an interrupted cache
continues with the same pictures. View 0 is the film as it is served.
"""

from __future__ import annotations

from io import BytesIO

import numpy as np
from PIL import Image, ImageFilter

from ml.arrays import Float32Array
from ml.decoding.preprocess import Grey
from ml.inference.lung_crop import CLIP, MARGIN, LungBox, crop, equalise

_FILTERS = (Image.Resampling.BILINEAR, Image.Resampling.BICUBIC, Image.Resampling.LANCZOS, Image.Resampling.NEAREST)
_FILTER_SHARES = (0.4, 0.3, 0.2, 0.1)


def film_view(pixels: Grey, box: LungBox, size: int, number: int, film: int) -> Float32Array:
    """Return one view of a film.

    Args:
        pixels: the working picture, uint8 [H, W].
        box: its lung box.
        size: side of the view in pixels.
        number: 0 for the film as served, from 1 on augmented.
        film: position of the film in the data, part of the seed.

    Returns:
        float32 [size, size, 1] in 0..1.
    """
    if number == 0:
        return equalise(crop(pixels, box, size))[..., None]
    rng = np.random.default_rng([number, film])
    x = _crop_lungs(_recompress(pixels, rng), box, pixels.shape[1], size, rng)
    x = _change_exposure(x, rng)
    x = equalise((x * 255).astype(np.uint8), float(CLIP * np.exp(rng.normal(0, 0.5))))
    share = rng.uniform(0, 0.35)  # mixed in, so that the network does not depend on perfect equalisation
    x = np.asarray((1 - share) * x + share * x ** rng.uniform(0.6, 1.7), dtype=np.float32)
    return _hide_corners(x, rng)[..., None]


def _recompress(pixels: Grey, rng: np.random.Generator) -> Image.Image:
    """Shrink by a random filter and save as JPEG, each in half of the views."""
    picture = Image.fromarray(pixels)
    if rng.random() < 0.5:
        factor = min(1.0, rng.uniform(0.35, 1.0) * 512 / max(picture.size))
        size = (max(64, int(picture.width * factor)), max(64, int(picture.height * factor)))
        picture = picture.resize(size, _FILTERS[rng.choice(4, p=_FILTER_SHARES)])
    if rng.random() < 0.5:
        out = BytesIO()
        picture.save(out, "JPEG", quality=int(rng.integers(25, 95)))
        picture = Image.open(out)
        picture.load()
    return picture


def _crop_lungs(picture: Image.Image, box: LungBox, width: int, size: int, rng: np.random.Generator) -> Float32Array:
    """Return the lung crop, turned, moved and scaled a little."""
    scale = picture.width / width
    angle = float(rng.normal(0, 5))
    y, x = (box.y * scale, box.x * scale)
    turned = picture.rotate(angle, Image.Resampling.BILINEAR, center=(x, y))
    side = box.side * scale
    moved = LungBox(y + rng.normal(0, 0.04) * side, x + rng.normal(0, 0.04) * side, side, box.area, box.found)
    margin = float(MARGIN * np.exp(rng.normal(0, 0.08)))
    return np.asarray(crop(np.asarray(turned), moved, size, margin), dtype=np.float32) / np.float32(255)


def _change_exposure(x: Float32Array, rng: np.random.Generator) -> Float32Array:
    """Change contrast, sharpness and noise, as another tube voltage and detector would."""
    x = np.asarray(x ** np.exp(rng.normal(0, 0.25)), dtype=np.float32)
    if rng.random() < 0.4:
        x = _blur(x, rng.uniform(0.2, 1.3))
    elif rng.random() < 0.3:
        x = np.asarray(x + rng.uniform(0.3, 1.2) * (x - _blur(x, 1.5)), dtype=np.float32)
    if rng.random() < 0.4:
        x = np.asarray(x + rng.normal(0, rng.uniform(0.005, 0.04), x.shape), dtype=np.float32)
    return np.asarray(x.clip(0, 1), dtype=np.float32)


def _blur(x: Float32Array, radius: float) -> Float32Array:
    picture = Image.fromarray((x.clip(0, 1) * 255).astype(np.uint8)).filter(ImageFilter.GaussianBlur(radius))
    return np.asarray(picture, dtype=np.float32) / np.float32(255)


def _hide_corners(x: Float32Array, rng: np.random.Generator) -> Float32Array:
    """Blank each corner in three of ten views: letters and markers are there."""
    size = len(x)
    x = x.copy()
    for top in (True, False):
        for left in (True, False):
            height, width = (rng.uniform(0.08, 0.28, 2) * size).astype(int)
            grey = rng.choice([0.0, 1.0, rng.random()])
            if rng.random() < 0.3:
                rows = slice(0, height) if top else slice(size - height, size)
                x[rows, slice(0, width) if left else slice(size - width, size)] = grey
    return np.asarray(x.clip(0, 1), dtype=np.float32)
