"""The table of formats in docs/uploader.md says what happens: every row has an example, which must do as it says."""

from __future__ import annotations

import gzip
from collections.abc import Callable
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from imagecodecs import jpegls_encode, png_encode
from numpy.typing import NDArray
from PIL import Image

from ml.decoding import signatures
from ml.decoding.headers import read_header, refuse_unfit
from ml.decoding.preprocess import load
from ml.errors import FilmError
from ml.phantom import film as phantom
from ml.phantom.film import PhantomSpec
from screening.deidentification import clean_file
from tests.ml import jpegs
from tests.ml.helpers import encoded
from tests.ml.tiff_writer import COMPRESSORS, Page, write_tiff

PAGE = (Path(__file__).parents[3] / "docs" / "uploader.md").read_text()
SECTION = PAGE[PAGE.index("## Formats of pictures") : PAGE.index("## Upload a batch")]
CELLS = [[cell.strip() for cell in line.split("|")[1:-1]] for line in SECTION.splitlines() if line.startswith("| ")]
ROWS = {name: end.strip("`") for name, end, _ in CELLS[2:]}

GREY: NDArray[np.uint8] = phantom.chest(PhantomSpec(96, 80, seed=5)).astype(np.uint8)
DEEP = GREY.astype(np.uint16) * 257
COLOUR = np.stack([GREY, GREY // 2, GREY // 3], axis=-1)
PICTURE = Image.fromarray(GREY)
TURNED = PICTURE.rotate(180)
SMALL = np.asarray(PICTURE.resize((40, 48)))
REDUCED = {254: 1}


def bits(number: int) -> NDArray[Any]:
    return (DEEP >> (16 - number)).astype(np.uint8 if number <= 8 else np.uint16)


def animation(kind: str) -> bytes:
    return encoded(PICTURE.convert("RGB"), kind, save_all=True, append_images=[TURNED.convert("RGB")], duration=100)


def pages(*films: Page) -> bytes:
    return write_tiff(*films)


EXAMPLES: dict[str, Callable[[], list[bytes]]] = {
    "PNG of 2 to 16 bits, in grey, colour or with a palette": lambda: [
        *(encoded(PICTURE.convert(mode), "PNG") for mode in ("L", "LA", "P", "RGB", "RGBA")),
        *(bytes(png_encode(values)) for values in (DEEP, COLOUR.astype(np.uint16) * 257)),
        *(encoded(PICTURE.quantize(1 << depth), "PNG", bits=depth) for depth in (1, 2, 4)),
    ],
    "PNG of 1 bit": lambda: [encoded(PICTURE.convert("1"), "PNG")],
    "PNG animation": lambda: [animation("PNG")],
    "JPEG of 8 bits, baseline or progressive": lambda: [
        encoded(PICTURE.convert(mode), "JPEG", progressive=progressive)
        for mode in ("L", "RGB", "CMYK")
        for progressive in (False, True)
    ],
    "JPEG of 8 bits with arithmetic coding": lambda: [jpegs.ARITHMETIC, jpegs.ARITHMETIC_PROGRESSIVE],
    "JPEG of 12 bits": lambda: [jpegs.deep(bits(12), 12), jpegs.deep(COLOUR.astype(np.uint16) << 4, 12)],
    "JPEG, lossless, of 2 to 16 bits": lambda: [
        *(jpegs.deep(bits(number), number, lossless=True) for number in range(2, 17)),
        jpegs.deep(COLOUR, 8, lossless=True),
    ],
    "JPEG of 12 bits or lossless, with arithmetic coding": lambda: [
        jpegs.with_process(jpegs.deep(bits(12), 12), 0xC9),
        jpegs.with_process(jpegs.deep(bits(12), 12, lossless=True), 0xCB),
    ],
    "JPEG, hierarchical": lambda: [
        jpegs.with_process(encoded(PICTURE, "JPEG"), process) for process in (0xC5, 0xC6, 0xCD)
    ],
    "JPEG of 12 bits or lossless, with four colours": lambda: [
        jpegs.with_process(encoded(PICTURE.convert("CMYK"), "JPEG"), 0xC3)
    ],
    "JPEG of a camera with previews (MPO)": lambda: [
        jpegs.several(GREY, SMALL),
        jpegs.several(GREY, SMALL, kinds=(jpegs.BASELINE, jpegs.PREVIEW)),
    ],
    "JPEG of a camera with several pictures (MPO)": lambda: [
        jpegs.several(GREY, GREY[::-1]),
        jpegs.several(GREY, GREY[::-1], kinds=(jpegs.PART, jpegs.PART)),
    ],
    "JPEG-LS outside DICOM": lambda: [bytes(jpegls_encode(GREY)), bytes(jpegls_encode(bits(12)))],
    "WebP": lambda: [
        encoded(PICTURE.convert(mode), "WEBP", lossless=lossless)
        for mode in ("RGB", "RGBA")
        for lossless in (False, True)
    ],
    "WebP animation": lambda: [animation("WEBP")],
    "TIFF in grey, unsigned, of 2 to 16 or 32 bits": lambda: [
        *(pages(Page(bits(number), bits=number)) for number in range(2, 17)),
        pages(Page(GREY.astype("u4"), photometric=0)),
        *(
            write_tiff(Page(DEEP, tile=tile), order=order, big=big)
            for tile in (0, 32)
            for order in "<>"
            for big in (False, True)
        ),
    ],
    "TIFF in grey, signed, of 8, 16 or 32 bits": lambda: [
        pages(Page((GREY.astype(int) - 128).astype(kind))) for kind in ("i1", "i2", "i4")
    ],
    "TIFF in grey, floating-point, of 16, 32 or 64 bits": lambda: [
        pages(Page(GREY.astype(kind))) for kind in ("f2", "f4", "f8")
    ],
    "TIFF in colour of 8 or 16 bits, or with a palette": lambda: [
        *(
            pages(Page(values, photometric=2, planar=planar))
            for values in (COLOUR, COLOUR.astype("u2") * 257)
            for planar in (False, True)
        ),
        encoded(PICTURE.convert("P"), "TIFF"),
    ],
    "TIFF of 1 bit": lambda: [
        encoded(PICTURE.convert("1"), "TIFF", compression=compression) for compression in (None, "group4", "tiff_lzw")
    ],
    "TIFF with another number of bits or samples": lambda: [
        pages(Page(GREY.astype("u4"), bits=24)),
        pages(Page(COLOUR.astype("f4"), photometric=2)),
        pages(Page(np.stack([GREY] * 5, -1))),
        pages(Page(GREY.astype("u8"))),
    ],
    "TIFF compressed by LZW, deflate, PackBits, JPEG, Zstandard or LZMA": lambda: [
        *(pages(Page(GREY, compression=compression)) for compression in COMPRESSORS),
        encoded(PICTURE, "TIFF", compression="jpeg"),
    ],
    "TIFF compressed as WebP, JPEG XL, JPEG 2000, LERC, retired JPEG or another way": lambda: [
        pages(Page(GREY, compression=compression)) for compression in (50001, 50002, 34712, 34887, 6, 60_000)
    ],
    "TIFF with previews or masks": lambda: [
        pages(Page(GREY), Page(SMALL, tags=REDUCED)),
        pages(Page(SMALL, tags=REDUCED), Page(GREY)),
        pages(Page(GREY), Page(SMALL)),
        pages(Page(GREY), Page(GREY >> 7, bits=1, tags={254: 4})),
    ],
    "TIFF with several pictures": lambda: [pages(Page(GREY), Page(GREY[::-1])), pages(Page(GREY), Page(GREY[:60]))],
    "Camera raw picture in TIFF (DNG, CR2, NEF)": lambda: [
        pages(Page(DEEP, tags={50706: 1})),
        pages(Page(SMALL, tags=REDUCED, children=[Page(DEEP, photometric=32803)])),
        pages(Page(SMALL, tags=REDUCED, children=[Page(DEEP, compression=34713)])),
    ],
    signatures.BMP_NAME: lambda: [encoded(PICTURE, "BMP")],
    signatures.PNM_NAME: lambda: [encoded(PICTURE, "PPM"), encoded(PICTURE.convert("1"), "PPM"), b"P7\nWIDTH 80\n"],
    signatures.TGA_NAME: lambda: [
        encoded(PICTURE, "TGA"),
        encoded(PICTURE.convert("RGB"), "TGA", compression="tga_rle"),
    ],
    signatures.SVG_NAME: lambda: [b'<?xml version="1.0"?>\n<svg xmlns="http://www.w3.org/2000/svg"/>'],
    signatures.NIFTI_PACKED_NAME: lambda: [gzip.compress(bytes(344) + b"n+1\0" + GREY.tobytes())],
}
WRITTEN_BY_PILLOW = {
    "a GIF picture": "GIF",
    "a JPEG 2000 picture outside DICOM": "JPEG2000",
    "an AVIF picture": "AVIF",
    "an icon (ICO)": "ICO",
    "a DDS texture": "DDS",
    "an SGI picture": "SGI",
    "a PDF document": "PDF",
    "a PostScript document": "EPS",
}


def examples(name: str) -> list[bytes]:
    made = EXAMPLES[name]() if name in EXAMPLES else []
    made += [
        b"\1" * other.offset + other.magic + b"\1" * 600 for other in signatures.OTHER_FORMATS if other.name == name
    ]
    if name in WRITTEN_BY_PILLOW:
        made.append(encoded(PICTURE.convert("RGB"), WRITTEN_BY_PILLOW[name]))
    return made


def ending(data: bytes) -> str:
    """What happens to a file: ``read``, also after cleaning, or the code of its refusal when it arrives."""
    try:
        header = read_header(data)
        refuse_unfit(header)
    except FilmError as error:
        return error.code
    cleaned = clean_file(data, header.kind, b"key").data
    assert np.array_equal(load(data).pixels, load(cleaned).pixels)
    return "read"


@pytest.mark.parametrize("name", ROWS)
def test_every_row_is_true(name: str) -> None:
    made = examples(name)
    assert made, "the row has no example"
    assert [ending(data) for data in made] == [ROWS[name]] * len(made)


def test_every_format_is_in_the_table() -> None:
    others = {other.name for other in signatures.OTHER_FORMATS}
    assert set(ROWS) == {*EXAMPLES, *others}
    assert others.isdisjoint(set(EXAMPLES) - {signatures.TGA_NAME})
    assert set(WRITTEN_BY_PILLOW) <= others


def test_the_row_of_a_refused_format_is_its_name_in_the_sentence() -> None:
    for name in {other.name for other in signatures.OTHER_FORMATS}:
        for data in examples(name):
            with pytest.raises(FilmError) as refused:
                read_header(data)
            assert name in refused.value.detail


def test_a_gzip_of_anything_else_is_an_archive() -> None:
    out = BytesIO()
    with gzip.open(out, "wb") as packed:
        packed.write(b"\1" * 600)
    for data in (out.getvalue(), out.getvalue()[:20], b"\x1f\x8b" + bytes(20)):
        with pytest.raises(FilmError, match="a gzip archive"):
            read_header(data)
