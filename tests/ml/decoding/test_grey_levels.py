"""The fast decode against the reference decode: the same grey levels, or a score that stays within a bound."""

from __future__ import annotations

import random
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image, ImageFilter
from pydicom import uid

from ml.decoding.preprocess import Grey, decode
from ml.decoding.signatures import detect_kind
from ml.inference.bundle import find_bundle
from ml.inference.classifier import Classifier
from ml.inference.gate import check_exposure
from ml.inference.lung_crop import two_largest
from ml.phantom.film import PhantomSpec, chest, jpeg_bytes
from tests.ml import slow
from tests.ml.compressed import ENCODERS, compressed, explicit, noisy
from tests.ml.helpers import encoded
from tests.ml.reference_decode import reference_decode

# Largest change of the screener's score by the JPEG decoder's reduced size, the one step that changes grey levels.
# Measured over the 22 films of originals/: maximum 0.0586, median 0.0004 (0.0036 over the 13 JPEGs that are
# reduced; films with a side below 2048 pixels are not); over the phantoms below: maximum 0.0054.
SCORE_BOUND = 0.07
PHANTOM_SCORE_BOUND = 0.02
SAMPLE = 12  # films of each folder of real ones
FOLDERS = ("chest_xray", "covid-19-image-repository", "covid-chestxray-dataset", "covid-cxnet", "nih-chestxray14")
SUFFIXES = {".jpg", ".jpeg", ".png"}


@cache
def screener() -> Classifier:
    return Classifier(find_bundle("screener"))


def score(pixels: Grey) -> float:
    """Whatever the gate says of it."""
    prepared = screener().prepare([pixels])
    return float(screener().predict(np.stack([film.input for film in prepared])).scores[0])


def change(data: bytes) -> float:
    fast, reference = decode(data, detect_kind(data)).pixels, reference_decode(data)
    assert fast.shape == reference.shape
    return 0.0 if np.array_equal(fast, reference) else abs(score(fast) - score(reference))


def films(folder: Path) -> list[Path]:
    return sorted(path for path in folder.rglob("*") if path.suffix.lower() in SUFFIXES)


def picture(height: int = 200, width: int = 180) -> Image.Image:
    return Image.fromarray(chest(PhantomSpec(height, width, seed=5, opacities=2)))


def colourful() -> Image.Image:
    """A film with a coloured mark, of which every channel differs."""
    film = picture().convert("RGB")
    film.paste((200, 60, 20), (10, 10, 40, 30))
    return film


def veiled(alpha: int) -> Image.Image:
    film = colourful().convert("RGBA")
    film.putalpha(Image.fromarray(np.where(np.arange(180) < 60, alpha, 255).astype(np.uint8)[None].repeat(200, 0)))
    return film


def turned(orientation: int) -> dict[str, Any]:
    exif = Image.Exif()
    exif[0x0112] = orientation
    return {"exif": exif}


def deep(bits: int = 12) -> Image.Image:
    return Image.fromarray(chest(PhantomSpec(200, 180, bits=bits, seed=5)))


PICTURES: dict[str, tuple[Image.Image, str, dict[str, Any]]] = {
    "grey png": (picture(), "PNG", {}),
    "one bit png": (picture().convert("1"), "PNG", {}),
    "palette png": (picture().convert("P"), "PNG", {}),
    "transparent palette png": (picture().convert("P"), "PNG", {"transparency": 3}),
    "transparent grey png": (picture(), "PNG", {"transparency": 3}),
    "colour png": (colourful(), "PNG", {}),
    "opaque RGBA png": (veiled(255), "PNG", {}),
    "half transparent RGBA png": (veiled(128), "PNG", {}),
    "transparent RGBA png": (veiled(0), "PNG", {}),
    "opaque LA png": (picture().convert("LA"), "PNG", {}),
    "half transparent LA png": (veiled(99).convert("LA"), "PNG", {}),
    "12 bit png": (deep(), "PNG", {}),
    "16 bit png": (deep(16), "PNG", {}),
    "turned 16 bit png": (deep(16), "PNG", turned(6)),
    "turned RGBA png": (veiled(128), "PNG", turned(8)),
    "large png": (picture(1500, 1300), "PNG", {}),
    "large 16 bit png": (deep(16).resize((1300, 1500)), "PNG", {}),
    "grey jpeg": (picture(), "JPEG", {}),
    "colour jpeg": (colourful(), "JPEG", {"quality": 90}),
    "CMYK jpeg": (colourful().convert("CMYK"), "JPEG", {"quality": 90}),
    "turned jpeg": (colourful(), "JPEG", turned(5)),
    "progressive jpeg": (picture(), "JPEG", {"progressive": True}),
}


@pytest.mark.parametrize("name", PICTURES)
def test_every_kind_of_picture_is_as_the_reference_shows_it(name: str) -> None:
    film, kind, options = PICTURES[name]
    data = encoded(film, kind, **options)
    assert np.array_equal(decode(data, kind.lower()).pixels, reference_decode(data, reduced=True))


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_reduced_jpeg_moves_no_score_of_a_phantom(seed: int) -> None:
    assert change(jpeg_bytes(PhantomSpec(3000, 2500, seed=seed, opacities=seed))) < PHANTOM_SCORE_BOUND


@pytest.mark.parametrize("kind", ["RGB", "CMYK"])
def test_reduced_jpeg_in_colour_moves_no_score_of_a_phantom(kind: str) -> None:
    film = picture(2400, 2200).convert(kind)
    assert change(encoded(film, "JPEG", quality=90, **turned(6))) < PHANTOM_SCORE_BOUND


@pytest.mark.parametrize("syntax", [None, *ENCODERS, uid.RLELossless])
def test_no_transfer_syntax_moves_a_score(syntax: str | None) -> None:
    """Not at all: the grey levels are the same."""
    film = noisy(np.asarray(picture(1500, 1300)))
    data = explicit(film) if syntax is None else compressed(film, syntax)
    assert change(data) == 0


def test_score_of_real_films(data: Path) -> None:
    paths = films(data / "originals")
    assert paths
    for path in paths:
        raw = path.read_bytes()
        assert np.array_equal(decode(raw, detect_kind(raw)).pixels, reference_decode(raw, reduced=True)), path.name
        assert change(raw) < SCORE_BOUND, path.name


@pytest.mark.parametrize("folder", FOLDERS)
def test_training_films_are_unchanged(data: Path, folder: str) -> None:
    """So that the bundles trained on them stay valid; all 3,050 were compared once, and none differed."""
    paths = films(data / folder)
    if not paths:
        pytest.skip(f"no films of {folder}")
    for path in random.Random(0).sample(paths, min(SAMPLE, len(paths))):
        raw = path.read_bytes()
        assert np.array_equal(decode(raw, detect_kind(raw)).pixels, reference_decode(raw)), path.name


def masks(count: int) -> list[np.ndarray[Any, np.dtype[np.bool_]]]:
    """From salt and pepper to a few smooth parts, some touching the edges, of several sizes."""
    rng = np.random.default_rng(0)
    made = [np.zeros((64, 64), dtype=np.bool_), np.ones((64, 64), dtype=np.bool_), np.eye(64, dtype=np.bool_)]
    while len(made) < count:
        side = int(rng.choice([1, 2, 5, 17, 64]))
        noise = Image.fromarray(rng.integers(0, 256, (side, side)).astype(np.uint8))
        smooth = np.asarray(noise.filter(ImageFilter.GaussianBlur(float(rng.uniform(0.01, 4)))))
        made.append(smooth > np.quantile(smooth, rng.uniform(0, 1)))
    return made


def test_parts_of_a_mask_are_those_of_the_slow_way() -> None:
    for mask in masks(400):
        assert np.array_equal(two_largest(mask), slow.two_largest(mask))


def test_exposure_is_that_of_the_slow_way() -> None:
    rng = np.random.default_rng(1)
    for _ in range(400):
        low, high = sorted(int(grey) for grey in rng.integers(0, 257, 2))
        size = rng.integers(2, 60, 2)
        dark = rng.integers(low, high + 1, size) if rng.random() < 0.5 else rng.integers(25, 55, size)
        film = np.minimum(dark, 255).astype(np.uint8)
        bright = (255 - film).astype(np.uint8)
        assert check_exposure(film) == slow.exposure(film)
        assert check_exposure(bright) == slow.exposure(bright)


def test_masks_and_exposure_of_real_films(data: Path) -> None:
    for path in films(data / "originals"):
        raw = path.read_bytes()
        film = decode(raw, detect_kind(raw)).pixels
        mask = screener().masks([film])[0] > 0.5
        assert np.array_equal(two_largest(mask), slow.two_largest(mask)), path.name
        assert check_exposure(film) == slow.exposure(film), path.name
