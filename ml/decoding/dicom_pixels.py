"""The pixels of a DICOM file as 8-bit grey: decoded, windowed, bright where dense, stretched."""

from __future__ import annotations

from functools import cache

import numpy as np
import pydicom
from numpy.typing import NDArray
from pydicom import uid
from pydicom.pixels.decoders.base import get_decoder
from pydicom.pixels.processing import apply_color_lut, apply_modality_lut, apply_voi_lut
from pydicom.pixels.utils import as_pixel_options

from ml.decoding import dicom_codecs
from ml.decoding.dicom_reading import read_whole
from ml.decoding.grey_levels import (
    Grey,
    Stored,
    codes_between,
    has_table,
    look_up,
    luma,
    occurring,
    stretch,
    stretch_plane,
    table_of,
)
from ml.decoding.limits import MAX_PIXELS
from ml.decoding.padding import is_padding, padding_range

BYTE = 8

_register_codecs = cache(dicom_codecs.register)


def decode_dicom(data: bytes, max_pixels: int = MAX_PIXELS) -> Grey:
    """Decode a DICOM film to grey, bright meaning dense whatever its Photometric Interpretation.

    Args:
        data: the file's bytes.
        max_pixels: the most a film may have.

    Returns:
        uint8 [H, W], the smallest to the largest value shown spread over 0..255.

    Raises:
        FilmError: ``too_large_unpacked``.
        Exception: whatever a damaged file leads pydicom or a decoder to.
    """
    dataset = open_film(data, max_pixels)
    stored, bits = _stored(dataset)
    stored = coloured(dataset, stored)
    if stored.ndim == 3:  # a secondary capture in colour, which pydicom makes RGB of
        return stretch_plane(luma(stored, np.dtype(np.float32)))
    if has_table(stored):
        return _by_table(dataset, stored, bits)
    every = np.ones(stored.shape, dtype=np.bool_)
    return stretch_plane(_shown(dataset, stored, every))


def open_film(data: bytes, max_pixels: int = MAX_PIXELS) -> pydicom.Dataset:
    """A DICOM film, its pixels still encoded, with every decoder at hand.

    Raises:
        FilmError: ``too_large_unpacked``.
        Exception: whatever a damaged file leads pydicom to; ValueError for several frames.
    """
    _register_codecs()
    dataset = read_whole(data, max_pixels)
    if int(dataset.get("NumberOfFrames") or 1) > 1:
        raise ValueError("several frames are no film")
    return dataset


def coloured(dataset: pydicom.Dataset, stored: Stored) -> Stored:
    """Colours, [H, W, 3], where a film's values are no greys but places in a table; else the values as they are."""
    return apply_color_lut(stored, dataset) if dataset.PhotometricInterpretation == "PALETTE COLOR" else stored


def _stored(dataset: pydicom.Dataset) -> tuple[Stored, int]:
    """The values as the file holds them, [H, W] or [H, W, 3], and how many of their low bits count.

    Copies are avoided: uncompressed values are a view of the file's bytes, unused high bits are left to the table.
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
    if dataset.PixelRepresentation == 0 and syntax not in uid.JPEG2000TransferSyntaxes:
        buffer, found = decoder.as_buffer(dataset, index=0, **options)
        values = np.frombuffer(buffer, dtype=f"<u{int(found['bits_allocated']) // BYTE}")
        return values.reshape(dataset.Rows, dataset.Columns), int(dataset.BitsStored)
    values = dataset.pixel_array  # signs are pydicom's to put right
    return values, BYTE * values.dtype.itemsize


def _is_plain(dataset: pydicom.Dataset) -> bool:
    """One frame of one integer a pixel, of one or two bytes."""
    return (
        "PixelData" in dataset
        and dataset.SamplesPerPixel == 1
        and int(dataset.get("NumberOfFrames") or 1) == 1
        and dataset.BitsAllocated in (BYTE, 2 * BYTE)
    )


def _by_table(dataset: pydicom.Dataset, stored: Stored, bits: int) -> Grey:
    """What :func:`_shown` makes of every value there is between the smallest and the largest, looked up."""
    codes = codes_between(stored)
    values = _without_unused_bits(codes, bits)
    plain = padding_range(dataset) is None
    shown = _windowed(dataset, values)
    steps = np.diff(shown)
    if plain and ((steps >= 0).all() or (steps <= 0).all()):  # then the ends, which do occur, are the extremes
        seen = np.zeros(len(codes), dtype=np.bool_)
        seen[[0, -1]] = True
    else:
        seen = occurring(stored, codes)
    levels = _shown(dataset, values, seen)
    grey = stretch(levels, float(levels[seen].min()), float(levels[seen].max()))
    return look_up(stored, table_of(codes, grey))


def _without_unused_bits(codes: Stored, bits: int) -> Stored:
    """Drop the bits above Bits Stored, which may hold anything (PS3.5 8.1.1), and extend the sign."""
    unused = max(0, BYTE * codes.dtype.itemsize - bits)
    return np.asarray(codes << unused >> unused)


def _windowed(dataset: pydicom.Dataset, values: Stored) -> NDArray[np.float64]:
    with np.errstate(invalid="ignore"):  # values that do not occur in the film may lie anywhere
        return np.asarray(apply_voi_lut(apply_modality_lut(values, dataset), dataset), dtype=np.float64)


def _shown(dataset: pydicom.Dataset, values: Stored, seen: NDArray[np.bool_]) -> NDArray[np.float32]:
    """Pixel values to brightness: modality and VOI LUT, inversion, padding.

    Args:
        dataset: the header.
        values: of any shape.
        seen: of the same shape; whether a value occurs in the film, as only those decide on the extremes.

    Returns:
        float32 of the same shape.
    """
    shown = _windowed(dataset, values)
    if dataset.PhotometricInterpretation == "MONOCHROME1":
        shown = shown[seen].max() - shown
    outside = is_padding(dataset, values)  # is shown as dark as what surrounds a film
    if outside.any() and (inside := seen & ~outside).any():
        shown = np.where(outside, shown[inside].min(), shown)
    return shown.astype(np.float32)
