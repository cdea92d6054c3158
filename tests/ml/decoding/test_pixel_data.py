"""Pixels are found and decoded by what they are, whatever label, offset tables and fragments say."""

from __future__ import annotations

import struct
from collections.abc import Callable
from functools import cache, partial
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from pydicom import uid

from ml.decoding.headers import read_header, refuse_unfit
from ml.decoding.pixel_element import name_syntax
from ml.decoding.preprocess import load
from ml.phantom.film import PhantomSpec, chest
from tests.ml import streams
from tests.ml.compressed import ENCODERS, LOSSLESS, compressed, explicit
from tests.ml.helpers import refusal
from tests.ml.streams import encapsulated, frame_of, native, with_value

BITS = (8, 12)
LOSSY_GREY_LEVELS = 14
Encoder = Callable[[NDArray[Any], int], bytes]


def encode(syntax: str, film: NDArray[Any], bits: int) -> bytes:
    return frame_of(film, syntax, bits)


STREAMS: dict[str, tuple[int, int, Encoder]] = {  # bits, largest difference in grey levels, encoder
    **{
        f"{uid.UID(syntax).keyword} {bits}": (
            bits,
            0 if syntax in LOSSLESS else LOSSY_GREY_LEVELS,
            partial(encode, syntax),
        )
        for syntax in (*ENCODERS, uid.RLELossless)
        for bits in BITS
    },
    "baseline": (8, LOSSY_GREY_LEVELS, lambda film, _: streams.baseline(film)),
    "progressive": (8, LOSSY_GREY_LEVELS, lambda film, _: streams.progressive(film)),
    "JP2": (12, 0, streams.jp2),
    "HTJ2K": (12, 0, streams.high_throughput),
    "native": (12, 0, lambda film, _: film.tobytes()),
}
LABELS = (
    *streams.NATIVE,
    *(uid.JPEGBaseline8Bit, uid.JPEGExtended12Bit, uid.JPEGLossless, uid.JPEGLosslessSV1, uid.JPEGLSLossless),
    *(uid.JPEG2000, uid.JPEG2000Lossless, uid.HTJ2K, uid.RLELossless, "1.2.840.10008.1.2.1.98"),
    *(f"1.2.840.10008.1.2.4.{number}" for number in (53, 55, 58, 66, 110, 112)),
)
UNREAD = {
    **{f"1.2.840.10008.1.2.4.{number}": "JPEG XL" for number in (110, 111, 112)},
    **{f"1.2.840.10008.1.2.4.{number}": "video" for number in (100, 102, 106, 107, 108)},
    "1.2.840.10008.1.2.4.92": "JPEG 2000 Part 2",
    "1.2.840.10008.1.2.7.1": "SMPTE",
    "1.2.840.10008.1.2.8.1": "Deflated Image Frame",
    "1.2.840.113619.5.2": "General Electric",
    "1.2.3.4.5": "a private syntax",
    "1.2.840.10008.1.2.4.66": "Hierarchical",
}


@cache
def film_of(bits: int) -> NDArray[Any]:
    return chest(PhantomSpec(120, 100, bits=bits, seed=5, opacities=1))


@cache
def expected_of(bits: int) -> NDArray[Any]:
    return load(explicit(film_of(bits), bits)).pixels


def check(data: bytes, bits: int, bound: int = 0) -> None:
    refuse_unfit(read_header(data))
    shown = load(data).pixels
    assert shown.shape == expected_of(bits).shape
    assert np.abs(shown.astype(int) - expected_of(bits)).max() <= bound


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("label", LABELS)
@pytest.mark.parametrize("name", STREAMS)
def test_the_stream_decides_and_not_its_label(name: str, label: str) -> None:
    bits, bound, encode = STREAMS[name]
    film = film_of(bits)
    check(encapsulated(explicit(film, bits), [encode(film, bits)], label), bits, bound)


@pytest.mark.parametrize("label", LABELS)
def test_uncompressed_pixels_with_any_label(label: str) -> None:
    check(native(film_of(12), 12, label), 12)


@pytest.mark.parametrize("name", STREAMS)
def test_a_stream_without_fragments(name: str) -> None:
    """Written as if it were uncompressed."""
    bits, bound, encode = STREAMS[name]
    film = film_of(bits)
    frame = encode(film, bits)
    frame += bytes(len(frame) % 2)
    if frame[-1:] == b"\0" and name == "native":
        pytest.skip("this is the usual way")
    data = with_value(explicit(film, bits), frame, label=uid.JPEGLosslessSV1, open_ended=False)
    check(data, bits, bound)


@pytest.mark.parametrize("label", [uid.ExplicitVRLittleEndian, uid.JPEGLosslessSV1, uid.ImplicitVRLittleEndian])
def test_fragments_of_a_defined_length(label: str) -> None:
    frame = frame_of(film_of(12), uid.JPEGLosslessSV1, 12)
    value = streams.item(b"") + streams.item(frame)
    check(with_value(explicit(film_of(12)), value, label=label, open_ended=False), 12)


@pytest.mark.parametrize("name", ["JPEGLosslessSV1 12", "RLELossless 12", "JPEG2000Lossless 12"])
def test_an_implicit_data_set_with_fragments(name: str) -> None:
    frame = STREAMS[name][2](film_of(12), 12)
    label = uid.ImplicitVRLittleEndian
    check(encapsulated(explicit(film_of(12)), [frame], label, implicit=True), 12)


TABLES = {
    "none": b"",
    "right": bytes(4),
    "beyond the end": struct.pack("<I", 0xFFFFFFF0),
    "several": struct.pack("<3I", 0, 7, 3),
    "nonsense": b"\xde\xad\xbe\xef" * 9,
    "a length that is no multiple of four": b"\1\2\3\4\5\6",
}


@pytest.mark.parametrize("table", TABLES)
@pytest.mark.parametrize("name", ["JPEGLosslessSV1 12", "RLELossless 12", "JPEG2000Lossless 12", "JPEGLSLossless 12"])
def test_one_frame_needs_no_offset_table(name: str, table: str) -> None:
    frame = STREAMS[name][2](film_of(12), 12)
    label = getattr(uid, name.split()[0])
    check(encapsulated(explicit(film_of(12)), [frame], label, TABLES[table]), 12)


@pytest.mark.parametrize(("offsets", "lengths"), [(bytes(8), b"\1" + bytes(7)), (b"\xff" * 8, b"\xff" * 8)])
def test_a_wrong_extended_offset_table_is_ignored(offsets: bytes, lengths: bytes) -> None:
    frame = frame_of(film_of(12), uid.JPEGLosslessSV1, 12)
    tables: dict[str, Any] = {"ExtendedOffsetTable": offsets, "ExtendedOffsetTableLengths": lengths}
    check(encapsulated(explicit(film_of(12)), [frame], uid.JPEGLosslessSV1, **tables), 12)
    check(
        with_value(explicit(film_of(12)), film_of(12).tobytes(), label=streams.NATIVE[1], open_ended=False, **tables),
        12,
    )


@pytest.mark.parametrize("size", [2, 64, 1000])
@pytest.mark.parametrize("name", ["JPEGLosslessSV1 12", "RLELossless 12", "JPEG2000Lossless 12"])
def test_fragments_are_joined(name: str, size: int) -> None:
    bits, bound, encode = STREAMS[name]
    frame = encode(film_of(bits), bits)
    parts = [frame[at : at + size] for at in range(0, len(frame), size)]
    data = encapsulated(explicit(film_of(bits), bits), [b"", *parts, b"", b""], uid.JPEGLosslessSV1)
    check(data, bits, bound)


def test_the_delimiter_and_the_first_item_may_be_missing() -> None:
    film = explicit(film_of(12))
    whole = encapsulated(film, [frame_of(film_of(12), uid.JPEGLosslessSV1, 12)], uid.JPEGLosslessSV1)
    check(whole.removesuffix(streams.DELIMITER), 12)
    frame = streams.item(frame_of(film_of(12), uid.JPEGLosslessSV1, 12))
    check(with_value(film, frame, label=uid.JPEGLosslessSV1, open_ended=True), 12)


@pytest.mark.parametrize("tail", [b"\0" * 200, b"JANE DOE" * 40, b"\xff\xd9" * 30])
@pytest.mark.parametrize("name", ["JPEGLosslessSV1 12", "JPEG2000Lossless 12", "JPEGLSLossless 12", "baseline"])
def test_bytes_after_the_end_of_a_stream_are_ignored(name: str, tail: bytes) -> None:
    bits, bound, encode = STREAMS[name]
    frame = encode(film_of(bits), bits)
    label = uid.JPEGBaseline8Bit if name == "baseline" else getattr(uid, name.split()[0])
    check(encapsulated(explicit(film_of(bits), bits), [frame + tail], label), bits, bound)


def test_a_film_deflated_by_its_label_alone() -> None:
    check(native(film_of(12), 12, uid.DeflatedExplicitVRLittleEndian), 12)


@pytest.mark.parametrize("label", UNREAD)
def test_a_compression_that_is_not_read_is_named_at_intake(label: str) -> None:
    rubbish = np.random.default_rng(1).bytes(5000)
    data = encapsulated(explicit(film_of(12)), [b"\x11" + rubbish], label)
    error = refusal(lambda: refuse_unfit(read_header(data)))
    assert error.code == "unsupported_compression"
    assert UNREAD[label].lower() in error.detail.lower()
    assert "export it uncompressed" in error.detail
    assert "1.2.3" not in error.detail
    assert refusal(lambda: load(data)).code == "unsupported_compression"


@pytest.mark.parametrize("label", [label for label in UNREAD if not label.endswith(".66")])
def test_a_stream_that_is_read_is_read_whatever_its_label(label: str) -> None:
    check(encapsulated(explicit(film_of(12)), [frame_of(film_of(12), uid.JPEGLosslessSV1, 12)], label), 12)


@pytest.mark.parametrize(("marker", "name"), [(0xC5, "hierarchical"), (0xCF, "hierarchical"), (0xCB, "arithmetic")])
def test_a_stream_that_is_not_read_is_named_by_its_marker(marker: int, name: str) -> None:
    frame = streams.baseline(film_of(8)).replace(b"\xff\xc0", bytes([0xFF, marker]), 1)
    data = encapsulated(explicit(film_of(8), 8), [frame], uid.JPEGBaseline8Bit)
    error = refusal(lambda: refuse_unfit(read_header(data)))
    assert error.code == "unsupported_compression"
    assert name in error.detail


@pytest.mark.parametrize("label", [streams.JPEG_XL, uid.JPEGBaseline8Bit, uid.JPEG2000Lossless])
def test_jpeg_xl_is_named_under_every_label(label: str) -> None:
    data = encapsulated(explicit(film_of(8), 8), [streams.jpeg_xl(film_of(8), 8)], label)
    error = refusal(lambda: refuse_unfit(read_header(data)))
    assert error.code == "unsupported_compression"
    assert "JPEG XL" in error.detail


def test_video_is_named_by_its_first_bytes() -> None:
    for start in (b"\0\0\1\xb3", b"\0\0\0\x18ftypmp42", b"\0\0\0\1\x67"):
        data = encapsulated(explicit(film_of(12)), [start + bytes(500)], uid.JPEGBaseline8Bit)
        assert "video" in refusal(lambda data=data: refuse_unfit(read_header(data))).detail  # type: ignore[misc]


def test_pixels_on_a_server_are_named() -> None:
    whole = native(film_of(12), 12, "1.2.840.10008.1.2.4.94")
    error = refusal(lambda: read_header(whole[: whole.rindex(streams.PIXEL_DATA)]))
    assert error.code == "unsupported_compression"
    assert "JPIP" in error.detail


def test_damaged_streams_are_damaged() -> None:
    """A sound label and rubbish behind it."""
    for label in (uid.JPEGBaseline8Bit, uid.JPEG2000Lossless, uid.RLELossless, uid.JPEGLSLossless):
        data = encapsulated(explicit(film_of(12)), [b"\x11" * 4000], label)
        refuse_unfit(read_header(data))
        assert refusal(lambda data=data: load(data)).code == "damaged_pixels"  # type: ignore[misc]


def test_the_examination_comes_before_the_compression() -> None:
    data = encapsulated(explicit(film_of(12)), [b"\x11" * 400], "1.2.840.10008.1.2.4.100", Modality="CT")
    assert refusal(lambda: refuse_unfit(read_header(data))).code == "not_a_radiograph"


def test_a_note_says_that_the_label_was_wrong() -> None:
    frame = frame_of(film_of(12), uid.JPEGLosslessSV1, 12)
    wrong = load(encapsulated(explicit(film_of(12)), [frame], uid.JPEG2000)).notes
    assert [note.code for note in wrong] == ["compression_corrected"]
    assert load(compressed(film_of(12), uid.JPEGLosslessSV1)).notes == ()
    right = encapsulated(explicit(film_of(8), 8), [streams.progressive(film_of(8))], "1.2.840.10008.1.2.4.55")
    assert load(right).notes == ()


def test_names_of_standard_syntaxes_are_short() -> None:
    for number in range(50, 120):
        name = name_syntax(f"1.2.840.10008.1.2.4.{number}")
        assert 3 < len(name) < 70
        assert "(" not in name
