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
from ml.decoding.grey_rules import Rescale, Window, read_grey_rules, read_table, read_voi_function
from ml.decoding.grey_transforms import apply_voi, drop_unused_bits, to_units
from ml.decoding.viewer_pixels import decode_values
from ml.phantom.film import PhantomSpec, chest
from tests.ml.compressed import explicit, written

FILM = chest(PhantomSpec(96, 80, bits=12, seed=7))
SEEDS = range(60)
FUNCTIONS = ("LINEAR", "LINEAR_EXACT", "SIGMOID")


def dataset_with(**values: Any) -> Dataset:
    """A film of 12 bits without a window and a rescale, with these attributes."""
    dataset = pydicom.dcmread(BytesIO(explicit(FILM)))
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
    """Attributes that the standard permits."""
    header: dict[str, Any] = {"PhotometricInterpretation": f"MONOCHROME{random.integers(1, 3)}"}
    choice = random.integers(3)
    if choice == 0:
        header["ModalityLUTSequence"] = [table(random.integers(0, 1 << 16, 3000), int(random.integers(500)))]
    elif choice == 1:
        header |= {"RescaleSlope": float(random.choice([2.5, 0.3, -1.25])), "RescaleIntercept": -1024.5}
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
    assert rules.windows == (Window("", 40.0, 80.0),)


def test_a_slope_of_zero_is_taken_for_one_by_network_and_viewer() -> None:
    dataset = dataset_with(RescaleSlope=0, RescaleIntercept=-7)
    assert read_grey_rules(dataset).rescale == Rescale(1.0, -7.0)
    data = written(dataset)
    assert np.array_equal(decode_dicom(data).grey, decode_dicom(written(dataset_with())).grey)
    film = decode_values(data, "dicom")
    assert np.array_equal(film.codes * film.slope + film.intercept, FILM - 7.0)


@pytest.mark.parametrize(
    "values", [{"RescaleSlope": 2}, {"RescaleIntercept": 5}, {"RescaleSlope": 2, "RescaleIntercept": None}]
)
def test_a_rescale_needs_both_of_its_numbers(values: dict[str, Any]) -> None:
    assert read_grey_rules(dataset_with(**values)).rescale is None


@pytest.mark.parametrize(
    ("written_as", "function"),
    [
        ("SIGMOID", "SIGMOID"),
        ("linear_exact ", "LINEAR_EXACT"),
        ("", "LINEAR"),
        (None, "LINEAR"),
        ("OTHER", "LINEAR"),
    ],
)
def test_voi_function_is_linear_unless_another_is_named(written_as: str | None, function: str) -> None:
    assert read_voi_function(dataset_with(VOILUTFunction=written_as)) == function
    assert read_voi_function(Dataset()) == "LINEAR"


def test_values_beyond_a_table_get_the_entry_at_its_end() -> None:
    rules = read_grey_rules(dataset_with(VOILUTSequence=[table([7, 8, 9], first=100)]))
    values = np.array([0, 99, 100, 101, 102, 103, 4095])
    assert apply_voi(rules, values).tolist() == [7, 7, 7, 8, 9, 9, 9]


def test_a_descriptor_of_zero_entries_means_all_that_16_bits_count() -> None:
    found = read_table(dataset_with(VOILUTSequence=[table(np.arange(1 << 16), declared=0)]), "VOILUTSequence")
    assert found is not None
    assert (found.declared, len(found.entries), found.bits) == (1 << 16, 1 << 16, 16)


@pytest.mark.parametrize(
    "item", [table([1, 2, 3], declared=4), table([1, 2, 300], bits=8)], ids=["words missing", "entry too large"]
)
def test_a_table_that_is_not_as_declared_is_an_error(item: Dataset) -> None:
    with pytest.raises(ValueError, match=r".+"):
        read_table(dataset_with(VOILUTSequence=[item]), "VOILUTSequence")


def test_a_table_without_data_is_none() -> None:
    item = table([1, 2, 3])
    del item.LUTData
    assert read_table(dataset_with(VOILUTSequence=[item]), "VOILUTSequence") is None
    assert read_table(dataset_with(), "VOILUTSequence") is None


def test_missing_entries_matter_only_where_a_value_needs_them() -> None:
    item = table([])
    item.add_new("LUTDescriptor", "US", [4, 0, 16])
    item.add_new("LUTData", "US", [5, 6, 7])
    rules = read_grey_rules(dataset_with(VOILUTSequence=[item]))
    assert apply_voi(rules, np.array([0, 1, 2])).tolist() == [5, 6, 7]
    with pytest.raises(IndexError):
        apply_voi(rules, np.array([3]))


def test_depth_and_shape_come_from_the_header() -> None:
    rules = read_grey_rules(dataset_with(PresentationLUTShape="INVERSE", PhotometricInterpretation="MONOCHROME1"))
    assert (rules.bits_stored, rules.high_bit, rules.signed) == (12, 11, False)
    assert (rules.presentation_shape, rules.inverted) == ("INVERSE", True)
    floats = Dataset()
    floats.BitsAllocated, floats.PhotometricInterpretation = 32, "MONOCHROME2"
    assert (read_grey_rules(floats).bits_stored, read_grey_rules(floats).high_bit) == (32, 31)


@pytest.mark.parametrize(("dtype", "expected"), [(np.uint16, [0x0ABC, 0x0FFF]), (np.int16, [-0x544, -1])])
def test_unused_bits_are_dropped_and_the_sign_extended(dtype: Any, expected: list[int]) -> None:
    stored = np.array([0xFABC, 0x0FFF], dtype=np.uint16).view(dtype)
    assert drop_unused_bits(stored, 12).tolist() == expected
    assert drop_unused_bits(stored, 16) is stored
