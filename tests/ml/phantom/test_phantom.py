"""The phantom is a shared measure: it must be reproducible, look like a chest and say that it is none."""

from functools import cache
from io import BytesIO
from pathlib import Path

import numpy as np
import pydicom
import pytest
from PIL import Image

from ml.arrays import Float64Array
from ml.decoding.synthetic_mark import SYNTHETIC_MARK, is_synthetic
from ml.phantom import film as phantom
from ml.phantom.film import (
    PhantomSpec,
    Picture,
    dicom_bytes,
    jpeg_bytes,
    main,
    png_bytes,
    tiff_bytes,
    webp_bytes,
)

SIDE = 160
SEEDS = range(4)

# Many tests look at the same film; nothing here writes to one.
chest, lung_mask = cache(phantom.chest), cache(phantom.lung_mask)


def spec(seed: int = 0, bits: int = 8, opacities: int = 0, severity: float = 0.6) -> PhantomSpec:
    return PhantomSpec(SIDE, SIDE, bits=bits, opacities=opacities, severity=severity, seed=seed)


def reduced(picture: Picture, height: int, width: int) -> Float64Array:
    image = Image.fromarray(picture.astype(np.float32)).resize((width, height), Image.Resampling.BOX)
    return np.asarray(image, dtype=np.float64)


@pytest.mark.parametrize("encode", phantom.ENCODERS.values())
def test_same_spec_same_bytes(encode: object) -> None:
    assert callable(encode)
    assert encode(spec(3, opacities=2)) == encode(spec(3, opacities=2))


def test_seeds_give_different_anatomy_not_only_different_noise() -> None:
    masks = [lung_mask(spec(seed)) for seed in SEEDS]
    assert all((masks[0] != other).mean() > 0.01 for other in masks[1:])


@pytest.mark.parametrize(("bits", "dtype"), [(8, np.uint8), (10, np.uint16), (12, np.uint16), (16, np.uint16)])
def test_shape_type_and_range(bits: int, dtype: type) -> None:
    picture = chest(PhantomSpec(120, 96, bits=bits, seed=2))
    assert picture.shape == (120, 96)
    assert picture.dtype == dtype
    assert 0.9 * (2**bits - 1) < picture.max() <= 2**bits - 1
    assert picture.min() < 0.05 * 2**bits


def test_bit_depths_show_the_same_picture() -> None:
    deep = chest(spec(1, bits=16)).astype(np.float64) / 65535
    assert np.abs(deep - chest(spec(1)) / 255).max() < 1 / 255


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize("side", [32, 300, 1100])
def test_same_picture_at_other_sizes(seed: int, side: int) -> None:
    small = reduced(chest(spec(seed)), 32, 32)
    other = reduced(chest(PhantomSpec(side, side, seed=seed)), 32, 32)
    assert np.corrcoef(small.ravel(), other.ravel())[0, 1] > 0.99
    assert abs(small.mean() - other.mean()) < 3


def test_other_aspect_shows_the_whole_chest() -> None:
    square, wide = lung_mask(PhantomSpec(160, 160)), lung_mask(PhantomSpec(160, 320))
    assert wide.sum() == pytest.approx(square.sum(), rel=0.03)


@pytest.mark.parametrize("seed", SEEDS)
def test_lungs_are_dark_and_mediastinum_and_abdomen_bright(seed: int) -> None:
    picture, mask = chest(spec(seed)), lung_mask(spec(seed))
    assert 0.12 < mask.mean() < 0.45
    middle = picture[SIDE // 2 : SIDE * 3 // 4, SIDE * 47 // 100 : SIDE * 53 // 100]
    abdomen = picture[SIDE * 85 // 100 : SIDE * 95 // 100, SIDE * 35 // 100 : SIDE * 65 // 100]
    assert middle.mean() > picture[mask].mean() + 60
    assert abdomen.mean() > picture[mask].mean() + 60


@pytest.mark.parametrize("seed", SEEDS)
def test_heart_reaches_further_to_the_right_of_the_image(seed: int) -> None:
    lower = lung_mask(spec(seed))[SIDE * 55 // 100 : SIDE * 62 // 100]
    left, right = lower[:, : SIDE // 2], lower[:, SIDE // 2 :]
    to_left, to_right = (half.any(axis=0).argmax() for half in (left[:, ::-1], right))
    assert left.any()
    assert to_right > to_left + SIDE // 40


@pytest.mark.parametrize("seed", SEEDS)
def test_opacities_brighten_the_lungs_and_leave_the_rest(seed: int) -> None:
    mask = lung_mask(spec(seed))
    clear = chest(spec(seed)).astype(np.float64)
    mild = chest(spec(seed, opacities=4, severity=0.3)).astype(np.float64)
    grave = chest(spec(seed, opacities=4, severity=1.0)).astype(np.float64)
    assert clear[mask].mean() + 2 < mild[mask].mean() < grave[mask].mean() - 2
    assert np.abs(grave - clear)[~mask].mean() < 0.25 * np.abs(grave - clear)[mask].mean()
    assert np.array_equal(mask, lung_mask(spec(seed, opacities=4)))


def test_opacities_lie_in_both_lungs() -> None:
    change = chest(spec(1, opacities=4)).astype(int) - chest(spec(1)).astype(int)
    assert (change[:, : SIDE // 2] > 15).any()
    assert (change[:, SIDE // 2 :] > 15).any()


def test_noise_follows_the_quanta() -> None:
    films = (PhantomSpec(256, 256, bits=16, noise=noise, marker=False) for noise in (0, 0.04))
    quiet, loud = (chest(film).astype(np.float64) for film in films)
    grain = loud - quiet
    mask = lung_mask(PhantomSpec(256, 256))
    assert grain[mask].std() > 50
    assert abs(grain[mask].mean()) < 0.1 * grain[mask].std()
    # A steady region without noise changes little from pixel to pixel; with noise it does.
    assert np.abs(np.diff(loud[:, 120:136])).mean() > 1.5 * np.abs(np.diff(quiet[:, 120:136])).mean()


def test_marker_letter_can_be_left_out() -> None:
    with_letter, without = (chest(PhantomSpec(256, 256, marker=m)) for m in (True, False))
    rows, cols = np.nonzero(with_letter != without)
    assert 0 < rows.size < 0.01 * with_letter.size
    assert rows.max() < 64
    assert cols.max() < 64 or cols.min() > 192


@pytest.mark.parametrize("bits", [8, 12, 16])
@pytest.mark.parametrize("monochrome1", [False, True])
def test_dicom_reads_back_equal(bits: int, monochrome1: bool) -> None:
    odd = PhantomSpec(101, 99, bits=bits, seed=4)
    data = pydicom.dcmread(BytesIO(dicom_bytes(odd, monochrome1=monochrome1, view="AP", patient_id="P1")))
    pixels = data.pixel_array.astype(np.int64)
    assert data.PhotometricInterpretation == ("MONOCHROME1" if monochrome1 else "MONOCHROME2")
    assert np.array_equal(2**bits - 1 - pixels if monochrome1 else pixels, chest(odd))
    assert data.SOPClassUID == "1.2.840.10008.5.1.4.1.1.1.1"
    assert (data.Modality, data.BodyPartExamined, data.ViewPosition) == ("DX", "CHEST", "AP")
    assert (data.PatientName, data.PatientID) == ("PHANTOM^SYNTHETIC", "P1")
    assert data.ImageComments == data.DerivationDescription == SYNTHETIC_MARK
    assert data.file_meta.TransferSyntaxUID == pydicom.uid.ExplicitVRLittleEndian


def test_dicom_instances_differ_in_uid_and_default_to_the_seed_as_patient() -> None:
    first, second = (pydicom.dcmread(BytesIO(dicom_bytes(spec(seed)))) for seed in (1, 2))
    assert first.SOPInstanceUID != second.SOPInstanceUID
    assert first.SOPInstanceUID == first.file_meta.MediaStorageSOPInstanceUID
    assert first.SOPInstanceUID.is_valid
    assert first.PatientID == "PHANTOM-1"


def test_dicom_refuses_a_lateral_view() -> None:
    with pytest.raises(ValueError, match="PA, AP"):
        dicom_bytes(spec(), view="LL")


@pytest.mark.parametrize("bits", [8, 12, 16])
def test_png_reads_back_equal_with_its_mark(bits: int) -> None:
    with Image.open(BytesIO(png_bytes(spec(5, bits=bits)))) as image:
        assert isinstance(image.info, dict)
        assert image.info["Software"] == image.info["Description"] == SYNTHETIC_MARK
        assert np.array_equal(np.asarray(image), chest(spec(5, bits=bits)))


def test_jpeg_is_close_and_marked() -> None:
    with Image.open(BytesIO(jpeg_bytes(spec(5)))) as image:
        assert image.info["comment"] == SYNTHETIC_MARK.encode()
        assert np.abs(np.asarray(image).astype(int) - chest(spec(5))).mean() < 3


def test_jpeg_refuses_more_than_8_bits_and_odd_qualities() -> None:
    with pytest.raises(ValueError, match="8 bits, not 12"):
        jpeg_bytes(spec(bits=12))
    with pytest.raises(ValueError, match="quality"):
        jpeg_bytes(spec(), quality=0)


@pytest.mark.parametrize("bits", [8, 12, 16])
def test_tiff_holds_the_values_unscaled(bits: int) -> None:
    with Image.open(BytesIO(tiff_bytes(spec(5, bits=bits)))) as image:
        assert np.array_equal(np.asarray(image), chest(spec(5, bits=bits)))


def test_webp_holds_the_values_and_no_more_than_8_bits() -> None:
    with Image.open(BytesIO(webp_bytes(spec(5)))) as image:
        assert np.array_equal(np.asarray(image), np.repeat(chest(spec(5))[..., None], 3, axis=-1))
    with pytest.raises(ValueError, match="8 bits, not 12"):
        webp_bytes(spec(bits=12))


@pytest.mark.parametrize("encode", phantom.ENCODERS.values())
def test_files_are_recognised_as_synthetic(encode: object) -> None:
    assert callable(encode)
    assert is_synthetic(encode(spec()))


def test_other_files_are_not_synthetic() -> None:
    plain = BytesIO()
    Image.fromarray(chest(spec())).save(plain, "PNG")
    assert not is_synthetic(plain.getvalue())
    assert not is_synthetic(b"")
    assert not is_synthetic(b"\0" * 70_000 + SYNTHETIC_MARK.encode() + b"\0" * 70_000)


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"height": 31}, "32..4096 px a side, not 31 x 1024"),
        ({"width": 5000}, "32..4096 px a side, not 1024 x 5000"),
        ({"height": 100, "width": 401}, "4:1"),
        ({"bits": 7}, "bits must be 8..16, not 7"),
        ({"bits": 17}, "bits must be 8..16, not 17"),
        ({"opacities": -1}, "opacities"),
        ({"severity": 1.1}, "severity"),
        ({"noise": float("nan")}, "noise"),
        ({"seed": -1}, "seed"),
    ],
)
def test_limits_are_named(wrong: dict[str, int], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        PhantomSpec(**wrong)  # type: ignore[arg-type]


@pytest.mark.parametrize(("kind", "suffix"), phantom.SUFFIXES.items())
def test_command_line_writes_files_silently(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], kind: str, suffix: str
) -> None:
    assert main([str(tmp_path / "new"), "--count", "2", "--seed", "8", "--format", kind, "--size", "64"]) == 0
    files = sorted((tmp_path / "new").iterdir())
    assert [file.name for file in files] == [f"phantom-000008{suffix}", f"phantom-000009{suffix}"]
    assert all(is_synthetic(file.read_bytes()) for file in files)
    assert capsys.readouterr() == ("", "")


def test_command_line_reports_bad_sizes(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main([str(tmp_path), "--size", "8"]) == 2
    assert "32..4096" in capsys.readouterr().err
