"""Augmentation of the educational project: shear, zoom and horizontal flip, seeded."""

from __future__ import annotations

import keras
import numpy as np

from ml.arrays import Float32Array

SHEAR_DEGREES = 0.2  # Keras' ImageDataGenerator(shear_range=0.2) means degrees, so the original hardly sheared
ZOOM = 0.2


def seed_augment(films: Float32Array, rng: np.random.Generator) -> Float32Array:
    """Shear by up to 0.2 degrees, zoom each axis by 0.8 to 1.2, flip half of the films left to right.

    Args:
        films: float32 [N, H, W, C].
        rng: source of the draws.

    Returns:
        float32 [N, H, W, C]; pixels from outside the film repeat its border.
    """
    transforms = np.stack([_draw_transform(films.shape[1], films.shape[2], rng) for _ in films])
    moved = keras.ops.image.affine_transform(
        films, transforms, interpolation="bilinear", fill_mode="nearest", data_format="channels_last"
    )
    return np.asarray(moved, dtype=np.float32)


def _draw_transform(height: int, width: int, rng: np.random.Generator) -> Float32Array:
    """Return the 8 numbers that map an output pixel (x, y) to its input pixel."""
    shear = np.tan(np.deg2rad(rng.uniform(-SHEAR_DEGREES, SHEAR_DEGREES)))
    zoom_x, zoom_y = rng.uniform(1 - ZOOM, 1 + ZOOM, 2)
    flip = -1.0 if rng.random() < 0.5 else 1.0
    about_centre = np.array([[1, 0, (width - 1) / 2], [0, 1, (height - 1) / 2], [0, 0, 1]])
    move = np.array([[flip * zoom_x, shear, 0], [0, zoom_y, 0], [0, 0, 1]])
    matrix = about_centre @ move @ np.linalg.inv(about_centre)
    return np.asarray(matrix.ravel()[:8], dtype=np.float32)
