"""Layouts of TIFF pixels: which library reads them, and the reason where none does.

Pillow reads most films. It reads some layouts wrongly (8-bit signed values; big-endian values that are signed or
floating-point and compressed; many colours in separate planes) and others not at all; libtiff, through imagecodecs,
reads these. tifffile would read
as much, but is a second parser of directories in Python; libtiff is in use already, inside Pillow.

Source: TIFF 6.0 (Adobe, 1992), its technical notes, and the registry of compressions in libtiff's ``tiff.h``.
"""

from __future__ import annotations

from ml import codes
from ml.decoding.jpeg_segments import HUFFMAN_DCT, LOSSLESS, read_jpeg_frame
from ml.decoding.tiff import BITS_PER_SAMPLE, PHOTOMETRIC, SAMPLE_FORMAT, SAMPLES_PER_PIXEL, TiffDirectory
from ml.errors import FilmError

COMPRESSION, PLANAR, TILE_WIDTH, TILE_HEIGHT, STRIPS, TILES = 259, 284, 322, 323, 273, 324
DNG_VERSION = 50706
CR2_START = b"\x10\0\0\0CR\x02\0"  # offset of the first directory, and what Canon writes between
WHITE_IS_ZERO, BLACK_IS_ZERO, RGB, PALETTE, COLOUR_FILTER, LINEAR_RAW = 0, 1, 2, 3, 32803, 34892
UNCOMPRESSED, JPEG = 1, 7
EXTRA_SAMPLES, UNASSOCIATED_ALPHA = 338, 2
PLANES = {(RGB, 3), (5, 4), (8, 3)}  # photometric interpretation and samples: RGB, CMYK, LAB
CONTIGUOUS = 1  # planar configuration: the samples of a pixel follow each other
BYTE = 8
READ_COMPRESSIONS = frozenset({UNCOMPRESSED, 2, 3, 4, 5, JPEG, 8, 32773, 32946, 34925, 50000})
COMPRESSION_NAMES = {
    6: "JPEG in its retired form (6)",
    32766: "NeXT",
    32809: "ThunderScan",
    32908: "PixarFilm",
    32909: "PixarLog",
    34661: "JBIG",
    34676: "SGI Log",
    34677: "SGI Log 24",
    34712: "JPEG 2000",
    33003: "JPEG 2000",
    33005: "JPEG 2000",
    34715: "JBIG2",
    34887: "LERC",
    34892: "lossy JPEG of DNG",
    34926: "Zstandard (34926)",
    34927: "WebP",
    34933: "PNG",
    34934: "JPEG XR",
    22610: "JPEG XR",
    50001: "WebP",
    50002: "JPEG XL",
    52546: "JPEG XL",
}
RAW_COMPRESSIONS = frozenset({32767, 32769, 34713, 65000, 65535})  # of cameras: Sony, Epson, Nikon, Kodak, Pentax
SAVE_AGAIN = "save it with LZW or deflate compression, or as PNG"
SAVE_PICTURE = "save the picture as PNG, JPEG, TIFF or WebP and send that"

UNSIGNED, SIGNED, FLOAT = 1, 2, 3
FORMAT_NAMES = {UNSIGNED: "unsigned", SIGNED: "signed", FLOAT: "floating-point", 5: "complex", 6: "complex"}
# Bits of a grey value by Sample Format that are read.
GREY_BITS = {UNSIGNED: frozenset({*range(1, 17), 32}), SIGNED: frozenset({8, 16, 32}), FLOAT: frozenset({16, 32, 64})}
# Bits and Sample Format of grey values that Pillow reads rightly.
PILLOW_GREY = {(2, UNSIGNED), (4, UNSIGNED), (8, UNSIGNED), (16, UNSIGNED)}
PILLOW_LITTLE_ENDIAN_GREY = {(12, UNSIGNED), (32, UNSIGNED), (16, SIGNED), (32, SIGNED), (32, FLOAT)}
JPEG_BITS = frozenset({8, 12})
COLOUR_BITS = frozenset({8, 16})
TILE_ROOM = 1 << 22  # pixels that a tile may have beyond those of the picture


def refuse_unread(directory: TiffDirectory) -> None:
    """Refuse a film whose compression or layout is not read.

    Raises:
        FilmError: ``unsupported_kind`` for a camera's raw picture, ``unsupported_compression``,
            ``unsupported_layout`` or ``one_bit``.
    """
    if _is_camera_raw(directory):
        raise FilmError(codes.KNOWN_BUT_NOT_READ, name="a camera raw picture (DNG, CR2, NEF, …)", advice=SAVE_PICTURE)
    if name := _unread_compression(directory):
        raise FilmError(codes.UNSUPPORTED_COMPRESSION, kind="TIFF", name=name, advice=SAVE_AGAIN)
    if _is_grey(directory) and not _is_grey_read(directory):
        raise unread_layout(directory)
    if directory.bits == 1 and directory.number(PHOTOMETRIC, WHITE_IS_ZERO) != PALETTE:
        raise FilmError(codes.ONE_BIT)
    if not is_read_by_pillow(directory) and not _is_grey(directory) and not _is_rgb(directory):
        raise unread_layout(directory)


def is_read_by_pillow(directory: TiffDirectory) -> bool:
    """Return whether Pillow decodes the film; else imagecodecs does, if :func:`refuse_unread` lets it in."""
    if _is_big_endian_big(directory):
        return False
    if not _is_grey(directory):  # what Pillow does not know, it refuses
        return directory.number(PLANAR, CONTIGUOUS) == CONTIGUOUS or _is_planar_read_by_pillow(directory)
    layout = directory.bits, _sample_formats(directory)[0]
    if directory.number(COMPRESSION, UNCOMPRESSED) == JPEG:
        return True
    return layout in PILLOW_GREY or (directory.order == "<" and layout in PILLOW_LITTLE_ENDIAN_GREY)


def _is_planar_read_by_pillow(directory: TiffDirectory) -> bool:
    """Return whether Pillow reads samples in separate planes rightly: it does with three or four bytes of colour."""
    layout = directory.number(PHOTOMETRIC, WHITE_IS_ZERO), directory.number(SAMPLES_PER_PIXEL, 1)
    has_alpha = layout == (RGB, 4) and directory.number(EXTRA_SAMPLES, 0) == UNASSOCIATED_ALPHA
    return directory.bits == BYTE and (layout in PLANES or has_alpha)


def is_unsigned(directory: TiffDirectory) -> bool:
    """Return whether values are unsigned integers."""
    return _sample_formats(directory)[0] == UNSIGNED


def unread_layout(directory: TiffDirectory) -> FilmError:
    """Return the error for a layout that is not read; it says what the layout is."""
    formats = _sample_formats(directory)
    names = " and ".join(sorted({FORMAT_NAMES.get(number, "undefined") for number in formats}))
    bits = " and ".join(str(number) for number in sorted(set(_sample_bits(directory))))
    samples = directory.number(SAMPLES_PER_PIXEL, 1)
    what = f"{samples} sample{'s' * (samples != 1)} per pixel of {bits} bits ({names})"
    if directory.number(PHOTOMETRIC, WHITE_IS_ZERO) == PALETTE:
        what += " and a palette"
    if directory.is_big and directory.order == ">":
        what += " in a big-endian BigTIFF"
    return FilmError(codes.UNSUPPORTED_LAYOUT, kind="TIFF", what=what)


def refuse_hostile_sizes(directory: TiffDirectory) -> None:
    """Refuse what libtiff would need far more memory for than the film has pixels.

    Raises:
        ValueError: size or place of the pixels are missing, or tiles are much larger than the picture.
    """
    width, height = directory.size
    if not directory.is_picture or not (STRIPS in directory.entries or TILES in directory.entries):
        raise ValueError("the directory leads to no pixels")
    if TILES in directory.entries:
        tile = directory.number(TILE_WIDTH, 0) * directory.number(TILE_HEIGHT, 0)
        if not 0 < tile <= width * height + TILE_ROOM:
            raise ValueError(f"{tile} pixels in a tile")


def _is_camera_raw(directory: TiffDirectory) -> bool:
    return (
        directory.data.startswith(CR2_START, 4)
        or DNG_VERSION in directory.entries
        or directory.number(PHOTOMETRIC, WHITE_IS_ZERO) in (COLOUR_FILTER, LINEAR_RAW)
        or directory.number(COMPRESSION, UNCOMPRESSED) in RAW_COMPRESSIONS
    )


def _unread_compression(directory: TiffDirectory) -> str:
    """Return the name of a compression that is not read, or an empty string."""
    compression = directory.number(COMPRESSION, UNCOMPRESSED)
    if compression not in READ_COMPRESSIONS:
        return COMPRESSION_NAMES.get(compression, f"method {compression}")
    if compression == JPEG:
        strip = directory.number(TILES if TILES in directory.entries else STRIPS, 0)
        frame = read_jpeg_frame(directory.data, strip) if 0 < strip < len(directory.data) else None
        if frame and frame.process not in HUFFMAN_DCT:
            return "lossless JPEG" if frame.process == LOSSLESS else "JPEG of a rare kind"
    return ""


def _sample_bits(directory: TiffDirectory) -> tuple[int, ...]:
    return directory.numbers(BITS_PER_SAMPLE) or (1,)


def _sample_formats(directory: TiffDirectory) -> tuple[int, ...]:
    return directory.numbers(SAMPLE_FORMAT) or (UNSIGNED,)


def _is_grey(directory: TiffDirectory) -> bool:
    photometric = directory.number(PHOTOMETRIC, WHITE_IS_ZERO)
    return photometric in (WHITE_IS_ZERO, BLACK_IS_ZERO) and directory.number(SAMPLES_PER_PIXEL, 1) == 1


def _is_grey_read(directory: TiffDirectory) -> bool:
    sample_format = _sample_formats(directory)[0]
    if directory.number(COMPRESSION, UNCOMPRESSED) == JPEG:
        return sample_format == UNSIGNED and directory.bits in JPEG_BITS and not _is_big_endian_big(directory)
    return directory.bits in GREY_BITS.get(sample_format, ())


def _is_rgb(directory: TiffDirectory) -> bool:
    """Return whether pixels are plain red, green and blue, which imagecodecs returns as they are."""
    return (
        directory.number(PHOTOMETRIC, WHITE_IS_ZERO) == RGB
        and directory.number(SAMPLES_PER_PIXEL, 1) == 3
        and set(_sample_formats(directory)) == {UNSIGNED}
        and len(set(_sample_bits(directory))) == 1
        and directory.bits in COLOUR_BITS
        and directory.number(COMPRESSION, UNCOMPRESSED) != JPEG
    )


def _is_big_endian_big(directory: TiffDirectory) -> bool:
    return directory.is_big and directory.order == ">"
