"""A pydicom plugin, ``imagecodecs``: decoders for compressed pixels that pydicom lacks or that are slower there.

Milliseconds a film of 3000 × 2500 pixels and 12 bits, one thread: RLE 20 (pydicom 155), JPEG lossless 41 (GDCM
174), JPEG-LS 101 (GDCM 200), 12-bit JPEG 34 (GDCM has none). Baseline JPEG stays with Pillow.

JPEG 2000, milliseconds for lossless 12 bits, lossless 16 bits and lossy 12 bits: OpenJPEG 770, 1130 and 380 in
imagecodecs, in pylibjpeg-openjpeg and in Pillow; 870, 1160 and 410 in glymur; FFmpeg in PyAV 1290, 1800 and 590. All
give the same grey levels of lossless films. imagecodecs takes the least memory, 3.1 times the raw pixels
(pylibjpeg-openjpeg 3.6, Pillow more than 5). Colour and signed values stay with pylibjpeg-openjpeg.

Every decoder writes into an array of the size that the DICOM header declares. So a codestream that declares another
size is refused before memory is allocated for it.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import numpy as np
from numpy.typing import NDArray
from pydicom import uid
from pydicom.pixels.decoders.base import DecodeRunner, get_decoder

from ml.decoding.codestreams import J2K_START, JPEG_2000_SYNTAXES, find_jpeg_end, read_codestream

PLUGIN = "imagecodecs"
JPEG = (uid.JPEGExtended12Bit, uid.JPEGLossless, uid.JPEGLosslessSV1)
JPEG_LS = (uid.JPEGLSLossless, uid.JPEGLSNearLossless)
JPEG_2000 = tuple(uid.UID(syntax) for syntax in sorted(JPEG_2000_SYNTAXES))
# pydicom asks a plugin module for these by name.
DECODER_DEPENDENCIES = dict.fromkeys((*JPEG, *JPEG_LS, uid.RLELossless, *JPEG_2000), (PLUGIN,))
# Plugins of pydicom itself that are tried only where this one fails.
FALLBACK_PLUGINS = (
    (uid.RLELossless, "pydicom", "pydicom.pixels.decoders.rle"),
    (uid.JPEGExtended12Bit, "pillow", "pydicom.pixels.decoders.pillow"),
    *((syntax, "pylibjpeg", "pydicom.pixels.decoders.pylibjpeg") for syntax in JPEG_2000),
    *((syntax, "pillow", "pydicom.pixels.decoders.pillow") for syntax in (uid.JPEG2000Lossless, uid.JPEG2000)),
)

END_OF_IMAGE = b"\xff\xd9"  # ITU-T T.81 table B.1; these two bytes never follow each other within coded pixels
MAX_TAIL_BYTES = 18  # of a frame that are looked at first; the marker is among them in nearly all frames

Plane = NDArray[np.uint8] | NDArray[np.uint16]


def is_available(syntax: str) -> bool:
    """Return whether this module decodes a transfer syntax; pydicom calls this."""
    return syntax in DECODER_DEPENDENCIES


def register() -> None:
    """Make pydicom use these decoders before its own. May be called more than once."""
    for syntax in DECODER_DEPENDENCIES:
        decoder = get_decoder(syntax)
        if PLUGIN not in decoder.available_plugins:
            decoder.add_plugin(PLUGIN, (__name__, "decode_frame"))
    for syntax, name, module in FALLBACK_PLUGINS:
        decoder = get_decoder(syntax)  # tries plugins in the order they were added in
        decoder.remove_plugin(name)
        decoder.add_plugin(name, (module, "_decode_frame"))


def decode_frame(source: bytes, runner: DecodeRunner) -> memoryview:
    """Decode one frame for pydicom.

    Args:
        source: the encoded frame.
        runner: of pydicom; it has the header and receives the properties of the decoded frame.

    Returns:
        The pixels in C order, colour by pixel, little endian.

    Raises:
        ValueError: when the frame is cut short, or of another size than the header says.
        RuntimeError, NotImplementedError: when it is damaged, or of a kind that is left to other plugins.
    """
    if runner.transfer_syntax == uid.RLELossless:
        return _decode_rle(source, runner)
    if source.startswith(J2K_START):
        return _decode_jpeg_2000(source, runner).reshape(-1).view(np.uint8).data
    return _decode_jpeg(source, runner).reshape(-1).view(np.uint8).data


def _decode_rle(source: bytes, runner: DecodeRunner) -> memoryview:
    if runner.samples_per_pixel != 1 or runner.bits_allocated not in (8, 16):
        raise NotImplementedError("colour and deep RLE are left to pydicom")
    from imagecodecs import dicomrle_decode  # here: it is slow to load, and few films need it

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
        # Equal colour spaces: nothing is converted here; pydicom converts by the header.
        space = "RGB" if runner.samples_per_pixel == 3 else None
        pixels = _into_plane(partial(jpeg8_decode, colorspace=space, outcolorspace=space), source, runner)
    runner.set_option("bits_allocated", 8 * pixels.dtype.itemsize)
    if runner.samples_per_pixel > 1:
        runner.set_option("planar_configuration", 0)
    return pixels


def _decode_jpeg_2000(source: bytes, runner: DecodeRunner) -> Plane:
    stream = read_codestream(source, "")
    if stream is None or stream.samples != 1 or stream.bits > 16 or stream.is_signed or runner.pixel_representation:
        raise NotImplementedError("colour, signed and deep JPEG 2000 is left to pylibjpeg")
    if (stream.rows, stream.columns) != (runner.rows, runner.columns):
        raise ValueError("the codestream has another size than the header says")
    from imagecodecs import jpeg2k_decode

    plane = np.empty((runner.rows, runner.columns), np.uint8 if stream.bits <= 8 else np.uint16)
    pixels: Plane = jpeg2k_decode(source, numthreads=1, out=plane)
    runner.set_option("bits_allocated", 8 * pixels.dtype.itemsize)
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
    """Raise for a frame cut short: libjpeg would fill it up with grey, CharLS may search for seconds."""
    if END_OF_IMAGE not in source[-MAX_TAIL_BYTES:] and find_jpeg_end(source) is None:
        raise ValueError("the frame has no end of image marker; it is cut short")
