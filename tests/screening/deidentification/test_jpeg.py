"""JPEG: only what decodes the picture is left."""

from __future__ import annotations

from io import BytesIO

import numpy as np
import pytest
from PIL import Image

from ml.errors import FilmError
from screening.deidentification import clean_file
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
