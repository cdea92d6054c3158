from __future__ import annotations

import hashlib
import os
from pathlib import Path

import pytest

from xrayscreen import ClientError
from xrayscreen.files import find_files, hash_files


def names(*sources: Path, recursive: bool = True) -> list[str]:
    return [one.name for one in find_files(sources, recursive).uploads]


def test_a_folder_is_its_files_by_their_paths_without_hidden_ones(folder: Path) -> None:
    (folder / ".git").mkdir()
    (folder / ".git" / "x").write_text("x")
    assert names(folder) == [
        "a.bin", "notes.txt", *(f"deep/{number:02}.bin" for number in range(12)), "deep/er/a.bin",
    ]  # fmt: skip
    assert names(folder, recursive=False) == ["a.bin", "notes.txt"]


def test_several_folders_are_told_apart_and_nothing_is_taken_twice(tmp_path: Path) -> None:
    for place in ("a", "b"):
        (tmp_path / place).mkdir()
        (tmp_path / place / "x").write_text(place)
    assert names(tmp_path / "a", tmp_path / "b", tmp_path / "b" / "x") == ["a/x", "b/x"]
    assert names(tmp_path / "a" / "x", tmp_path / "b") == ["x", "x"]
    (tmp_path / "a" / ".named").write_text("x")
    assert names(tmp_path / "a" / ".named") == [".named"]


def test_what_cannot_be_sent_is_said_not_left_out(tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / "broken").symlink_to(tmp_path / "nowhere")
    (tmp_path / "in" / "linked").symlink_to(tmp_path)
    os.mkfifo(tmp_path / "in" / "pipe")
    (tmp_path / "in" / "ok").write_text("x")
    found = find_files([tmp_path / "in"])
    assert {one.name: one.code for one in found.not_sent} == {
        "broken": "not_a_file", "linked": "linked_folder", "pipe": "not_a_file",
    }  # fmt: skip
    assert found.total == 4


def test_nothing_to_send_is_said(tmp_path: Path) -> None:
    with pytest.raises(ClientError, match="no_such_file"):
        find_files([tmp_path / "none"])
    with pytest.raises(ClientError, match="folder_empty"):
        find_files([tmp_path])


def test_digests_are_those_of_the_bytes_in_the_order_of_the_files(folder: Path) -> None:
    found = find_files([folder])
    (folder / "a.bin").unlink()
    read: list[int] = []
    result = hash_files(found.uploads, read.append)
    assert [one.name for one in result.uploads] == [one.name for one in found.uploads[1:]]
    for one in result.uploads:
        assert one.sha256 == hashlib.sha256((folder / one.name).read_bytes()).hexdigest()
        assert one.size == (folder / one.name).stat().st_size
    assert [(one.name, one.code) for one in result.not_sent] == [("a.bin", "file_gone")]
    assert sum(read) == sum(one.size for one in result.uploads)


def test_a_name_that_is_no_text_can_still_be_written(tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()
    Path(os.fsdecode(os.fsencode(tmp_path / "in") + b"/\xff\x1b[2J.png")).write_text("x")
    (upload,) = find_files([tmp_path / "in"]).uploads
    assert upload.name == "��[2J.png"
    assert upload.data() == b"x"
