from __future__ import annotations

import random
import stat
import tracemalloc
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from io import BytesIO
from zipfile import ZIP_BZIP2, ZIP_LZMA, ZIP_STORED

import pytest

from ml.errors import FilmError
from screening.intake.filenames import clean_path
from screening.intake.zip import archive
from screening.intake.zip.archive import Member
from screening.intake.zip.members import ZipLimits
from tests.hostile import packed
from tests.screening.zips import (
    Stream,
    crowded,
    ended,
    named,
    nameless,
    patched,
    quoted,
    special,
    zip64_of,
    zip_of,
)

MIB = 1024 * 1024
LIMITS = ZipLimits(file_bytes=4 * MIB, members=100, unpacked_bytes=16 * MIB, ratio=200)
FILMS = {"a.png": b"first", "study/b.dcm": b"second" * 100, "study/c": b""}


def members(data: bytes, limits: ZipLimits = LIMITS, done: dict[str, int] | None = None) -> list[Member]:
    return list(archive.iter_members(BytesIO(data), limits, row_name=clean_path, done=done))


def taken(data: bytes, limits: ZipLimits = LIMITS) -> dict[str, bytes]:
    return {one.path: one.data for one in members(data, limits) if one.data is not None}


def refused(data: bytes, limits: ZipLimits = LIMITS) -> dict[str, str]:
    return {one.path: one.refusal.code for one in members(data, limits) if one.refusal}


def code_of(data: bytes, limits: ZipLimits = LIMITS) -> str:
    """Why the whole archive is refused; the same at the door and by who unpacks it."""
    with pytest.raises(FilmError) as at_the_door:
        archive.read_contents(BytesIO(data), limits)
    with pytest.raises(FilmError) as later:
        members(data, limits)
    assert at_the_door.value.code == later.value.code
    return at_the_door.value.code


@contextmanager
def at_most(megabytes: float) -> Iterator[None]:
    """No more memory is taken meanwhile."""
    tracemalloc.start()
    try:
        yield
        assert tracemalloc.get_traced_memory()[1] < megabytes * MIB
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize(
    "data",
    [
        zip_of(FILMS),
        zip_of(FILMS, ZIP_STORED),
        zip_of(FILMS, to=Stream()),
        zip64_of(FILMS),
        zip_of(FILMS)[:-2] + b"\x0b\0a comment: PK"[: 2 + 11],
        b"something before the first file" + zip_of(FILMS),
    ],
    ids=["deflated", "stored", "streamed", "zip64", "commented", "prepended"],
)
def test_every_file_of_a_sound_archive_is_taken_in_order(data: bytes) -> None:
    contents = archive.read_contents(BytesIO(data), LIMITS)
    assert (contents.entries, contents.files, contents.unpacked_bytes) == (3, 3, 605)
    assert list(taken(data).items()) == list(FILMS.items())


def test_the_streamed_and_the_zip64_archive_are_what_they_are_called() -> None:
    assert zip_of(FILMS, to=Stream())[6] & 8, "sizes stand in front of the file"
    assert b"PK\x06\x06" in zip64_of(FILMS)


def test_folders_are_no_files_and_names_keep_their_letters() -> None:
    files = {"Ambulanz/": b"", "Ambulanz/Röntgen ☢ 胸部.png": b"film", "windows\\folder\\x.png": b"film 2"}
    assert archive.read_contents(BytesIO(zip_of(files)), LIMITS).files == 2
    assert list(taken(zip_of(files))) == ["Ambulanz/Röntgen ☢ 胸部.png", "windows/folder/x.png"]
    assert list(taken(named("Röntgen.png".encode("cp437")))) == ["Röntgen.png"]


def test_files_of_one_name_are_told_apart_the_same_way_each_time() -> None:
    with pytest.warns(UserWarning, match="Duplicate name"):
        data = zip_of([("a.png", b"1"), ("a.png", b"2"), ("a.png (2)", b"3"), ("./a.png", b"4"), ("a.png", b"5")])
    paths = [one.path for one in members(data)]
    assert (
        paths == ["a.png", "a.png (2)", "a.png (2) (2)", "./a.png (2) (2) (2)", "a.png (3)"]
        or len({clean_path(path) for path in paths}) == 5
    )
    assert [one.data for one in members(data)] == [b"1", b"2", b"3", b"4", b"5"]
    assert paths == [one.path for one in members(data)]


def test_long_names_stay_apart_where_they_are_cut() -> None:
    files = {f"{number}/{'x' * 400}.png": b"film" for number in range(3)}
    rows = {clean_path(f"{'long' * 70}.zip/{one.path}") for one in members(zip_of(files))}
    assert len(rows) == 3
    assert all(row.endswith("x.png") for row in rows)


def test_helper_files_of_operating_systems_are_counted_and_no_files() -> None:
    files = {
        "study/a.png": b"film", "__MACOSX/study/._a.png": b"fork", "study/._b": b"fork", "study/.DS_Store": b"x",
        "Thumbs.db": b"x", "study/desktop.ini": b"x", "study/DESKTOP.INI": b"x",
    }  # fmt: skip
    contents = archive.read_contents(BytesIO(zip_of(files)), LIMITS)
    assert contents.skipped == ("1 × .DS_Store", "1 × ._ files", "1 × Thumbs.db", "1 × __MACOSX", "2 × desktop.ini")
    first, film = members(zip_of(files))
    assert (first.skipped, film.path) == (contents.skipped, "study/a.png")


@pytest.mark.parametrize(
    ("name", "raw"),
    [
        ("up", b"../../etc/cron.d/x"),
        ("up inside", b"a/../../b.png"),
        ("windows up", b"a\\..\\..\\b.png"),
        ("absolute", b"/etc/passwd"),
        ("share", b"\\\\server\\share\\x.png"),
        ("drive", b"C:\\boot.png"),
        ("drive, relative", b"c:boot.png"),
        ("cut by NUL", b"a.png\0.exe"),
        ("none", b""),
    ],
)
def test_a_name_that_looks_for_a_way_out_is_refused(name: str, raw: bytes) -> None:
    (member,) = members(named(raw) if raw else nameless())
    assert member.refusal is not None, name
    assert member.refusal.code == "member_path"
    assert member.data is None


def test_what_is_no_regular_file_is_refused() -> None:
    kinds = {"link": stat.S_IFLNK, "device": stat.S_IFCHR, "disk": stat.S_IFBLK, "pipe": stat.S_IFIFO}
    data = zip_of([*(special(name, kind | 0o777) for name, kind in kinds.items()), special("file", 0o100644)])
    assert refused(data) == dict.fromkeys(kinds, "member_link")
    assert list(taken(data)) == ["file"]


def test_one_bad_file_costs_no_other() -> None:
    good = zip_of({"a": b"A" * 999, "b": b"B" * 999, "c": b"C" * 999})
    for broken, code in [
        (patched(good, 1, crc=1), "member_damaged"),
        (patched(good, 1, flags=1), "member_encrypted"),
        (patched(good, 1, flags=0x41), "member_encrypted"),
        (patched(good, 1, flags=0x20), "member_compression"),
        (patched(good, 1, method=9), "member_compression"),  # Deflate64
        (patched(good, 1, size=10), "member_damaged"),
        (patched(good, 1, size=2000), "member_damaged"),
        (patched(good, 1, packed=3), "member_damaged"),
        (good.replace(b"b" + zip_of({"b": b"B" * 999})[31:40], b"b" + b"\xff" * 9, 1), "member_damaged"),
        (good.replace(b"PK\x03\x04", b"PK\x03\x05", 2).replace(b"PK\x03\x05", b"PK\x03\x04", 1), "member_damaged"),
    ]:
        assert refused(broken) == {"b": code}
        assert taken(broken) == {"a": b"A" * 999, "c": b"C" * 999}


@pytest.mark.parametrize("method", [ZIP_BZIP2, ZIP_LZMA])
def test_methods_without_a_bound_are_refused(method: int) -> None:
    assert refused(zip_of({"a.png": bytes(100)}, method)) == {"a.png": "member_compression"}


def test_a_file_over_the_limit_or_packed_too_well_is_refused_unread() -> None:
    noise = random.Random(1).randbytes(MIB)
    data = zip_of([("large", bytes(5 * MIB)), ("bomb", bytes(3 * MIB)), ("noise", noise), ("small", bytes(MIB))])
    limits = replace(LIMITS, ratio=500)
    with at_most(1.5):
        iterator = archive.iter_members(BytesIO(data), limits)
        assert [next(iterator).refusal.code, next(iterator).refusal.code] == [  # type: ignore[union-attr]
            "file_too_large",
            "member_ratio",
        ]
    assert list(taken(data, limits)) == ["noise", "small"], "what is small is no bomb"


def test_a_file_never_unpacks_to_more_than_the_directory_says() -> None:
    data = packed.that_lies_of_its_size()  # 200 million bytes that call themselves 100
    with at_most(2):
        assert refused(data) == {"film.png": "member_damaged"}


@pytest.mark.parametrize(
    ("data", "code"),
    [
        (zip_of({}), "archive_empty"),
        (zip_of({"folder/": b"", "__MACOSX/x": b"x"}), "archive_empty"),
        (zip_of(FILMS)[:-30], "archive_damaged"),
        (zip_of(FILMS)[:40], "archive_damaged"),
        (b"PK\x03\x04", "archive_damaged"),
        (b"", "archive_damaged"),
        (zip_of(FILMS)[20:], "archive_damaged"),
        (ended(zip_of(FILMS), entries=2, here=2), "archive_damaged"),
        (ended(zip_of(FILMS), size=10), "archive_damaged"),
        (ended(zip_of(FILMS), size=0xFFFFFFF0), "archive_damaged"),
        (ended(zip_of(FILMS), offset=0xFFFFFFF0), "archive_damaged"),
        (patched(zip_of(FILMS), 2, offset=0x7FFFFFF0), "archive_damaged"),
        (patched(zip_of(FILMS), 2, packed=0x7FFFFFF0), "archive_damaged"),
        (zip64_of(FILMS).replace(b"PK\x06\x06", b"PK\x06\x05"), "archive_damaged"),
        (ended(zip_of(FILMS), disk=1), "archive_split"),
        (ended(zip_of(FILMS), here=1), "archive_split"),
        (b"PK\x07\x08" + zip_of(FILMS)[:200], "archive_split"),
        (zip_of({"[Content_Types].xml": b"<x/>", "word/document.xml": b"<x/>"}), "archive_kind"),
        (packed.encrypted(), "archive_encrypted"),
        (packed.overlapping(), "archive_too_many_members"),
        (packed.overlapping(50), "archive_overlap"),
        (quoted(50, MIB), "archive_overlap"),
        (zip_of({str(number): bytes(3 * MIB) for number in range(6)}), "archive_ratio"),
        (zip_of({str(number): bytes(3 * MIB) for number in range(6)}, ZIP_STORED), "archive_too_large"),
        (zip_of({str(number): b"" for number in range(101)}), "archive_too_many_members"),
    ],
)
def test_an_archive_is_refused_as_a_whole_with_its_own_reason(data: bytes, code: str) -> None:
    assert code_of(data) == code


def test_the_quoted_bomb_is_one() -> None:
    with zipfile.ZipFile(BytesIO(quoted(50, MIB))) as bomb:
        assert sum(len(bomb.read(info)) for info in bomb.infolist()) > 50 * MIB


@pytest.mark.parametrize("said", [1_000_000, 65_535, 50, 0])
def test_a_directory_of_a_million_entries_costs_nothing(said: int) -> None:
    data = crowded(1_000_000, said=said & 0xFFFF)
    limits = replace(LIMITS, members=20_000)
    with at_most(1):
        code = code_of(data, limits)
    assert code in {"archive_too_many_members", "archive_damaged"}


def test_a_directory_that_counts_right_is_read_up_to_the_limit() -> None:
    files = {f"{number:05}/{'n' * 60}.dcm": b"x" for number in range(2_000)}
    assert archive.read_contents(BytesIO(zip_of(files)), replace(LIMITS, members=2_000)).files == 2_000


def test_the_limit_is_said_with_the_reason() -> None:
    with pytest.raises(FilmError, match="at most 100 are accepted"):
        archive.read_contents(BytesIO(zip_of({str(number): b"" for number in range(101)})), LIMITS)


def test_an_archive_inside_is_opened_and_one_inside_that_is_not() -> None:
    deepest = zip_of({"d.png": b"D"})
    inner = zip_of({"c.png": b"C", "deep.bin": deepest, "../up.png": b"U", "__MACOSX/x": b"x"})
    data = zip_of([("a.png", b"A"), ("in/inner.zip", inner), ("z.png", b"Z")])
    assert taken(data) == {"a.png": b"A", "in/inner.zip/c.png": b"C", "z.png": b"Z"}
    assert refused(data) == {"in/inner.zip/deep.bin": "archive_too_deep", "in/inner.zip/../up.png": "member_path"}
    assert [one.path for one in members(data) if one.skipped] == ["in/inner.zip"]


def test_a_bad_archive_inside_costs_no_other_file() -> None:
    inner = {"cut.zip": zip_of(FILMS)[:-9], "empty.zip": zip_of({}), "overlap.zip": quoted(9, 99)}
    data = zip_of([*inner.items(), ("z.png", b"Z")])
    codes = ("archive_damaged", "archive_empty", "archive_overlap")
    assert refused(data) == dict(zip(inner, codes, strict=True))
    assert taken(data) == {"z.png": b"Z"}


def test_archives_inside_count_within_the_limits_of_all() -> None:
    noise = bytes(range(256)) * 16
    inner = [zip_of([(f"{number}-{other}", noise + bytes([number])) for other in range(40)]) for number in range(4)]
    data = zip_of([(f"{number}.zip", one) for number, one in enumerate(inner)])
    assert refused(data) == {"2.zip": "archive_too_many_members", "3.zip": "archive_too_many_members"}
    small = replace(LIMITS, members=999, unpacked_bytes=2 * 40 * 4097 + sum(map(len, inner)))
    assert refused(data, small) == {"2.zip": "archive_too_large", "3.zip": "archive_too_large"}


def test_bombs_in_archives_in_archives_unpack_to_nothing() -> None:
    data = packed.bombs_in_archives()
    with at_most(4):
        found = members(data, replace(LIMITS, members=1_000))
    assert {one.refusal.code for one in found if one.refusal} == {"archive_too_deep"}
    assert len(found) == 256


def test_the_files_of_a_large_archive_are_in_memory_one_at_a_time() -> None:
    film = bytes(range(256)) * 4096
    data = zip_of([(f"{number}.png", film + bytes([number])) for number in range(12)], ZIP_STORED)
    count = 0
    with at_most(3.5):  # a film in pieces, and as a whole
        for member in archive.iter_members(BytesIO(data), LIMITS):
            assert member.data is not None
            count += 1
            del member
    assert count == 12


@pytest.mark.parametrize("until", range(9))
def test_whoever_was_interrupted_goes_on_where_the_rows_end(until: int) -> None:
    inner = zip_of([("b", b"B"), ("c", b"C"), ("d", b"D")])
    data = zip_of([("a", b"A"), ("1.zip", inner), ("bad", b"X"), ("2.zip", inner), ("e", b"E")])
    data = patched(data, 2, crc=1)
    everything = members(data)
    assert len(everything) == 9
    done = {one.path: one.size for one in everything[:until]}
    rest = [(one.path, one.data) for one in members(data, done=done)]
    assert rest == [(one.path, one.data) for one in everything[until:]]


def test_going_on_opens_no_archive_that_is_done_and_keeps_count_of_it() -> None:
    inner = zip_of([(str(number), bytes([number]) * 50) for number in range(30)])
    data = zip_of([(f"{number}.zip", inner) for number in range(4)])
    everything = members(data)
    assert [one.path for one in everything[90:]] == ["3.zip"], "the fourth goes over the limit of 100"
    done = {one.path: one.size for one in everything[:70]}
    broken = patched(data, 0, crc=1)  # whoever opened it again would see that
    assert [one.path for one in members(broken, done=done)] == [one.path for one in everything[70:]]
