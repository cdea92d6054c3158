from __future__ import annotations

from io import BytesIO

import numpy as np
from PIL import Image

from ml.inference.heatmap import SIDE, overlay_png
from ml.inference.lung_crop import LungBox

BOX = LungBox(y=300.0, x=200.0, side=200.0, area=0.3, found=True)


def alpha_of(heat: np.ndarray, box: LungBox = BOX, shape: tuple[int, int] = (600, 400)) -> np.ndarray:
    with Image.open(BytesIO(overlay_png(heat.astype(np.float32), box, shape))) as picture:
        assert picture.mode == "RGBA"
        return np.asarray(picture)[..., 3]


def test_the_overlay_has_the_films_proportions() -> None:
    assert alpha_of(np.zeros((7, 7))).shape == (SIDE, round(SIDE * 400 / 600))


def test_what_speaks_against_stays_transparent() -> None:
    assert (alpha_of(np.full((7, 7), -5.0)) == 0).all()


def test_a_hot_cell_lies_where_it_was_seen() -> None:
    heat = np.full((7, 7), -3.0)
    heat[0, 6] = 6.0  # upper right of the lungs
    alpha = alpha_of(heat)
    y, x = np.unravel_index(alpha.argmax(), alpha.shape)
    scale = SIDE / 600
    assert y < BOX.y * scale
    assert x > BOX.x * scale
    assert alpha[: int(190 * scale)].max() == 0  # above the box the network saw


def test_the_scale_is_the_same_for_every_film() -> None:
    faint, strong = np.full((7, 7), 0.5), np.full((7, 7), 5.0)
    assert alpha_of(faint).max() < alpha_of(strong).max()


def test_a_box_beyond_the_film_is_cut_at_its_edges() -> None:
    box = LungBox(y=0.0, x=0.0, side=500.0, area=0.3, found=True)
    assert alpha_of(np.full((7, 7), 5.0), box).max() > 0
