"""The rules of a DICOM header: applied as pydicom applies them, and the same ones for the network and the viewer."""

from __future__ import annotations

import warnings
from io import BytesIO
from typing import Any

import numpy as np
import pydicom
import pytest
from numpy.typing import NDArray
from pydicom.dataset import Dataset
from pydicom.pixels.processing import apply_modality_lut, apply_voi_lut

from ml.decoding.dicom_pixels import decode_dicom
from ml.decoding.grey_rules import (
    Rescale,
    Window,
    read_grey_rules,
    read_rescale,
    read_voi_function,
    read_windows,
)
from ml.decoding.grey_transforms import apply_voi, to_units
from ml.decoding.stored_words import BitField, extract_values
from ml.decoding.viewer_pixels import decode_values
from ml.note_codes import NOTE_CODES
from ml.phantom.film import PhantomSpec, chest
from tests.ml.compressed import explicit, written

FILM = chest(PhantomSpec(96, 80, bits=12, seed=7))
SEEDS = range(60)
FUNCTIONS = ("LINEAR", "LINEAR_EXACT", "SIGMOID")


def dataset_with(**values: Any) -> Dataset:
    """A film of 12 bits without a window and a rescale, with these attributes."""
    dataset = pydicom.dcmread(BytesIO(explicit(FILM)))
    del dataset.PresentationLUTShape
    for keyword in ("WindowCenter", "WindowWidth", "RescaleSlope", "RescaleIntercept"):
        dataset.pop(keyword, None)
    for keyword, value in values.items():
        setattr(dataset, keyword, value)
    return dataset


def table(entries: NDArray[Any] | list[int], first: int = 0, bits: int = 16, declared: int | None = None) -> Dataset:
    item = Dataset()
    item.add_new("LUTDescriptor", "US", [len(entries) if declared is None else declared, first, bits])
    item.add_new("LUTData", "OW", np.asarray(entries, dtype="<u2").tobytes())
    return item


def random_header(random: np.random.Generator) -> dict[str, Any]:
    """Attributes that the standard permits. A falling rescale is left out: pydicom inverts its windows."""
    header: dict[str, Any] = {"PhotometricInterpretation": f"MONOCHROME{random.integers(1, 3)}"}
    choice = random.integers(3)
    if choice == 0:
        header["ModalityLUTSequence"] = [table(random.integers(0, 1 << 16, 3000), int(random.integers(500)))]
    elif choice == 1:
        header |= {"RescaleSlope": float(random.choice([2.5, 0.3, 1.25])), "RescaleIntercept": -1024.5}
    if random.random() < 0.8:
        centres, widths = random.uniform(-500, 5000, 2).round(1), random.uniform(1, 5000, 2).round(1)
        header |= {"WindowCenter": centres.tolist(), "WindowWidth": widths.tolist()}
        header["VOILUTFunction"] = str(random.choice(FUNCTIONS))
    if random.random() < 0.3:
        header["VOILUTSequence"] = [table(random.integers(0, 4096, 2000), int(random.integers(900)), bits=12)]
    return header


@pytest.mark.parametrize("seed", SEEDS)
def test_values_are_those_of_pydicom_bit_for_bit(seed: int) -> None:
    dataset = dataset_with(**random_header(np.random.default_rng(seed)))
    rules, codes = read_grey_rules(dataset), np.arange(4096, dtype=np.uint16)
    units = apply_modality_lut(codes, dataset)
    assert np.array_equal(to_units(rules, codes), units)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of tables after a rescale
        assert np.array_equal(apply_voi(rules, units), apply_voi_lut(units, dataset))


@pytest.mark.parametrize("function", FUNCTIONS)
@pytest.mark.parametrize("width", [0.0, -300.0])
def test_a_window_without_width_is_ignored_by_network_and_viewer(width: float, function: str) -> None:
    """The next one that has a width is applied."""
    windows: dict[str, Any] = {"VOILUTFunction": function, "WindowCenter": [2000, 1800], "WindowWidth": [width, 900]}
    data = written(dataset_with(**windows))
    next_only = written(dataset_with(VOILUTFunction=function, WindowCenter=1800, WindowWidth=900))
    assert np.array_equal(decode_dicom(data).grey, decode_dicom(next_only).grey)
    assert decode_values(data, "dicom").windows == (Window("", 1800.0, 900.0),)
    alone = written(dataset_with(VOILUTFunction=function, WindowCenter=2000, WindowWidth=width))
    assert np.array_equal(decode_dicom(alone).grey, decode_dicom(written(dataset_with())).grey)


def test_an_empty_value_among_windows_is_no_window() -> None:
    rules = read_grey_rules(dataset_with(WindowCenter=["40", ""], WindowWidth=["80", ""]))
    assert (rules.windows, rules.notes) == ((Window("", 40.0, 80.0),), ())


def test_a_slope_of_zero_is_taken_for_one_by_network_and_viewer() -> None:
    dataset = dataset_with(RescaleSlope=0, RescaleIntercept=-7)
    assert read_grey_rules(dataset).rescale == Rescale(1.0, -7.0)
    data = written(dataset)
    assert np.array_equal(decode_dicom(data).grey, decode_dicom(written(dataset_with())).grey)
    film = decode_values(data, "dicom")
    assert np.array_equal(film.codes * film.slope + film.intercept, FILM - 7.0)


def numbers_as_written(keyword: str, text: str) -> Dataset:
    """A film whose file has this text as the value of an attribute, whatever the standard says of it."""
    placeholder = "7" * (len(text) + len(text) % 2)
    data = written(
        dataset_with(**{keyword: placeholder, **({"WindowWidth": "900"} if keyword == "WindowCenter" else {})})
    )
    return pydicom.dcmread(BytesIO(data.replace(placeholder.encode(), text.ljust(len(placeholder)).encode())))


def codes_of(notes: tuple[Any, ...]) -> list[str]:
    assert all(NOTE_CODES[note.code] is note for note in notes)
    return [note.code for note in notes]


@pytest.mark.parametrize(
    ("slope", "intercept", "rescale", "codes"),
    [
        (None, None, None, []),
        (2, None, None, ["rescale_ignored"]),
        (None, 5, None, ["rescale_ignored"]),
        (-0.5, 12, Rescale(-0.5, 12.0), []),
        (0, 12, Rescale(1.0, 12.0), ["rescale_slope_zero"]),
        (1e-300, 12, None, ["rescale_ignored"]),
        (1e300, 12, None, ["rescale_ignored"]),
        (1, 1e12, None, ["rescale_ignored"]),
    ],
)
def test_a_rescale_needs_both_of_its_numbers_and_a_usable_slope(
    slope: float | None, intercept: float | None, rescale: Rescale | None, codes: list[str]
) -> None:
    values = {"RescaleSlope": slope, "RescaleIntercept": intercept}
    found, notes = read_rescale(dataset_with(**{key: value for key, value in values.items() if value is not None}))
    assert (found, codes_of(notes)) == (rescale, codes)


@pytest.mark.parametrize("text", ["1,5", " 1.5 ", "+1.5", "15E-1"])
def test_a_number_may_have_a_decimal_comma_and_blanks(text: str) -> None:
    dataset = numbers_as_written("RescaleSlope", text)
    dataset.RescaleIntercept = 2
    rules = read_grey_rules(dataset)
    assert rules.rescale == Rescale(1.5, 2.0)
    assert codes_of(rules.notes) == (["decimal_comma"] if "," in text else [])


@pytest.mark.parametrize("text", ["auto", "NaN", "1e999", "--1", "1_000", "0x7F", "1,5,5"])
def test_what_is_no_number_is_no_window_and_no_error(text: str) -> None:
    rules = read_grey_rules(numbers_as_written("WindowCenter", text))
    assert (rules.windows, codes_of(rules.notes)) == ((), ["window_unreadable"])


@pytest.mark.parametrize(
    ("centres", "widths", "windows", "codes"),
    [
        ([40, 50], [80], [(40, 80)], []),
        ([40], [80, 90], [(40, 80)], []),
        ([], [80], [], ["window_unreadable"]),
        ([40, 50], [0, 90], [(50, 90)], ["window_without_width"]),
        ([40, 50, 60], [-3, 0.5, 90], [(60, 90)], ["window_without_width"]),
        ([40, 50], [80, 0], [(40, 80)], []),
        (["", 50], [80, 90], [(50, 90)], ["window_unreadable"]),
    ],
)
def test_the_first_usable_window_is_applied(
    centres: list[Any], widths: list[Any], windows: list[tuple[float, float]], codes: list[str]
) -> None:
    found, notes = read_windows(dataset_with(WindowCenter=centres, WindowWidth=widths), "LINEAR")
    assert ([(window.centre, window.width) for window in found], codes_of(notes)) == (windows, codes)


@pytest.mark.parametrize(
    ("written_as", "function", "codes"),
    [
        ("SIGMOID", "SIGMOID", []),
        ("linear_exact ", "LINEAR_EXACT", []),
        ("", "LINEAR", []),
        (None, "LINEAR", []),
        ("OTHER", "LINEAR", ["voi_function_unknown"]),
    ],
)
def test_voi_function_is_linear_unless_another_is_named(
    written_as: str | None, function: str, codes: list[str]
) -> None:
    found, notes = read_voi_function(dataset_with(VOILUTFunction=written_as))
    assert (found, codes_of(notes)) == (function, codes)
    assert read_voi_function(Dataset()) == ("LINEAR", ())


@pytest.mark.parametrize(
    ("photometric", "shape", "inverted"),
    [
        ("MONOCHROME1", None, True),
        ("MONOCHROME2", None, False),
        ("MONOCHROME1", "INVERSE", True),
        ("MONOCHROME2", "IDENTITY", False),
        ("MONOCHROME2", "INVERSE", True),
        ("MONOCHROME1", "IDENTITY", False),
        ("MONOCHROME1", "LIN OD", True),
    ],
)
def test_presentation_shape_decides_and_inverts_once(photometric: str, shape: str | None, inverted: bool) -> None:
    dataset = dataset_with(
        PhotometricInterpretation=photometric, **({"PresentationLUTShape": shape} if shape else {})
    )
    data = written(dataset)
    grey = decode_dicom(data).grey
    plain = decode_dicom(written(dataset_with())).grey
    assert np.array_equal(grey, 255 - plain) if inverted else np.array_equal(grey, plain)
    assert decode_values(data, "dicom").inverted == inverted
    contradicts = (photometric, shape) == ("MONOCHROME1", "IDENTITY")
    assert ("presentation_contradicts" in codes_of(read_grey_rules(dataset).notes)) == contradicts


def test_values_beyond_a_table_get_the_entry_at_its_end() -> None:
    rules = read_grey_rules(dataset_with(VOILUTSequence=[table([7, 8, 9], first=100)]))
    values = np.array([0, 99, 100, 101, 102, 103, 4095])
    assert apply_voi(rules, values).tolist() == [7, 7, 7, 8, 9, 9, 9]


def test_windows_of_other_than_grey_films_are_ignored() -> None:
    dataset = dataset_with(WindowCenter=2000, WindowWidth=900)
    dataset.PhotometricInterpretation = "YBR_FULL"
    assert read_grey_rules(dataset).windows == ()


def test_depth_comes_from_the_header() -> None:
    rules = read_grey_rules(dataset_with(PhotometricInterpretation="MONOCHROME1", PresentationLUTShape="INVERSE"))
    assert (rules.field, rules.presentation_shape) == (BitField(12), "INVERSE")
    floats = Dataset()
    floats.BitsAllocated, floats.PhotometricInterpretation = 32, "MONOCHROME2"
    assert read_grey_rules(floats).field == BitField(32)


@pytest.mark.parametrize(("dtype", "expected"), [(np.uint16, [0x0ABC, 0x0FFF]), (np.int16, [-0x544, -1])])
def test_unused_bits_are_dropped_and_the_sign_extended(dtype: Any, expected: list[int]) -> None:
    stored = np.array([0xFABC, 0x0FFF], dtype=np.uint16).view(dtype)
    left = (np.array([0xABC7, 0xFFF5], dtype=np.uint16)).view(dtype)
    signed = dtype == np.int16
    assert extract_values(stored, BitField(12, 0, signed)).tolist() == expected
    assert extract_values(left, BitField(12, 4, signed)).tolist() == expected
    assert extract_values(stored, BitField(16, 0, signed)) is stored
