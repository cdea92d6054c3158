"""Augmentation moves pictures, seeded, and invents no grey values."""

from typing import Any

import numpy as np
import pytest

pytest.importorskip("tensorflow")

from ml.arrays import Float32Array
from ml.training.seed_cnn.augment import seed_augment

Films = Float32Array


def films_of(count: int, height: int = 24, width: int = 20) -> Films:
    """Smooth pictures, darker on the left, so that a flip shows."""
    ramp = np.linspace(0.2, 0.8, width, dtype=np.float32)[None, None, :, None]
    return np.repeat(np.repeat(np.repeat(ramp, height, axis=1), 3, axis=3), count, axis=0)


class Stub:
    """Draws what it is told: shear and zoom at the middle of their ranges unless set, a flip below one half."""

    def __init__(self, flip: float = 0.9, zoom: float | None = None) -> None:
        self.flip, self.zoom = flip, zoom

    def uniform(self, low: float, high: float, size: int | None = None) -> Any:
        middle = (low + high) / 2
        return middle if size is None else np.full(size, self.zoom or middle)

    def random(self) -> float:
        return self.flip


def augment(films: Films, draws: Stub) -> Films:
    return seed_augment(films, draws)  # type: ignore[arg-type]  # a stub in the place of a generator


def textured() -> Films:
    return np.random.default_rng(0).random((2, 17, 12, 3), dtype=np.float32)


def test_no_shear_no_zoom_no_flip_is_the_film_itself() -> None:
    assert np.allclose(augment(textured(), Stub()), textured(), atol=1e-5)


def test_a_flip_is_exact() -> None:
    assert np.allclose(augment(textured(), Stub(flip=0.1)), textured()[:, :, ::-1], atol=1e-5)


def test_zoom_is_about_the_centre_and_repeats_the_border() -> None:
    film = np.zeros((1, 21, 21, 1), dtype=np.float32)
    film[:, 6:15, 6:15] = 1
    smaller = augment(film, Stub(zoom=1.2))
    assert smaller.sum() < 0.8 * film.sum()
    assert np.allclose(smaller, smaller[:, ::-1, ::-1], atol=1e-5)
    bright_border = 1 - film
    assert augment(bright_border, Stub(zoom=1.2))[0, 0, 0, 0] == 1


def test_same_seed_same_films_other_seed_others() -> None:
    first, again, other = (seed_augment(films_of(8), np.random.default_rng(seed)) for seed in (3, 3, 4))
    assert np.array_equal(first, again)
    assert not np.allclose(first, other)


def test_shape_type_and_range_are_kept() -> None:
    films = textured()
    moved = seed_augment(films, np.random.default_rng(1))
    assert moved.shape == films.shape
    assert moved.dtype == np.float32
    assert films.min() - 1e-5 <= moved.min() < moved.max() <= films.max() + 1e-5


def test_channels_move_together() -> None:
    moved = seed_augment(films_of(4), np.random.default_rng(2))
    assert np.array_equal(moved[..., 0], moved[..., 1])
    assert np.array_equal(moved[..., 0], moved[..., 2])


def test_about_half_of_the_films_are_flipped_each_for_itself() -> None:
    moved = seed_augment(films_of(400), np.random.default_rng(0))
    flipped = moved[:, :, :8].mean(axis=(1, 2, 3)) > moved[:, :, -8:].mean(axis=(1, 2, 3))
    assert 160 < flipped.sum() < 240  # four standard deviations of a fair coin


def test_the_film_given_is_left_alone() -> None:
    films = textured()
    seed_augment(films, np.random.default_rng(1))
    assert np.array_equal(films, textured())
