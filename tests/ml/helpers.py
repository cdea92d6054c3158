"""Small films and records that several tests are made of."""

from __future__ import annotations

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

from ml.data.datasets import FilmRecord
from ml.errors import FilmError
from ml.inference.bundle import Bundle, find_bundle
from ml.inference.classifier import Classifier
from ml.phantom.film import PhantomSpec, dicom_bytes, png_bytes


def refusal(call: Callable[[], object]) -> FilmError:
    """The FilmError that a call must raise."""
    with pytest.raises(FilmError) as caught:
        call()
    return caught.value


def encoded(picture: Image.Image, kind: str, **options: Any) -> bytes:
    out = BytesIO()
    picture.save(out, kind, **options)
    return out.getvalue()


@cache
def _small_dicom() -> bytes:
    return dicom_bytes(PhantomSpec(80, 80, bits=12))


def dicom_with(pixels: NDArray[Any] | None = None, **values: Any) -> bytes:
    """A phantom's DICOM file with other attributes and, where given, other pixels (uint16, 12 bits)."""
    dataset = pydicom.dcmread(BytesIO(_small_dicom()))
    if pixels is not None:
        dataset.Rows, dataset.Columns = pixels.shape[:2]
        dataset.PixelData = pixels.tobytes()
    if "PhotometricInterpretation" in values:  # the phantom's Presentation LUT Shape would decide instead
        dataset.pop("PresentationLUTShape", None)
    for keyword, value in values.items():
        if keyword == "PixelPaddingValue":  # US or SS, which pydicom does not guess
            dataset.add_new(keyword, "US", value)
        else:
            setattr(dataset, keyword, value)
    out = BytesIO()
    dataset.save_as(out)
    return out.getvalue()


def correlation(left: NDArray[Any], right: NDArray[Any]) -> float:
    return float(np.corrcoef(left.ravel().astype(float), right.ravel().astype(float))[0, 1])


def mean_difference(left: NDArray[Any], right: NDArray[Any]) -> float:
    return float(np.abs(left.astype(float) - right.astype(float)).mean())


def record(path: Path, source: str = "chest_xray", finding: str = "normal", **details: Any) -> FilmRecord:
    return FilmRecord(path, source, finding, **{"patient": path.stem, **details})


def phantom_file(path: Path, seed: int, **details: Any) -> Path:
    """A small PNG phantom on disk."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(png_bytes(PhantomSpec(**{"height": 128, "width": 128, "seed": seed, **details})))
    return path


@cache
def seed_cnn_bundle() -> Bundle:
    return find_bundle("seed-cnn")


@cache
def classifier() -> Classifier:
    """The classifier of ``seed-cnn`` on one thread."""
    return Classifier(seed_cnn_bundle())
