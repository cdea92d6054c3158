"""TIFF: a new file of the tags that decode the picture and of its pixels, laid out anew, so that no gap is left."""

from __future__ import annotations

from typing import NamedTuple

from PIL import ExifTags, TiffTags

from ml.errors import FilmError
from screening.codes import film_codes
from screening.deidentification import exif, jpeg
from screening.deidentification.cleaned import Cleaned, damaged, names
from screening.deidentification.tiff_directory import WHOLE_NUMBERS, Field, Form, read_fields, read_form, write

WIDTH, LENGTH, BITS, COMPRESSION, PHOTOMETRIC, SAMPLES, ROWS_PER_STRIP, PLANAR = (
    256,
    257,
    258,
    259,
    262,
    277,
    278,
    284,
)
TILE_WIDTH, TILE_LENGTH, JPEG_TABLES, XMP, ORIENTATION = 322, 323, 347, 700, exif.ORIENTATION
COLOUR_MAP = 320
STRIPS, TILES = (273, 279), (324, 325)  # offsets, byte counts
UNCOMPRESSED, RETIRED_JPEG, JPEG = 1, 6, 7
PALETTE, YCBCR = 3, 6
SEPARATE = 2  # planar configuration: one plane after the other
RATIONAL, UNDEFINED = 5, 7
SAMPLES_MOST = 16  # in a pixel
# The tags kept, and how many values they may have: too few for a text, which no kept type is meant for either.
KEPT = {
    254: 1, WIDTH: 1, LENGTH: 1, BITS: SAMPLES_MOST, COMPRESSION: 1, PHOTOMETRIC: 1, 266: 1, ORIENTATION: 1,
    SAMPLES: 1, ROWS_PER_STRIP: 1, 280: SAMPLES_MOST, 281: SAMPLES_MOST, 282: 1, 283: 1, PLANAR: 1, 292: 1, 293: 1,
    296: 1, 317: 1, COLOUR_MAP: 3 << 16, TILE_WIDTH: 1, TILE_LENGTH: 1, 332: 1, 338: SAMPLES_MOST, 339: SAMPLES_MOST,
    529: 3, 530: 2, 531: 1, 532: 6,
}  # fmt: skip
RATIONALS = {282, 283, 529, 532}  # the kept tags that hold fractions


class Pixels(NamedTuple):
    """The pixels in the new file: the fields that point to them, their bytes, where they end, what was removed."""

    fields: list[Field]
    pieces: list[bytes | memoryview]
    end: int
    removed: set[str]
    read: int  # bytes of the old file


def clean(data: bytes) -> Cleaned:
    """Clean a TIFF file; see :func:`screening.deidentification.clean`."""
    form, start = read_form(data)
    fields, places = read_fields(data, form, start)
    if _number(fields, COMPRESSION, form, UNCOMPRESSED) == RETIRED_JPEG:
        raise FilmError(film_codes.UNSUPPORTED_COMPRESSION)
    palette = _number(fields, PHOTOMETRIC, form, 0) == PALETTE
    kept = [field for field in fields.values() if _is_kept(field) and (palette or field.tag != COLOUR_MAP)]
    pixels = _pixels(data, form, fields, places)
    kept += pixels.fields
    removed = pixels.removed | {_name(tag) for tag in set(fields) - {field.tag for field in kept}}
    kept += _turned(fields, form)
    slack = len(pixels.pieces) + len(fields)  # bytes that pad to even offsets
    if len(data) > form.header_size + sum(end - start for start, end in places) + pixels.read + slack:
        removed.add("TIFF: data that no tag points to")
    return Cleaned(write(form, kept, pixels.pieces, pixels.end), names(removed))


def _is_kept(field: Field) -> bool:
    if field.tag not in KEPT or not 0 < field.number <= KEPT[field.tag]:
        return False
    return field.type == RATIONAL if field.tag in RATIONALS else field.type in WHOLE_NUMBERS


def _turned(fields: dict[int, Field], form: Form) -> list[Field]:
    """The orientation that only XMP gives, if it does: Pillow heeds it."""
    if ORIENTATION in fields or XMP not in fields:
        return []
    orientation, _ = exif.read({"xmp": fields[XMP].value})
    return [Field(ORIENTATION, 3, 1, form.pack("H", orientation))] if orientation != 1 else []


def _pixels(data: bytes, form: Form, fields: dict[int, Field], taken: list[tuple[int, int]]) -> Pixels:
    """Lay the strips or tiles out anew, one after the other at even offsets.

    Raises:
        FilmError: ``damaged_header``, also where strips lie over each other and would take more room than the file,
            or over what tags say, which would pass as pixels.
    """
    made: list[Field] = []
    pieces: list[bytes | memoryview] = []
    removed: set[str] = set()
    end, read = form.header_size, 0
    for pair in (STRIPS, TILES):
        places: dict[tuple[int, int], tuple[int, int]] = {}
        ranges = _ranges(form, fields, pair)
        if _overlap(taken, ranges):
            raise damaged("tiff")
        for offset, size in dict.fromkeys(ranges):
            piece: bytes | memoryview = memoryview(data)[offset : offset + size]
            read += len(piece)
            if read > len(data):
                raise damaged("tiff")
            piece = _without_comments(piece, form, fields, removed)
            places[offset, size] = end, len(piece)
            pieces += [piece, b"\0"] if len(piece) % 2 else [piece]
            end += len(piece) + len(piece) % 2
        for tag, which in zip(pair, (0, 1), strict=True):
            numbers = [places[one][which] for one in ranges]
            if numbers:
                value = form.pack(f"{len(numbers)}{form.offset}", *numbers)
                made.append(Field(tag, form.offset_type, len(numbers), value))
    if not made:
        raise damaged("tiff")
    if tables := fields.get(JPEG_TABLES):
        stream, found = jpeg.strip(tables.value, whole=False)
        removed |= found
        made.append(Field(JPEG_TABLES, UNDEFINED, len(stream), stream))
    return Pixels(made, pieces, end, removed, read)


def _overlap(taken: list[tuple[int, int]], ranges: list[tuple[int, int]]) -> bool:
    """Whether any strip begins before what is taken ends, and ends after it begins."""
    strips = [(offset, offset + size, True) for offset, size in ranges if size]
    ends = {True: 0, False: 0}
    for start, end, is_strip in sorted(strips + [(start, end, False) for start, end in taken]):
        if ends[not is_strip] > start:
            return True
        ends[is_strip] = max(ends[is_strip], end)
    return False


def _without_comments(
    piece: bytes | memoryview, form: Form, fields: dict[int, Field], removed: set[str]
) -> bytes | memoryview:
    if not piece or _number(fields, COMPRESSION, form, UNCOMPRESSED) != JPEG:
        return piece
    stream, found = jpeg.strip(bytes(piece), whole=False)
    removed |= found
    return stream


def _ranges(form: Form, fields: dict[int, Field], pair: tuple[int, int]) -> list[tuple[int, int]]:
    """Offset and size of each strip or tile; what exceeds the pixels of an uncompressed one is not counted."""
    if pair[0] not in fields:
        return []
    offsets = fields[pair[0]].numbers(form)
    sizes = fields[pair[1]].numbers(form) if pair[1] in fields else ()
    if _number(fields, COMPRESSION, form, UNCOMPRESSED) == UNCOMPRESSED:
        needed = _needed(form, fields, pair, len(offsets))
        if not any(sizes):  # some writers leave them out, and decoders do without
            sizes = tuple(needed)
        elif _number(fields, PHOTOMETRIC, form, 0) != YCBCR:  # whose colours may take less room than others
            sizes = tuple(min(both) for both in zip(sizes, needed, strict=False))
    if len(sizes) < len(offsets):
        raise damaged("tiff")
    return list(zip(offsets, sizes, strict=False))


def _needed(form: Form, fields: dict[int, Field], pair: tuple[int, int], count: int) -> list[int]:
    """Bytes of each uncompressed strip or tile, rows being padded to whole bytes (TIFF 6.0, 9 and 15)."""
    samples = _number(fields, SAMPLES, form, 1)
    bits = fields[BITS].numbers(form) if BITS in fields else (1,)
    bits = bits if len(bits) >= samples else bits[:1] * min(samples, SAMPLES_MOST)
    width, length = _number(fields, WIDTH, form, 0), _number(fields, LENGTH, form, 0)
    rows = _number(fields, ROWS_PER_STRIP, form, length) if pair == STRIPS else _number(fields, TILE_LENGTH, form, 0)
    columns = width if pair == STRIPS else _number(fields, TILE_WIDTH, form, 0)
    separate = _number(fields, PLANAR, form, 1) == SEPARATE
    depth = max(bits, default=1) if separate else sum(bits)
    strips = -(-length // rows) if rows else 1  # in a plane
    needed = []
    for number in range(count):
        left = length - number % strips * rows if pair == STRIPS and strips else rows
        needed.append(-(-columns * depth // 8) * max(0, min(rows, left)))
    return needed


def _number(fields: dict[int, Field], tag: int, form: Form, default: int) -> int:
    numbers = fields[tag].numbers(form) if tag in fields else ()
    return numbers[0] if numbers else default


def _name(tag: int) -> str:
    if tag == XMP:
        return "XMP"
    name = TiffTags.lookup(tag).name
    name = ExifTags.TAGS.get(tag, "") if name in ("", "unknown") else name
    return f"TIFF: {name}" if name else "TIFF: tag of unknown name"
