"""Lookup tables as the standard describes them and as vendors write them; "as it is meant" is the same curve."""

from __future__ import annotations

from io import BytesIO
from typing import Any

import numpy as np
import pydicom
import pytest
from numpy.typing import NDArray
from pydicom import uid
from pydicom.dataset import Dataset

from ml.decoding.dicom_pixels import decode_dicom
from ml.decoding.grey_rules import read_grey_rules
from ml.decoding.lookup_tables import read_table
from ml.decoding.viewer_pixels import decode_values
from ml.phantom.film import PhantomSpec, chest
from tests.ml.compressed import explicit, written

FILM = chest(PhantomSpec(96, 80, bits=12, seed=7))
CURVE = np.sqrt(np.arange(4096) / 4095)  # not linear, so that a table left out makes a difference
DEEP, SHALLOW = (CURVE * 4095).round().astype(np.uint16), (CURVE * 255).round().astype(np.uint8)
SHORT = np.arange(4096).clip(0, 3999)  # places of a table that lacks its last 96 entries
INPUTS = (0, 4095)


def plain(film: NDArray[Any] = FILM, bits: int = 12, **values: Any) -> Dataset:
    dataset = pydicom.dcmread(BytesIO(explicit(film, bits, **values)))
    for keyword in ("WindowCenter", "WindowWidth", "RescaleSlope", "RescaleIntercept", "PresentationLUTShape"):
        dataset.pop(keyword, None)
    return dataset


def item_of(descriptor: list[int], data: Any, vr: str = "OW", descriptor_vr: str = "US") -> Dataset:
    item = Dataset()
    item.add_new("LUTDescriptor", descriptor_vr, descriptor)
    item.add_new("LUTData", vr, data)
    return item


def with_table(*items: Dataset, keyword: str = "VOILUTSequence", **values: Any) -> Dataset:
    dataset = plain(**values)
    setattr(dataset, keyword, list(items))
    return dataset


def expected_grey(curve: NDArray[Any]) -> NDArray[Any]:
    shown = curve.astype(float)[FILM]
    return np.asarray((shown - shown.min()) / (shown.max() - shown.min()) * 255)


def words(entries: NDArray[Any]) -> bytes:
    return entries.astype("<u2").tobytes()


# The descriptor, the data, their VR; the curve that is meant; and whether the descriptor had to be corrected.
TABLES: dict[str, tuple[list[int], Any, str, NDArray[Any], bool]] = {
    "16 bits": ([4096, 0, 16], words(DEEP), "OW", DEEP, False),
    "12 bits": ([4096, 0, 12], words(DEEP), "OW", DEEP, False),
    "12 bits in US": ([4096, 0, 12], DEEP.tolist(), "US", DEEP, False),
    "16 bits in SS": ([4096, 0, 16], (DEEP.astype(int) * 16 - (DEEP >= 2048) * 65536).tolist(), "SS", DEEP, False),
    "bits 0": ([4096, 0, 0], words(DEEP), "OW", DEEP, True),
    "bits 8, data of 12": ([4096, 0, 8], words(DEEP), "OW", DEEP, True),
    "bits 10, data of 12": ([4096, 0, 10], words(DEEP), "OW", DEEP, True),
    "bits 32": ([4096, 0, 32], words(DEEP), "OW", DEEP, True),
    "no bits": ([4096, 0], words(DEEP), "OW", DEEP, True),
    "8 bits, a word each": ([4096, 0, 8], words(SHALLOW), "OW", SHALLOW, False),
    "8 bits, two a word": ([4096, 0, 8], SHALLOW.tobytes(), "OW", SHALLOW, False),
    "8 bits in bytes": ([4096, 0, 8], SHALLOW.tobytes(), "OB", SHALLOW, False),
    "16 declared, 8 bits two a word": ([4096, 0, 16], SHALLOW.tobytes(), "OW", SHALLOW, False),
    "odd number of bytes": ([4095, 0, 8], SHALLOW[:4095].tobytes() + b"\0", "OB", SHALLOW[:4095], False),
    "UN": ([4096, 0, 12], words(DEEP), "UN", DEEP, False),
    "more data than declared": ([4096, 0, 12], words(DEEP) + b"\1\2" * 9, "OW", DEEP, False),
    "some entries missing": ([4096, 0, 12], words(DEEP[:4000]), "OW", DEEP[SHORT], True),
    "some bytes missing": ([4096, 0, 8], SHALLOW[:4000].tobytes(), "OW", SHALLOW[SHORT], True),
}  # fmt: skip


@pytest.mark.parametrize("implicit", [False, True])
@pytest.mark.parametrize("name", TABLES)
def test_a_table_is_shown_as_it_is_meant(name: str, implicit: bool) -> None:
    descriptor, data, vr, curve, corrected = TABLES[name]
    dataset = with_table(item_of(descriptor, data, vr))
    if implicit:
        if vr in ("US", "SS", "OB", "UN"):
            pytest.skip("implicit VR has no VR")
        dataset.file_meta.TransferSyntaxUID = uid.ImplicitVRLittleEndian
    out = BytesIO()
    dataset.save_as(out, implicit_vr=implicit, little_endian=True)
    film = decode_dicom(out.getvalue())
    curve = np.concatenate([curve, np.repeat(curve[-1:], 4096 - len(curve))])
    assert np.abs(film.grey - expected_grey(curve)).max() <= 0.51
    assert [note.code for note in film.notes] == (["lookup_table_corrected"] if corrected else [])
    viewed = decode_values(out.getvalue(), "dicom")
    assert viewed.curve is not None
    assert np.array_equal(viewed.curve[viewed.codes], film.grey)


@pytest.mark.parametrize("vr", ["OW", "US"])
def test_big_endian_words(vr: str) -> None:
    data: Any = DEEP.astype(">u2").tobytes() if vr == "OW" else DEEP.tolist()
    source = with_table(item_of([4096, 0, 12], data, vr))
    source.PixelData = FILM.astype(">u2").tobytes()
    dataset = Dataset()  # one that was read from little endian is not written in big endian
    dataset.update({element.tag: element for element in source})
    dataset.file_meta = source.file_meta
    dataset.file_meta.TransferSyntaxUID = uid.ExplicitVRBigEndian
    out = BytesIO()
    dataset.save_as(out, implicit_vr=False, little_endian=False, enforce_file_format=True)
    assert np.abs(decode_dicom(out.getvalue()).grey - expected_grey(DEEP)).max() <= 0.51


UNUSABLE = {
    "empty item": Dataset(),
    "no data": item_of([4096, 0, 12], b""),
    "one entry": item_of([1, 0, 16], b"\1\2"),
    "all entries equal": item_of([4096, 0, 16], words(np.full(4096, 7))),
    "descriptor of one value": item_of([4096], words(DEEP)),
    "beside the film": item_of([1000, 30000, 12], words(DEEP[:1000])),
    "all entries but two missing": item_of([4096, 0, 12], words(DEEP[:2])),
}


@pytest.mark.parametrize("keyword", ["VOILUTSequence", "ModalityLUTSequence"])
@pytest.mark.parametrize("name", UNUSABLE)
def test_an_unusable_table_is_left_out_with_a_note(name: str, keyword: str) -> None:
    data = written(with_table(UNUSABLE[name], keyword=keyword))
    film = decode_dicom(data)
    assert np.array_equal(film.grey, decode_dicom(written(plain())).grey)
    assert "lookup_table_ignored" in [note.code for note in film.notes]
    assert decode_values(data, "dicom").curve is None


def test_the_window_is_applied_in_the_place_of_an_unusable_table() -> None:
    dataset = with_table(UNUSABLE["no data"])
    dataset.WindowCenter, dataset.WindowWidth = 1800, 900
    window_only = plain()
    window_only.WindowCenter, window_only.WindowWidth = 1800, 900
    assert np.array_equal(decode_dicom(written(dataset)).grey, decode_dicom(written(window_only)).grey)


def test_the_second_table_is_used_where_the_first_is_unusable() -> None:
    film = decode_dicom(written(with_table(UNUSABLE["no data"], item_of([4096, 0, 12], words(DEEP)))))
    assert np.abs(film.grey - expected_grey(DEEP)).max() <= 0.51
    assert [note.code for note in film.notes] == ["lookup_table_ignored"]


def test_an_empty_sequence_is_no_table() -> None:
    assert read_table(with_table(), "VOILUTSequence", INPUTS) == (None, ())


def test_zero_entries_stand_for_all_that_16_bits_count() -> None:
    found, notes = read_table(with_table(item_of([0, 0, 16], words(np.arange(1 << 16)))), "VOILUTSequence", INPUTS)
    assert found is not None
    assert (len(found.entries), found.bits, notes) == (1 << 16, 16, ())


@pytest.mark.parametrize(
    ("vr", "value", "inputs", "first"),
    [
        ("US", 0xF800, (-2048, 2047), -2048),  # signed pixels, written as unsigned
        ("SS", -2048, (-2048, 2047), -2048),
        ("SS", -2048, (0, 65535), 63488),  # unsigned pixels of 16 bits, written as signed
        ("US", 63488, (0, 65535), 63488),
        ("SS", -16, (0, 4095), -16),  # as unsigned it would lie above all values
        ("US", 1000, (-2048, 2047), 1000),
    ],
)
def test_the_first_input_has_the_sign_that_fits_the_values(
    vr: str, value: int, inputs: tuple[int, int], first: int
) -> None:
    found, _ = read_table(
        with_table(item_of([4096, value, 12], words(DEEP), descriptor_vr="US" if value >= 0 else vr)),
        "VOILUTSequence", inputs,
    )  # fmt: skip
    assert found is not None
    assert found.first == first


@pytest.mark.parametrize("keyword", ["VOILUTSequence", "ModalityLUTSequence"])
def test_a_table_of_signed_films(keyword: str) -> None:
    """8-bit entries of more than 256 values, and places beyond 32,767: pydicom lets both wrap."""
    film = (FILM.astype(np.int16) - 2048) * 16
    dataset = plain(film, 16, PixelRepresentation=1)
    entries = np.repeat(SHALLOW, 16)
    setattr(dataset, keyword, [item_of([0, 0x8000, 8], entries.tobytes())])
    assert np.abs(decode_dicom(written(dataset)).grey - expected_grey(SHALLOW)).max() <= 0.51


def test_a_modality_table_comes_before_a_rescale_and_its_output_is_unsigned() -> None:
    dataset = with_table(item_of([4096, 0, 12], words(DEEP)), keyword="ModalityLUTSequence")
    dataset.RescaleSlope, dataset.RescaleIntercept = 0, -7
    dataset.WindowCenter, dataset.WindowWidth = 2048, 4096
    assert np.abs(decode_dicom(written(dataset)).grey - expected_grey(DEEP)).max() <= 0.51
    assert read_grey_rules(dataset).notes == ()
