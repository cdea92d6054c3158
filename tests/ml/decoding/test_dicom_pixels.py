"""The fast decode of DICOM gives, bit for bit, what arithmetic on every pixel gives."""

from __future__ import annotations

import warnings
from io import BytesIO
from pathlib import Path
from typing import Any

import data_store
import numpy as np
import pydicom
import pytest
from numpy.typing import NDArray
from PIL import Image
from pydicom import uid
from pydicom.data.data_manager import DATA_ROOT
from pydicom.dataset import Dataset
from pydicom.encaps import get_frame

from ml.decoding.dicom_codecs import PLUGIN, register
from ml.decoding.dicom_pixels import decode_dicom
from ml.decoding.preprocess import load
from ml.decoding.signatures import detect_kind
from ml.note_codes import WINDOW_OUTSIDE_FILM
from ml.phantom.film import PhantomSpec, chest
from tests.ml.compressed import COMPRESSED, LOSSLESS, compressed, explicit, put_frame, written
from tests.ml.helpers import refusal
from tests.ml.peak import peak_of_second
from tests.ml.reference_decode import show_dicom

LOSSY_GREY_LEVELS = 12  # largest difference from lossless; measured 8, of 8-bit JPEG
FILM = chest(PhantomSpec(240, 200, bits=12, seed=5, opacities=1))
MEMORY_FACTOR = 3  # times the raw pixels; measured 2.4 uncompressed, 2.3 RLE, 2.1 JPEG-LS, 2.2 JPEG lossless
JPEG_2000_MEMORY_FACTOR = 5  # OpenJPEG has four bytes for each pixel; measured 4.2 lossless, 3.1 lossy
BESIDE_THEIR_WINDOW = {"17136", "17166", "17196"}  # 16 × 16 pixels of CT, a window for another tissue


def public_films() -> list[Path]:
    """The DICOM pictures of pydicom and pydicom-data that are on this disk."""
    folders = (Path(DATA_ROOT), Path(str(data_store.__file__)).parent)
    files = (path for folder in folders for path in sorted(folder.rglob("*")) if path.suffix in {".dcm", ""})
    return [path for path in files if path.is_file() and path.stat().st_size < 8_000_000 and is_picture(path)]


def is_picture(path: Path) -> bool:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            dataset = pydicom.dcmread(path, stop_before_pixels=True)
            frames = int(dataset.get("NumberOfFrames") or 1)
            return detect_kind(path.read_bytes()) == "dicom" and "Rows" in dataset and frames == 1
    except Exception:
        return False


def shown(data: bytes) -> NDArray[np.uint8] | str:
    """The reference's picture, or that there is none."""
    register()
    try:
        return np.asarray(show_dicom(data))
    except Exception:
        return "not decodable"


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("path", public_films(), ids=lambda path: path.name)
def test_public_films_are_as_the_reference_shows_them(path: Path) -> None:
    data = path.read_bytes()
    expected = shown(data)
    if isinstance(expected, str):
        with pytest.raises(Exception, match=r".+"):
            decode_dicom(data)
        return
    if pydicom.dcmread(BytesIO(data), force=True).BitsAllocated == 1:
        assert refusal(lambda: decode_dicom(data)).code == "one_bit"
        return
    film = decode_dicom(data)
    if WINDOW_OUTSIDE_FILM in film.notes:
        assert path.name in BESIDE_THEIR_WINDOW
        expected = np.asarray(show_dicom(without_window(data)))
    assert np.array_equal(film.grey, expected)


def without_window(data: bytes) -> bytes:
    dataset = pydicom.dcmread(BytesIO(data))
    del dataset.WindowCenter, dataset.WindowWidth
    return written(dataset)


@pytest.mark.parametrize("syntax", COMPRESSED)
@pytest.mark.parametrize("bits", [8, 12, 16])
def test_every_transfer_syntax_shows_the_same_film(syntax: str, bits: int) -> None:
    if syntax == uid.JPEGExtended12Bit and bits == 16:
        pytest.skip("JPEG extended has at most 12 bits")
    film = chest(PhantomSpec(240, 200, bits=bits, seed=5, opacities=1))
    pixels, expected = decode_dicom(compressed(film, syntax, bits)).grey, decode_dicom(explicit(film, bits)).grey
    bound = 0 if syntax in LOSSLESS else LOSSY_GREY_LEVELS
    assert pixels.shape == expected.shape
    assert np.abs(pixels.astype(int) - expected).max() <= bound


@pytest.mark.parametrize("shape", [(65, 67), (64, 65), (240, 200)])
def test_rle_of_odd_sizes(shape: tuple[int, int]) -> None:
    part = np.asarray(FILM[: shape[0], : shape[1]], dtype=np.uint16, order="C")
    for bits, film in ((12, part), (8, (part >> 4).astype(np.uint8))):
        assert np.array_equal(
            decode_dicom(compressed(film, uid.RLELossless, bits)).grey, decode_dicom(explicit(film, bits)).grey
        )


def lut(first: int, values: list[int], depth: int) -> list[Dataset]:
    item = Dataset()
    item.add_new("LUTDescriptor", "US", [len(values), first, depth])
    item.add_new("LUTData", "US", values)
    return [item]


RISING = [int(65535 * (step / 1023) ** 2) for step in range(1024)]
ZIGZAG = [(step * 37) % 256 for step in range(4096)]  # neither rising nor falling: the ends are not the extremes
HEADERS: dict[str, dict[str, Any]] = {
    "plain": {},
    "rescale": {"RescaleSlope": 2.5, "RescaleIntercept": -1024},
    "falling": {"RescaleSlope": -0.75, "RescaleIntercept": 100, "WindowCenter": None, "WindowWidth": None},
    "narrow window": {"WindowCenter": 1800, "WindowWidth": 300},
    "exact window": {"WindowCenter": 1800, "WindowWidth": 300, "VOILUTFunction": "LINEAR_EXACT"},
    "sigmoid": {"WindowCenter": 1800, "WindowWidth": 900, "VOILUTFunction": "SIGMOID"},
    "two windows": {"WindowCenter": [1800, 100], "WindowWidth": [900, 10]},
    "modality lut": {"ModalityLUTSequence": lut(1000, RISING, 16), "RescaleSlope": None, "RescaleIntercept": None},
    "voi lut": {"VOILUTSequence": lut(1500, RISING, 16)},
    "zigzag": {"VOILUTSequence": lut(0, ZIGZAG, 16)},
    "padding": {"PixelPaddingValue": int(FILM[120, 100])},
    "padding range": {"PixelPaddingValue": 3000, "PixelPaddingRangeLimit": 2500},
    "padding that does not occur": {"PixelPaddingValue": 65535},
    "padding and zigzag": {"PixelPaddingValue": int(FILM[5, 5]), "VOILUTSequence": lut(0, ZIGZAG, 16)},
}


@pytest.mark.parametrize("photometric", ["MONOCHROME1", "MONOCHROME2"])
@pytest.mark.parametrize("name", HEADERS)
@pytest.mark.parametrize("foreign", [False, True])
def test_header_is_obeyed_as_by_the_reference(photometric: str, name: str, foreign: bool) -> None:
    """The four bits above Bits Stored may hold anything (PS3.5 8.1.1)."""
    window = {"WindowCenter": None, "WindowWidth": None} if name in {"plain", "padding"} else {}
    header = {"PhotometricInterpretation": photometric, "PresentationLUTShape": None}
    above = np.random.default_rng(1).integers(0, 15, FILM.shape).astype(np.uint16) << 12
    dataset = pydicom.dcmread(BytesIO(explicit(FILM | above if foreign else FILM)))
    for keyword, value in {**header, **window, **HEADERS[name]}.items():
        if keyword.startswith("PixelPadding"):
            dataset.add_new(keyword, "US", value)
        elif value is None:
            del dataset[keyword]
        else:
            setattr(dataset, keyword, value)
    data = written(dataset)
    assert np.array_equal(decode_dicom(data).grey, np.asarray(show_dicom(data)))


@pytest.mark.parametrize("bits", [8, 12, 16])
@pytest.mark.parametrize("photometric", ["MONOCHROME1", "MONOCHROME2"])
def test_signed_values(bits: int, photometric: str) -> None:
    kind = np.int8 if bits == 8 else np.int16
    film = (chest(PhantomSpec(240, 200, bits=bits, seed=5)).astype(np.int32) // 2 - (1 << (bits - 2))).astype(kind)
    data = explicit(film, bits, PixelRepresentation=1, PhotometricInterpretation=photometric)
    assert np.array_equal(decode_dicom(data).grey, np.asarray(show_dicom(data)))


def test_inverting_the_widest_signed_film_does_not_overflow() -> None:
    """Here the reference does: 32767 less -32768 is more than sixteen bits hold."""
    film = np.linspace(-32768, 32767, 4096).astype(np.int16).reshape(64, 64)
    dataset = pydicom.dcmread(BytesIO(explicit(film, 16, PixelRepresentation=1)))
    del dataset.WindowCenter, dataset.WindowWidth, dataset.RescaleSlope, dataset.RescaleIntercept
    dataset.PhotometricInterpretation, dataset.PresentationLUTShape = "MONOCHROME1", "INVERSE"
    pixels = decode_dicom(written(dataset)).grey.ravel()
    assert (pixels[0], pixels[-1]) == (255, 0)
    assert (np.diff(pixels.astype(int)) <= 0).all()


@pytest.mark.parametrize("bits", range(9, 17))
@pytest.mark.parametrize("photometric", ["MONOCHROME1", "MONOCHROME2"])
def test_every_depth_is_spread_over_all_grey_levels(bits: int, photometric: str) -> None:
    """Exactly: each value's place between the smallest and the largest, from white or from black."""
    film = chest(PhantomSpec(240, 200, bits=bits, seed=5))
    shown = decode_dicom(explicit(film, bits, PhotometricInterpretation=photometric)).grey.astype(float)
    share = (film.astype(float) - film.min()) / (int(film.max()) - int(film.min())) * 255
    expected = 255 - share if photometric == "MONOCHROME1" else share
    assert np.abs(shown - expected).max() <= 0.51


COLOURS = np.stack([FILM >> 4, FILM >> 5, 200 - (FILM >> 5)], axis=-1).astype(np.uint8)
EIGHT_BITS = {"BitsAllocated": 8, "BitsStored": 8, "HighBit": 7, "SamplesPerPixel": 3}


def luma_spread(colours: NDArray[Any]) -> NDArray[Any]:
    grey = colours.astype(float) @ np.array([0.299, 0.587, 0.114])
    return np.asarray((grey - grey.min()) * (255 / np.ptp(grey)))


@pytest.mark.parametrize(
    ("photometric", "planar", "bound"),
    [("RGB", 0, 0.51), ("RGB", 1, 0.51), ("YBR_FULL", 0, 3), ("YBR_FULL", 1, 3), ("YBR_FULL_422", 0, 3)],
)
def test_colour_becomes_its_luma(photometric: str, planar: int, bound: float) -> None:
    """YBR comes back to RGB by way of whole numbers, and 4:2:2 with half of its colours; hence the bound."""
    samples = COLOURS if photometric == "RGB" else np.asarray(Image.fromarray(COLOURS).convert("YCbCr"))
    if photometric == "YBR_FULL_422":  # Y Y Cb Cr for two pixels (PS3.3 C.7.6.3.1.2)
        pairs = samples.reshape(240, 100, 2, 3)
        stored = np.stack([pairs[..., 0, 0], pairs[..., 1, 0], pairs[..., 0, 1], pairs[..., 0, 2]], axis=-1)
    else:
        stored = np.moveaxis(samples, -1, 0) if planar else samples
    dataset = pydicom.dcmread(BytesIO(explicit(FILM)))
    for keyword, value in {**EIGHT_BITS, "PlanarConfiguration": planar}.items():
        setattr(dataset, keyword, value)
    dataset.PhotometricInterpretation, dataset.PixelData = photometric, np.ascontiguousarray(stored).tobytes()
    pixels = decode_dicom(written(dataset)).grey
    difference = np.abs(pixels - luma_spread(COLOURS))
    if photometric == "YBR_FULL_422":
        difference = difference[:, ::2]  # the second of two pixels has the colours of the first
    assert difference.max() <= bound


@pytest.mark.parametrize("depth", [8, 16])
def test_a_palette_is_looked_up_and_becomes_its_luma(depth: int) -> None:
    """Its values are places in a table, here of falling brightness."""
    tables = [np.linspace(top, 0, 256).astype(np.uint16) << (depth - 8) for top in (255, 200, 90)]
    dataset = pydicom.dcmread(BytesIO(explicit((FILM >> 4).astype(np.uint8), 8)))
    dataset.PhotometricInterpretation = "PALETTE COLOR"
    for colour, table in zip(("Red", "Green", "Blue"), tables, strict=True):
        dataset.add_new(f"{colour}PaletteColorLookupTableDescriptor", "US", [256, 0, depth])
        words = table.astype("<u2") if depth == 16 else table.astype(np.uint8)
        dataset.add_new(f"{colour}PaletteColorLookupTableData", "OW", words.tobytes())
    expected = luma_spread(np.stack(tables, axis=-1)[FILM >> 4])
    assert np.abs(decode_dicom(written(dataset)).grey - expected).max() <= 0.51


@pytest.mark.parametrize("syntax", [uid.ImplicitVRLittleEndian, uid.DeflatedExplicitVRLittleEndian])
def test_other_uncompressed_syntaxes(syntax: uid.UID) -> None:
    """Big endian is among the public films."""
    dataset = pydicom.dcmread(BytesIO(explicit(FILM)))
    dataset.file_meta.TransferSyntaxUID = syntax
    out = BytesIO()
    dataset.save_as(out, implicit_vr=syntax.is_implicit_VR, little_endian=True)
    assert np.array_equal(decode_dicom(out.getvalue()).grey, decode_dicom(explicit(FILM)).grey)


@pytest.mark.parametrize("syntax", COMPRESSED)
@pytest.mark.parametrize("share", [0.05, 0.6, 0.98])
def test_frame_cut_short_is_damaged(syntax: str, share: float) -> None:
    """Cut within the frame, the file around it being whole."""
    dataset = pydicom.dcmread(BytesIO(compressed(FILM, syntax)))
    frame = get_frame(dataset.PixelData, 0, number_of_frames=1)
    put_frame(dataset, frame[: int(len(frame) * share) // 2 * 2])
    if syntax in uid.JPEG2000TransferSyntaxes and share > 0.5:
        pytest.skip("OpenJPEG shows what a progressive codestream holds so far")
    assert refusal(lambda: load(written(dataset))).code == "damaged_pixels"


@pytest.mark.parametrize("syntax", COMPRESSED)
@pytest.mark.parametrize("rows", [120, 480, 60_000])
def test_a_frame_has_the_size_that_it_says_itself(syntax: str, rows: int) -> None:
    """The header's Rows hold only for RLE, whose frames do not say their size."""
    if syntax == uid.RLELossless and rows < len(FILM):
        pytest.skip("pydicom takes what is too much in an RLE frame for padding, as it always did")
    dataset = pydicom.dcmread(BytesIO(compressed(FILM, syntax)))
    expected = load(written(dataset)).pixels
    dataset.Rows = rows
    if syntax == uid.RLELossless:
        assert refusal(lambda: load(written(dataset))).code == "damaged_pixels"
        return
    film = load(written(dataset))
    assert np.array_equal(film.pixels, expected)
    assert "header_corrected" in [note.code for note in film.notes]


def test_codecs_may_be_registered_again() -> None:
    register()
    register()
    for syntax in (uid.RLELossless, uid.JPEGLosslessSV1, uid.JPEGLSLossless):
        assert PLUGIN in pydicom.pixels.get_decoder(syntax).available_plugins  # type: ignore[attr-defined]


@pytest.mark.parametrize("syntax", [None, *COMPRESSED])
def test_memory_is_bounded(syntax: str | None, tmp_path: Path) -> None:
    """The file's bytes, the decoded values and the grey of a 25-megapixel film together."""
    tile = chest(PhantomSpec(1000, 1000, bits=12, seed=1))
    large = np.tile(tile, (5, 5))
    for name, film in (("small.dcm", tile), ("large.dcm", large)):
        data = explicit(film) if syntax is None else compressed(film, syntax)
        (tmp_path / name).write_bytes(data)
    factor = JPEG_2000_MEMORY_FACTOR if syntax in uid.JPEG2000TransferSyntaxes else MEMORY_FACTOR
    assert peak_of_second(tmp_path / "small.dcm", tmp_path / "large.dcm") < factor * large.nbytes
