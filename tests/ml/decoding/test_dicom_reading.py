"""DICOM that is hostile, deflated or no film at all: bounded in time and memory, and told apart by code."""

from __future__ import annotations

import struct
import subprocess
import sys
import time
import tracemalloc
import warnings
import zlib
from functools import cache
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
import pydicom
import pytest
from pydicom import uid
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.sequence import Sequence

from ml.decoding import dicom_reading
from ml.decoding.dicom_reading import inflate, inflate_file, read_dicom, read_dicom_header
from ml.decoding.headers import read_header, refuse_unfit
from ml.decoding.preprocess import decode, load
from ml.phantom.film import PhantomSpec, dicom_bytes
from tests.ml.compressed import written
from tests.ml.helpers import dicom_with, refusal
from tests.ml.peak import READ_PEAK

FILM = dicom_bytes(PhantomSpec(100, 90, bits=12, seed=2))
PREFIX = b"\0" * 128 + b"DICM"
MANY = 300_000  # parts, three times what is read
MEGABYTE = b"\0" * (1 << 20)
SECONDS = 10.0  # for each hostile header; measured 0.4 at most
HEADER_MEMORY = 64_000_000  # bytes of Python's beside the file; measured 45 million at most


def meta(syntax: str = uid.ExplicitVRLittleEndian) -> bytes:
    value = syntax.encode()
    value += b"\0" * (len(value) % 2)
    return PREFIX + b"\x02\0\x10\0UI" + struct.pack("<H", len(value)) + value


def undefined(tag: bytes, kind: bytes = b"SQ") -> bytes:
    return tag + kind + b"\0\0\xff\xff\xff\xff"


ITEM = b"\xfe\xff\x00\xe0"
OPEN_ITEM = ITEM + b"\xff\xff\xff\xff"
NESTED = undefined(b"\x08\0\x15\x11") + OPEN_ITEM
NESTED_IMPLICIT = b"\x08\0\x15\x11\xff\xff\xff\xff" + OPEN_ITEM


def elements(group: int, count: int) -> bytes:
    """Empty elements, each with a tag of its own."""
    return b"".join(struct.pack("<HH2sH", group + 2 * (n >> 16), n & 0xFFFF, b"LO", 0) for n in range(count))


HOSTILE = {
    "too many elements": lambda: meta() + elements(9, MANY),
    "too many elements of meta information": lambda: PREFIX + elements(2, 65_000) * 4,
    "too many items": lambda: meta() + undefined(b"\x08\0\x15\x11") + (ITEM + b"\0\0\0\0") * MANY,
    "a sequence 10,000 deep": lambda: meta() + NESTED * 10_000,
    "an implicit sequence 10,000 deep": lambda: meta(uid.ImplicitVRLittleEndian) + NESTED_IMPLICIT * 10_000,
    "a value without end": lambda: meta() + undefined(b"\x09\0\x10\x10", b"OB") + b"\xfe\xff\xdd" * 5_000_000,
    "a length beyond the file": lambda: meta() + b"\x08\0\x05\0UT\0\0\xfe\xff\xff\xff" + b"x" * 100,
    "columns of nothing": lambda: FILM.replace(b"\x28\0\x11\0US\x02\0", b"\x28\0\x11\0US\0\0"),
}


@pytest.mark.parametrize("name", HOSTILE)
def test_a_hostile_header_is_damaged_and_costs_little(name: str) -> None:
    data = HOSTILE[name]()
    started = time.process_time()
    error = refusal(lambda: refuse_unfit(read_header(data)))
    assert time.process_time() - started < SECONDS
    assert error.code == "damaged_header"
    tracemalloc.start()  # which takes ten times as long
    refusal(lambda: read_header(data))
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < HEADER_MEMORY + len(data)


def test_a_film_with_long_honest_sequences_is_read() -> None:
    dataset = pydicom.dcmread(BytesIO(FILM))
    items = [Dataset() for _ in range(3_000)]
    for number, item in enumerate(items):
        item.CodeValue = str(number)
    dataset.ProcedureCodeSequence = Sequence(items)
    dataset["ProcedureCodeSequence"].is_undefined_length = True
    assert np.array_equal(load(written(dataset)).pixels, load(FILM).pixels)


def test_functional_groups_are_not_waited_for() -> None:
    """An enhanced object of thousands of frames has more elements than are read of any header."""
    dataset = pydicom.dcmread(BytesIO(FILM))
    dataset.NumberOfFrames = 20_000
    head = written(dataset)
    head = head[: head.index(b"\xe0\x7f\x10\0OW")]
    groups = undefined(b"\x00\x52\x30\x92") + (ITEM + b"\0\0\0\0") * MANY
    assert refusal(lambda: refuse_unfit(read_header(head + groups))).code == "multi_frame"


def deflated(*parts: bytes, level: int = 9) -> bytes:
    """A file whose data set is compressed as a whole (PS3.5 A.5)."""
    engine = zlib.compressobj(level, zlib.DEFLATED, -zlib.MAX_WBITS)
    return meta(uid.DeflatedExplicitVRLittleEndian) + b"".join(map(engine.compress, parts)) + engine.flush()


BODY = FILM[FILM.index(b"\x08\0\x05\0CS") :]  # the data set from Specific Character Set on


def test_a_deflated_film_is_the_same_film() -> None:
    assert read_header(deflated(BODY)) == read_header(FILM)
    assert np.array_equal(load(deflated(BODY)).pixels, load(FILM).pixels)


def test_a_deflated_film_without_preamble_is_the_same_film() -> None:
    group_length = b"\x02\0\0\0UL\x04\0\x1e\0\0\0"
    assert np.array_equal(load(group_length + deflated(BODY)[len(PREFIX) :]).pixels, load(FILM).pixels)


@cache
def bomb() -> bytes:
    """A film that ends in 600 MB of zeros, in 600 kB."""
    return deflated(BODY, *[MEGABYTE] * 600)


def test_a_deflate_bomb_is_named_and_takes_no_memory() -> None:
    data = bomb()
    tracemalloc.start()
    error = refusal(lambda: read_header(data))
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert error.code == "too_large_unpacked"
    assert "480 MB" in error.detail
    assert peak < 2 * dicom_reading.HEADER_BYTES


def test_a_deflate_bomb_is_not_decoded_either() -> None:
    data = deflated(BODY, MEGABYTE)
    assert refusal(lambda: decode(data, "dicom", max_pixels=250_000)).code == "too_large_unpacked"


@pytest.mark.parametrize("share", [0.1, 0.5, 0.99])
def test_a_deflated_film_cut_short_is_damaged(share: float) -> None:
    whole = deflated(BODY)
    assert refusal(lambda: load(whole[: int(share * len(whole))])).code == "damaged_header"


def test_inflating_keeps_what_is_asked_for_and_counts_the_rest() -> None:
    content = np.random.default_rng(0).integers(0, 9, 3_000_000).astype(np.uint8).tobytes()
    packed = b"head" + zlib.compress(content, wbits=-zlib.MAX_WBITS) + b"tail"
    assert inflate(packed, 4, len(content), len(content)) == content
    assert inflate(packed, 4, 1_234_567, len(content)) == content[:1_234_567]
    assert inflate(packed, 4, 0, max_bytes=len(content)) == b""
    assert refusal(lambda: inflate(packed, 4, 0, max_bytes=len(content) - 1)).code == "too_large_unpacked"


def test_what_is_not_deflated_is_not_copied() -> None:
    assert inflate_file(FILM) is FILM


def without_pixels(sop_class: str, modality: str = "") -> bytes:
    dataset = Dataset()
    dataset.SOPClassUID, dataset.SOPInstanceUID = uid.UID(sop_class), uid.UID("1.2.3")
    if modality:
        dataset.Modality = modality
    dataset.file_meta = FileMetaDataset()
    dataset.file_meta.TransferSyntaxUID = uid.ExplicitVRLittleEndian
    return written(dataset)


@pytest.mark.parametrize(
    ("sop_class", "modality", "words"),
    [
        (uid.EncapsulatedPDFStorage, "DOC", "Encapsulated PDF"),
        (uid.GrayscaleSoftcopyPresentationStateStorage, "PR", "Presentation State"),
        (uid.KeyObjectSelectionDocumentStorage, "KO", "Key Object Selection"),
        (uid.ChestCADSRStorage, "SR", "Chest CAD SR"),
        ("1.2.3.4.5", "XY", "(another modality)"),
    ],
)
def test_an_object_without_picture_is_named(sop_class: str, modality: str, words: str) -> None:
    error = refusal(lambda: read_header(without_pixels(sop_class, modality)))
    assert error.code == "no_pixels"
    assert words in error.detail


def test_an_object_that_says_nothing_of_itself_is_damaged() -> None:
    assert refusal(lambda: read_header(without_pixels("1.2.3.4.5"))).code == "damaged_header"


def directory(images: int, layout: uid.UID = uid.ExplicitVRLittleEndian) -> bytes:
    records = [Dataset() for _ in range(images + 2)]
    for number, record in enumerate(records):
        record.DirectoryRecordType = ("PATIENT", "STUDY")[number] if number < 2 else "IMAGE"
    dataset = Dataset()
    dataset.FileSetID, dataset.DirectoryRecordSequence = "CD", Sequence(records)
    dataset.file_meta = FileMetaDataset()
    dataset.file_meta.MediaStorageSOPClassUID = uid.MediaStorageDirectoryStorage
    dataset.file_meta.MediaStorageSOPInstanceUID, dataset.file_meta.TransferSyntaxUID = uid.UID("1.2.3"), layout
    return written(dataset)


@pytest.mark.parametrize("layout", [uid.ExplicitVRLittleEndian, uid.ImplicitVRLittleEndian, uid.ExplicitVRBigEndian])
@pytest.mark.parametrize(("images", "words"), [(0, "0 images"), (1, "1 image;"), (2_000, "2000 images")])
def test_a_dicomdir_says_how_many_images_it_names(layout: uid.UID, images: int, words: str) -> None:
    error = refusal(lambda: read_header(directory(images, layout)))
    assert error.code == "dicomdir"
    assert words in error.detail
    assert "whole folder" in error.detail


def test_a_value_of_the_header_is_never_quoted_at_length() -> None:
    error = refusal(lambda: read_header(without_pixels("1.2", "PR\0" + "DOE^JANE" * 100)))
    assert "JANE" not in error.detail[60:]
    assert len(error.detail) < 200
    assert error.detail.isprintable()


def test_no_value_of_the_header_reaches_a_log(caplog: pytest.LogCaptureFixture) -> None:
    odd = FILM.replace(b"CS\x02\0DX", b"CS\x02\0ct").replace(b"DA\0\0", b"DA\0\0")
    with warnings.catch_warnings(), caplog.at_level("INFO"):
        warnings.simplefilter("error")
        assert refusal(lambda: refuse_unfit(read_header(odd))).code == "not_a_radiograph"
        refusal(lambda: load(deflated(BODY)[:400]))
        load(FILM.replace(b"CHEST ", b"chest "))
    assert not caplog.records


def test_only_what_decides_is_kept_of_a_header() -> None:
    kept = read_dicom_header(dicom_with(PatientName="DOE^JANE")).dataset
    assert "PatientName" not in kept
    assert kept.Modality == "DX"


@pytest.mark.parametrize("order", ["<", ">"])
def test_a_transfer_syntax_is_set_where_the_file_has_none(order: str) -> None:
    from tests.ml.decoding.test_signatures import bare

    dataset = read_dicom(bare("explicit" if order == "<" else "big endian"))
    expected = uid.ExplicitVRLittleEndian if order == "<" else uid.ExplicitVRBigEndian
    assert dataset.file_meta.TransferSyntaxUID == expected


PEAK = f"""{READ_PEAK}
from ml.errors import FilmError
from ml.decoding.headers import read_header
small, large = (Path(name).read_bytes() for name in sys.argv[1:])
read_header(small)
before = peak()
try:
    read_header(large)
except FilmError as error:
    print(error.code, peak() - before)
"""


def test_the_whole_process_stays_small_before_a_deflate_bomb(tmp_path: Path) -> None:
    """Not only Python's own memory, which the test above looks at."""
    (tmp_path / "small.dcm").write_bytes(deflated(BODY))
    (tmp_path / "bomb.dcm").write_bytes(bomb())
    names: list[Any] = [str(tmp_path / name) for name in ("small.dcm", "bomb.dcm")]
    done = subprocess.run([sys.executable, "-c", PEAK, *names], capture_output=True, text=True, check=True)
    code, grown = done.stdout.split()
    assert code == "too_large_unpacked"
    assert int(grown) < 3 * dicom_reading.HEADER_BYTES
