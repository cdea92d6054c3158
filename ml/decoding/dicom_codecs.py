"""Decoders for compressed DICOM pixels that pydicom lacks or has slower, as its plugin named ``imagecodecs``.

Milliseconds a film of 3000 × 2500 pixels and 12 bits, one thread: RLE 20 (pydicom 155), JPEG lossless 41 (GDCM
174), JPEG-LS 101 (GDCM 200), 12-bit JPEG 34 (GDCM has none). Baseline JPEG stays with Pillow and JPEG 2000 with
OpenJPEG, which pydicom drives itself.

Every decoder writes into a plane of the size that the DICOM header declares, so that a codestream which claims
another size is refused before it claims memory.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import numpy as np
from numpy.typing import NDArray
from pydicom import uid
from pydicom.pixels.decoders.base import DecodeRunner, get_decoder

PLUGIN = "imagecodecs"
JPEG = (uid.JPEGExtended12Bit, uid.JPEGLossless, uid.JPEGLosslessSV1)
JPEG_LS = (uid.JPEGLSLossless, uid.JPEGLSNearLossless)
# pydicom asks a plugin module for these by name.
DECODER_DEPENDENCIES = dict.fromkeys((*JPEG, *JPEG_LS, uid.RLELossless), (PLUGIN,))
# Plugins of pydicom's own that are asked only where this one fails.
SECOND = (
    (uid.RLELossless, "pydicom", "pydicom.pixels.decoders.rle"),
    (uid.JPEGExtended12Bit, "pillow", "pydicom.pixels.decoders.pillow"),
)

END_OF_IMAGE = b"\xff\xd9"  # ITU-T T.81 table B.1; within the coded pixels these two bytes never meet
LONGEST_TAIL = 18  # bytes from it to the end of the frame; padding follows it (PS3.5 A.4), some writers give more

Plane = NDArray[np.uint8] | NDArray[np.uint16]


def is_available(syntax: str) -> bool:
    """Whether this module decodes a transfer syntax; pydicom asks."""
    return syntax in DECODER_DEPENDENCIES


def register() -> None:
    """Make pydicom use these decoders, before its own where it has one. May be called again."""
    for syntax in DECODER_DEPENDENCIES:
        decoder = get_decoder(syntax)
        if PLUGIN not in decoder.available_plugins:
            decoder.add_plugin(PLUGIN, (__name__, "decode_frame"))
    for syntax, name, module in SECOND:
        decoder = get_decoder(syntax)  # tries plugins in the order they were added in
        decoder.remove_plugin(name)
        decoder.add_plugin(name, (module, "_decode_frame"))


def decode_frame(source: bytes, runner: DecodeRunner) -> memoryview:
    """Decode one frame for pydicom.

    Args:
        source: the encoded frame.
        runner: pydicom's, which knows the header and is told what the decoded frame is like.

    Returns:
        the pixels in C order, colour by pixel, little endian.

    Raises:
        ValueError: when the frame is cut short, or of another size than the header says.
        RuntimeError, NotImplementedError: when it is damaged, or of a kind this module leaves to others.
    """
    if runner.transfer_syntax == uid.RLELossless:
        return _decode_rle(source, runner)
    return _decode_jpeg(source, runner).reshape(-1).view(np.uint8).data


def _decode_rle(source: bytes, runner: DecodeRunner) -> memoryview:
    if runner.samples_per_pixel != 1 or runner.bits_allocated not in (8, 16):
        raise NotImplementedError("colour and deep RLE are left to pydicom")
    from imagecodecs import dicomrle_decode  # here, so that only who meets such a film waits for it to load

    plane = np.empty(runner.rows * runner.columns, dtype=f"<u{runner.bits_allocated // 8}")
    pixels = plane.view(np.uint8).data
    written = dicomrle_decode(source, dtype=plane.dtype, out=pixels)
    if len(written) != len(pixels):
        raise ValueError(f"the RLE frame holds {len(written)} bytes, not {len(pixels)}")
    return pixels


def _decode_jpeg(source: bytes, runner: DecodeRunner) -> Plane:
    from imagecodecs import jpeg8_decode, jpegls_decode

    _refuse_cut_short(source)
    if runner.transfer_syntax in JPEG_LS:
        pixels = _into_plane(jpegls_decode, source, runner)
    else:
        # Equal colour spaces: nothing is converted here, pydicom does that by what the header says.
        space = "RGB" if runner.samples_per_pixel == 3 else None
        pixels = _into_plane(partial(jpeg8_decode, colorspace=space, outcolorspace=space), source, runner)
    runner.set_option("bits_allocated", 8 * pixels.dtype.itemsize)
    if runner.samples_per_pixel > 1:
        runner.set_option("planar_configuration", 0)
    return pixels


def _into_plane(decode: Callable[..., Plane], source: bytes, runner: DecodeRunner) -> Plane:
    colours = (runner.samples_per_pixel,) if runner.samples_per_pixel > 1 else ()
    size = (runner.rows, runner.columns, *colours)
    likely, other = (np.uint8, np.uint16) if runner.bits_stored <= 8 else (np.uint16, np.uint8)
    try:
        return decode(source, out=np.empty(size, likely))
    except ValueError:  # the codestream's own precision decides, and may fit in a byte where the header's does not
        return decode(source, out=np.empty(size, other))


def _refuse_cut_short(source: bytes) -> None:
    """Do what the libraries do not: libjpeg fills up with grey, CharLS may look for the rest for seconds."""
    if END_OF_IMAGE not in source[-LONGEST_TAIL:]:
        raise ValueError("the frame has no end of image marker; it is cut short")
