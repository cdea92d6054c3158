"""The corpus of hostile files: what they are called, what they hold, and where each may end."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

from ml.inference.gate import REFUSALS
from tests.hostile import packed, pictures

KINDS = ("png", "jpeg", "dicom", "tiff", "webp")
PAGE = b"<!doctype html><script>fetch('/account/tokens',{method:'POST'})</script>"


@dataclass(frozen=True)
class Hostile:
    """A file and the ends that are right for it.

    Attributes:
        name: what it is called when it is sent.
        make: makes its bytes.
        codes: one of these its row must carry; ``""`` is a film that was screened.
        members: for an archive, the codes its members' rows may carry.
    """

    name: str
    make: Callable[[], bytes]
    codes: frozenset[str]
    members: frozenset[str] = field(default_factory=frozenset)


def _film(name: str, make: Callable[[], bytes], *codes: str) -> Hostile:
    return Hostile(name, make, frozenset(codes))


def _archive(name: str, make: Callable[[], bytes], code: str, *members: str) -> Hostile:
    return Hostile(name, make, frozenset({code}), frozenset(members))


SCREENED = ("", *{entry.code for entry in REFUSALS.values()})  # the gate may doubt what is left of a phantom

FILMS = (
    _film("empty.png", lambda: b"", "empty_file"),
    _film("one-byte.dcm", lambda: b"\x89", "unsupported_kind"),
    _film("page.png", lambda: PAGE, "unsupported_kind"),
    _film("drawing.svg", lambda: b"<svg xmlns='http://www.w3.org/2000/svg' onload='alert(1)'/>", "unsupported_kind"),
    _film("paper.jpg", lambda: b"%PDF-1.7\n%\xe2\xe3\xcf\xd3\n", "unsupported_kind"),
    _film("declares-much.png", lambda: pictures.png_of(60_000, 60_000, rows=10), "too_many_pixels"),
    _film("declares-most.png", lambda: pictures.png_of(0x7FFFFFFF, 0x7FFFFFFF, rows=0), "too_many_pixels"),
    _film("blank.png", lambda: pictures.png_of(10_000, 10_000), "blank_film"),
    _film("deep.png", pictures.blank_png_of_100_megapixels, "blank_film", "too_much_memory"),
    _film("text-bomb.png", pictures.png_with_text_bomb, "damaged_header", *SCREENED),
    _film("declares.jpg", lambda: pictures.jpeg_that_declares(65_500, 65_500), "too_many_pixels"),
    _film("declares-less.jpg", lambda: pictures.jpeg_that_declares(10_000, 9_000), "damaged_pixels", *SCREENED),
    _film("scans.jpg", pictures.jpeg_of_many_scans, "damaged_pixels", *SCREENED),
    _film("endless.tif", pictures.tiff_of_endless_pages, "multi_frame", "damaged_header", *SCREENED),
    _film("bomb.tif", pictures.tiff_bomb, "blank_film"),
    _film("floats.tif", pictures.float_tiff_bomb, "blank_film", "too_much_memory"),
    _film("entries.tif", pictures.tiff_of_pages_of_entries, *SCREENED),
    _film(
        "declares-12.jpg", lambda: pictures.deep_jpeg_that_declares(9_000, 9_000, lossless=False), "damaged_pixels"
    ),
    _film("declares-16.jpg", lambda: pictures.deep_jpeg_that_declares(9_000, 9_000, lossless=True), "damaged_pixels"),
    _film("none.tif", pictures.noise_float_tiff, "damaged_pixels", "blank_film"),
    _film("declares.dcm", lambda: pictures.dicom_that_declares(65_535, 65_535), "too_many_pixels"),
    _film("declares-more.dcm", lambda: pictures.dicom_that_declares(9_000, 9_000), "damaged_pixels"),
    _film("deflated.dcm", pictures.dicom_deflated_bomb, "too_large_unpacked", "damaged_header"),
    _film("rle.dcm", pictures.dicom_rle_that_lies, "damaged_pixels"),
    _film("nested.dcm", pictures.dicom_nested, "damaged_header"),
    _film("program.dcm", pictures.dicom_and_program, *SCREENED),
    _film("page-behind.jpg", lambda: pictures.picture_and("jpeg", PAGE), *SCREENED),
    _film("archive-behind.png", lambda: pictures.picture_and("png", packed.slip()), *SCREENED),
)

ARCHIVES = (
    _archive("slip.zip", packed.slip, "unpacked", "member_path"),
    _archive("links.zip", packed.links, "unpacked", "member_link", *SCREENED),
    _archive("bomb.zip", packed.bomb, "archive_ratio"),
    _archive("42.zip", packed.bombs_in_archives, "unpacked", "archive_too_deep", "duplicate", "member_ratio"),
    _archive("overlap.zip", packed.overlapping, "archive_overlap"),
    _archive(
        "size.zip", packed.that_lies_of_its_size, "unpacked", "member_ratio", "member_damaged", "file_too_large"
    ),
    _archive("number.zip", packed.that_lies_of_its_number, "archive_too_many_members"),
    _archive("encrypted.zip", packed.encrypted, "archive_encrypted"),
    _archive("half.zip", packed.cut_short, "archive_damaged"),
    _archive("damaged.zip", packed.damaged_inside, "unpacked", "member_damaged", *SCREENED),
    _archive("mixed.zip", packed.mixed, "unpacked", "unsupported_kind", "archive_too_deep", "duplicate", *SCREENED),
)

# Names that mean harm, for sound films.
NAMES = (
    "../../../../etc/passwd.png", "C:\\boot.ini.png", "a\r\nSet-Cookie: x=1.png", "‮gnp.exe", "x" * 5_000 + ".png",
    "<img src=x onerror=alert(1)>.png", "=HYPERLINK(\"http://x\").png", "%00.png", "con.png", ".png",
)  # fmt: skip


def mutations(count: int, seed: int) -> Iterator[tuple[str, bytes]]:
    """Valid films with a few bytes changed, cut out, doubled or cut off; the same for the same seed."""
    draw = random.Random(seed)
    originals = [(kind, pictures.sound(kind, seed)) for kind in KINDS]
    for number in range(count):
        kind, data = originals[number % len(originals)]
        yield f"mutation-{number:04d}.{kind}", _mutated(bytearray(data), draw)


def _mutated(data: bytearray, draw: random.Random) -> bytes:
    # Headers are short and decide everything: most changes go there.
    reach = draw.choice((64, 512, len(data)))
    for _ in range(draw.randint(1, 6)):
        at = draw.randrange(min(reach, len(data)))
        match draw.randrange(5):
            case 0:
                data[at] = draw.randrange(256)
            case 1:
                data[at] ^= 1 << draw.randrange(8)
            case 2:
                del data[at : at + draw.randint(1, 40)]
            case 3:
                data[at:at] = data[at : at + draw.randint(1, 40)]
            case _:
                data[at : at + 4] = draw.choice((b"\xff\xff\xff\xff", b"\0\0\0\0", b"\x7f\xff\xff\xff"))
        if len(data) < 16:
            break
    if draw.random() < 0.1:
        del data[draw.randrange(16, max(17, len(data))) :]
    return bytes(data)
