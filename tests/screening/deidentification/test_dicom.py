"""DICOM: whatever attribute a name is put into, it does not come out; the pixels do, to the bit."""

from __future__ import annotations

import struct
import zlib
from importlib.resources import files
from io import BytesIO
from pathlib import Path

import numpy as np
import pydicom
import pytest
from pydicom import uid
from pydicom._dicom_dict import DicomDictionary
from pydicom.dataelem import DataElement, RawDataElement
from pydicom.dataset import Dataset
from pydicom.encaps import encapsulate, get_frame
from pydicom.filewriter import dcmwrite
from pydicom.sequence import Sequence
from pydicom.tag import Tag

from ml.decoding.dicom_reading import inflate_file
from ml.decoding.headers import read_header
from ml.decoding.preprocess import load
from ml.errors import FilmError
from ml.phantom.film import PhantomSpec, dicom_bytes
from screening.deidentification import clean_file
from screening.deidentification.dicom_attributes import (
    ADDED_VALUES,
    ALLOWED_TAGS,
    BULK_TAGS,
    LOOKUP_TABLE_TAGS,
    PSEUDONYMISED_TAGS,
)
from tests.ml.compressed import ENCODERS, compressed
from tests.screening.deidentification.planting import KEY, MARK, cleaned, dicom_pixels, refuse_marks, segment

PLAIN = (
    uid.ImplicitVRLittleEndian,
    uid.ExplicitVRLittleEndian,
    uid.ExplicitVRBigEndian,
    uid.DeflatedExplicitVRLittleEndian,
)
MARKED = MARK.encode() + b" " * (len(MARK) % 2)
TABLES = {0x00281201, 0x00281202, 0x00281203, 0x00281221, 0x00281222, 0x00281223}  # numbers, which may look like text


def phantom() -> Dataset:
    return pydicom.dcmread(BytesIO(dicom_bytes(PhantomSpec(80, 72, bits=12, seed=4))))


def written(dataset: Dataset, syntax: str) -> bytes:
    dataset.file_meta.TransferSyntaxUID = uid.UID(syntax)
    if syntax == uid.ExplicitVRBigEndian:
        dataset.PixelData = np.frombuffer(dataset.PixelData, "<u2").astype(">u2").tobytes()
    out = BytesIO()
    little, implicit = syntax != uid.ExplicitVRBigEndian, syntax == uid.ImplicitVRLittleEndian
    dcmwrite(out, dataset, little_endian=little, implicit_vr=implicit)
    return out.getvalue()


def raw(tag: int, vr: str, little: bool) -> RawDataElement:
    return RawDataElement(Tag(tag), vr, len(MARKED), MARKED, 0, False, little)


def with_marks(syntax: str) -> bytes:
    """A film with the mark in every attribute that the dictionary knows and the pixels can do without."""
    little = syntax != uid.ExplicitVRBigEndian
    dataset = phantom()
    plain = Dataset()  # what stays as it is, for the film to be one
    for tag in (0x00280002, 0x00280004, 0x00280010, 0x00280011, 0x00280100, 0x00280101, 0x00280102, 0x00280103):
        plain[tag] = dataset[tag]
    plain.NumberOfFrames = 1
    for tag, (vr, _, _, _, _) in DicomDictionary.items():
        if tag >> 16 in (0, 2, 0xFFFE) or tag in plain or tag in BULK_TAGS or tag in TABLES:
            continue
        if vr == "SQ":
            item = Dataset()
            item.PatientName = MARK
            item[0x00091001] = DataElement(0x00091001, "LO", MARK)
            plain[tag] = DataElement(tag, "SQ", Sequence([item]))
        else:
            plain[tag] = raw(tag, vr[:2], little)
    for tag in (0x00090010, 0x00091001, 0x50003000, 0x60003000, 0x60010010):
        plain[tag] = raw(tag, "LO", little)
    plain[0x7FE00010] = dataset[0x7FE00010]
    plain.preamble = MARK.encode() * 16
    plain.file_meta = dataset.file_meta
    plain.file_meta.SourceApplicationEntityTitle = plain.file_meta.ImplementationVersionName = MARK
    plain.file_meta.PrivateInformationCreatorUID = uid.UID("1.2.3")
    plain.file_meta.PrivateInformation = MARK.encode()
    return written(plain, syntax)


@pytest.mark.parametrize("syntax", PLAIN)
def test_nothing_that_names_a_person_comes_through(syntax: str) -> None:
    data = with_marks(syntax)
    once = cleaned(data, "dicom")
    dataset = pydicom.dcmread(BytesIO(once.data))
    assert dataset.file_meta.TransferSyntaxUID == syntax
    refuse_marks(inflate_file(once.data))
    assert np.array_equal(dicom_pixels(data), dicom_pixels(once.data))
    assert set(dataset.keys()) <= {*ALLOWED_TAGS, *PSEUDONYMISED_TAGS, *ADDED_VALUES}
    assert {"Patient's Name (0010,0010)", "Overlays", "Curves", "DICOM preamble"} <= set(once.removed)
    assert "Body Part Examined (0018,0015)" in once.removed
    assert "Private attributes (3)" in once.removed
    assert not any(MARK in name for name in (*once.removed, *once.replaced))


def test_names_are_of_attributes_and_never_their_values() -> None:
    dataset = phantom()
    dataset.PatientName, dataset.InstitutionName = MARK, "St Elsewhere"
    names = clean_file(written(dataset, uid.ExplicitVRLittleEndian), "dicom", KEY).removed
    assert "Institution Name (0008,0080)" in names
    assert not any("Elsewhere" in name for name in names)
    assert list(names) == sorted(names)


@pytest.mark.parametrize("syntax", [*ENCODERS, uid.RLELossless])
def test_compressed_pixels_keep_their_bytes(syntax: str) -> None:
    pixels = (np.arange(96 * 80, dtype=np.uint16) % 4096).reshape(96, 80)
    data = compressed(pixels, syntax, PatientName=MARK)
    once = cleaned(data, "dicom")
    before, after = pydicom.dcmread(BytesIO(data)), pydicom.dcmread(BytesIO(once.data))
    assert after.file_meta.TransferSyntaxUID == syntax
    if "comments in the compressed pixels" in once.removed:  # the encoder signed its work
        assert len(before.PixelData) == len(after.PixelData)
    else:
        assert before.PixelData == after.PixelData
    assert np.array_equal(dicom_pixels(data), dicom_pixels(once.data))


def test_a_comment_in_compressed_pixels_is_blanked_and_nothing_moves() -> None:
    pixels = (np.arange(96 * 80, dtype=np.uint16) % 4096).reshape(96, 80)
    dataset = pydicom.dcmread(BytesIO(compressed(pixels, uid.JPEGLosslessSV1)))
    frame = get_frame(dataset.PixelData, 0, number_of_frames=1)
    told = [(0xFE, b""), (0xE1, b"Exif\0\0"), (0xE0, b"JFXX\0"), (0xED, b"Photoshop 3.0\0")]
    segments = b"".join(segment(code, head + MARK.encode()) for code, head in told)
    frame = frame[:2] + segments + frame[2:]
    dataset.PixelData = encapsulate([frame], has_bot=False)
    dataset.ExtendedOffsetTable, dataset.ExtendedOffsetTableLengths = bytes(8), struct.pack("<Q", len(frame))
    dataset["PixelData"].is_undefined_length = True
    out = BytesIO()
    dataset.save_as(out)
    once = cleaned(out.getvalue(), "dicom")
    assert "comments in the compressed pixels" in once.removed
    after = pydicom.dcmread(BytesIO(once.data))
    assert len(after.PixelData) == len(dataset.PixelData)
    assert after.ExtendedOffsetTableLengths == dataset.ExtendedOffsetTableLengths
    assert np.array_equal(dicom_pixels(once.data), dicom_pixels(out.getvalue()))


def public_files() -> list[Path]:
    own = Path(pydicom.__file__).parent / "data" / "test_files"
    more = Path(str(files("data_store"))) / "data"
    return sorted(path for folder in (own, more) for path in folder.rglob("*.dcm"))


UNREADABLE = {"badVR.dcm", "emri_small_jpeg_2k_lossless_too_short.dcm"}  # pydicom gives up on what was left readable


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("path", public_files(), ids=lambda path: path.name)
def test_public_files_decode_to_the_same_pixels(path: Path) -> None:
    data = path.read_bytes()
    once = clean_file(data, "dicom", KEY)
    before, after = result(data), result(once.data)
    if path.name not in UNREADABLE:
        assert type(before) is type(after)
        if isinstance(before, np.ndarray) and isinstance(after, np.ndarray):
            assert np.array_equal(before, after, equal_nan=True)
    assert clean_file(once.data, "dicom", KEY).removed == ()


def result(data: bytes) -> object:
    try:
        return dicom_pixels(data)
    except Exception as error:
        return str(error)


def test_the_film_looks_and_is_judged_as_before() -> None:
    dataset = phantom()
    dataset.PhotometricInterpretation = "MONOCHROME1"
    dataset.RescaleSlope, dataset.RescaleIntercept = "0.14300000667572021", "-3"  # longer than a DS may be
    dataset.add_new(0x00280120, "US", 0)
    table = Dataset()
    table.add_new(0x00283002, "US", [16, 0, 16])
    table.LUTExplanation = MARK
    table.add_new(0x00283006, "US", [value * value for value in range(16)])
    dataset.VOILUTSequence = Sequence([table])
    for syntax in PLAIN[:2]:
        data = written(dataset, syntax)
        once = cleaned(data, "dicom")
        assert np.array_equal(load(data).pixels, load(once.data).pixels)
        assert read_header(data) == read_header(once.data)
        left = pydicom.dcmread(BytesIO(once.data)).VOILUTSequence[0]
        assert set(left.keys()) <= set(LOOKUP_TABLE_TAGS)
        assert "VOI LUT Sequence (0028,3010)" in once.removed


@pytest.mark.parametrize(
    ("keyword", "value", "left"),
    [
        ("Modality", "dx", "DX"),  # the door reads it so, and so must the worker
        ("BodyPartExamined", "Chest", "CHEST"),
        ("BodyPartExamined", "JANE DOE", None),  # a legal Code String, but none of the standard's
        ("ViewPosition", "JANE", None),
        ("PatientOrientation", ["L", "F"], ["L", "F"]),
        ("PatientOrientation", ["L", "JANE"], "L"),
        ("ImageType", ["DERIVED", "PRIMARY", "JANE DOE"], ["DERIVED", "PRIMARY"]),
        ("BurnedInAnnotation", "YES", "YES"),
        ("SOPClassUID", "1.2.3.4.5", uid.SecondaryCaptureImageStorage),
    ],
)
@pytest.mark.filterwarnings("ignore")
def test_codes_are_the_standards_or_nothing(keyword: str, value: object, left: object) -> None:
    dataset = phantom()
    setattr(dataset, keyword, value)
    once = clean_file(written(dataset, uid.ExplicitVRLittleEndian), "dicom", KEY)
    assert pydicom.dcmread(BytesIO(once.data)).get(keyword) == left


def test_it_says_that_it_was_de_identified_and_is_a_proper_file() -> None:
    data = dicom_bytes(PhantomSpec(80, 80, bits=12))
    bare = data[data.index(b"\x08\x00\x05\x00") :]  # the data set alone, as some systems export it
    for sent in (data, bare):
        once = clean_file(sent, "dicom", KEY)
        dataset = pydicom.dcmread(BytesIO(once.data))  # not forced: preamble and prefix are there
        assert dataset.PatientIdentityRemoved == "YES"
        assert dataset.LongitudinalTemporalInformationModified == "REMOVED"
        assert dataset.file_meta.MediaStorageSOPInstanceUID == dataset.SOPInstanceUID == dataset.SOPInstanceUID
        assert dataset.file_meta.MediaStorageSOPClassUID == dataset.SOPClassUID
        assert once.data[:128] == bytes(128)
        dcmwrite(BytesIO(), dataset, enforce_file_format=True)  # checks the file meta information
        assert np.array_equal(dicom_pixels(sent), dicom_pixels(once.data))


def test_films_of_a_study_stay_together() -> None:
    first, second = phantom(), phantom()
    second.SOPInstanceUID = "1.2.3.4"
    second.PatientID = f" {first.PatientID.lower()} "
    one, two = (clean_file(written(film, uid.ExplicitVRLittleEndian), "dicom", KEY) for film in (first, second))
    assert (one.patient, one.study) == (two.patient, two.study)
    assert len(one.patient) <= 32
    left, right = (pydicom.dcmread(BytesIO(film.data)) for film in (one, two))
    assert left.SeriesInstanceUID == right.SeriesInstanceUID
    assert left.SOPInstanceUID != right.SOPInstanceUID
    assert left.StudyInstanceUID == one.study != first.StudyInstanceUID
    assert left.PatientID == one.patient
    assert {name[-11:] for name in one.replaced} == {"(0010,0020)", "(0020,000D)", "(0020,000E)", "(0008,0018)"}
    other = clean_file(written(first, uid.ExplicitVRLittleEndian), "dicom", b"another key")
    assert other.patient != one.patient
    assert other.study != one.study


def test_a_patient_without_id_goes_by_name_and_birth_date_in_any_script() -> None:
    found = set()
    for coding, name in (("ISO_IR 192", "Müller^Jörg"), ("ISO_IR 100", "müller^jörg^^")):
        dataset = phantom()
        dataset.SpecificCharacterSet, dataset.PatientName = coding, name
        dataset.PatientID, dataset.PatientBirthDate = "", "19700101"
        found.add(clean_file(written(dataset, uid.ExplicitVRLittleEndian), "dicom", KEY).patient)
    assert len(found) == 1
    dataset.PatientBirthDate = ""  # a name alone may be another person's
    assert clean_file(written(dataset, uid.ExplicitVRLittleEndian), "dicom", KEY).patient == ""


def test_nested_sequences_cost_no_stack() -> None:
    """Sequences within items within sequences, 20,000 deep: neither recursion nor time grows with them."""
    level = struct.pack("<HH2sHIHHI", 0x0008, 0x1140, b"SQ", 0, 0xFFFFFFFF, 0xFFFE, 0xE000, 0xFFFFFFFF)
    data = dicom_bytes(PhantomSpec(80, 80, bits=12))
    at = data.index(b"\x10\x00\x10\x00PN")
    with pytest.raises(FilmError) as refused:
        clean_file(data[:at] + level * 20_000 + data[at:], "dicom", KEY)
    assert refused.value.code == "damaged_header"
    ends = struct.pack("<HHIHHI", 0xFFFE, 0xE00D, 0, 0xFFFE, 0xE0DD, 0)
    once = clean_file(data[:at] + level * 20_000 + ends * 20_000 + data[at:], "dicom", KEY)
    assert np.array_equal(dicom_pixels(once.data), dicom_pixels(data))


def test_a_deflate_bomb_is_refused() -> None:
    data = written(phantom(), uid.DeflatedExplicitVRLittleEndian)
    start = data.index(b"\x02\x00\x00\x00UL")
    begin = start + 12 + struct.unpack_from("<I", data, start + 8)[0]
    packer = zlib.compressobj(9, wbits=-15)
    million = bytes(1 << 20)
    bomb = b"".join([packer.compress(million) for _ in range(600)]) + packer.flush()
    with pytest.raises(FilmError) as refused:
        clean_file(data[:begin] + bomb, "dicom", KEY)
    assert refused.value.code == "too_large_unpacked"


def test_bytes_after_the_last_element_and_other_pictures_go() -> None:
    data = dicom_bytes(PhantomSpec(80, 80, bits=12))
    padding = struct.pack("<HH2sHI", 0xFFFC, 0xFFFC, b"OB", 0, len(MARKED)) + MARKED
    once = cleaned(data + padding + MARK.encode() + b"\1\2\3", "dicom")
    assert "Data Set Trailing Padding (FFFC,FFFC)" in once.removed
