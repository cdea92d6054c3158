"""JPEG: only what decodes the picture is left."""

from __future__ import annotations

from io import BytesIO

import numpy as np
import pytest
from PIL import Image

from ml.decoding.preprocess import load
from ml.errors import FilmError
from screening.deidentification import clean_file
from tests.ml.jpegs import deep
from tests.screening.deidentification.planting import (
    KEY,
    MARK,
    XMP,
    cleaned,
    exif,
    film,
    same_picture,
    segment,
    upright,
)

TEXT = MARK.encode()


def jpeg(mode: str = "L", **options: object) -> bytes:
    out = BytesIO()
    film(mode).save(out, "JPEG", quality=90, **options)
    return out.getvalue()


def with_segments(data: bytes, *parts: bytes) -> bytes:
    """Parts put in after the start of the picture and what Pillow writes first."""
    end = 20 if data[2:4] == b"\xff\xe0" else 2
    return data[:end] + b"".join(parts) + data[end:]


@pytest.mark.parametrize("mode", ["L", "RGB", "CMYK"])
@pytest.mark.parametrize("progressive", [False, True])
@pytest.mark.parametrize("orientation", range(1, 9))
def test_a_picture_keeps_its_pixels_and_its_way_up(mode: str, progressive: bool, orientation: int) -> None:
    data = jpeg(
        mode, progressive=progressive, exif=exif(orientation), comment=TEXT, icc_profile=TEXT * 20, dpi=(300, 300)
    )
    once = cleaned(data + TEXT, "jpeg")
    assert same_picture(data, once.data, "jpeg")
    picture = Image.open(BytesIO(once.data))
    assert dict(picture.getexif()) == ({274: orientation} if orientation != 1 else {})
    assert {"EXIF: Artist", "EXIF: GPSInfo", "EXIF: UserComment", "EXIF: tag of unknown name"} <= set(once.removed)
    assert {"JPEG comment", "ICC profile", "data after the end of the picture"} <= set(once.removed)
    assert (once.patient, once.study, once.replaced) == ("", "", ())


def test_every_other_segment_goes() -> None:
    parts = [segment(code, b"anything " + TEXT) for code in (*range(0xE0, 0xF0), 0xFE, 0xF0, 0xC8)]
    parts += [
        segment(0xE0, b"JFXX\0\x10" + TEXT),
        segment(0xE0, b"JFIF\0\1\2\0\0\1\0\1\1\3" + TEXT + b"\0"),
        segment(0xEE, b"Adobe\0\x64\0\0\0\0\0" + TEXT),
        segment(0xE1, b"http://ns.adobe.com/xap/1.0/\0" + TEXT),
        segment(0xE2, b"MPF\0" + TEXT),
        segment(0xED, b"Photoshop 3.0\0" + TEXT),
        b"\0" + TEXT,  # between two segments
    ]
    plain = jpeg()
    once = cleaned(with_segments(plain, *parts), "jpeg")
    assert np.array_equal(upright(plain, "jpeg"), upright(once.data, "jpeg"))
    assert len(once.data) < len(plain) + 2 * 20 + 16
    expected = {"JPEG comment", "JPEG thumbnail", "XMP", "JPEG further pictures", "Photoshop and IPTC data"}
    assert expected <= set(once.removed)


def test_comments_between_scans_go() -> None:
    plain = jpeg(progressive=True)
    scans = [at for at in range(len(plain) - 1) if plain[at : at + 2] == b"\xff\xc4"][1:]
    for at in scans[1:]:
        once = cleaned(plain[:at] + segment(0xFE, TEXT) + segment(0xE1, b"Exif\0\0" + TEXT) + plain[at:], "jpeg")
        assert same_picture(plain, once.data, "jpeg")


def test_the_way_up_may_stand_in_xmp_or_in_pieces() -> None:
    xmp = with_segments(jpeg(), segment(0xE1, b"http://ns.adobe.com/xap/1.0/\0" + XMP.encode()))
    once = cleaned(xmp, "jpeg")
    assert once.removed == ("XMP",)
    assert same_picture(xmp, once.data, "jpeg")
    assert upright(once.data, "jpeg").shape == (97, 80)
    block = exif(6).tobytes()
    pieces = with_segments(jpeg(), segment(0xE1, block[:40]), segment(0xE1, b"Exif\0\0" + block[40:]))
    assert same_picture(pieces, cleaned(pieces, "jpeg").data, "jpeg")


def test_a_clean_film_is_left_alone() -> None:
    data = jpeg()
    once = clean_file(data, "jpeg", KEY)
    assert once.data is data
    assert once.removed == ()


def test_a_damaged_scan_ends_where_it_did() -> None:
    """A marker that a flipped bit made within the pixels must not let what follows count as pixels."""
    plain = bytearray(jpeg())
    plain[-200:-194] = b"\xff\xe1\x00\x20ab"
    once = clean_file(bytes(plain), "jpeg", KEY)
    assert same_picture(bytes(plain), once.data, "jpeg")


@pytest.mark.parametrize(
    "data", [b"", b"\xff\xd8\xff", b"\xff\xd8\xff\xd9", jpeg()[:100], b"\xff\xd8" + b"\xff\xfe\0\2" * 300_000]
)
def test_what_is_no_picture_is_refused(data: bytes) -> None:
    with pytest.raises(FilmError) as refused:
        clean_file(data, "jpeg", KEY)
    assert refused.value.code == "damaged_header"


def table(code: int, *bodies: bytes) -> bytes:
    return segment(code, b"".join(bodies))


QUANTISATION = TEXT * 8  # the 64 bytes of a table
CODES = bytes([0, len(TEXT)]) + bytes(14) + TEXT  # a Huffman table with eight codes
UNUSED: dict[str, bytes] = {
    "quantisation table": table(0xDB, b"\3" + QUANTISATION),
    "quantisation table of 16 bits": table(0xDB, b"\x12" + QUANTISATION * 2),
    "several quantisation tables": table(0xDB, b"\2" + QUANTISATION, b"\3" + QUANTISATION),
    "Huffman tables": table(0xC4, b"\2" + CODES, b"\x13" + CODES),
    "tables that are defined again": table(0xDB, b"\0" + QUANTISATION) + table(0xC4, b"\0" + CODES, b"\x10" + CODES),
    "conditioning": segment(0xCC, TEXT),
}


@pytest.mark.parametrize("mode", ["L", "RGB"])
@pytest.mark.parametrize("progressive", [False, True])
@pytest.mark.parametrize("name", UNUSED)
def test_tables_that_no_scan_uses_go(name: str, progressive: bool, mode: str) -> None:
    plain = jpeg(mode, progressive=progressive)
    once = cleaned(with_segments(plain, UNUSED[name]), "jpeg")
    assert once.removed == ("JPEG tables that are not used",)
    assert once.data == plain


def test_one_of_two_tables_of_a_segment_may_go() -> None:
    plain = jpeg("L")
    at = plain.index(b"\xff\xdb")
    used = plain[at + 4 : at + 4 + 65]
    both = plain[:at] + table(0xDB, used, b"\1" + QUANTISATION) + plain[at + 69 :]
    assert cleaned(both, "jpeg").data == plain


@pytest.mark.parametrize("code", [0xDB, 0xC4])
def test_tables_behind_the_last_scan_go(code: int) -> None:
    plain = jpeg("L")
    hidden = {0xDB: b"\0" + QUANTISATION, 0xC4: b"\0" + CODES}[code]
    once = cleaned(plain[:-2] + table(code, hidden) + plain[-2:], "jpeg")
    assert same_picture(plain, once.data, "jpeg")


def test_a_number_of_lines_is_no_text() -> None:
    plain = jpeg("L")
    once = cleaned(with_segments(plain, segment(0xDC, TEXT)), "jpeg")
    assert once.data == plain


@pytest.mark.parametrize("bits", [8, 12, 16])
def test_deep_and_lossless_pictures_are_cleaned(bits: int) -> None:
    values = np.left_shift(np.asarray(film()), bits - 8, dtype=np.uint8 if bits == 8 else np.uint16)
    plain = deep(values, bits, lossless=bits != 12)
    marked = with_segments(plain, segment(0xFE, TEXT), UNUSED["Huffman tables"], UNUSED["quantisation table"])
    once = cleaned(marked + TEXT, "jpeg")
    assert np.array_equal(load(once.data).pixels, load(plain).pixels)
    assert {"JPEG comment", "JPEG tables that are not used", "data after the end of the picture"} <= set(once.removed)
