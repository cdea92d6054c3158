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
from ml.decoding.grey_transforms import apply_voi, drop_unused_bits, to_brightness, to_units
from ml.decoding.limits import MAX_PIXELS
from ml.decoding.pixel_data import has_signed_stream, reading_notes
from ml.decoding.pixel_shape import SQUARE, PixelShape, read_pixel_shape
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
    stored, bits = read_stored_values(dataset)
    shape = read_pixel_shape(dataset)
    notes = (*reading_notes(dataset), *shape.notes)
    stored = expand_palette(dataset, stored)
    if stored.ndim == 3:  # a secondary capture in colour, which pydicom converts to RGB
        return DicomFilm(stretch_plane(to_luma(stored, np.dtype(np.float32))), shape, notes)
    rules = read_grey_rules(dataset)
    if has_table(stored):
        grey = _to_grey_by_table(rules, stored, bits)
    else:
        grey = stretch_plane(to_brightness(rules, stored, np.ones(stored.shape, dtype=np.bool_)))
    return DicomFilm(grey, shape, notes)


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


def read_stored_values(dataset: pydicom.Dataset) -> tuple[Stored, int]:
    """Return the values as the file holds them, [H, W] or [H, W, 3], and how many of their low bits count.

    Copies are avoided: uncompressed values are a view of the file's bytes, and the bits above those that count are
    left to :func:`ml.decoding.grey_transforms.drop_unused_bits`.
    """
    if not _is_plain(dataset):
        values = dataset.pixel_array
        return values, BYTE * values.dtype.itemsize
    syntax = dataset.file_meta.TransferSyntaxUID
    decoder, options = get_decoder(syntax), as_pixel_options(dataset)
    if decoder.is_native:
        options |= {"view_only": True, "correct_unused_bits": False}
        values, _ = decoder.as_array(dataset, raw=True, **options)
        return values, int(dataset.BitsStored)
    if dataset.PixelRepresentation == 0 and not has_signed_stream(dataset):
        buffer, found = decoder.as_buffer(dataset, index=0, **options)
        values = np.frombuffer(buffer, dtype=f"<u{int(found['bits_allocated']) // BYTE}")
        return values.reshape(dataset.Rows, dataset.Columns), int(dataset.BitsStored)
    values = dataset.pixel_array  # pydicom corrects the signs
    return values, BYTE * values.dtype.itemsize


def _is_plain(dataset: pydicom.Dataset) -> bool:
    """Return whether the film has one frame of one integer a pixel, of one or two bytes."""
    return (
        "PixelData" in dataset
        and dataset.SamplesPerPixel == 1
        and int(dataset.get("NumberOfFrames") or 1) == 1
        and dataset.BitsAllocated in (BYTE, 2 * BYTE)
    )


def _to_grey_by_table(rules: GreyRules, stored: Stored, bits: int) -> Grey:
    """Apply the rules to every value between the smallest and the largest, and look the pixels up."""
    codes = list_codes(stored)
    values = drop_unused_bits(codes, bits)
    with np.errstate(invalid="ignore"):  # values that do not occur in the film may be out of range
        steps = np.diff(apply_voi(rules, to_units(rules, values)))
    if rules.padding is None and ((steps >= 0).all() or (steps <= 0).all()):
        occurs = np.zeros(len(codes), dtype=np.bool_)
        occurs[[0, -1]] = True  # both ends occur, and are the minimum and the maximum
    else:
        occurs = find_occurring(stored, codes)
    levels = to_brightness(rules, values, occurs)
    grey = stretch(levels, float(levels[occurs].min()), float(levels[occurs].max()))
    return look_up(stored, make_table(codes, grey))
