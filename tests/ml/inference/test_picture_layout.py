"""Layout features: what of them tells a user interface or a document from a film."""

from __future__ import annotations

import numpy as np
import pytest
from PIL import Image, ImageDraw

from ml.decoding.preprocess import Grey
from ml.inference.lung_crop import mask_input
from ml.inference.picture_layout import EDGE_LINES, LAYOUT_FEATURES, layout_features
from ml.phantom.film import PhantomSpec, chest

RNG = np.random.default_rng(2)
FLAT_BETWEEN, ASPECT = 2 * (EDGE_LINES + 2) + 2, LAYOUT_FEATURES - 9


def features(picture: Grey) -> np.ndarray:
    return layout_features(picture, mask_input(picture))


def film() -> Grey:
    return chest(PhantomSpec(height=448, width=416, seed=5)).astype(np.uint8)


def window() -> Grey:
    """A film in a grey window with a bar and lines of text."""
    screen = Image.new("L", (640, 448), 120)
    draw = ImageDraw.Draw(screen)
    draw.rectangle((0, 0, 640, 40), fill=220)
    for row in range(60, 440, 12):
        draw.text((4, row), "Patient study series", fill=255)
    screen.paste(Image.fromarray(film()).resize((400, 400)), (200, 44))
    return np.asarray(screen)


@pytest.mark.parametrize("shape", [(448, 416), (64, 900), (900, 64), (1024, 1024), (100, 100)])
def test_every_shape_gives_finite_numbers(shape: tuple[int, int]) -> None:
    found = features(RNG.integers(0, 256, shape).astype(np.uint8))
    assert found.shape == (LAYOUT_FEATURES,)
    assert found.dtype == np.float32
    assert np.isfinite(found).all()


def test_a_window_has_longer_edges_flat_grey_and_text() -> None:
    plain, shown = features(film()), features(window())
    assert shown[0] > plain[0] + 0.2  # the longest upright edge
    assert shown[FLAT_BETWEEN] > plain[FLAT_BETWEEN] + 0.1
    assert shown[-8:-3].sum() > 3 * plain[-8:-3].sum()  # strong steps along rows
    assert shown[-3] > plain[-3]  # pixels equal to their neighbour


def test_proportions_are_read_from_the_film_and_not_from_the_padded_square() -> None:
    wide = np.tile(film(), (1, 2))
    assert features(wide)[ASPECT] - features(film())[ASPECT] == pytest.approx(0.5, abs=1e-6)
