"""TIFF: a new file of what decodes the picture, with no gap in which anything else could be."""

from __future__ import annotations

import struct
from io import BytesIO
from typing import Any

import numpy as np
import pytest
from PIL import Image

from ml.decoding.headers import read_header
from ml.errors import FilmError
from screening.deidentification import clean_file
from screening.deidentification.tiff_directory import read_fields, read_layout
from tests.screening.deidentification.planting import (
    KEY,
    MARK,
    XMP,
    cleaned,
    exif,
    film,
    refuse_marks,
    same_picture,
    screened,
    segment,
    tiff_tags,
    upright,
)

TEXT = MARK.encode()
PHOTOMETRIC = struct.pack("<HHIHH", 262, 3, 1, 1, 0)  # black is zero
COMPRESSION = struct.pack("<HHIHH", 259, 3, 1, 1, 0)  # none


def tiff(mode: str = "L", **options: Any) -> bytes:
    out = BytesIO()
    film(mode).save(out, "TIFF", **options)
    return out.getvalue()


@pytest.mark.parametrize("mode", ["1", "L", "P", "I;16", "RGB", "RGBA", "CMYK"])
@pytest.mark.parametrize("compression", [None, "tiff_lzw", "tiff_adobe_deflate", "packbits", "jpeg"])
@pytest.mark.parametrize("big", [False, True])
def test_pixels_stay_and_tags_that_tell_go(mode: str, compression: str | None, big: bool) -> None:
    if compression == "jpeg" and mode not in ("L", "RGB", "CMYK"):
        pytest.skip("JPEG holds 8 bits a colour")
    data = tiff(mode, compression=compression, tiffinfo=tiff_tags(), big_tiff=big, dpi=(300, 300))
    gap = data + TEXT * 20
    once = cleaned(gap, "tiff")
    assert same_picture(data, once.data, "tiff")
    assert {"TIFF: ImageDescription", "TIFF: Artist", "XMP", "TIFF: tag of unknown name"} <= set(once.removed)
    assert "TIFF: data that no tag points to" in once.removed
    form, start = read_layout(once.data)
    assert form.big is (big and not compression)  # which libtiff writes, in the classic form
    assert not {270, 315, 700, 34665} & set(read_fields(once.data, form, start)[0])


@pytest.mark.parametrize("depth", ["<u2", ">u2", ">i4", "<f4"])
def test_either_byte_order(depth: str) -> None:
    values = (np.add.outer(np.arange(80), np.arange(96)) * 200).astype(depth)
    data = by_hand(values, [(270, 2, TEXT + b"\0")])
    assert upright(data, "tiff").astype(values.dtype.newbyteorder("=")).tolist() == values.tolist()
    assert same_picture(data, cleaned(data, "tiff").data, "tiff")


def by_hand(
    values: np.ndarray[Any, Any], more: list[tuple[int, int, bytes]], strips: int = 5, gap: bytes = TEXT
) -> bytes:
    """A grey TIFF in any byte order, its strips apart from each other and out of order, gaps between."""
    order = "<" if values.dtype.str[0] != ">" else ">"
    rows = -(-len(values) // strips)
    parts = [values[top : top + rows].tobytes() for top in range(0, len(values), rows)]
    body, offsets = b"", [0] * len(parts)
    for number in reversed(range(len(parts))):
        body += gap
        offsets[number] = 8 + len(body)
        body += parts[number]
    body += gap
    wide, height = values.shape[1], values.shape[0]
    kind = {"u": 1, "i": 2, "f": 3}[values.dtype.kind]
    longs = [(256, wide), (257, height), (278, rows)]
    shorts = [(258, 8 * values.dtype.itemsize), (259, 1), (262, 1), (277, 1), (339, kind)]
    fields = [(tag, 4, struct.pack(f"{order}I", value)) for tag, value in longs]
    fields += [(tag, 3, struct.pack(f"{order}H", value)) for tag, value in shorts]
    fields += [(273, 4, struct.pack(f"{order}{len(parts)}I", *offsets))]
    fields += [(279, 4, struct.pack(f"{order}{len(parts)}I", *(len(part) for part in parts)))]
    entries = b""
    sizes = {1: 1, 2: 1, 3: 2, 4: 4, 7: 1}
    for tag, typ, value in sorted(fields + more):
        count = len(value) // sizes[typ]
        if len(value) > 4:
            body += value
            value = struct.pack(f"{order}I", 8 + len(body) - len(value))
        entries += struct.pack(f"{order}HHI", tag, typ, count) + value.ljust(4, b"\0")
    directory = struct.pack(f"{order}H", len(entries) // 12) + entries + bytes(4)
    magic = b"II" if order == "<" else b"MM"
    return magic + struct.pack(f"{order}HI", 42, 8 + len(body)) + body + directory + gap


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("compression", [None, "tiff_lzw"])
def test_the_way_up_stays(orientation: int, compression: str | None) -> None:
    data = tiff("L", compression=compression, exif=exif(orientation))
    once = cleaned(data, "tiff")
    assert same_picture(data, once.data, "tiff")
    assert {"TIFF: Artist", "TIFF: tag of unknown name"} <= set(once.removed)


def test_directories_within_go_whole() -> None:
    tags = tiff_tags()
    tags[34665], tags[34853] = {37510: TEXT, 36867: "2026:01:02 03:04:05"}, {28: TEXT}
    data = tiff("L", tiffinfo=tags)
    once = cleaned(data, "tiff")
    assert {"TIFF: GPSInfoIFD", "TIFF: ExifIFD"} <= set(once.removed)
    assert b"2026" in data
    assert b"2026" not in once.data


def test_the_way_up_may_stand_in_xmp() -> None:
    tags = tiff_tags()
    tags[700] = XMP.encode()
    data = tiff(tiffinfo=tags)
    once = cleaned(data, "tiff")
    assert same_picture(data, once.data, "tiff")
    assert upright(once.data, "tiff").shape == (97, 80)


@pytest.mark.parametrize("depth", ["<u1", ">f4", "<f8", "<i1"])
def test_the_way_up_may_stand_in_xmp_of_any_layout(depth: str) -> None:
    data = by_hand(np.asarray(film()).astype(depth), [(700, 1, XMP.encode())])
    once = cleaned(data, "tiff")
    assert np.array_equal(screened(data), screened(once.data))
    assert (read_header(data).height, read_header(data).width) == (97, 80)
    assert read_header(once.data) == read_header(data)


def test_rows_in_one_strip_each_and_tiles() -> None:
    data = tiff(compression="tiff_lzw", strip_size=97, tiffinfo=tiff_tags())
    assert same_picture(data, cleaned(data, "tiff").data, "tiff")
    tiled = as_tiles(np.asarray(film("L", (96, 80))))
    once = cleaned(tiled, "tiff")
    assert np.array_equal(upright(once.data, "tiff"), np.asarray(film("L", (96, 80))))


def as_tiles(values: np.ndarray[Any, Any]) -> bytes:
    tiles = [values[y : y + 16, x : x + 16].tobytes() for y in range(0, 80, 16) for x in range(0, 96, 16)]
    body = TEXT + b"".join(tiles)
    offsets = [16 + 256 * number for number in range(len(tiles))]
    lists = struct.pack(f"<{len(tiles)}I", *offsets), struct.pack(f"<{len(tiles)}I", *[256] * len(tiles))
    first = 8 + len(body)
    fields = [
        (256, 1, 96), (257, 1, 80), (258, 1, 8), (259, 1, 1), (262, 1, 1), (277, 1, 1), (322, 1, 16), (323, 1, 16),
        (324, len(tiles), first), (325, len(tiles), first + len(lists[0])),
    ]  # fmt: skip
    entries = b"".join(struct.pack("<HHII", tag, 4, count, value) for tag, count, value in fields)
    start = first + sum(map(len, lists))
    return b"II" + struct.pack("<HI", 42, start) + body + b"".join(lists) + struct.pack("<H", 10) + entries + bytes(4)


def test_comments_in_its_jpeg_go() -> None:
    data = tiff("L", compression="jpeg")
    form, start = read_layout(data)
    fields, _ = read_fields(data, form, start)
    strip = fields[273].numbers(form)[0]
    size = fields[279].numbers(form)[0]
    picture = data[strip : strip + size]
    marked = picture[:2] + segment(0xFE, TEXT) + picture[2:]
    moved = bytearray(data + marked)
    for tag, value in ((273, len(data)), (279, len(marked))):
        at = bytes(moved).index(struct.pack("<HHI", tag, fields[tag].type, 1), start)
        struct.pack_into("<I" if fields[tag].type == 4 else "<H", moved, at + 8, value)
    once = cleaned(bytes(moved), "tiff")
    assert np.array_equal(upright(once.data, "tiff"), upright(data, "tiff"))
    assert "JPEG comment" in once.removed


def test_a_second_page_goes() -> None:
    out = BytesIO()
    film().save(out, "TIFF", save_all=True, append_images=[film().rotate(180)], tiffinfo=tiff_tags())
    once = cleaned(out.getvalue(), "tiff")
    assert getattr(Image.open(BytesIO(once.data)), "n_frames", 1) == 1
    assert len(once.data) < len(out.getvalue()) - 97 * 80


def test_text_in_a_tag_of_numbers_goes() -> None:
    values = np.asarray(film())
    more = [(280, 7, TEXT), (320, 3, TEXT * 96), (338, 2, TEXT), (282, 2, TEXT), (65, 2, TEXT)]
    once = cleaned(by_hand(values, more), "tiff")
    assert np.array_equal(upright(once.data, "tiff"), values)


@pytest.mark.parametrize("photometric", [0, 1, 3])
def test_a_palette_stays_only_where_it_fits(photometric: int) -> None:
    """A palette has three values for each of the 256 of a pixel; in a longer one nothing is reached."""
    values = np.asarray(film())
    palette = by_hand(values, [(320, 3, TEXT * 384)]).replace(
        PHOTOMETRIC, PHOTOMETRIC[:-4] + bytes([photometric, 0, 0, 0])
    )
    once = clean_file(palette, "tiff", KEY)
    assert ("TIFF: ColorMap" in once.removed) is True
    refuse_marks(once.data)
    legal = by_hand(values, [(320, 3, b"\1\2" * 768)]).replace(
        PHOTOMETRIC, PHOTOMETRIC[:-4] + bytes([photometric, 0, 0, 0])
    )
    assert ("TIFF: ColorMap" in clean_file(legal, "tiff", KEY).removed) is (photometric != 3)


def test_strips_over_each_other_are_no_bomb() -> None:
    values = np.zeros((400, 400), np.uint8)
    data = bytearray(by_hand(values, [], strips=400, gap=b""))
    form, start = read_layout(bytes(data))
    fields, _ = read_fields(bytes(data), form, start)
    assert len(fields[273].numbers(form)) == 400
    sizes = bytes(data).index(fields[279].value)
    data[sizes : sizes + 1600] = struct.pack("<400I", *range(100_000, 100_400))
    compressed = bytes(data).replace(COMPRESSION, COMPRESSION[:-4] + b"\5\0\0\0")
    with pytest.raises(FilmError) as refused:
        clean_file(compressed, "tiff", KEY)
    assert refused.value.code == "damaged_header"


def test_what_tags_say_does_not_pass_as_pixels() -> None:
    values = np.asarray(film())
    data = by_hand(values, [(270, 2, TEXT * 800)], strips=1, gap=b"")
    text = data.index(TEXT)
    assert text > 8 + values.size - 1
    moved = data.replace(struct.pack("<HHII", 273, 4, 1, 8), struct.pack("<HHII", 273, 4, 1, 100))
    assert moved != data
    with pytest.raises(FilmError) as refused:
        clean_file(moved, "tiff", KEY)
    assert refused.value.code == "damaged_header"


def test_the_retired_jpeg_is_refused_with_a_reason() -> None:
    data = by_hand(np.asarray(film()), []).replace(COMPRESSION, COMPRESSION[:-4] + b"\6\0\0\0")
    with pytest.raises(FilmError) as refused:
        clean_file(data, "tiff", KEY)
    assert refused.value.code == "unsupported_compression"


@pytest.mark.parametrize(
    "data", [b"", b"II*\0", b"MM\0*" + bytes(12), b"II*\0\xff\xff\xff\xff" + bytes(20), b"II*\0\x08\0\0\0\xff\xff"]
)
def test_what_has_no_directory_is_refused(data: bytes) -> None:
    with pytest.raises(FilmError) as refused:
        clean_file(data, "tiff", KEY)
    assert refused.value.code == "damaged_header"
