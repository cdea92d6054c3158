"""A folder's whole way, against a server that fails on purpose."""

from __future__ import annotations

import csv
from collections.abc import Callable
from pathlib import Path
from threading import Lock
from typing import Any

import pytest

from tests.xrayscreen.conftest import HASTY
from tests.xrayscreen.server import TOKEN, Fault, Server
from xrayscreen import Client, ClientError, codes, screen_folder

FILES = 15  # of the fixture `folder`


class BrokenError(Exception):
    """The client dies here."""


def die_after(client: Client, monkeypatch: pytest.MonkeyPatch, files: int) -> None:
    """End the run once that many answers were heard, the others being lost."""
    whole, heard, lock = client._add, [0], Lock()

    def add(*arguments: Any) -> Any:
        film = whole(*arguments)
        with lock:
            heard[0] += 1
            if heard[0] > files:
                raise BrokenError
        return film

    monkeypatch.setattr(client, "_add", add)


def once(action: Callable[[], object]) -> Callable[[str], None]:
    pending = [action]
    lock = Lock()

    def arriving(_name: str) -> None:
        with lock:
            if pending:
                pending.pop()()

    return arriving


def one_batch(server: Server) -> str:
    (batch,) = server.films
    return batch


def test_a_folder_is_one_batch_with_a_row_a_file(
    server: Server, client: Client, folder: Path, tmp_path: Path
) -> None:
    out = tmp_path / "out.csv"
    outcome = screen_folder(client, folder, out=out)
    films = server.films[outcome.batch]
    assert server.names[outcome.batch] == "Ward 3"
    assert (outcome.found, outcome.sent, outcome.complete) == (FILES, FILES, True)
    assert len(films) == FILES == outcome.status["progress"]["total"]
    # The copy, by name the later one, is the one that is refused.
    assert {one["file"]: one["code"] for one in outcome.refused} == {
        "deep/er/a.bin": "duplicate", "notes.txt": "not_a_film",
    }  # fmt: skip
    with out.open(newline="") as file:
        assert [row["file"] for row in csv.DictReader(file)] == [one.file for one in films]
    assert list((tmp_path / "state" / "xrayscreen").iterdir()) == [], "nothing is left to remember"
    again = screen_folder(client, folder)
    assert again.batch != outcome.batch, "a finished batch is not gone on with"


@pytest.mark.parametrize("files", [0, 1, 7, 13])
@pytest.mark.parametrize("knows_missing", [True, False])
def test_a_run_that_died_is_gone_on_with(
    server: Server, client: Client, folder: Path, monkeypatch: pytest.MonkeyPatch, files: int, knows_missing: bool
) -> None:
    server.knows_missing = knows_missing
    with monkeypatch.context() as patch:
        die_after(client, patch, files)
        with pytest.raises(BrokenError):
            screen_folder(client, folder)
    there, sent = len(server.films[one_batch(server)]), server.count("/files")
    outcome = screen_folder(Client(server.url, TOKEN, HASTY), folder)
    assert outcome.batch == one_batch(server)
    names = [one.file for one in server.films[outcome.batch]]
    assert len(names) == len(set(names)) == FILES
    assert (outcome.sent, outcome.complete) == (FILES, True)
    # Only what was not there, and perhaps the two copies, which the digest alone does not tell apart.
    assert server.count("/files") - sent <= FILES - there + 2


def test_a_lost_network_ends_the_run_and_the_next_goes_on(server: Server, folder: Path) -> None:
    client = Client(server.url, TOKEN, HASTY)

    lose = once(lambda: server.faults.extend(Fault(cut=True) for _ in range(200)))
    server.arriving = lambda name: lose(name) if server.count("/files") > 5 else None
    with pytest.raises(ClientError, match="unreachable"):
        screen_folder(client, folder)
    server.faults.clear()
    outcome = screen_folder(client, folder)
    assert (len(server.films), outcome.sent) == (1, FILES)


def test_a_batch_that_was_submitted_is_only_waited_for(server: Server, client: Client, folder: Path) -> None:
    first = screen_folder(client, folder, wait=False)
    (folder / "late.bin").write_bytes(b"late")
    sent = server.count("/files")
    second = screen_folder(client, folder)
    assert second.batch == first.batch
    assert server.count("/files") == sent
    assert [(one.name, one.code) for one in second.not_sent] == [("late.bin", "batch_submitted")]
    assert not second.complete
    third = screen_folder(client, folder)
    assert (third.batch != first.batch, third.sent) == (True, FILES + 1)


def test_a_new_batch_is_opened_on_demand_or_when_the_old_one_is_gone(
    server: Server, client: Client, folder: Path
) -> None:
    batches = [screen_folder(client, folder, wait=False).batch]
    batches.append(screen_folder(client, folder, wait=False, anew=True).batch)
    server.states[batches[-1]] = "cancelled"
    batches.append(screen_folder(client, folder, wait=False).batch)
    del server.films[batches[-1]]
    batches.append(screen_folder(client, folder, wait=False).batch)
    assert len(set(batches)) == 4


def test_other_wishes_are_other_batches(server: Server, client: Client, folder: Path) -> None:
    wishes: list[dict[str, Any]] = [{}, {"name": "Mine"}, {"model": "other"}, {"recursive": False}]
    outcomes = [screen_folder(client, folder, wait=False, **wish) for wish in wishes]
    assert len({one.batch for one in outcomes}) == 4
    assert server.names[outcomes[1].batch] == "Mine"
    assert outcomes[3].found == 2


def test_files_that_vanish_or_change_before_they_are_sent_cost_only_themselves(
    server: Server, client: Client, folder: Path
) -> None:
    (folder / "z").mkdir()
    for name in ("gone", "changed", "fine"):
        (folder / "z" / name).write_bytes(name.encode())

    def meddle() -> None:
        (folder / "z" / "gone").unlink()
        (folder / "z" / "changed").write_bytes(b"CHANGED")

    server.arriving = once(meddle)
    outcome = screen_folder(client, folder)
    assert {one.name: one.code for one in outcome.not_sent} == {"z/gone": "file_gone", "z/changed": "file_changed"}
    assert all(one.detail.endswith(".") for one in outcome.not_sent)
    names = {one.file for one in server.films[outcome.batch]}
    assert "z/fine" in names
    assert not names & {"z/gone", "z/changed"}
    assert (outcome.found, outcome.sent, outcome.complete) == (FILES + 3, FILES + 1, False)


@pytest.mark.parametrize("status", [400, 413, 507])
def test_a_file_the_server_cannot_take_does_not_stop_the_others(
    server: Server, client: Client, folder: Path, status: int
) -> None:
    server.faults.append(Fault(status, on="/files"))
    outcome = screen_folder(client, folder)
    assert [one.code for one in outcome.not_sent] == [f"code_{status}"]
    assert outcome.sent == FILES - 1 == outcome.status["progress"]["total"]


@pytest.mark.parametrize("status", [401, 403, 409])
def test_a_refusal_that_concerns_all_files_ends_the_run_and_can_be_gone_on_with(
    server: Server, client: Client, folder: Path, status: int
) -> None:
    server.faults.append(Fault(status, on="/files"))
    with pytest.raises(ClientError, match=f"code_{status}"):
        screen_folder(client, folder)
    assert server.count("/submit") == 0
    assert screen_folder(client, folder).batch == one_batch(server)


def test_nothing_that_can_be_read_opens_no_batch(server: Server, client: Client, tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / "broken").symlink_to(tmp_path / "nowhere")
    with pytest.raises(ClientError, match="nothing_to_send"):
        screen_folder(client, tmp_path / "in")
    assert server.films == {}


def test_a_wrong_token_shows_before_anything_is_hashed(
    server: Server, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("xrayscreen.upload.Upload.digest", lambda *_: pytest.fail("it was hashed"))
    with pytest.raises(ClientError, match="token_invalid"):
        screen_folder(Client(server.url, "xray_wrong", HASTY), folder)


def test_results_that_break_off_leave_what_was_there(
    server: Server, client: Client, folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    out = tmp_path / "results.csv"
    out.write_text("old")
    batch = screen_folder(client, folder).batch
    whole, times = client.csv, [0]

    def breaks(_batch: str) -> Any:
        times[0] += 1
        yield b"half a"
        raise ClientError(codes.BROKEN_OFF, server="https://example.org")

    with monkeypatch.context() as patch:
        patch.setattr(client, "csv", breaks)
        with pytest.raises(ClientError, match="broken_off"):
            client.save_csv(batch, out)
    assert (times[0], out.read_text()) == (3, "old")
    client.save_csv(batch, out)
    assert out.read_bytes() == b"".join(whole(batch))
    assert not list(tmp_path.glob(".*.part"))
