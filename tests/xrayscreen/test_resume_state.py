from __future__ import annotations

from pathlib import Path

import pytest

from xrayscreen import ClientError
from xrayscreen.resume_state import command_digest, default_path, open_resume_state

A, B = "a" * 64, "b" * 64


def test_what_was_noted_is_there_the_next_time(tmp_path: Path) -> None:
    path = tmp_path / "deep" / "x.state"
    with open_resume_state(path, "mine") as memory:
        assert memory.batch == ""
        memory.start("one")
        memory.note("Doe^Jane.dcm", A)
    assert path.stat().st_mode & 0o777 == 0o600
    assert "Doe" not in path.read_text()
    with open_resume_state(path, "mine") as memory:
        assert memory.batch == "one"
        assert memory.has("Doe^Jane.dcm", A)
        assert not memory.has("Doe^Jane.dcm", B)
        assert not memory.has("other", A)
        assert memory.has_name("Doe^Jane.dcm")
        memory.start("two")
        assert not memory.has_name("Doe^Jane.dcm")
        memory.forget()
    assert not path.exists()


@pytest.mark.parametrize("cut", range(1, 98))
def test_half_a_line_costs_only_its_file(tmp_path: Path, cut: int) -> None:
    path = tmp_path / "x.state"
    with open_resume_state(path, "mine") as memory:
        memory.start("one")
        memory.note("a", A)
        memory.note("b", B)
    path.write_bytes(path.read_bytes()[:-cut])
    with open_resume_state(path, "mine") as memory:
        assert (memory.batch, memory.has("a", A), memory.has("b", B)) == ("one", True, False)
        memory.note("b", B)
    with open_resume_state(path, "mine") as memory:
        assert (memory.batch, memory.has("a", A), memory.has("b", B)) == ("one", True, True)


@pytest.mark.parametrize("content", [b"", b"{", b"[]\n", b"\xff\xfe\n", b'{"batch"'])
def test_a_damaged_memory_is_none(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "x.state"
    path.write_bytes(content)
    with open_resume_state(path, "mine") as memory:
        assert memory.batch == ""
        memory.start("new")
    with open_resume_state(path, "mine") as memory:
        assert memory.batch == "new"


def test_two_runs_of_one_command_do_not_mix(tmp_path: Path) -> None:
    path = tmp_path / "x.state"
    with (
        open_resume_state(path, "mine"),
        pytest.raises(ClientError, match="already_running"),
        open_resume_state(path, "mine"),
    ):
        pass


def test_a_place_that_cannot_be_written_is_said(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(ClientError, match="--state"), open_resume_state(tmp_path / "file" / "x.state", "mine"):
        pass


def test_memories_lie_where_xdg_says(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.delenv("XDG_STATE_HOME")
    assert default_path("x").parent == tmp_path / ".local" / "state" / "xrayscreen"
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "elsewhere"))
    assert default_path("x").parent == tmp_path / "elsewhere" / "xrayscreen"
    assert len({command_digest(given) for given in (["x"], ["x", "y"], ["xy"], [])}) == 4


def test_the_memory_of_another_command_is_not_taken_for_ones_own(tmp_path: Path) -> None:
    path = tmp_path / "x.state"
    with open_resume_state(path, "mine") as memory:
        memory.start("one")
    with pytest.raises(ClientError, match="state_of_another"), open_resume_state(path, "other"):
        pass
    with open_resume_state(path, "mine") as memory:
        assert memory.batch == "one"
