"""The command line in a process of its own, against a small server."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.xrayscreen.server import NOTICE, TOKEN, Fault, Server

ROOT = Path(__file__).resolve().parents[2]


def xrayscreen(server: Server | str, *arguments: str | Path, **environment: str) -> subprocess.CompletedProcess[str]:
    address = {"XRAYSCREEN_SERVER": server if isinstance(server, str) else server.url, "XRAYSCREEN_TOKEN": TOKEN}
    return subprocess.run(
        [sys.executable, "-m", "xrayscreen", *map(str, arguments)],
        capture_output=True, text=True, check=False, cwd=ROOT, env={**os.environ, **address, **environment},
    )  # fmt: skip


def test_a_folder_is_screened_and_every_file_accounted_for(server: Server, folder: Path, tmp_path: Path) -> None:
    out = tmp_path / "out.csv"
    (folder / "broken").symlink_to(tmp_path / "nowhere")
    done = xrayscreen(server, "screen", folder, "--out", out)
    assert done.returncode == 1, done.stderr
    (batch,) = server.films
    for line in (
        "notes.txt: not_a_film: Why.",
        "deep/er/a.bin: duplicate: Why.",
        "broken: not_a_file: It is a broken link, a pipe or a device, not a file.",
        "16 files found: 15 sent, 1 not sent",
        "15 files: 2 rejected, 13 done",
        f"{server.url}/batches/{batch}",
        f"{out}: written",
        NOTICE,
    ):
        assert line in done.stdout.splitlines()
    # Plain lines where there is no terminal.
    assert {line.split(":")[0] for line in done.stderr.splitlines()} == {"hashing", "uploading", "screening"}
    assert NOTICE in out.read_text()
    (folder / "broken").unlink()
    assert xrayscreen(server, "screen", folder, "--out", out).returncode == 0


def test_the_other_commands(server: Server, folder: Path, tmp_path: Path) -> None:
    out = tmp_path / "out.csv"
    assert xrayscreen(server, "screen", folder, "--no-wait", "--name", "Mine").returncode == 0
    (batch,) = server.films
    status = xrayscreen(server, "status", batch)
    assert status.stdout.splitlines()[0] == f"{batch}  done, 15 of 15 files finished (100 %)  Mine"
    assert "screening: 15 of 15" in xrayscreen(server, "status", batch, "--watch").stderr
    table = xrayscreen(server, "results", batch).stdout
    assert len([line for line in table.splitlines() if ".bin" in line]) == 14
    written = xrayscreen(server, "results", batch, "--csv", out)
    printed = xrayscreen(server, "results", batch, "--csv", "-")
    assert out.read_text() == printed.stdout
    assert f"{out}: written" in written.stdout
    listed = xrayscreen(server, "batches")
    assert batch in listed.stdout
    for answer in (status, listed, written, printed):
        assert NOTICE in answer.stdout
        assert (answer.returncode, answer.stderr) == (0, "")


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["screen", "nowhere"], "There is no file or folder nowhere."),
        (["screen", "tests", "--out", "no/such/folder.csv"], "cannot be written; name another file with --out."),
        (["screen", "tests", "--token-file", "nowhere"], "No such file"),
        (["screen", "tests", "--token", "xray_other"], "The token is not valid."),
        (["status", "17"], "is no id of a batch"),
        (["status", "0" * 32], "There is no such batch."),
        (["results", "0" * 32, "--csv", "-"], "There is no such batch."),
    ],
)
def test_what_is_wrong_is_one_sentence_and_a_2(server: Server, arguments: list[str], sentence: str) -> None:
    done = xrayscreen(server, *arguments)
    assert (done.returncode, done.stdout) == (2, "")
    assert sentence in done.stderr
    assert len(done.stderr.strip().splitlines()) == 1


@pytest.mark.parametrize(("name", "word"), [("XRAYSCREEN_SERVER", "--server"), ("XRAYSCREEN_TOKEN", "--token-file")])
def test_a_missing_address_or_token_is_asked_for(server: Server, name: str, word: str) -> None:
    done = xrayscreen(server, "batches", **{name: ""})
    assert done.returncode == 2
    assert word in done.stderr


def test_a_token_may_lie_in_a_file(server: Server, tmp_path: Path) -> None:
    (tmp_path / "token").write_text(f"{TOKEN}\n")
    done = xrayscreen(server, "batches", "--token-file", tmp_path / "token", XRAYSCREEN_TOKEN="")
    assert (done.returncode, done.stdout.strip()) == (0, "You have sent no batch yet.")


def test_a_server_that_breaks_off_is_a_1_and_the_same_command_goes_on(
    server: Server, folder: Path, tmp_path: Path
) -> None:
    server.faults.extend(Fault(507, on="/files") for _ in range(3))
    done = xrayscreen(server, "screen", folder, "--out", tmp_path / "out.csv")
    assert done.returncode == 1
    assert done.stdout.count(": code_507: Why.") == 3
    assert "15 files found: 12 sent, 3 not sent" in done.stdout


def test_a_name_that_the_terminal_cannot_show_does_not_end_the_run(server: Server, tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / "säule.txt").write_text("x")
    done = xrayscreen(server, "screen", tmp_path / "in", "--out", tmp_path / "out", PYTHONIOENCODING="ascii")
    assert done.returncode == 0, done.stderr
    assert "s?ule.txt: not_a_film: Why." in done.stdout
