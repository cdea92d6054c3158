from __future__ import annotations

from io import BytesIO

import numpy as np
import pytest
from PIL import Image

from screening.worker.inference import THUMBNAIL_SIDE, encode_pictures


@pytest.mark.parametrize(
    ("height", "width"), [(1024, 839), (839, 1024), (1024, 1024), (1000, 400), (769, 769), (300, 200), (257, 64)]
)
def test_a_thumbnail_is_the_film_made_smaller(height: int, width: int) -> None:
    """A bright quarter shows where it is in the film, whatever way the film is made smaller."""
    film = np.full((height, width), 40, dtype=np.uint8)
    film[: height // 2, : width // 2] = 200
    thumbnail = Image.open(BytesIO(encode_pictures(film).thumbnail))
    assert THUMBNAIL_SIDE * 3 / 4 <= max(thumbnail.size) <= THUMBNAIL_SIDE
    assert thumbnail.width / thumbnail.height == pytest.approx(width / height, rel=0.02)
    seen = np.asarray(thumbnail)
    rows, columns = thumbnail.height // 2, thumbnail.width // 2
    assert seen[: rows - 4, : columns - 4].min() > 180
    assert seen[rows + 4 :].max() < 60
    assert seen[:, columns + 4 :].max() < 60


def test_a_small_film_is_not_enlarged() -> None:
    film = np.linspace(0, 255, 100 * 200, dtype=np.uint8).reshape(100, 200)
    pictures = encode_pictures(film)
    assert Image.open(BytesIO(pictures.thumbnail)).size == Image.open(BytesIO(pictures.display)).size == (200, 100)
