"""The reference decode: slow and plain, arithmetic on every pixel, what the fast one is held against.

It is the decode that the shipped bundles were trained with, word for word, and with ``reduced=False`` the same
without the JPEG decoder's shortcut. Only palettes, padding ranges and Presentation LUT Shape of DICOM are new in it,
as none of their films had one.
"""

from __future__ import annotations

import warnings
from io import BytesIO
from typing import Any

import numpy as np
import pydicom
from numpy.typing import NDArray
from PIL import Image, ImageOps
from pydicom.pixels.processing import apply_color_lut, apply_modality_lut, apply_voi_lut

from ml.decoding.preprocess import WORKING_SIDE, Grey
from ml.decoding.signatures import detect_kind

SHAPES = {"MONOCHROME1": "INVERSE"}  # by Photometric Interpretation, where the header names none


def reference_decode(data: bytes, reduced: bool = False) -> Grey:
    """The working picture of a film; with ``reduced``, JPEG comes at the decoder's own reduced size."""
    kind = detect_kind(data)
    picture = show_dicom(data) if kind == "dicom" else _decode_picture(data, kind, reduced)
    picture.thumbnail((WORKING_SIDE, WORKING_SIDE), Image.Resampling.LANCZOS, reducing_gap=2.0)
    return np.asarray(picture, dtype=np.uint8)


def show_dicom(data: bytes) -> Image.Image:
    """A DICOM film of full size, as 8-bit grey."""
    dataset = pydicom.dcmread(BytesIO(data))
    return _stretch(_values(dataset).astype(np.float32))


def _values(dataset: pydicom.Dataset) -> NDArray[Any]:
    values: NDArray[Any] = dataset.pixel_array
    if dataset.PhotometricInterpretation == "PALETTE COLOR":
        if "SegmentedRedPaletteColorLookupTableData" in dataset:
            values = apply_color_lut(values, dataset)  # pydicom lays the segments out
        else:
            values = np.stack([_palette(dataset, colour)[values] for colour in ("Red", "Green", "Blue")], axis=-1)
    padding = None
    if values.ndim == 3:
        values = values[..., :3] @ np.array([0.299, 0.587, 0.114])
    else:
        padding = _padding_mask(dataset, values)
        values = apply_voi_lut(apply_modality_lut(values, dataset), dataset)
    if dataset.get("PresentationLUTShape", SHAPES.get(dataset.PhotometricInterpretation)) == "INVERSE":
        values = values.max() - values
    if padding is not None and not padding.all():
        values = np.where(padding, values[~padding].min(), values)
    return values


def _palette(dataset: pydicom.Dataset, colour: str) -> NDArray[Any]:
    """One channel of a colour table that begins at 0 and has 16-bit words (PS3.3 C.7.6.3.1.5)."""
    entries, first, _ = dataset[f"{colour}PaletteColorLookupTableDescriptor"].value
    words = "<u2" if dataset.original_encoding[1] else ">u2"
    table = np.frombuffer(dataset[f"{colour}PaletteColorLookupTableData"].value, words)
    assert (len(table), first) == (entries or 1 << 16, 0)
    return table


def _padding_mask(dataset: pydicom.Dataset, values: NDArray[Any]) -> NDArray[np.bool_] | None:
    padding = dataset.get("PixelPaddingValue")
    if padding is None:
        return None
    ends = (padding, dataset.get("PixelPaddingRangeLimit", padding))
    return np.asarray((values >= min(ends)) & (values <= max(ends)))


def _stretch(values: NDArray[np.float32]) -> Image.Image:
    low, high = float(values.min()), float(values.max())
    scaled = (values - low) * (255.0 / (high - low)) if high > low else np.zeros_like(values)
    return Image.fromarray(scaled.round().astype(np.uint8))


def _decode_picture(data: bytes, kind: str, reduced: bool) -> Image.Image:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", Image.DecompressionBombWarning)
        picture: Image.Image = Image.open(BytesIO(data), formats=[kind.upper()])
    if kind == "jpeg" and reduced:
        picture.draft("L", (WORKING_SIDE, WORKING_SIDE))
    picture.load()
    return _to_grey(ImageOps.exif_transpose(picture))


def _to_grey(picture: Image.Image) -> Image.Image:
    if picture.mode.startswith(("I", "F")):
        return _stretch(np.asarray(picture, dtype=np.float32))
    if "A" in picture.mode or "transparency" in picture.info:
        opaque = picture.convert("RGBA")
        ground = Image.new("RGBA", opaque.size, (0, 0, 0, 255))
        picture = Image.alpha_composite(ground, opaque)
    return picture.convert("L")
