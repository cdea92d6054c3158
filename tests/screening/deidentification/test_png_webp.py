"""PNG and WebP: chunks that hold the picture stay, the rest goes."""

from __future__ import annotations

import struct
import zlib
from io import BytesIO

import pytest
from PIL import Image, features

from ml.decoding.headers import read_header
from ml.errors import FilmError
from ml.phantom.film import PhantomSpec, png_bytes
from screening.deidentification import clean_file
from tests.screening.deidentification.planting import (
    KEY,
    MARK,
    XMP,
    cleaned,
    exif,
    film,
    png_chunk,
    riff,
    riff_chunks,
    same_picture,
    upright,
)

TEXT = MARK.encode()
IHDR_END = 8 + 25
RAW = b"\nexif\n 9\n" + exif(6).tobytes().hex().encode()  # as ImageMagick wrote it


def png(mode: str = "L", **options: object) -> bytes:
    out = BytesIO()
    film(mode).save(out, "PNG", **options)
    return out.getvalue()


def with_chunks(data: bytes, early: bytes = b"", late: bytes = b"") -> bytes:
    return data[:IHDR_END] + early + data[IHDR_END:-12] + late + data[-12:]


def texts() -> bytes:
    return b"".join(
        [
            png_chunk(b"tEXt", b"Comment\0" + TEXT),
            png_chunk(b"tEXt", TEXT + b"\0a keyword may be a name as well"),
            png_chunk(b"tEXt", TEXT),
            png_chunk(b"zTXt", b"Author\0\0" + zlib.compress(TEXT)),
            png_chunk(b"iTXt", b"Title\0\0\0en\0" + TEXT + b"\0" + TEXT),
            png_chunk(b"tIME", b"\x07\xea\1\2\3\4\5"),
            png_chunk(b"iCCP", TEXT + b"\0\0" + zlib.compress(TEXT)),
            png_chunk(b"sPLT", TEXT + b"\0"),
            png_chunk(b"prVt", TEXT),
            png_chunk(b"gAMA", TEXT),  # a chunk that is kept, of a size that it cannot have
        ]
    )


@pytest.mark.parametrize("mode", ["1", "L", "I;16", "LA", "P", "RGB", "RGBA"])
@pytest.mark.parametrize("late", [False, True])
def test_png_keeps_its_pixels_and_nothing_else(mode: str, late: bool) -> None:
    plain = png(mode, dpi=(300, 300))
    data = with_chunks(plain, *((b"", texts()) if late else (texts().replace(png_chunk(b"gAMA", TEXT), b""), b"")))
    once = cleaned(data + TEXT, "png")
    assert same_picture(plain, once.data, "png")
    assert once.data == plain
    expected = {
        "PNG text: Comment",
        "PNG text",
        "PNG text: Author",
        "PNG text: Title",
        "PNG chunk tIME",
        "ICC profile",
    }
    assert expected <= set(once.removed)
    assert {"PNG chunk of unknown kind", "data after the end of the picture"} <= set(once.removed)


def test_png_keeps_transparency_and_how_values_are_meant() -> None:
    extras = png_chunk(b"gAMA", struct.pack(">I", 45455)) + png_chunk(b"sBIT", b"\5") + png_chunk(b"tRNS", b"\0\7")
    data = with_chunks(png(), extras)
    once = clean_file(data, "png", KEY)
    assert once.data is data
    assert same_picture(data, once.data, "png")
    palette = png("P", transparency=bytes(range(256)))
    assert clean_file(palette, "png", KEY).data == palette


PALETTE = TEXT * 3 * 8  # of 64 colours


@pytest.mark.parametrize("mode", ["L", "LA", "RGB", "RGBA", "I;16"])
def test_a_palette_that_the_picture_does_not_use_goes(mode: str) -> None:
    plain = png(mode)
    once = cleaned(with_chunks(plain, png_chunk(b"PLTE", PALETTE)), "png")
    assert once.data == plain
    assert once.removed == ("PNG chunk PLTE",)


def test_palette_entries_that_no_index_reaches_go() -> None:
    four = film().quantize(4)
    out = BytesIO()
    four.save(out, "PNG", bits=2)
    plain = out.getvalue()
    at = plain.index(b"PLTE")
    long = plain[: at - 4] + png_chunk(b"PLTE", plain[at + 4 : at + 16] + PALETTE) + plain[at + 20 :]
    long = with_chunks_before_pixels(long, png_chunk(b"tRNS", b"\xff" * 4 + TEXT * 4))
    once = cleaned(long, "png")
    assert once.removed == ("PNG palette entries that are not used",)
    assert once.data == with_chunks_before_pixels(plain, png_chunk(b"tRNS", b"\xff" * 4))
    assert same_picture(long, once.data, "png")


def with_chunks_before_pixels(data: bytes, chunks: bytes) -> bytes:
    at = data.index(b"IDAT") - 4
    return data[:at] + chunks + data[at:]


@pytest.mark.parametrize(("mode", "size"), [("L", 2), ("I;16", 2), ("RGB", 6), ("LA", 0), ("RGBA", 0)])
def test_transparency_has_the_size_of_a_pixel(mode: str, size: int) -> None:
    plain = png(mode)
    once = cleaned(with_chunks_before_pixels(plain, png_chunk(b"tRNS", b"\0" * 6 + TEXT)), "png")
    kept = png_chunk(b"tRNS", bytes(size)) if size else b""
    assert once.data == with_chunks_before_pixels(plain, kept)


@pytest.mark.parametrize(
    "chunk",
    [
        png_chunk(b"PLTE", PALETTE),
        png_chunk(b"tRNS", TEXT),
        png_chunk(b"gAMA", TEXT[:4]),
        png_chunk(b"pHYs", TEXT + b"."),
    ],
)
def test_what_stands_twice_or_behind_the_pixels_goes(chunk: bytes) -> None:
    """The mark in each is cut to the size of the chunk, so its bytes are looked for."""
    plain = png("P")
    at = plain.index(b"IDAT") - 4
    for data in (
        plain[:IHDR_END] + chunk + plain[IHDR_END:at] + last(plain, chunk) + plain[at:],
        plain[:-12] + chunk + plain[-12:],
    ):
        once = clean_file(data, "png", KEY)
        assert chunk[8:-4] not in once.data
        assert clean_file(once.data, "png", KEY).removed == ()


def last(plain: bytes, chunk: bytes) -> bytes:
    """A legal chunk of the same kind, which counts."""
    return {b"PLTE": b"", b"tRNS": png_chunk(b"tRNS", b"\0\1")}.get(
        chunk[4:8], png_chunk(chunk[4:8], bytes(len(chunk) - 12))
    )


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("late", [False, True])
def test_png_keeps_its_way_up(orientation: int, late: bool) -> None:
    block = png_chunk(b"eXIf", exif(orientation).tobytes()[6:])
    data = with_chunks(png(), b"" if late else block, block if late else b"")
    once = cleaned(data, "png")
    assert same_picture(data, once.data, "png")
    assert "EXIF: GPSInfo" in once.removed
    assert "EXIF" not in once.removed
    header = read_header(data)
    assert (header.height, header.width) == upright(data, "png").shape
    assert read_header(once.data) == header


@pytest.mark.parametrize(
    "chunk",
    [
        png_chunk(b"iTXt", b"XML:com.adobe.xmp\0\0\0\0\0" + XMP.encode()),
        png_chunk(b"iTXt", b"XML:com.adobe.xmp\0\1\0\0\0" + zlib.compress(XMP.encode())),
        png_chunk(b"zTXt", b"Raw profile type exif\0\0" + zlib.compress(RAW)),
        png_chunk(b"tEXt", b"Raw profile type exif\0" + RAW),
    ],
    ids=["xmp", "packed xmp", "packed raw exif", "raw exif"],
)
def test_png_may_say_its_way_up_in_a_text(chunk: bytes) -> None:
    data = with_chunks(png(), chunk, png_chunk(b"tEXt", b"Comment\0" + TEXT))
    once = cleaned(data, "png")
    assert same_picture(data, once.data, "png")
    assert upright(once.data, "png").shape == (97, 80)


def test_a_text_bomb_is_no_bomb() -> None:
    bomb = zlib.compress(bytes(200 << 20), 9)
    data = with_chunks(png(), png_chunk(b"iTXt", b"XML:com.adobe.xmp\0\1\0\0\0" + bomb))
    assert clean_file(data, "png", KEY).removed == ("XMP",)


def test_the_phantoms_mark_goes_too() -> None:
    once = clean_file(png_bytes(PhantomSpec(64, 64)), "png", KEY)
    assert once.removed == ("PNG text: Description", "PNG text: Software")


@pytest.mark.parametrize(
    "data", [b"", b"\x89PNG\r\n\x1a\n", png()[:20], b"\x89PNG\r\n\x1a\n" + png_chunk(b"IDAT", b"x")]
)
def test_png_without_a_header_is_refused(data: bytes) -> None:
    with pytest.raises(FilmError) as refused:
        clean_file(data, "png", KEY)
    assert refused.value.code == "damaged_header"


def test_a_cut_png_stays_cut() -> None:
    data = png("L")
    cut = data[: len(data) // 2]
    assert clean_file(cut, "png", KEY).data == cut


def webp(mode: str = "L", **options: object) -> bytes:
    out = BytesIO()
    film(mode).save(out, "WEBP", **options)
    return out.getvalue()


@pytest.mark.skipif(not features.check("webp"), reason="Pillow was built without WebP")
@pytest.mark.parametrize("lossless", [False, True])
@pytest.mark.parametrize("mode", ["RGB", "RGBA"])
@pytest.mark.parametrize("orientation", [1, 2, 3, 6, 8])
def test_webp_keeps_its_pixels_and_its_way_up(mode: str, lossless: bool, orientation: int) -> None:
    data = webp(mode, lossless=lossless, exif=exif(orientation), xmp=TEXT, icc_profile=TEXT * 20)
    more = riff(*riff_chunks(data), (b"priv", TEXT + b"."))
    once = cleaned(more + TEXT, "webp")
    assert same_picture(data, once.data, "webp")
    assert {"EXIF: Artist", "XMP", "ICC profile", "WebP chunk of unknown kind"} <= set(once.removed)
    assert "data after the end of the picture" in once.removed
    assert {kind for kind, _ in riff_chunks(once.data)} <= {b"VP8X", b"VP8 ", b"VP8L", b"ALPH", b"EXIF"}
    assert int.from_bytes(once.data[4:8], "little") == len(once.data) - 8


def test_a_plain_webp_and_one_in_a_frame_stay() -> None:
    plain = webp("RGB")
    assert clean_file(plain, "webp", KEY).data == plain
    two = [film("RGB"), film("RGB").rotate(180)]
    out = BytesIO()
    two[0].save(out, "WEBP", save_all=True, append_images=two[1:], exif=exif())
    chunks = [
        (kind, body + (b"priv" + struct.pack("<I", 8) + TEXT if kind == b"ANMF" else b""))
        for kind, body in riff_chunks(out.getvalue())
    ]
    once = cleaned(riff(*chunks), "webp")
    before, after = Image.open(BytesIO(out.getvalue())), Image.open(BytesIO(once.data))
    for frame in range(2):
        before.seek(frame)
        after.seek(frame)
        assert before.tobytes() == after.tobytes()


@pytest.mark.parametrize("lossless", [False, True])
def test_pictures_of_a_webp_that_are_not_decoded_go(lossless: bool) -> None:
    plain = webp("RGBA", lossless=lossless)
    chunks = riff_chunks(plain)
    hidden = [(b"VP8L", TEXT), (b"VP8 ", TEXT), (b"ALPH", TEXT)]
    once = cleaned(riff(*chunks, *hidden), "webp")
    assert once.data == plain
    assert once.removed == ("WebP chunk of unknown kind",)
    if not lossless:
        at = [kind for kind, _ in chunks].index(b"VP8 ")
        once = cleaned(riff(*chunks[:at], (b"ALPH", TEXT), *chunks[at:]), "webp")
        assert once.data == plain


@pytest.mark.parametrize("orientation", range(1, 9))
def test_a_webp_is_measured_upright(orientation: int) -> None:
    data = webp("RGB", exif=exif(orientation))
    header = read_header(data)
    assert (header.height, header.width) == upright(data, "webp").shape[:2]


@pytest.mark.parametrize("data", [b"", b"RIFF\4\0\0\0WEBP", b"RIFF\x0c\0\0\0WEBPabcd\0\0\0\0"])
def test_webp_without_a_picture_is_refused(data: bytes) -> None:
    with pytest.raises(FilmError):
        clean_file(data, "webp", KEY)


def test_another_kind_is_a_mistake_of_the_caller() -> None:
    with pytest.raises(ValueError, match="gif"):
        clean_file(b"GIF89a", "gif", KEY)
