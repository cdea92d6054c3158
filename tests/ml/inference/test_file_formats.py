"""The score of a film does not depend on the file format and the header in which it comes."""

from __future__ import annotations

import random
from collections.abc import Callable
from functools import cache
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
import pydicom
import pytest
from numpy.typing import NDArray
from PIL import Image

from ml.decoding.preprocess import decode
from ml.decoding.signatures import detect_kind
from ml.inference.bundle import find_bundle
from ml.inference.classifier import Classifier
from ml.phantom.film import PhantomSpec, chest
from tests.ml.compressed import COMPRESSED, LOSSLESS, compressed, explicit, written
from tests.ml.helpers import encoded

BOUND = 0.02
BITS = 12
TOP = (1 << BITS) - 1
BORDER = 30  # pixels
REAL_FILMS = 3  # of each folder
FOLDERS = ("chest_xray", "covid-19-image-repository", "nih-chestxray14")

Film = NDArray[Any]  # uint16, of 12 bits


@cache
def screener() -> Classifier:
    return Classifier(find_bundle("screener"))


def score(data: bytes) -> float:
    """Return the score, whatever the gate says of the film."""
    prepared = screener().prepare([decode(data, detect_kind(data)).pixels])
    return float(screener().predict(np.stack([film.input for film in prepared])).scores[0])


def dicom(words: NDArray[Any], bits: int = BITS, **header: Any) -> bytes:
    """Write a film with its full range, unless the header has a window."""
    dataset = pydicom.dcmread(BytesIO(explicit(words, bits)))
    for keyword in ("WindowCenter", "WindowWidth", "PresentationLUTShape"):
        dataset.pop(keyword, None)
    for keyword, value in header.items():
        if keyword.startswith("PixelPadding"):
            dataset.add_new(keyword, "US", value)
        else:
            setattr(dataset, keyword, value)
    return written(dataset)


def with_border(film: Film, value: int) -> Film:
    return np.pad(film, BORDER, constant_values=value)


def inverse(film: Film) -> Film:
    return (TOP - film).astype(np.uint16)


FORMATS: dict[str, Callable[[Film], bytes]] = {
    "PNG, 8 bits": lambda film: encoded(Image.fromarray((film >> 4).astype(np.uint8)), "PNG"),
    "JPEG": lambda film: encoded(Image.fromarray((film >> 4).astype(np.uint8)), "JPEG", quality=95),
    "TIFF": lambda film: encoded(Image.fromarray(film), "TIFF"),
    "DICOM": dicom,
    "DICOM, 8 bits": lambda film: dicom((film >> 4).astype(np.uint8), 8),
    "MONOCHROME1": lambda film: dicom(inverse(film), PhotometricInterpretation="MONOCHROME1"),
    "MONOCHROME1 and INVERSE": lambda film: dicom(
        inverse(film), PhotometricInterpretation="MONOCHROME1", PresentationLUTShape="INVERSE"
    ),
    "MONOCHROME2 and INVERSE": lambda film: dicom(inverse(film), PresentationLUTShape="INVERSE"),
    "falling rescale": lambda film: dicom(inverse(film), RescaleSlope=-1, RescaleIntercept=TOP),
    "signed": lambda film: dicom(film.astype(np.int16) - 2048, PixelRepresentation=1),
    "left-justified": lambda film: dicom(film << 4, HighBit=15),
    "two bits more than Bits Stored": lambda film: dicom(film, 10),
    "a window as wide as the film": lambda film: dicom(film, WindowCenter=2048, WindowWidth=4096),
    "a window without width": lambda film: dicom(film, WindowCenter=2048, WindowWidth=0),
    "a window beside the film": lambda film: dicom(film, WindowCenter=-3000, WindowWidth=256),
    "slope 0": lambda film: dicom(film, RescaleSlope=0, RescaleIntercept=0),
}  # fmt: skip
BORDERED: dict[str, Callable[[Film], bytes]] = {
    "one value": lambda film: dicom(with_border(film, 60000), 16, PixelPaddingValue=60000),
    "a range": lambda film: dicom(
        with_border(film, 61000), 16, PixelPaddingValue=62000, PixelPaddingRangeLimit=60000
    ),
    "MONOCHROME1": lambda film: dicom(
        with_border(inverse(film), 60000), 16, PixelPaddingValue=60000, PhotometricInterpretation="MONOCHROME1"
    ),
    "words beyond Bits Stored": lambda film: dicom(with_border(film, 63536), PixelPaddingValue=63536),
}


def phantom() -> Film:
    return chest(PhantomSpec(700, 600, bits=BITS, seed=3, opacities=2)).astype(np.uint16)


@cache
def score_of_phantom(bordered: bool) -> float:
    film = phantom()
    return score(encoded(Image.fromarray((with_border(film, 0) if bordered else film) << 4), "PNG"))


@pytest.mark.parametrize("name", FORMATS)
def test_the_format_does_not_change_the_score(name: str) -> None:
    assert abs(score(FORMATS[name](phantom())) - score_of_phantom(False)) <= BOUND


@pytest.mark.parametrize("syntax", COMPRESSED)
def test_the_transfer_syntax_does_not_change_the_score(syntax: str) -> None:
    assert abs(score(compressed(phantom(), syntax)) - score_of_phantom(False)) <= BOUND


@pytest.mark.parametrize("name", BORDERED)
def test_a_border_of_padding_is_a_black_border(name: str) -> None:
    assert abs(score(BORDERED[name](phantom())) - score_of_phantom(True)) <= BOUND


@pytest.mark.parametrize("folder", FOLDERS)
def test_the_format_does_not_change_the_score_of_real_films(data: Path, folder: str) -> None:
    paths = sorted(path for path in (data / folder).rglob("*") if path.suffix.lower() in {".jpg", ".jpeg", ".png"})
    for path in random.Random(1).sample(paths, REAL_FILMS):
        film = np.asarray(Image.open(path).convert("L")).astype(np.uint16) << 4
        expected = score(encoded(Image.fromarray(film << 4), "PNG"))
        for name, write in FORMATS.items():
            assert abs(score(write(film)) - expected) <= BOUND, (path.name, name)
        for syntax in LOSSLESS:  # JPEG 2000 of 50 dB moved a score by 0.046
            assert abs(score(compressed(film, syntax)) - expected) <= BOUND, (path.name, syntax)
        expected = score(encoded(Image.fromarray(with_border(film, 0) << 4), "PNG"))
        for name, write in BORDERED.items():
            assert abs(score(write(film)) - expected) <= BOUND, (path.name, name)
