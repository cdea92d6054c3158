"""What can hide in the pixels of a DICOM file is removed, and the film stays the same."""

from __future__ import annotations

import struct
from io import BytesIO
from typing import Any

import numpy as np
import pydicom
import pytest
from pydicom import uid
from pydicom.dataset import Dataset
from pydicom.encaps import generate_fragments

from ml.decoding.headers import read_header, refuse_unfit
from ml.decoding.preprocess import load
from ml.phantom.film import PhantomSpec, chest
from screening.deidentification import CleanedFile, clean_file
from tests.ml import streams
from tests.ml.compressed import explicit, put_frame, written
from tests.ml.helpers import dicom_with, refusal
from tests.ml.streams import encapsulated, frame_of, with_value
from tests.screening.deidentification.planting import KEY, MARK, cleaned, refuse_marks, segment

FILM = chest(PhantomSpec(120, 100, bits=12, seed=5, opacities=1))
BYTES = (FILM >> 4).astype(np.uint8)
PLAIN = uid.ExplicitVRLittleEndian
SECRET = MARK.encode()
FRAMES = {
    "lossless": (uid.JPEGLosslessSV1, frame_of(FILM, uid.JPEGLosslessSV1, 12)),
    "JPEG-LS": (uid.JPEGLSLossless, frame_of(FILM, uid.JPEGLSLossless, 12)),
    "JPEG 2000": (uid.JPEG2000Lossless, frame_of(FILM, uid.JPEG2000Lossless, 12)),
    "RLE": (uid.RLELossless, frame_of(FILM, uid.RLELossless, 12)),
}


def check(data: bytes) -> CleanedFile:
    """Clean a film; the mark is gone, the film is judged and shown as before, and nothing is left to remove."""
    refuse_unfit(read_header(data))
    before = load(data).pixels
    once = cleaned(data, "dicom")
    refuse_unfit(read_header(once.data))
    assert np.array_equal(load(once.data).pixels, before)
    return once


def plain(**values: Any) -> bytes:
    return with_value(explicit(FILM), FILM.tobytes(), label=PLAIN, open_ended=False, **values)


@pytest.mark.parametrize("label", ["right", uid.JPEG2000, uid.JPEGLSNearLossless, PLAIN])
@pytest.mark.parametrize("name", FRAMES)
def test_bytes_after_the_end_of_a_stream_go(name: str, label: str) -> None:
    """Also where the label names another compression."""
    syntax, frame = FRAMES[name]
    data = encapsulated(explicit(FILM), [frame + SECRET * 3], syntax if label == "right" else label)
    once = check(data)
    assert "data after the end of the picture" in once.removed
    found = pydicom.dcmread(BytesIO(once.data)).file_meta.TransferSyntaxUID
    assert uid.UID(found).keyword[:6] == uid.UID(syntax).keyword[:6]  # of the same family


@pytest.mark.parametrize("name", FRAMES)
def test_further_fragments_and_bytes_after_the_delimiter_go(name: str) -> None:
    syntax, frame = FRAMES[name]
    data = encapsulated(explicit(FILM), [frame, SECRET * 4], syntax, tail=SECRET * 2)
    once = check(data)
    fragments = list(generate_fragments(pydicom.dcmread(BytesIO(once.data)).PixelData))
    assert len(fragments) == 2  # the empty table and the frame


@pytest.mark.parametrize("name", FRAMES)
def test_an_offset_table_holds_nothing(name: str) -> None:
    syntax, frame = FRAMES[name]
    once = check(encapsulated(explicit(FILM), [frame], syntax, bytes(4) + SECRET))
    assert "Basic Offset Table" in once.removed


@pytest.mark.parametrize("fragments", [True, False])
def test_extended_offset_tables_hold_nothing(fragments: bool) -> None:
    tables = {"ExtendedOffsetTable": SECRET, "ExtendedOffsetTableLengths": SECRET * 4}
    if fragments:
        data = encapsulated(explicit(FILM), [FRAMES["lossless"][1]], uid.JPEGLosslessSV1, **tables)
    else:
        data = plain(**tables)
    once = check(data)
    assert "Extended Offset Table (7FE0,0001)" in once.removed
    assert "ExtendedOffsetTable" not in pydicom.dcmread(BytesIO(once.data))


@pytest.mark.parametrize("label", [uid.JPEGBaseline8Bit, uid.JPEGLosslessSV1, uid.JPEG2000, uid.RLELossless, PLAIN])
@pytest.mark.parametrize("where", ["header", "between scans", "thumbnail"])
def test_comments_go_whatever_the_label(label: str, where: str) -> None:
    frame = streams.progressive(BYTES)
    comment = segment(0xFE, SECRET) + segment(0xE1, b"Exif\0\0" + SECRET)
    if where == "thumbnail":
        comment = segment(0xE0, b"JFIF\0\1\1\0\0\1\0\1\1\1" + SECRET)
    at = frame.rindex(b"\xff\xc4") if where == "between scans" else 2
    data = encapsulated(explicit(BYTES, 8), [frame[:at] + comment + frame[at:]], label)
    assert "comments in the compressed pixels" in check(data).removed


def test_comments_of_jpeg_2000_go_from_tile_parts_too() -> None:
    frame = FRAMES["JPEG 2000"][1]
    comment = b"\xff\x64" + struct.pack(">HH", 4 + len(SECRET), 1) + SECRET
    at = frame.index(b"\xff\x90")
    for place in (at, frame.index(b"\xff\x93")):
        length = struct.unpack_from(">I", frame, at + 6)[0]
        moved = bytearray(frame[:place] + comment + frame[place:])
        if place > at and length:
            struct.pack_into(">I", moved, at + 6, length + len(comment))
        check(encapsulated(explicit(FILM), [bytes(moved)], uid.JPEG2000Lossless))


def test_boxes_around_jpeg_2000_go() -> None:
    box = struct.pack(">I4s", 8 + len(SECRET), b"xml ") + SECRET
    wrapped = streams.jp2(FILM, 12)
    at = wrapped.index(b"jp2c") - 4
    once = check(encapsulated(explicit(FILM), [wrapped[:at] + box + wrapped[at:]], uid.JPEG2000Lossless))
    assert b"jP  " not in once.data


@pytest.mark.parametrize("syntax", [PLAIN, uid.ImplicitVRLittleEndian, uid.JPEGLosslessSV1])
def test_bytes_after_the_last_pixel_go(syntax: str) -> None:
    data = with_value(explicit(FILM), FILM.tobytes() + SECRET * 5, label=syntax, open_ended=False)
    once = check(data)
    assert "data after the end of the picture" in once.removed
    assert len(pydicom.dcmread(BytesIO(once.data)).PixelData) == FILM.nbytes


def test_a_palette_that_the_picture_does_not_use_goes() -> None:
    dataset = pydicom.dcmread(BytesIO(explicit(FILM)))
    for colour in ("Red", "Green", "Blue"):
        dataset.add_new(f"{colour}PaletteColorLookupTableDescriptor", "US", [4, 0, 16])
        dataset.add_new(f"{colour}PaletteColorLookupTableData", "OW", SECRET)
    once = check(written(dataset))
    assert not [element for element in pydicom.dcmread(BytesIO(once.data)) if "Palette" in element.name]
    assert any("Palette" in name for name in once.removed)


@pytest.mark.parametrize("keyword", ["VOILUTSequence", "ModalityLUTSequence"])
def test_entries_that_a_table_does_not_declare_go(keyword: str) -> None:
    dataset = pydicom.dcmread(BytesIO(explicit(FILM)))
    for window in ("WindowCenter", "WindowWidth", "RescaleSlope", "RescaleIntercept"):
        if window in dataset:
            del dataset[window]
    table = Dataset()
    table.add_new("LUTDescriptor", "US", [4096, 0, 16])
    table.add_new("LUTData", "OW", np.linspace(0, 65535, 4096).astype("<u2").tobytes() + SECRET)
    setattr(dataset, keyword, pydicom.Sequence([table]))
    assert any("LUT Sequence" in name for name in check(written(dataset)).removed)


def test_digits_beyond_what_a_number_needs_go() -> None:
    slope = b"1.0000000000000000000000001987010"
    raw = plain(RescaleSlope=None, RescaleIntercept="0")
    intercept = b"\x28\0\x52\x10DS\2\0000 "
    assert intercept in raw
    element = b"\x28\0\x53\x10DS" + struct.pack("<H", len(slope) + 1) + slope + b" "
    raw = raw.replace(intercept, intercept + element)
    once = clean_file(raw, "dicom", KEY)
    assert str(pydicom.dcmread(BytesIO(once.data))["RescaleSlope"].value) == "1.0"
    assert b"1987010" not in once.data
    assert "Rescale Slope (0028,1053)" in once.removed
    assert np.array_equal(load(once.data).pixels, load(raw).pixels)
    assert clean_file(once.data, "dicom", KEY).removed == ()


@pytest.mark.parametrize(
    ("values", "kept"),
    [
        ({"BodyPartExamined": "2- TORAX"}, {"BodyPartExamined": "CHEST"}),
        ({"BodyPartExamined": "T?RAX JANE DOE"}, {"BodyPartExamined": "CHEST"}),
        ({"BodyPartExamined": "LUNG"}, {"BodyPartExamined": "LUNG"}),
        ({"BodyPartExamined": "UNKNOWN"}, {"BodyPartExamined": None}),
        ({"BodyPartExamined": "JANE DOE"}, {"BodyPartExamined": None}),
        ({"BodyPartExamined": ["KNEE", "JANE"]}, {"BodyPartExamined": "KNEE"}),
        ({"Modality": "DR"}, {"Modality": "DX"}),
        ({"Modality": "OT"}, {"Modality": "OT"}),
        ({"Modality": "JANE"}, {"Modality": None}),
        ({"ViewPosition": "AP_SUPINE"}, {"ViewPosition": "AP"}),
        ({"ViewPosition": "L LAT JANE"}, {"ViewPosition": "LATERAL"}),
    ],
)
@pytest.mark.filterwarnings("ignore:Invalid value for VR CS")
def test_the_worker_decides_as_intake_did(values: dict[str, Any], kept: dict[str, str | None]) -> None:
    data = dicom_with(**values)
    once = clean_file(data, "dicom", KEY)
    refuse_marks(once.data)
    assert b"JANE" not in once.data
    assert read_header(once.data) == read_header(data)
    found = pydicom.dcmread(BytesIO(once.data))
    assert {keyword: found.get(keyword) for keyword in kept} == kept


@pytest.mark.parametrize("keyword", ["Rows", "BitsStored", "NumberOfFrames"])
def test_numbers_in_a_wrong_value_representation_are_kept_as_numbers(keyword: str) -> None:
    dataset = pydicom.dcmread(BytesIO(explicit(FILM)))
    number = int(dataset.get(keyword, 1))
    dataset.add_new(keyword, "LO", f"{number}\\{MARK}")
    check(written(dataset))


def test_a_label_that_is_wrong_is_corrected_and_noted() -> None:
    data = encapsulated(explicit(FILM), [FRAMES["JPEG-LS"][1] + SECRET], uid.JPEGBaseline8Bit)
    once = check(data)
    assert pydicom.dcmread(BytesIO(once.data)).file_meta.TransferSyntaxUID == uid.JPEGLSLossless
    assert [note.code for note in once.notes] == ["compression_corrected"]
    assert load(once.data).notes == ()


def test_what_is_not_read_is_not_cleaned() -> None:
    data = encapsulated(explicit(FILM), [b"\x11" * 400], "1.2.840.10008.1.2.4.100")
    assert refusal(lambda: clean_file(data, "dicom", KEY)).code == "unsupported_compression"


def test_an_ordinary_compressed_film_keeps_its_bytes() -> None:
    for syntax, frame in FRAMES.values():
        dataset = pydicom.dcmread(BytesIO(explicit(FILM)))
        put_frame(dataset, frame)
        dataset.file_meta.TransferSyntaxUID = uid.UID(syntax)
        once = clean_file(written(dataset), "dicom", KEY)
        if "comments in the compressed pixels" not in once.removed:  # the encoder signed its work
            assert pydicom.dcmread(BytesIO(once.data)).PixelData == dataset.PixelData
