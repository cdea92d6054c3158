"""The pixels of a DICOM file as 8-bit grey: decoded, windowed, bright where dense, stretched."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

import numpy as np
import pydicom
from pydicom.pixels.decoders.base import get_decoder
from pydicom.pixels.processing import apply_color_lut
from pydicom.pixels.utils import as_pixel_options

from ml.decoding import dicom_codecs
from ml.decoding.dicom_reading import read_dicom
from ml.decoding.grey_choice import fit_rules
from ml.decoding.grey_levels import (
    Grey,
    Stored,
    find_occurring,
    has_table,
    list_codes,
    look_up,
    make_table,
    stretch,
    stretch_plane,
    to_luma,
)
from ml.decoding.grey_rules import GreyRules, read_grey_rules
from ml.decoding.grey_transforms import apply_voi, to_brightness, to_units
from ml.decoding.limits import MAX_PIXELS
from ml.decoding.pixel_data import reading_notes
from ml.decoding.pixel_shape import SQUARE, PixelShape, read_pixel_shape
from ml.decoding.stored_words import extract_values
from ml.errors import NoteCode

BYTE = 8

_register_codecs = cache(dicom_codecs.register)


@dataclass(frozen=True)
class DicomFilm:
    """A decoded DICOM film.

    Attributes:
        grey: uint8 [H, W], the smallest to the largest brightness spread over 0..255.
        shape: the shape of its pixels; the film is not stretched yet.
        notes: what was put right.
    """

    grey: Grey
    shape: PixelShape = SQUARE
    notes: tuple[NoteCode, ...] = ()


def decode_dicom(data: bytes, max_pixels: int = MAX_PIXELS) -> DicomFilm:
    """Decode a DICOM film to grey, bright meaning dense for every Photometric Interpretation.

    Args:
        data: the file's bytes.
        max_pixels: the largest number of pixels that a film may have.

    Raises:
        FilmError: ``too_large_unpacked``.
        Exception: any exception that pydicom or a decoder raises for a damaged file.
    """
    dataset = open_dicom_film(data, max_pixels)
    words = read_stored_words(dataset)
    shape = read_pixel_shape(dataset)
    notes = (*reading_notes(dataset), *shape.notes)
    words = expand_palette(dataset, words)
    if words.ndim == 3:  # a secondary capture in colour, which pydicom converts to RGB
        return DicomFilm(stretch_plane(to_luma(words, np.dtype(np.float32))), shape, notes)
    low, high = find_ends(words)
    rules = fit_rules(read_grey_rules(dataset), words, low, high)
    if has_table(words):
        grey = _to_grey_by_table(rules, words, list_codes(words, low, high))
    else:
        grey = stretch_plane(to_brightness(rules, words, np.ones(words.shape, dtype=np.bool_)))
    return DicomFilm(grey, shape, tuple(dict.fromkeys((*notes, *rules.notes))))


def open_dicom_film(data: bytes, max_pixels: int = MAX_PIXELS) -> pydicom.Dataset:
    """Read a DICOM film, its pixels still encoded, and register the decoders.

    Raises:
        FilmError: ``too_large_unpacked``.
        Exception: any exception that pydicom raises for a damaged file; ValueError for several frames.
    """
    _register_codecs()
    dataset = read_dicom(data, max_pixels)
    if int(dataset.get("NumberOfFrames") or 1) > 1:
        raise ValueError("a film has one frame")
    return dataset


def expand_palette(dataset: pydicom.Dataset, stored: Stored) -> Stored:
    """Return colours, [H, W, 3], where values are places in a palette; else the values as they are."""
    return apply_color_lut(stored, dataset) if dataset.PhotometricInterpretation == "PALETTE COLOR" else stored


def read_stored_words(dataset: pydicom.Dataset) -> Stored:
    """Return the words as the file or the codec holds them, [H, W], or colours, [H, W, 3].

    Copies are avoided: uncompressed words are a view of the file's bytes. All bits of a word are returned, and those
    that do not count are left to :func:`ml.decoding.stored_words.extract_values`. Floats that are not finite come as
    the smallest finite value.
    """
    if not _is_plain(dataset):
        values = dataset.pixel_array
        return _replace_not_finite(values) if values.dtype.kind == "f" else values
    syntax = dataset.file_meta.TransferSyntaxUID
    decoder, options = get_decoder(syntax), as_pixel_options(dataset)
    if decoder.is_native or dataset.PixelRepresentation == 1:
        options |= {"view_only": decoder.is_native, "correct_unused_bits": False}
        values, _ = decoder.as_array(dataset, raw=True, **options)  # the signs of JPEG 2000 and JPEG-LS are corrected
        return values
    buffer, found = decoder.as_buffer(dataset, index=0, **options)
    values = np.frombuffer(buffer, dtype=f"<u{int(found['bits_allocated']) // BYTE}")
    return values.reshape(dataset.Rows, dataset.Columns)


def find_ends(words: Stored) -> tuple[int, int]:
    """Return the smallest and the largest word; 0 and 0 for floats, whose ends nothing needs."""
    return (0, 0) if words.dtype.kind == "f" else (int(words.min()), int(words.max()))


def _replace_not_finite(values: Stored) -> Stored:
    known = np.isfinite(values)
    return values if known.all() else np.where(known, values, values[known].min())


def _is_plain(dataset: pydicom.Dataset) -> bool:
    """Return whether the film has one frame of one integer a pixel, of one, two or four bytes."""
    return (
        "PixelData" in dataset
        and dataset.SamplesPerPixel == 1
        and int(dataset.get("NumberOfFrames") or 1) == 1
        and dataset.BitsAllocated in (BYTE, 2 * BYTE, 4 * BYTE)
    )


def _to_grey_by_table(rules: GreyRules, words: Stored, codes: Stored) -> Grey:
    """Apply the rules to every word between the smallest and the largest, and look the pixels up."""
    with np.errstate(invalid="ignore", over="ignore"):  # words that do not occur in the film may be out of range
        steps = np.diff(apply_voi(rules, to_units(rules, extract_values(codes, rules.field))))
    if rules.padding is None and ((steps >= 0).all() or (steps <= 0).all()):
        occurs = np.zeros(len(codes), dtype=np.bool_)
        occurs[[0, -1]] = True  # both ends occur, and are the minimum and the maximum
    else:
        occurs = find_occurring(words, codes)
    levels = to_brightness(rules, codes, occurs)
    grey = stretch(levels, float(levels[occurs].min()), float(levels[occurs].max()))
    return look_up(words, make_table(codes, grey))
