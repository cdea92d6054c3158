from __future__ import annotations

import numpy as np
import pytest

from ml.inference.lung_crop import LungBox, crop, equalise, lung_box, mask_input, to_lung_input, two_largest


def mask_with(*boxes: tuple[int, int, int, int]) -> np.ndarray:
    mask = np.zeros((64, 64), dtype=np.float32)
    for top, bottom, left, right in boxes:
        mask[top:bottom, left:right] = 1.0
    return mask


LUNGS = mask_with((12, 50, 8, 26), (12, 50, 38, 56))


def test_the_box_lies_around_both_lungs_in_the_films_pixels() -> None:
    box = lung_box(LUNGS, (640, 640))
    assert (box.y, box.x, box.side, box.found) == (310.0, 320.0, 480.0, True)


@pytest.mark.parametrize("shape", [(640, 480), (480, 640)])
def test_a_film_that_is_not_square_was_padded_evenly(shape: tuple[int, int]) -> None:
    square, box = lung_box(LUNGS, (640, 640)), lung_box(LUNGS, shape)
    assert box.y == square.y - (640 - shape[0]) / 2
    assert box.x == square.x - (640 - shape[1]) / 2


def test_without_lungs_it_is_the_middle_of_the_film() -> None:
    box = lung_box(np.zeros((64, 64), dtype=np.float32), (300, 200))
    assert (box.y, box.x, box.side, box.found) == (150.0, 100.0, 200.0, False)


def test_specks_beside_the_lungs_do_not_widen_the_box() -> None:
    with_speck = np.maximum(LUNGS, mask_with((60, 63, 60, 63)))
    assert lung_box(with_speck, (640, 640)) == lung_box(LUNGS, (640, 640))
    assert np.array_equal(two_largest(with_speck > 0.5), LUNGS > 0.5)


def test_a_crop_beyond_the_edge_is_black_there() -> None:
    film = np.full((100, 100), 200, dtype=np.uint8)
    cut = crop(film, LungBox(0.0, 50.0, 100.0, 0.3, True), 50, margin=1.0)
    assert (cut[:20] == 0).all()
    assert (cut[30:] == 200).all()


def test_equalising_undoes_a_change_of_exposure() -> None:
    film = np.random.default_rng(0).integers(20, 200, (90, 90)).astype(np.uint8)
    darker = (255 * (film / 255.0) ** 1.6).astype(np.uint8)
    assert np.abs(equalise(film) - equalise(darker)).mean() < 0.02
    assert np.abs(film / 255.0 - darker / 255.0).mean() > 0.08


def test_inputs_have_the_shapes_the_networks_take() -> None:
    film = np.random.default_rng(0).integers(0, 255, (200, 150)).astype(np.uint8)
    assert mask_input(film).shape == (128, 128, 1)
    made = to_lung_input(film, LUNGS, 224)
    assert made.shape == (224, 224, 1)
    assert made.dtype == np.float32
    assert 0 <= made.min() <= made.max() <= 1
