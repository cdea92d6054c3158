from __future__ import annotations

import random
import struct
import unicodedata
from io import BytesIO
from zipfile import ZIP_STORED

import pytest

from ml.errors import FilmError
from screening.intake.filenames import clean_path
from screening.intake.inspection import inspect_file
from screening.intake.zip import archive
from screening.intake.zip.archive import Member
from screening.intake.zip.members import ZipLimits
from tests.screening.zips import Stream, patched, unicode_path, with_names, zip64_of, zip_of

LIMITS = ZipLimits(file_bytes=1 << 22, members=100, unpacked_bytes=1 << 24, ratio=200)
UTF8 = 0x800


def members(data: bytes, done: dict[str, int] | None = None) -> list[Member]:
    return list(archive.iter_members(BytesIO(data), LIMITS, row_name=clean_path, done=done))


def paths(data: bytes) -> list[str]:
    found = members(data)
    assert [member.data for member in found] == [str(number).encode() for number in range(len(found))]
    return [member.path for member in found]


def test_the_unicode_path_field_is_taken_where_its_checksum_fits() -> None:
    name = b"R?ntgen.png"
    fits, stale = unicode_path(name, "Röntgen.png"), unicode_path(name, "other.png", crc=1)
    assert paths(with_names([name], extra={0: fits})) == ["Röntgen.png"]
    assert paths(with_names([name], extra={0: stale})) == ["R?ntgen.png"]
    assert paths(with_names([name], extra={0: b"\x01\x00\x00\x00" + fits})) == ["Röntgen.png"]
    assert paths(with_names([name], extra={0: fits[:9] + b"\xff" * (len(fits) - 9)})) == ["R?ntgen.png"]


def test_a_declared_encoding_that_is_wrong_costs_nothing() -> None:
    name = "Müller.png".encode("cp850")
    assert paths(with_names([name, b"b.png"], flags=UTF8)) == ["Müller.png", "b.png"]


def test_names_of_macos_are_utf_8_without_the_flag_and_composed() -> None:
    apart = unicodedata.normalize("NFD", "Röntgen/Müller é.png")
    assert paths(with_names([apart.encode()])) == ["Röntgen/Müller é.png"]


@pytest.mark.parametrize(
    ("encoding", "names"),
    [
        ("cp932", ["ソート/能力.png", "表示/ソA.png", "十.dcm"]),
        ("gbk", ["诚肺/乗.png", "胸片/張三.png", "僜正位.png"]),
        ("big5", ["功課/許功蓋.png", "胸部/餐.png"]),
    ],
)
def test_a_backslash_inside_a_character_separates_no_folders(encoding: str, names: list[str]) -> None:
    data = [name.encode(encoding) for name in names]
    assert any(b"\\" in name for name in data)
    assert paths(with_names(data)) == names
    windows = [name.replace("/", "\\").encode(encoding) for name in names]
    assert paths(with_names(windows)) == names


def test_path_rules_hold_for_the_decoded_name() -> None:
    names = [b"?.png", b"??.png", "予".encode("cp932") + b"..png"]
    ways_out = {0: unicode_path(names[0], "../up.png"), 1: unicode_path(names[1], "C:\\boot.png")}
    first, second, third = members(with_names(names, extra=ways_out))
    assert first.refusal is not None
    assert second.refusal is not None
    assert (first.refusal.code, second.refusal.code) == ("member_path", "member_path")
    assert third.refusal is None


def test_a_resumed_unpacking_keeps_the_names_it_began_with() -> None:
    names = [name.encode("cp932") for name in ("ソート/一.png", "表示/二.png", "胸部.png", "四.png")]
    data = with_names(names)
    everything = members(data)
    for until in range(len(names)):
        done = {clean_path(member.path): member.size for member in everything[:until]}
        assert [member.path for member in members(data, done)] == [member.path for member in everything[until:]]


def test_an_unpacking_begun_by_the_previous_version_keeps_the_names_of_that_version() -> None:
    names = [name.encode("cp932") for name in ("ソート/一.png", "表示/二.png", "胸部.png", "四.png")]
    inner = with_names(names)
    before = [name.decode("cp437") for name in names]
    done = {clean_path(name): 1 for name in before[:2]}
    rest = [(member.path, member.data) for member in members(with_names(names), done)]
    assert rest == [(clean_path(before[2]), b"2"), (clean_path(before[3]), b"3")]
    nested = zip_of([("in.zip", inner), ("z.png", b"Z")])
    done = {clean_path(f"in.zip/{name}"): 1 for name in before[:2]}
    rest = [(member.path, member.data) for member in members(nested, done)]
    assert [path for path, _ in rest] == [clean_path(f"in.zip/{name}") for name in before[2:]] + ["z.png"]


def test_streamed_members_are_read_by_the_sizes_of_the_directory() -> None:
    files = {"a.png": b"first", "Übersicht.png": b"second"}
    for method in (ZIP_STORED, 8):
        found = members(zip_of(files, method, to=Stream()))
        assert {member.path: member.data for member in found} == files


def test_a_streamed_member_of_unknown_size_has_its_own_reason() -> None:
    film = random.Random(1).randbytes(500)
    data = zip_of([("a.png", b"A"), ("b.png", film), ("empty", b"")], ZIP_STORED, to=Stream())
    unknown = patched(data, 1, crc=0, packed=0, size=0)
    first, second, third = members(unknown)
    assert (first.data, third.data) == (b"A", b"")
    assert second.refusal is not None
    assert second.refusal.code == "member_streamed"


def code_of(data: bytes) -> str:
    with pytest.raises(FilmError) as refused:
        archive.read_contents(BytesIO(data), LIMITS)
    return refused.value.code


def test_split_archives_are_told_from_those_cut_short() -> None:
    whole = zip_of({f"{number}.png": random.Random(number).randbytes(500) for number in range(4)})
    assert code_of(b"PK\x07\x08" + whole[:900]) == "archive_split"
    assert code_of(whole[:900]) == "archive_damaged"
    last = bytearray(whole)
    struct.pack_into("<2H", last, len(whole) - 18, 1, 0)
    assert code_of(bytes(last)) == "archive_split"


@pytest.mark.parametrize("name", ["ward.zip.002", "ward.ZIP.0003", "ward.z02", "ward.z123"])
def test_each_part_of_a_split_archive_is_told_by_its_name(name: str) -> None:
    whole = zip_of({f"{number}.png": random.Random(number).randbytes(500) for number in range(4)})
    for part in (whole[900:], whole[900:1200]):
        refusals = [inspect_file(part, file_name).refusal for file_name in (name, "ward.bin")]
        assert [refusal and refusal.code for refusal in refusals] == ["archive_split", "unsupported_kind"]
    assert len(members(whole)) == 4  # a whole archive is read, whatever its name is


END = b"PK\x05\x06"


@pytest.mark.parametrize(
    "comment",
    [
        b"plain",
        b"ends with " + END,
        END + b" and text that is longer than a record",
        END * 500,
        END + bytes(18),  # an empty ZIP, whose comment ends where the file ends
        b"inner " + zip_of({"inner.png": b"inner"})[:-22] + END + b"\xff" * 18,
        END + b"x" * 60_000,
    ],
)
def test_a_comment_may_contain_the_mark_of_the_end_record(comment: bytes) -> None:
    for make in (zip_of, zip64_of):
        data = make({"a.png": b"A", "b/Übersicht.png": b"B"})
        data = data[:-2] + struct.pack("<H", len(comment)) + comment
        assert {member.path: member.data for member in members(data)} == {"a.png": b"A", "b/Übersicht.png": b"B"}


def test_bytes_behind_an_archive_are_not_read() -> None:
    assert len(members(zip_of({"a.png": b"A"}) + b"text behind the archive")) == 1


def test_an_archive_that_was_to_be_split_but_fitted_is_read() -> None:
    for marker in (b"PK00", b"PK\x07\x08"):
        assert len(members(marker + zip_of({"a.png": b"A"}))) == 1
