"""A film's own values at its own size, for a viewer that sets the window itself; the network never sees these.

:func:`ml.decoding.preprocess.decode` makes the 8-bit working picture, window and inversion applied. Here neither is
applied, and the header's window comes along, so that what the numbers mean stays the film's.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pydicom
from numpy.typing import NDArray
from PIL import ImageOps
from pydicom.multival import MultiValue
from pydicom.pixels.processing import apply_modality_lut, apply_voi_lut

from ml.codes import DAMAGED_PIXELS, TOO_DEEP
from ml.decoding.bounded_reader import quiet
from ml.decoding.dicom_pixels import coloured, open_film
from ml.decoding.grey_levels import luma
from ml.decoding.limits import MAX_PIXELS
from ml.decoding.padding import is_padding
from ml.decoding.raster import decode_picture, open_picture
from ml.decoding.tiff import Directory
from ml.errors import FilmError

MOST_PIXELS = 24_000_000  # more than a detector has; a browser tab holds them and their smaller copies
TOP = 65_535  # the largest code
BYTE = 8
DEEP_MODES = ("I;16", "I;16B", "I", "F")  # of Pillow; pictures in all others have 8 bits, in grey or in colour
MOST_WINDOWS = 8
NAME_MAX = 40  # characters of a window's explanation

Codes = NDArray[np.uint8] | NDArray[np.uint16]


@dataclass(frozen=True)
class Window:
    """A window as the header names it, in the film's own units (PS3.3 C.11.2.1.2)."""

    name: str
    centre: float
    width: float


@dataclass(frozen=True)
class Deep:
    """A film's values: ``code * slope + intercept`` are the film's own units.

    Attributes:
        codes: uint8 or uint16 [H, W].
        slope: units a code; never 0.
        intercept: the units of code 0.
        bits: how many bits a pixel of the file has.
        scale: the whole factor by which the film was averaged down, 1 for none.
        inverted: whether low values are shown bright (MONOCHROME1).
        padding: the code that stands for no film at all, or ``None``.
        windows: what the header names, the first being the one to begin with.
        exact: whether the windows are LINEAR_EXACT and not LINEAR (PS3.3 C.11.2.1.3).
        curve: grey level of every code, uint8 [N], where the header asks for no straight line (VOI LUT or
            SIGMOID), before any inversion; else ``None``.
    """

    codes: Codes
    slope: float = 1.0
    intercept: float = 0.0
    bits: int = 8
    scale: int = 1
    inverted: bool = False
    padding: int | None = None
    windows: tuple[Window, ...] = ()
    exact: bool = False
    curve: NDArray[np.uint8] | None = None


def deep(data: bytes, kind: str, most_pixels: int = MOST_PIXELS, max_pixels: int = MAX_PIXELS) -> Deep:
    """Decode a film to its own values.

    Args:
        data: the file's bytes.
        kind: as :func:`ml.decoding.headers.sniff` found it.
        most_pixels: a film of more is averaged by the smallest whole factor that brings it below.
        max_pixels: the most a film may have.

    Raises:
        FilmError: ``damaged_pixels``, ``too_large_unpacked``, or ``too_deep`` where memory does not suffice.
    """
    try:
        with quiet():
            return _dicom(data, most_pixels, max_pixels) if kind == "dicom" else _picture(data, kind, most_pixels)
    except FilmError:
        raise
    except MemoryError as error:
        raise FilmError(TOO_DEEP) from error
    except Exception as error:  # decoders raise whatever a damaged file leads them to
        raise FilmError(DAMAGED_PIXELS) from error


def _picture(data: bytes, kind: str, most_pixels: int) -> Deep:
    picture = open_picture(data, kind)
    if picture.mode not in DEEP_MODES:
        values: NDArray[Any] = np.asarray(decode_picture(data, kind, max(picture.size)))
        codes, slope, intercept, _ = _coded(values, None)
        return _reduced(Deep(codes, slope, intercept), most_pixels)
    picture.load()
    ImageOps.exif_transpose(picture, in_place=True)
    directory = Directory(data) if kind == "tiff" else None
    values = np.asarray(picture)
    if picture.mode == "I" and directory and directory.is_unsigned():  # Pillow takes their highest bit for a sign
        values = values.view(np.uint32)
    codes, slope, intercept, _ = _coded(values, None)
    film = Deep(
        codes, slope, intercept, BYTE * values.dtype.itemsize,
        inverted=bool(directory and directory.is_deep_inverted()), exact=slope != 1.0,
    )  # fmt: skip
    return _reduced(film, most_pixels)


def _dicom(data: bytes, most_pixels: int, max_pixels: int) -> Deep:
    dataset = open_film(data, max_pixels)
    stored, bits = coloured(dataset, dataset.pixel_array), int(dataset.BitsStored)
    if stored.ndim == 3:  # a secondary capture in colour
        codes, slope, intercept, _ = _coded(luma(stored, stored.dtype), None)
        return _reduced(Deep(codes, slope, intercept, bits), most_pixels)
    table = bool(dataset.get("ModalityLUTSequence"))
    values = apply_modality_lut(stored, dataset) if table else stored
    codes, slope, intercept, padding = _coded(values, _outside(dataset, stored))
    if not table and "RescaleSlope" in dataset and "RescaleIntercept" in dataset:
        factor = float(dataset.RescaleSlope) or 1.0
        slope, intercept = slope * factor, intercept * factor + float(dataset.RescaleIntercept)
    film = Deep(
        codes, slope, intercept, bits,
        inverted=dataset.PhotometricInterpretation == "MONOCHROME1", padding=padding, windows=_windows(dataset),
        exact=_function(dataset) == "LINEAR_EXACT",
    )  # fmt: skip
    return _reduced(replace(film, curve=_curve(dataset, film)), most_pixels)


def _outside(dataset: pydicom.Dataset, stored: NDArray[Any]) -> NDArray[np.bool_] | None:
    """Where there is no film; nothing where that is nowhere or everywhere."""
    outside = is_padding(dataset, stored)
    return outside if outside.any() and not outside.all() else None


def _coded(values: NDArray[Any], outside: NDArray[np.bool_] | None) -> tuple[Codes, float, float, int | None]:
    """Values as codes from 0, their slope and intercept, and the code of what lies outside the film.

    Integers keep every value unless they span more than 16 bits; those and floats are rounded to as many steps
    as there are codes.
    """
    if values.dtype.kind == "f":
        known = np.isfinite(values)
        values = np.where(known, values, values[known].min()).astype(np.float64)
    film = values if outside is None else values[~outside]
    low, high = film.min().item(), film.max().item()
    top = TOP if outside is None else TOP - 1
    if values.dtype.kind in "ui" and high - low <= top:
        slope = 1.0
        codes = values.astype(np.uint16) - np.uint16(low & TOP)  # modulo 2¹⁶, where the difference is exact
    else:
        slope = (high - low) / top or 1.0
        codes = ((values.clip(low, high) - float(low)) / slope).round()
        high = low + top
    padding = None
    if outside is not None:
        padding = int(high - low) + 1
        codes[outside] = padding
    last = int(high - low) if padding is None else padding
    small: Codes = codes.astype(np.uint8) if last < 1 << BYTE else codes.astype(np.uint16)
    return small, slope, float(low), padding


def _function(dataset: pydicom.Dataset) -> str:
    return str(dataset.get("VOILUTFunction") or "LINEAR").strip().upper()


def _windows(dataset: pydicom.Dataset) -> tuple[Window, ...]:
    """The header's windows; those that have no width are left out."""
    centres, widths, names = (
        _several(dataset.get(keyword)) for keyword in ("WindowCenter", "WindowWidth", "WindowCenterWidthExplanation")
    )
    pairs = [(float(centre), float(width)) for centre, width in zip(centres, widths, strict=False)]
    return tuple(
        Window(str(names[index])[:NAME_MAX] if index < len(names) else "", centre, width)
        for index, (centre, width) in enumerate(pairs[:MOST_WINDOWS])
        if width >= 1 or (width > 0 and _function(dataset) != "LINEAR")
    )


def _several(value: Any) -> list[Any]:
    if value is None or value == "":
        return []
    return list(value) if isinstance(value, MultiValue) else [value]


def _curve(dataset: pydicom.Dataset, film: Deep) -> NDArray[np.uint8] | None:
    """What the header's VOI LUT or SIGMOID makes of every code, spread over 0..255."""
    if not dataset.get("VOILUTSequence") and not (_function(dataset) == "SIGMOID" and film.windows):
        return None
    last = int(film.codes.max()) if film.padding is None else film.padding - 1
    values = np.arange(last + 1) * film.slope + film.intercept
    if (whole := values.round().astype(np.int64) == values).all() and whole.size:
        values = values.astype(np.int64)
    shown = np.asarray(apply_voi_lut(values, dataset), dtype=np.float64)
    low, high = shown.min(), shown.max()
    return ((shown - low) * (255.0 / (high - low))).round().astype(np.uint8) if high > low else None


def _reduced(film: Deep, most_pixels: int) -> Deep:
    """Average a film that is too large by the smallest whole factor that makes it fit; padding does not count."""
    height, width = film.codes.shape
    factor = math.ceil(math.sqrt(height * width / most_pixels))
    if factor <= 1:
        return film
    rows, columns = height // factor, width // factor
    codes = np.empty((rows, columns), dtype=film.codes.dtype)
    for row in range(rows):
        cells = film.codes[row * factor : (row + 1) * factor, : columns * factor].reshape(factor, columns, factor)
        inside = np.ones(cells.shape, dtype=np.bool_) if film.padding is None else cells != film.padding
        count = inside.sum(axis=(0, 2))
        mean = (np.where(inside, cells, 0).sum(axis=(0, 2), dtype=np.uint64) / np.maximum(count, 1)).round()
        codes[row] = np.where(count > 0, mean, film.padding or 0)
    return replace(film, codes=codes, scale=factor)
