"""A folder in, results out: the whole way of a batch, which a second run takes up where the first broke off."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path

from xrayscreen.client import Client, Film, Status
from xrayscreen.errors import ClientError, FileError, NotSent
from xrayscreen.files import Found, find, hashed, printable
from xrayscreen.memory import Memory, default_path, name_of, opened
from xrayscreen.progress import Show, Step
from xrayscreen.upload import Upload

NAME_LENGTH = 120  # characters a batch's name may have
# What concerns one file only. Anything else the server refuses ends the run, which can be taken up later.
ONE_FILE_STATUSES = frozenset({400, 413, 415, 422, 507})
ONE_FILE_CODES = frozenset({"quota_bytes"})


@dataclass
class Outcome:
    """What came of a run.

    Attributes:
        batch: id of the batch.
        found: files in the folders.
        not_sent: those that did not reach the server, with reasons.
        status: the batch's last state, counts and notice.
        refused: rows of the server that have a reason instead of a result; empty where nobody waited.
    """

    batch: str
    found: int
    not_sent: list[NotSent]
    status: Status
    refused: list[Film] = field(default_factory=list)

    @property
    def sent(self) -> int:
        """Files that reached the server."""
        return self.found - len(self.not_sent)

    @property
    def complete(self) -> bool:
        """Whether every file ended, or will end, with a result or with a reason for its refusal."""
        states = self.status["progress"]["states"]
        return not self.not_sent and self.status["state"] != "cancelled" and not states["failed"]


@dataclass(frozen=True)
class Wish:
    """What is to be screened, and how.

    Attributes:
        sources: folders and files.
        name: of the batch; the folder's where it is empty.
        model: which model; the server's default where it is empty.
        recursive: also what lies in folders of a folder.
        wait: until the batch is final.
        out: the CSV to write once it is; none where ``None``.
        state: the file to remember the batch in; one among the user's state files where ``None``.
        anew: open a new batch even where one is remembered.
        place: what the server is known by; its address where it is empty.
    """

    sources: Sequence[Path]
    name: str = ""
    model: str = ""
    recursive: bool = True
    wait: bool = True
    out: Path | None = None
    state: Path | None = None
    anew: bool = False
    place: str = ""

    def command(self, server: str) -> str:
        """What this wish is known by, so that the same one later goes on with its batch."""
        paths = (one.resolve() for one in self.sources)
        return name_of([self.place or server, self.name, self.model, self.recursive, *paths])

    def title(self) -> str:
        """The batch's name."""
        return printable(self.name or self.sources[0].resolve().name)[:NAME_LENGTH].strip() or "Films"


def screen_folder(
    client: Client,
    *sources: Path | str,
    name: str = "",
    model: str = "",
    recursive: bool = True,
    wait: bool = True,
    out: Path | str | None = None,
    state: Path | None = None,
    anew: bool = False,
) -> Outcome:
    """Send folders or files as one batch, wait for the results and write them as CSV.

    A run that breaks off (crash, lost network, ``ClientError``) is taken up by the next call with the same arguments:
    only what the server does not have yet is sent.

    Args:
        client: of the server.
        sources: folders and files.
        name: of the batch; the first source's name where empty.
        model: a model's name; the server's default model where empty.
        recursive: search folders inside folders, too.
        wait: return when every film is in a final state; else after the batch is submitted.
        out: the CSV to write.
        state: the file that remembers an interrupted run.
        anew: open a new batch even if an earlier run with the same arguments was interrupted.

    Raises:
        ClientError: the server refuses or is not reached, or there is nothing to send.
        OSError: the CSV cannot be written.

    Example::

        client = Client("https://screening.example.org", token)
        outcome = screen_folder(client, "ward-3", out="results.csv")
        print(outcome.status["progress"]["states"], outcome.status["notice"])
        for file in outcome.not_sent:
            print(file.name, file.sentence)
    """
    paths, csv = [Path(one) for one in sources], Path(out) if out else None
    return run(client, Wish(paths, name, model, recursive, wait, csv, state, anew), Show())


def run(client: Client, wish: Wish, show: Show) -> Outcome:
    """What :func:`screen_folder` does, with progress.

    Raises:
        ClientError, OSError: as there.
    """
    found = find(wish.sources, wish.recursive)
    total = found.total
    command = wish.command(client.server)
    with opened(wish.state or default_path(command), command) as memory:
        status = _remembered(client, memory, wish, show)
        if status is None or status["state"] == "open":
            not_sent = _send_all(client, memory, wish, found, show, fresh=status is None)
            status = client.submit(memory.batch)
        else:
            not_sent = [*found.not_sent, *_too_late(found.uploads, memory)]
        outcome = Outcome(memory.batch, total, not_sent, status)
        if wish.wait:
            _finish(client, outcome, wish.out, show)
            memory.forget()
    return outcome


def _remembered(client: Client, memory: Memory, wish: Wish, show: Show) -> Status | None:
    """The batch to go on with, if there is one. Asks the server in any case, so that a wrong token shows early."""
    if not memory.batch or wish.anew:
        client.batches(1)
        return None
    try:
        status = client.status(memory.batch)
    except ClientError as error:
        if error.status != 404:
            raise
        show.say("The server no longer has the batch this folder was sent to; opening a new one.")
        return None
    if status["cancelled_at"] and status["state"] != "done":
        show.say("The batch this folder was sent to was cancelled; opening a new one.")
        return None
    show.say(f"Going on with batch {memory.batch}, which has {status['progress']['total']} files.")
    return status


def _send_all(client: Client, memory: Memory, wish: Wish, found: Found, show: Show, *, fresh: bool) -> list[NotSent]:
    """Hash, ask what is missing, send that; returns what could not be sent."""
    with show.step("hashing", sum(one.size for one in found.uploads), "B") as step:
        known = hashed(found.uploads, step.add)
    not_sent = [*found.not_sent, *known.not_sent]
    if not known.uploads:
        raise ClientError("nothing_to_send", f"{not_sent[0].name}: {not_sent[0].sentence} There is nothing else.")
    if fresh:
        memory.start(client.create_batch(wish.title(), wish.model or None))
        waiting = known.uploads
    else:
        waiting = _still_missing(client, memory, known.uploads)
    with show.step("uploading", sum(one.size for one in waiting), "B") as step:
        for group in _twins_last(waiting):
            not_sent += _send(client, memory, group, step)
    if len(not_sent) == found.total:
        raise ClientError("nothing_sent", f"No file could be sent. {not_sent[0].name}: {not_sent[0].sentence}")
    return not_sent


def _send(client: Client, memory: Memory, uploads: Sequence[Upload], step: Step) -> list[NotSent]:
    """Send files; returns those that could not be sent, each for a reason of its own."""
    not_sent = []
    with closing(client.send(memory.batch, uploads, step.add)) as answers:
        for upload, answer in answers:
            if not isinstance(answer, ClientError):
                memory.note(upload.name, upload.sha256)
            elif _concerns_one_file(answer):
                not_sent.append(NotSent(upload.name, answer.code, answer.sentence))
            else:
                raise answer
    return not_sent


def _still_missing(client: Client, memory: Memory, uploads: Sequence[Upload]) -> list[Upload]:
    """What the server does not have, and copies of what it has unless it has answered for them."""
    missing = client.missing(memory.batch, [one.sha256 for one in uploads])
    copies = Counter(one.sha256 for one in uploads)
    waiting = []
    for one in uploads:
        if one.sha256 in missing or (copies[one.sha256] > 1 and not memory.has(one.name, one.sha256)):
            waiting.append(one)
        else:  # the answer may have been lost
            memory.note(one.name, one.sha256)
    return waiting


def _twins_last(uploads: Sequence[Upload]) -> tuple[list[Upload], list[Upload]]:
    """Copies apart, to be sent after the first of their kind, so that it is certain which one is the film."""
    firsts: dict[str, Upload] = {}
    twins = [one for one in uploads if firsts.setdefault(one.sha256, one) is not one]
    return list(firsts.values()), twins


def _too_late(uploads: Sequence[Upload], memory: Memory) -> list[NotSent]:
    """Files that are not in the batch, which takes no more."""
    sentence = "Its batch was submitted without it; run the command again with --new to screen it."
    return [NotSent(one.name, "batch_submitted", sentence) for one in uploads if not memory.has_name(one.name)]


def _concerns_one_file(error: ClientError) -> bool:
    return isinstance(error, FileError) or error.status in ONE_FILE_STATUSES or error.code in ONE_FILE_CODES


def _finish(client: Client, outcome: Outcome, out: Path | None, show: Show) -> None:
    """Wait, write the CSV, and fetch what was refused."""
    outcome.status = wait(client, outcome.batch, show)
    if out is not None:
        client.save_csv(outcome.batch, out)
    states = outcome.status["progress"]["states"]
    for state in ("rejected", "failed"):
        if states[state]:
            outcome.refused.extend(client.films(outcome.batch, state=state))


def wait(client: Client, batch: str, show: Show, timeout: float | None = None) -> Status:
    """Wait for a batch and show how far it is.

    Raises:
        ClientError: see :meth:`xrayscreen.Client.wait`.
    """
    with show.step("screening", 0, "films") as step:

        def seen(status: Status) -> None:
            step.at(status["progress"]["finished"], status["progress"]["total"])

        return client.wait(batch, seen, timeout)
