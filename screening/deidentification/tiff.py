"""Cleaning of TIFF files: a new file with the tags that decode the picture and with its pixels, without gaps."""

from __future__ import annotations

import struct
from typing import NamedTuple

from PIL import ExifTags, TiffTags

from ml import codes
from ml.decoding.tiff import TiffFilm, find_film
from ml.errors import FilmError
from ml.note_codes import PREVIEWS_LEFT_OUT
from screening.deidentification import exif, jpeg
from screening.deidentification.cleaned import CleanedFile, damaged, sorted_names
from screening.deidentification.tiff_directory import (
    WHOLE_NUMBERS,
    Field,
    Layout,
    read_fields,
    read_layout,
    write_file,
)

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
MAX_PALETTE_BITS = 16
SEPARATE = 2  # planar configuration: one plane after the other
RATIONAL, UNDEFINED = 5, 7
MAX_SAMPLES = 16  # in a pixel
SAVE_AGAIN = "save it with another compression or as PNG"
# The allowed tags, and how many values each may have: too few for a text, and their types are no text types.
ALLOWED_TAGS = {
    254: 1, WIDTH: 1, LENGTH: 1, BITS: MAX_SAMPLES, COMPRESSION: 1, PHOTOMETRIC: 1, 266: 1, ORIENTATION: 1,
    SAMPLES: 1, ROWS_PER_STRIP: 1, 280: MAX_SAMPLES, 281: MAX_SAMPLES, 282: 1, 283: 1, PLANAR: 1, 292: 1, 293: 1,
    296: 1, 317: 1, COLOUR_MAP: 3 << 16, TILE_WIDTH: 1, TILE_LENGTH: 1, 332: 1, 338: MAX_SAMPLES, 339: MAX_SAMPLES,
    529: 3, 530: 2, 531: 1, 532: 6,
}  # fmt: skip
RATIONALS = {282, 283, 529, 532}  # the allowed tags that hold fractions


class Pixels(NamedTuple):
    """The pixels in the new file: fields that point to them, their bytes, their end, and names of removed parts."""

    fields: list[Field]
    pieces: list[bytes | memoryview]
    end: int
    removed: set[str]
    read: int  # bytes of the old file


def clean_file(data: bytes) -> CleanedFile:
    """Clean a TIFF file; see :func:`screening.deidentification.clean_file`."""
    layout, _ = read_layout(data)
    film = _find_film(data)
    fields, places = read_fields(data, layout, film.directory.at)
    if _first_number(fields, COMPRESSION, layout, UNCOMPRESSED) == RETIRED_JPEG:
        raise FilmError(
            codes.UNSUPPORTED_COMPRESSION, kind="TIFF", name="JPEG in its retired form (6)", advice=SAVE_AGAIN
        )
    palette = _palette_size(fields, layout)
    allowed = [field for field in fields.values() if _is_allowed(field)]
    allowed = [field for field in allowed if field.tag != COLOUR_MAP or field.value_count == palette]
    pixels = _lay_out_pixels(data, layout, fields, places)
    allowed += pixels.fields
    removed = pixels.removed | {_tag_name(tag) for tag in set(fields) - {field.tag for field in allowed}}
    allowed += _orientation_field(fields, layout)
    slack = len(pixels.pieces) + len(fields)  # bytes that pad to even offsets
    if len(data) > layout.header_size + sum(end - start for start, end in places) + pixels.read + slack:
        removed.add("TIFF: data that no tag points to")
    new = write_file(layout, allowed, pixels.pieces, pixels.end)
    return CleanedFile(new, sorted_names(removed), notes=(PREVIEWS_LEFT_OUT,) if film.left_out else ())


def _find_film(data: bytes) -> TiffFilm:
    try:
        return find_film(data)
    except (ValueError, struct.error) as error:
        raise damaged("tiff") from error


def _palette_size(fields: dict[int, Field], layout: Layout) -> int:
    """Return the number of values in the palette, three for each value of a pixel; 0 if pixels need none."""
    bits = _first_number(fields, BITS, layout, 1)
    is_palette = _first_number(fields, PHOTOMETRIC, layout, 0) == PALETTE
    return 3 << bits if is_palette and bits <= MAX_PALETTE_BITS else 0


def _is_allowed(field: Field) -> bool:
    if field.tag not in ALLOWED_TAGS or not 0 < field.value_count <= ALLOWED_TAGS[field.tag]:
        return False
    return field.type == RATIONAL if field.tag in RATIONALS else field.type in WHOLE_NUMBERS


def _orientation_field(fields: dict[int, Field], layout: Layout) -> list[Field]:
    """Return a field with the orientation where only XMP has one: Pillow applies it."""
    if ORIENTATION in fields or XMP not in fields:
        return []
    orientation, _ = exif.read_orientation({"xmp": fields[XMP].value})
    return [Field(ORIENTATION, 3, 1, layout.pack("H", orientation))] if orientation != 1 else []


def _lay_out_pixels(data: bytes, layout: Layout, fields: dict[int, Field], taken: list[tuple[int, int]]) -> Pixels:
    """Place the strips or tiles one after the other at even offsets.

    Raises:
        FilmError: ``damaged_header``, also where strips overlap and together would be larger than the file, or
            overlap the values of tags, which would be copied as pixels.
    """
    made: list[Field] = []
    pieces: list[bytes | memoryview] = []
    removed: set[str] = set()
    end, read = layout.header_size, 0
    for pair in (STRIPS, TILES):
        places: dict[tuple[int, int], tuple[int, int]] = {}
        ranges = _strip_ranges(layout, fields, pair)
        if _ranges_overlap(taken, ranges):
            raise damaged("tiff")
        for offset, size in dict.fromkeys(ranges):
            piece: bytes | memoryview = memoryview(data)[offset : offset + size]
            read += len(piece)
            if read > len(data):
                raise damaged("tiff")
            piece = _clean_piece(piece, layout, fields, removed)
            places[offset, size] = end, len(piece)
            pieces += [piece, b"\0"] if len(piece) % 2 else [piece]
            end += len(piece) + len(piece) % 2
        for tag, which in zip(pair, (0, 1), strict=True):
            numbers = [places[strip][which] for strip in ranges]
            if numbers:
                value = layout.pack(f"{len(numbers)}{layout.offset}", *numbers)
                made.append(Field(tag, layout.offset_type, len(numbers), value))
    if not made:
        raise damaged("tiff")
    if tables := fields.get(JPEG_TABLES):
        stream, found = jpeg.clean_stream(tables.value, whole=False)
        removed |= found
        made.append(Field(JPEG_TABLES, UNDEFINED, len(stream), stream))
    return Pixels(made, pieces, end, removed, read)


def _ranges_overlap(taken: list[tuple[int, int]], ranges: list[tuple[int, int]]) -> bool:
    """Return whether any strip overlaps a range that is in use."""
    strips = [(offset, offset + size, True) for offset, size in ranges if size]
    ends = {True: 0, False: 0}
    for start, end, is_strip in sorted(strips + [(start, end, False) for start, end in taken]):
        if ends[not is_strip] > start:
            return True
        ends[is_strip] = max(ends[is_strip], end)
    return False


def _clean_piece(
    piece: bytes | memoryview, layout: Layout, fields: dict[int, Field], removed: set[str]
) -> bytes | memoryview:
    if not piece or _first_number(fields, COMPRESSION, layout, UNCOMPRESSED) != JPEG:
        return piece
    stream, found = jpeg.clean_stream(bytes(piece), whole=False)
    removed |= found
    return stream


def _strip_ranges(layout: Layout, fields: dict[int, Field], pair: tuple[int, int]) -> list[tuple[int, int]]:
    """Return offset and size of each strip or tile; bytes beyond the pixels of an uncompressed one are left out."""
    if pair[0] not in fields:
        return []
    offsets = fields[pair[0]].numbers(layout)
    sizes = fields[pair[1]].numbers(layout) if pair[1] in fields else ()
    if _first_number(fields, COMPRESSION, layout, UNCOMPRESSED) == UNCOMPRESSED:
        needed = _uncompressed_sizes(layout, fields, pair, len(offsets))
        if not any(sizes):  # some writers leave them out, and decoders do not need them
            sizes = tuple(needed)
        elif _first_number(fields, PHOTOMETRIC, layout, 0) != YCBCR:  # its colours may need fewer bytes
            sizes = tuple(min(both) for both in zip(sizes, needed, strict=False))
    if len(sizes) < len(offsets):
        raise damaged("tiff")
    return list(zip(offsets, sizes, strict=False))


def _uncompressed_sizes(layout: Layout, fields: dict[int, Field], pair: tuple[int, int], count: int) -> list[int]:
    """Return the bytes of each uncompressed strip or tile; rows are padded to whole bytes (TIFF 6.0, 9 and 15)."""
    samples = _first_number(fields, SAMPLES, layout, 1)
    bits = fields[BITS].numbers(layout) if BITS in fields else (1,)
    bits = bits if len(bits) >= samples else bits[:1] * min(samples, MAX_SAMPLES)
    width, length = _first_number(fields, WIDTH, layout, 0), _first_number(fields, LENGTH, layout, 0)
    rows = (
        _first_number(fields, ROWS_PER_STRIP, layout, length)
        if pair == STRIPS
        else _first_number(fields, TILE_LENGTH, layout, 0)
    )
    columns = width if pair == STRIPS else _first_number(fields, TILE_WIDTH, layout, 0)
    separate = _first_number(fields, PLANAR, layout, 1) == SEPARATE
    depth = max(bits, default=1) if separate else sum(bits)
    strips = -(-length // rows) if rows else 1  # in a plane
    needed = []
    for number in range(count):
        left = length - number % strips * rows if pair == STRIPS and strips else rows
        needed.append(-(-columns * depth // 8) * max(0, min(rows, left)))
    return needed


def _first_number(fields: dict[int, Field], tag: int, layout: Layout, default: int) -> int:
    numbers = fields[tag].numbers(layout) if tag in fields else ()
    return numbers[0] if numbers else default


def _tag_name(tag: int) -> str:
    if tag == XMP:
        return "XMP"
    name = TiffTags.lookup(tag).name
    name = ExifTags.TAGS.get(tag, "") if name in ("", "unknown") else name
    return f"TIFF: {name}" if name else "TIFF: tag of unknown name"
