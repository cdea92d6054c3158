"""A film's own values at its own size, for a viewer that sets the window itself; the network never sees these.

:func:`ml.decoding.preprocess.decode` makes the 8-bit working picture, window and inversion applied. Here neither is
applied, but the header's window is returned with the values, so that the viewer shows them in the film's own units.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import ImageOps

from ml.codes import DAMAGED_PIXELS, TOO_DEEP
from ml.decoding.bounded_reader import suppress_parser_warnings
from ml.decoding.deep_pictures import DeepPicture, decode_deep
from ml.decoding.dicom_pixels import expand_palette, find_ends, open_dicom_film, read_stored_words
from ml.decoding.grey_choice import fit_rules
from ml.decoding.grey_levels import to_luma
from ml.decoding.grey_rules import LINEAR_EXACT, SIGMOID, GreyRules, Window, read_grey_rules
from ml.decoding.grey_transforms import apply_voi, is_padding, to_units
from ml.decoding.limits import MAX_PIXELS
from ml.decoding.pixel_shape import read_pixel_shape, stretch_to_square
from ml.decoding.raster import decode_picture, open_picture
from ml.decoding.stored_words import extract_values
from ml.decoding.tiff import find_film
from ml.decoding.tiff_layout import is_unsigned
from ml.errors import FilmError

MAX_SHOWN_PIXELS = 24_000_000  # more than a detector has; a browser can keep them and the reduced copies in memory
MAX_CODE = 65_535
BYTE = 8
DEEP_MODES = ("I;16", "I;16B", "I", "F")  # of Pillow; pictures in all other modes have 8 bits, in grey or in colour

Codes = NDArray[np.uint8] | NDArray[np.uint16]


@dataclass(frozen=True)
class FilmValues:
    """A film's values: ``code * slope + intercept`` are the film's own units.

    Attributes:
        codes: uint8 or uint16 [H, W].
        slope: units a code; never 0.
        intercept: the units of code 0.
        bits: how many bits a pixel of the file has.
        scale: the integer factor by which the film was averaged down, 1 for none.
        inverted: whether low values are shown bright (MONOCHROME1, or Presentation LUT Shape INVERSE).
        padding: the code of the padding, or ``None``.
        windows: those of the header; a viewer begins with the first.
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


def decode_values(
    data: bytes, kind: str, max_shown_pixels: int = MAX_SHOWN_PIXELS, max_pixels: int = MAX_PIXELS
) -> FilmValues:
    """Decode a film to its own values.

    Args:
        data: the file's bytes.
        kind: as :func:`ml.decoding.signatures.detect_kind` returned it.
        max_shown_pixels: a film of more is averaged by the smallest integer factor that brings it below.
        max_pixels: the largest number of pixels that a film may have.

    Raises:
        FilmError: ``damaged_pixels``, ``too_large_unpacked``, or ``too_deep`` where memory does not suffice.
    """
    try:
        with suppress_parser_warnings():
            if kind != "dicom":
                return _reduce(_decode_picture(data, kind), max_shown_pixels)
            film, aspect = _decode_dicom(data, max_pixels)
            return _stretch(_reduce(film, int(max_shown_pixels / max(aspect, 1 / aspect))), aspect)
    except FilmError:
        raise
    except MemoryError as error:
        raise FilmError(TOO_DEEP) from error
    except Exception as error:  # a decoder may raise any exception for a damaged file
        raise FilmError(DAMAGED_PIXELS) from error


def _decode_picture(data: bytes, kind: str) -> FilmValues:
    deep = decode_deep(data, kind) or _decode_deep_with_pillow(data, kind)
    if deep is None:
        deep = DeepPicture(np.asarray(decode_picture(data, kind, MAX_CODE)), BYTE)
    codes, slope, intercept, _ = _to_codes(deep.values, None)
    bits = BYTE if deep.values.dtype == np.uint8 else deep.bits
    return FilmValues(codes, slope, intercept, bits, inverted=deep.inverted, exact=slope != 1.0)


def _decode_deep_with_pillow(data: bytes, kind: str) -> DeepPicture | None:
    picture = open_picture(data, kind)
    if picture.mode not in DEEP_MODES:
        return None
    picture.load()
    ImageOps.exif_transpose(picture, in_place=True)
    directory = find_film(data).directory if kind == "tiff" else None
    values = np.asarray(picture)
    if picture.mode == "I" and directory and is_unsigned(directory):  # Pillow takes their highest bit for a sign
        values = values.view(np.uint32)
    inverted = directory is not None and directory.is_deep_inverted()
    bits = directory.bits if directory else BYTE * values.dtype.itemsize
    return DeepPicture(values, bits, inverted)


def _decode_dicom(data: bytes, max_pixels: int) -> tuple[FilmValues, float]:
    """Return a film's values and the height of a pixel divided by its width."""
    dataset = open_dicom_film(data, max_pixels)
    aspect = read_pixel_shape(dataset).aspect
    words = expand_palette(dataset, read_stored_words(dataset))
    if words.ndim == 3:  # a secondary capture in colour
        codes, slope, intercept, _ = _to_codes(to_luma(words, words.dtype), None)
        return FilmValues(codes, slope, intercept, int(dataset.BitsStored)), aspect
    rules = fit_rules(read_grey_rules(dataset), words, *find_ends(words), all_windows=True)
    return _apply_rules(rules, words), aspect


def _apply_rules(rules: GreyRules, words: NDArray[Any]) -> FilmValues:
    # A rescale is returned as slope and intercept instead, so that codes stay the file's own integers.
    values = extract_values(words, rules.field)
    values = values if rules.modality_table is None else to_units(rules, values)
    codes, slope, intercept, padding = _to_codes(values, _find_padding(rules, words))
    if rules.modality_table is None and rules.rescale is not None:
        factor = rules.rescale.slope
        slope, intercept = slope * factor, intercept * factor + rules.rescale.intercept
    film = FilmValues(
        codes, slope, intercept, rules.field.bits, inverted=rules.inverted, padding=padding, windows=rules.windows,
        exact=rules.voi_function == LINEAR_EXACT,
    )  # fmt: skip
    return replace(film, curve=_make_curve(rules, film))


def _find_padding(rules: GreyRules, words: NDArray[Any]) -> NDArray[np.bool_] | None:
    """Return which pixels are padding, or ``None`` if none or all are."""
    outside = is_padding(rules, words)
    return outside if outside.any() and not outside.all() else None


def _to_codes(values: NDArray[Any], outside: NDArray[np.bool_] | None) -> tuple[Codes, float, float, int | None]:
    """Return values as codes from 0, their slope and intercept, and the code of the padding.

    Integers keep every value unless they span more than 16 bits; those and floats are rounded to as many steps
    as there are codes.
    """
    if values.dtype.kind == "f":
        known = np.isfinite(values)
        values = np.where(known, values, values[known].min()).astype(np.float64)
    film = values if outside is None else values[~outside]
    low, high = film.min().item(), film.max().item()
    top = MAX_CODE if outside is None else MAX_CODE - 1
    if values.dtype.kind in "ui" and high - low <= top:
        slope = 1.0
        codes = values.astype(np.uint16) - np.uint16(low & MAX_CODE)  # modulo 2¹⁶, where the difference is exact
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


def _make_curve(rules: GreyRules, film: FilmValues) -> NDArray[np.uint8] | None:
    """Return the grey level, 0..255, that the header's VOI LUT or SIGMOID gives every code, or ``None``."""
    if rules.voi_table is None and not (rules.voi_function == SIGMOID and rules.windows):
        return None
    last = int(film.codes.max()) if film.padding is None else film.padding - 1
    shown = apply_voi(rules, np.arange(last + 1) * film.slope + film.intercept)
    occurs = np.bincount(film.codes.reshape(-1), minlength=last + 1)[: last + 1] > 0
    low, high = shown[occurs].min(), shown[occurs].max()
    if not high > low:
        return None
    levels: NDArray[np.float64] = ((shown - low) * (255.0 / (high - low))).round()
    return levels.clip(0, 255).astype(np.uint8)  # codes that do not occur may lie outside


def _stretch(film: FilmValues, aspect: float) -> FilmValues:
    """Stretch a film to square pixels; values are interpolated, but none between padding and the film."""
    if aspect == 1.0:
        return film
    codes = stretch_to_square(film.codes, aspect)
    if film.padding is not None:
        outside = stretch_to_square(np.where(film.codes == film.padding, np.uint8(255), np.uint8(0)), aspect)
        codes = np.where(outside > 0, film.padding, codes).astype(film.codes.dtype)
    return replace(film, codes=codes)


def _reduce(film: FilmValues, max_pixels: int) -> FilmValues:
    """Average a film that is too large by the smallest integer factor that makes it fit; padding does not count."""
    height, width = film.codes.shape
    factor = math.ceil(math.sqrt(height * width / max_pixels))
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
