"""One film gives one picture, whatever file it comes in; what cannot be decoded is refused by name."""

from functools import cache
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image
from pydicom.data import get_testdata_file

from ml.decoding.preprocess import WORKING_SIDE, Grey, InputSpec, decode, load, to_input
from ml.decoding.signatures import detect_kind
from ml.phantom import film as phantom
from ml.phantom.film import PhantomSpec, dicom_bytes, jpeg_bytes, png_bytes
from tests.ml.helpers import classifier, correlation, dicom_with, encoded, mean_difference, refusal

# Largest mean difference in grey levels of a reduced JPEG decode from the full one, and of the score from it.
REDUCED_GREY_BOUND = 1.0
REDUCED_GREY_BOUND_REAL = 2.0  # scanned halftones hold more fine texture than a phantom
REDUCED_SCORE_BOUND = 0.05

chest = cache(phantom.chest)  # many tests look at the same film; nothing here writes to one


def spec(bits: int = 8) -> PhantomSpec:
    return PhantomSpec(200, 180, bits=bits, seed=5, opacities=2)


def picture() -> Image.Image:
    return Image.fromarray(chest(spec()))


def fully_decoded(data: bytes) -> Grey:
    """The working picture without the decoder's shortcut."""
    with Image.open(BytesIO(data)) as image:
        grey = image.convert("L")
    grey.thumbnail((WORKING_SIDE, WORKING_SIDE), Image.Resampling.LANCZOS, reducing_gap=2.0)
    return np.asarray(grey)


def score(pixels: Grey) -> float:
    network = classifier()
    return float(network.predict(to_input(pixels, network.bundle.input)[None]).scores[0])


def test_8_bit_png_is_taken_as_it_is() -> None:
    assert np.array_equal(load(png_bytes(spec())).pixels, chest(spec()))


@pytest.mark.parametrize(
    "data",
    [
        png_bytes(spec(12)),
        png_bytes(spec(16)),
        jpeg_bytes(spec()),
        dicom_bytes(spec()),
        dicom_bytes(spec(12)),
        dicom_bytes(spec(16)),
        dicom_bytes(spec(12), monochrome1=True),
    ],
    ids=["png12", "png16", "jpeg", "dicom8", "dicom12", "dicom16", "monochrome1"],
)
def test_every_format_shows_the_same_film(data: bytes) -> None:
    """DICOM and deep PNG are stretched over all grey levels, hence correlation and a few levels' difference."""
    reference, pixels = chest(spec()), load(data).pixels
    assert pixels.dtype == np.uint8
    assert pixels.shape == reference.shape
    assert correlation(reference, pixels) > 0.999
    assert mean_difference(reference, pixels) < 6


@pytest.mark.parametrize("bits", [8, 12, 16])
def test_monochrome1_equals_monochrome2(bits: int) -> None:
    assert np.array_equal(
        load(dicom_bytes(spec(bits), monochrome1=True)).pixels, load(dicom_bytes(spec(bits))).pixels
    )


def test_monochrome1_film_is_bright_where_dense() -> None:
    """In RG1, stored as MONOCHROME1, the spine between the lungs must be brighter than the lungs."""
    pixels = public_film("RG1_UNCR.dcm").astype(float)
    rows, columns = pixels.shape
    band = pixels[int(rows * 0.35) : int(rows * 0.5)]
    spine = band[:, int(columns * 0.47) : int(columns * 0.53)].mean()
    lungs = np.r_["1", band[:, columns // 5 : columns // 3], band[:, columns * 2 // 3 : columns * 4 // 5]].mean()
    assert spine > lungs + 20


def public_film(name: str) -> Grey:
    path = get_testdata_file(name, download=False)
    assert isinstance(path, str)
    return load(Path(path).read_bytes()).pixels


@pytest.mark.parametrize("name", ["RG1_J2KI.dcm", "RG1_J2KR.dcm", "RG1_UNCI.dcm"])
def test_transfer_syntaxes_show_the_same_film(name: str) -> None:
    reference, pixels = public_film("RG1_UNCR.dcm"), public_film(name)
    assert correlation(reference, pixels) > 0.99
    assert abs(score(reference) - score(pixels)) < 0.05


@pytest.mark.parametrize(
    ("size", "expected"),
    [((1500, 900), (1024, 614)), ((900, 1500), (614, 1024)), ((1024, 1024), (1024, 1024)), ((100, 80), (100, 80))],
)
@pytest.mark.parametrize("kind", ["PNG", "JPEG"])
def test_longer_side_is_limited_and_nothing_is_enlarged(
    size: tuple[int, int], expected: tuple[int, int], kind: str
) -> None:
    height, width = load(encoded(picture().resize(size), kind)).pixels.shape
    assert (width, height) == expected


def test_dicom_is_limited_too() -> None:
    assert load(dicom_bytes(PhantomSpec(1500, 900, bits=12))).pixels.shape == (1024, 614)


def test_transparent_parts_are_black() -> None:
    film = picture().convert("RGBA")
    alpha = np.full((200, 180), 255, dtype=np.uint8)
    alpha[:, :40] = 0
    film.putalpha(Image.fromarray(alpha))
    pixels = load(encoded(film, "PNG")).pixels
    assert not pixels[:, :40].any()
    assert np.array_equal(pixels[:, 40:], chest(spec())[:, 40:])
    assert np.array_equal(load(encoded(film.convert("LA"), "PNG")).pixels, pixels)


def test_half_transparent_parts_are_half_as_bright() -> None:
    film = picture().convert("LA")
    film.putalpha(128)
    assert mean_difference(load(encoded(film, "PNG")).pixels, chest(spec()) / 2) < 1


def test_palette_is_looked_up() -> None:
    """Indices are no grey values: here they run against them."""
    indexed = Image.fromarray(255 - chest(spec())).convert("P")
    indexed.putpalette([255 - index for index in range(256) for _ in range(3)])
    assert np.array_equal(load(encoded(indexed, "PNG")).pixels, chest(spec()))


def test_transparent_palette_entry_is_black() -> None:
    indices = np.where(chest(spec()) > 128, 1, 0).astype(np.uint8)
    indexed = Image.fromarray(indices).convert("P")
    indexed.putpalette([0, 0, 0, 200, 200, 200, 255, 255, 255])
    indexed.putpixel((0, 0), 2)
    pixels = load(encoded(indexed, "PNG", transparency=2)).pixels
    assert pixels[0, 0] == 0
    assert pixels.max() == 200


@pytest.mark.parametrize("mode", ["RGB", "CMYK"])
def test_coloured_jpeg_shows_the_same_film(mode: str) -> None:
    pixels = load(encoded(picture().convert(mode), "JPEG", quality=95)).pixels
    assert mean_difference(pixels, chest(spec())) < 4
    assert correlation(pixels, chest(spec())) > 0.999


@pytest.mark.parametrize("kind", ["PNG", "JPEG"])
@pytest.mark.parametrize(
    ("orientation", "turn"),
    [(3, Image.Transpose.ROTATE_180), (6, Image.Transpose.ROTATE_270), (2, Image.Transpose.FLIP_LEFT_RIGHT)],
)
def test_exif_orientation_is_obeyed(kind: str, orientation: int, turn: Image.Transpose) -> None:
    exif = Image.Exif()
    exif[0x0112] = orientation
    pixels = load(encoded(picture(), kind, exif=exif)).pixels
    upright = np.asarray(picture().transpose(turn))
    assert pixels.shape == upright.shape
    assert mean_difference(pixels, upright) < 2


@pytest.mark.parametrize("data", [png_bytes(spec()), jpeg_bytes(spec()), dicom_bytes(spec(12))], ids=detect_kind)
def test_truncated_pixels_are_named(data: bytes) -> None:
    error = refusal(lambda: load(data[: len(data) * 2 // 3]))
    assert error.code == "damaged_pixels"
    assert error.__cause__ is not None


@pytest.mark.parametrize("grey", [0, 77, 255])
def test_blank_film_is_named(grey: int) -> None:
    blank = Image.new("L", (100, 100), grey)
    constant = np.full((100, 100), grey, dtype=np.uint16)
    for data in (encoded(blank, "PNG"), encoded(blank, "JPEG"), dicom_with(constant)):
        assert refusal(lambda data=data: load(data)).code == "blank_film"  # type: ignore[misc]


def test_one_differing_pixel_is_no_blank_film() -> None:
    film = Image.new("L", (100, 100), 0)
    film.putpixel((50, 50), 1)
    assert load(encoded(film, "PNG")).pixels.max() == 1


def test_padding_outside_the_field_is_ignored() -> None:
    """A bright rim that means nothing must not take the contrast from the film within."""
    values = 500 + (chest(spec(12)).astype(np.uint16) // 2)
    rim = np.ones_like(values, dtype=bool)
    rim[20:-20, 20:-20] = False
    dark_rim, bright_rim = values.copy(), values.copy()
    dark_rim[rim], bright_rim[rim] = values[~rim].min(), 4095
    expected = load(dicom_with(dark_rim)).pixels
    assert np.array_equal(load(dicom_with(bright_rim, PixelPaddingValue=4095)).pixels, expected)
    assert mean_difference(load(dicom_with(bright_rim)).pixels, expected) > 20


def test_padding_is_dark_in_either_photometric_interpretation() -> None:
    values = 500 + (chest(spec(12)).astype(np.uint16) // 2)
    rim = np.ones_like(values, dtype=bool)
    rim[20:-20, 20:-20] = False
    values[rim] = 4095
    for photometric in ("MONOCHROME1", "MONOCHROME2"):
        shown = load(dicom_with(values, PixelPaddingValue=4095, PhotometricInterpretation=photometric)).pixels
        assert (shown[rim] == 0).all()


def test_a_film_that_is_all_padding_is_still_decoded() -> None:
    constant = np.full((100, 100), 7, dtype=np.uint16)
    assert refusal(lambda: load(dicom_with(constant, PixelPaddingValue=7))).code == "blank_film"


def test_window_of_the_header_is_applied() -> None:
    values = chest(spec(12)).astype(np.uint16)
    pixels = load(dicom_with(values, WindowCenter=2048, WindowWidth=1000)).pixels
    assert (pixels[values < 1500] == 0).all()
    assert (pixels[values > 2600] == 255).all()


def test_colour_dicom_shows_the_same_film() -> None:
    colour = np.repeat(chest(spec())[..., None], 3, axis=-1)
    attributes: dict[str, Any] = {
        "SamplesPerPixel": 3,
        "PlanarConfiguration": 0,
        "PhotometricInterpretation": "RGB",
        "BitsAllocated": 8,
        "BitsStored": 8,
        "HighBit": 7,
    }
    assert mean_difference(load(dicom_with(colour, **attributes)).pixels, load(dicom_bytes(spec())).pixels) < 1


@pytest.mark.parametrize("channels", [1, 3])
def test_input_has_the_shape_and_range_asked_for(channels: int) -> None:
    given = to_input(load(png_bytes(spec())).pixels, InputSpec(224, 160, channels))
    assert given.shape == (224, 160, channels)
    assert given.dtype == np.float32
    assert 0 <= given.min() < 0.05
    assert 0.9 < given.max() <= 1
    assert all(np.array_equal(given[..., 0], given[..., channel]) for channel in range(channels))


def test_input_stretches_the_film_and_keeps_it_upright() -> None:
    pixels: NDArray[np.uint8] = np.zeros((300, 100), dtype=np.uint8)
    pixels[:150, 50:] = 255
    given = to_input(pixels, InputSpec(64, 64, 1))[..., 0]
    assert given[:30, 34:].min() == 1
    assert given[34:].max() == 0
    assert given[:, :30].max() == 0


@pytest.mark.parametrize("seed", [1, 2])
def test_reduced_decode_of_a_large_jpeg_stays_near_the_full_one(seed: int) -> None:
    data = jpeg_bytes(PhantomSpec(2600, 2300, seed=seed, opacities=seed))
    reduced, full = decode(data, "jpeg").pixels, fully_decoded(data)
    assert reduced.shape == full.shape
    assert mean_difference(reduced, full) < REDUCED_GREY_BOUND
    assert abs(score(reduced) - score(full)) < REDUCED_SCORE_BOUND


def test_reduced_decode_of_real_films(data: Path) -> None:
    films = [path for path in sorted((data / "originals").iterdir()) if path.suffix in {".jpg", ".jpeg"}]
    assert films
    for path in films:
        raw = path.read_bytes()
        if detect_kind(raw) == "jpeg":
            reduced, full = decode(raw, "jpeg").pixels, fully_decoded(raw)
            assert mean_difference(reduced, full) < REDUCED_GREY_BOUND_REAL, path.name
            assert abs(score(reduced) - score(full)) < REDUCED_SCORE_BOUND, path.name
