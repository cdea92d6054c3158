"""TIFF and WebP show the film that PNG shows; one parser looks at a file; a hostile header costs next to nothing."""

from __future__ import annotations

from functools import cache, partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from ml.decoding.bounded_reader import BoundedReader, OverlongHeaderError
from ml.decoding.headers import read_header, refuse_unfit
from ml.decoding.preprocess import PREPROCESSING_VERSION, decode, load
from ml.phantom import film as phantom
from ml.phantom.film import ENCODERS, PhantomSpec, png_bytes
from tests.ml.helpers import encoded, mean_difference, refusal
from tests.ml.peak import peak_of_second
from tests.ml.tiffs import BITS, EXTRA, LENGTHS, OFFSETS, PHOTOMETRIC, SAMPLES, WIDTH, tiff

LOSSY_DIFFERENCE = 3.0  # mean grey levels; measured 0.9 for lossy WebP and 1.1 for JPEG within TIFF
MEMORY_FACTOR = 4  # times the raw values; measured 2.0 of 8 bits, 1.6 of 16, 1.4 of 32
COMPRESSIONS = ("raw", "tiff_lzw", "tiff_adobe_deflate", "packbits", "zstd", "lzma")

chest = cache(phantom.chest)


def film(bits: int = 8) -> NDArray[Any]:
    return chest(PhantomSpec(200, 180, bits=bits, seed=5, opacities=2))


def picture(mode: str = "L") -> Image.Image:
    return Image.fromarray(film()).convert(mode)


def coloured(mode: str) -> Image.Image:
    """A film with a coloured mark, of which every channel differs."""
    marked = picture("RGB")
    marked.paste((200, 60, 20), (10, 10, 40, 30))
    return marked.convert(mode)


def veiled(mode: str) -> Image.Image:
    marked = coloured("RGBA")
    marked.putalpha(Image.fromarray(np.where(np.arange(180) < 60, 77, 255).astype(np.uint8)[None].repeat(200, 0)))
    return marked.convert(mode)


@pytest.mark.parametrize("compression", COMPRESSIONS)
@pytest.mark.parametrize("bits", [8, 12, 16])
def test_tiff_shows_the_film_that_png_shows(bits: int, compression: str) -> None:
    data = encoded(Image.fromarray(film(bits)), "TIFF", compression=compression)
    assert np.array_equal(
        load(data).pixels, load(png_bytes(PhantomSpec(200, 180, bits=bits, seed=5, opacities=2))).pixels
    )


@pytest.mark.parametrize("mode", ["L", "P", "RGB"])
@pytest.mark.parametrize("kind", ["TIFF", "WEBP"])
def test_grey_colour_and_palettes(kind: str, mode: str) -> None:
    options = {"lossless": True} if kind == "WEBP" else {}
    expected = load(encoded(coloured(mode), "PNG")).pixels
    assert np.array_equal(load(encoded(coloured(mode), kind, **options)).pixels, expected)


@pytest.mark.parametrize(("kind", "mode"), [("TIFF", "RGBA"), ("TIFF", "LA"), ("WEBP", "RGBA")])
def test_transparency(kind: str, mode: str) -> None:
    """Half transparent parts are half as bright, as in PNG."""
    options = {"lossless": True} if kind == "WEBP" else {}
    expected = load(encoded(veiled(mode), "PNG")).pixels
    assert np.array_equal(load(encoded(veiled(mode), kind, **options)).pixels, expected)
    assert expected[:, :60].mean() < 0.4 * expected[:, 60:].mean()


def test_premultiplied_alpha() -> None:
    film_and_alpha = np.asarray(veiled("LA")).astype(int)
    alpha = film_and_alpha[..., 1]
    pairs = np.stack([(film_and_alpha[..., 0] * alpha + 127) // 255, alpha], axis=-1).astype(np.uint8)
    two_of_eight_bits = {WIDTH: (4, 1, 180), SAMPLES: (3, 1, 2), BITS: (3, 2, 8 | 8 << 16), EXTRA: (3, 1, 1)}
    pixels = load(tiff(pairs.reshape(200, 360), entries=two_of_eight_bits)).pixels
    assert np.abs(pixels.astype(int) - load(encoded(veiled("LA"), "PNG")).pixels).max() <= 2


@pytest.mark.parametrize("mode", ["CMYK", "YCbCr", "LAB"])
def test_other_colour_spaces_of_tiff(mode: str) -> None:
    """Lightness is no luma: of LAB only the order of greys is the same."""
    if mode == "LAB":
        levels = Image.merge("LAB", [picture(), *[Image.new("L", picture().size, 128)] * 2])
        assert np.array_equal(load(encoded(levels, "TIFF")).pixels, film())
    else:
        assert mean_difference(load(encoded(picture(mode), "TIFF")).pixels, film()) < 1


@pytest.mark.parametrize(("kind", "options"), [("WEBP", {"quality": 90}), ("TIFF", {"compression": "jpeg"})])
def test_lossy_compression(kind: str, options: dict[str, Any]) -> None:
    assert mean_difference(load(encoded(picture(), kind, **options)).pixels, film()) < LOSSY_DIFFERENCE


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("kind", ["TIFF", "WEBP"])
@pytest.mark.parametrize("bits", [8, 16])
def test_orientation_is_obeyed_once(bits: int, kind: str, orientation: int) -> None:
    if (kind, bits) == ("WEBP", 16):
        pytest.skip("WebP has 8 bits")
    exif = Image.Exif()
    exif[0x0112] = orientation
    options = {"lossless": True} if kind == "WEBP" else {}
    turned = load(encoded(Image.fromarray(film(bits)), kind, exif=exif, **options)).pixels
    assert np.array_equal(turned, load(encoded(Image.fromarray(film(bits)), "PNG", exif=exif)).pixels)


DEEP = ("<u2", "<i2", "<u4", "<i4", "<f4")


@pytest.mark.parametrize(("order", "big"), [("<", False), (">", False), ("<", True)])
@pytest.mark.parametrize("kind", [*DEEP, "<u1"])
def test_deep_greys_run_the_right_way(kind: str, order: str, big: bool) -> None:
    """WhiteIsZero is the negative of BlackIsZero, for every type of value in either byte order."""
    values = film(8 if kind == "<u1" else 15).astype(kind)
    black = load(tiff(values, order, big)).pixels
    white = load(tiff(values, order, big, photometric=0)).pixels
    assert np.array_equal(white, 255 - black)
    expected = values.astype(np.float64)
    if kind != "<u1":  # deep values are spread over all grey levels, eight bits stay as they are
        expected = (expected - expected.min()) * (255 / np.ptp(expected))
    assert np.abs(black - expected).max() <= 0.51


@pytest.mark.parametrize(("kind", "low", "high"), [("<u4", 2**31 - 500, 2**31 + 500), ("<i4", -(2**31), 2**31 - 1)])
@pytest.mark.parametrize("order", ["<", ">"])
def test_32_bits_to_their_ends(kind: str, low: int, high: int, order: str) -> None:
    """Neither does a sign spoil the order, nor the precision of a float a narrow range of large numbers."""
    ramp = np.linspace(low, high, 6_400).astype(np.int64).astype(kind).reshape(80, 80)
    levels = load(tiff(ramp, order)).pixels.ravel().astype(int)
    assert (levels[0], levels[-1]) == (0, 255)
    assert np.abs(levels - np.linspace(0, 255, 6_400)).max() <= 1


def test_floats_that_are_no_numbers_are_dark() -> None:
    values = film().astype("<f4")
    values[:20], values[20:40] = np.nan, np.inf
    pixels = load(tiff(values)).pixels
    assert not pixels[:40].any()
    assert pixels[40:].max() == 255
    assert refusal(lambda: load(tiff(np.full((80, 80), np.nan, "<f4")))).code == "blank_film"


@pytest.mark.parametrize(
    "mode", ["RGB", "RGBA", "L", "LA"], ids=["colour", "colour and alpha", "grey", "grey and alpha"]
)
def test_16_bit_png_of_every_colour_type(mode: str) -> None:
    """Written by another library, as Pillow writes grey only."""
    from imagecodecs import png_encode

    eight = np.asarray(picture(mode))
    sixteen = eight.astype(np.uint16) * 257
    pixels = load(bytes(png_encode(sixteen))).pixels
    if mode == "L":  # deep grey is spread over all levels
        assert np.abs(pixels - (film() - film().min()) * (255 / np.ptp(film().astype(int)))).max() <= 0.51
    else:
        assert np.array_equal(pixels, load(encoded(picture(mode), "PNG")).pixels)


@pytest.mark.parametrize("kind", ["TIFF", "WEBP"])
def test_a_large_film_is_limited_like_any_other(kind: str) -> None:
    large = picture().resize((1300, 1500))
    data = encoded(large, kind, **({"lossless": True} if kind == "WEBP" else {}))
    assert np.array_equal(load(data).pixels, load(encoded(large, "PNG")).pixels)


def test_grey_levels_of_known_kinds_have_not_changed() -> None:
    """A new number here has to go with a new bundle; see also tests/ml/decoding/test_grey_levels.py."""
    assert PREPROCESSING_VERSION == "grey8-1"


@pytest.mark.parametrize("kind", ["tiff", "webp"])
@pytest.mark.parametrize("share", [0.02, 0.3, 0.7, 0.97])
def test_a_picture_cut_short_is_damaged(kind: str, share: float) -> None:
    data = ENCODERS[kind](PhantomSpec(200, 180, seed=5))
    code = refusal(lambda: load(data[: int(share * len(data))])).code
    assert code in {"damaged_header", "damaged_pixels"}


@pytest.mark.parametrize("kind", ["PNG", "TIFF"])
def test_a_picture_of_one_bit_is_refused_by_name(kind: str) -> None:
    assert refusal(lambda: load(encoded(picture("1"), kind))).code == "one_bit"
    two_colours = picture("1").convert("P")
    assert set(np.unique(load(encoded(two_colours, kind)).pixels)) == {0, 255}


def test_a_photometric_of_another_type_is_left_to_pillow() -> None:
    assert np.array_equal(
        load(tiff(film(15).astype("<u2"), entries={PHOTOMETRIC: (4, 1, 1)})).pixels, load(tiff(film(15))).pixels
    )


OTHER_PARSERS = ("PNG", "JPEG", "TIFF", "WEBP", "GIF", "BMP", "PPM", "EPS", "ICO", "PSD", "FITS", "JPEG2000")


@pytest.mark.parametrize("kind", ["png", "jpeg", "tiff", "webp"])
def test_no_parser_but_the_one_named_sees_the_file(kind: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Neither a whole file nor a damaged one: what is no TIFF after all is not offered to the next parser."""
    Image.init()
    used: list[str] = []

    def spy(name: str, factory: Any, *given: Any) -> Any:
        used.append(name)
        return factory(*given)

    for name, (factory, accept) in list(Image.OPEN.items()):
        monkeypatch.setitem(Image.OPEN, name, (partial(spy, name, factory), accept))
    data = ENCODERS[kind](PhantomSpec(100, 90, seed=2))
    load(data)
    for cut in (20, 60, len(data) // 2):
        refusal(lambda cut=cut: load(data[:cut]))  # type: ignore[misc]
    assert set(used) == {kind.upper()}
    assert set(OTHER_PARSERS) <= set(Image.OPEN)


@pytest.mark.parametrize("kind", ["png", "jpeg", "tiff", "webp"])
def test_a_picture_is_not_read_as_another_kind(kind: str) -> None:
    data = ENCODERS[kind](PhantomSpec(100, 90, seed=2))
    for other in {"png", "jpeg", "tiff", "webp", "dicom"} - {kind}:
        assert refusal(lambda other=other: decode(data, other)).code == "damaged_pixels"  # type: ignore[misc]


HOSTILE: dict[str, dict[str, Any]] = {
    "offsets without end": {"entries": {OFFSETS: (4, 14_000_000, 16)}},
    "lengths without end": {"entries": {LENGTHS: (4, 14_000_000, 16)}},
    "bits without end": {"entries": {BITS: (3, 2**31, 16)}},
    "too many entries": {"entries": dict.fromkeys(range(1000, 6000), (1, 1, 0))},
}


def test_a_million_samples_are_refused() -> None:
    data = tiff(film(), entries={SAMPLES: (4, 1, 1_000_000)}) + bytes(100_000)
    assert refusal(lambda: load(data)).code == "unsupported_layout"


@pytest.mark.parametrize("name", HOSTILE)
def test_a_hostile_directory_is_damaged(name: str) -> None:
    data = tiff(film(), **HOSTILE[name]) + bytes(100_000)
    assert refusal(lambda: load(data)).code == "damaged_header"


def test_pages_without_end_are_not_counted() -> None:
    whole = tiff(film())
    following = len(whole)
    data = tiff(film(), following=following)
    chain = b"".join(b"\0\0" + (following + 6 * (page + 1)).to_bytes(4, "little") for page in range(200_000))
    assert refusal(lambda: refuse_unfit(read_header(data + chain))).code == "multi_frame"


def test_a_page_that_follows_itself_is_one_page() -> None:
    at = 16 + film().nbytes
    assert np.array_equal(load(tiff(film(), following=at)).pixels, film())


def test_whoever_reads_too_often_is_stopped() -> None:
    source = BoundedReader(b"abcdef", reads=2)
    assert (source.read(2), source.read(3)) == (b"ab", b"cde")
    with pytest.raises(OverlongHeaderError):
        source.read(1)
    assert not issubclass(OverlongHeaderError, OSError)


@pytest.mark.parametrize("kind", ["u1", "u2", "f4"])
@pytest.mark.parametrize("compression", ["raw", "tiff_adobe_deflate"])
def test_memory_is_bounded(kind: str, compression: str, tmp_path: Path) -> None:
    """The file's bytes, Pillow's values and the grey of a 25-megapixel film together."""
    tile = chest(PhantomSpec(1000, 1000, bits=8 if kind == "u1" else 12, seed=1)).astype(kind)
    large = np.tile(tile, (5, 5))
    for name, values in (("small.tif", tile), ("large.tif", large)):
        (tmp_path / name).write_bytes(encoded(Image.fromarray(values), "TIFF", compression=compression))
    assert peak_of_second(tmp_path / "small.tif", tmp_path / "large.tif") < MEMORY_FACTOR * large.nbytes
