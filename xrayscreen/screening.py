"""The screening of a folder: upload, wait, results. A second run resumes an interrupted one."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path

from xrayscreen import codes
from xrayscreen.client import Client, Film, Status
from xrayscreen.errors import ClientError, FileError, NotSent
from xrayscreen.files import FoundFiles, find_files, hash_files, make_printable
from xrayscreen.helper_files import count_kinds
from xrayscreen.progress import ProgressReporter, Step
from xrayscreen.resume_state import ResumeState, command_digest, default_path, open_resume_state
from xrayscreen.upload import Upload

MAX_NAME_LENGTH = 120  # characters a batch's name may have
# Refusals that concern one file only. Any other refusal ends the run, which can be resumed later.
ONE_FILE_STATUSES = frozenset({400, 413, 415, 422, 507})
ONE_FILE_CODES = frozenset({codes.QUOTA_BYTES})


@dataclass
class Outcome:
    """The result of a run.

    Attributes:
        batch: id of the batch.
        found: files in the folders.
        not_sent: files that were not sent, with reasons.
        status: the batch's last state, counts and notice.
        refused: films with a reason instead of a result; empty if the run did not wait.
        skipped: number of helper files and hidden files by kind: ``2 × @eaDir``.
    """

    batch: str
    found: int
    not_sent: list[NotSent]
    status: Status
    refused: list[Film] = field(default_factory=list)
    skipped: Sequence[str] = ()

    @property
    def sent(self) -> int:
        """Number of files sent."""
        return self.found - len(self.not_sent)

    @property
    def complete(self) -> bool:
        """True if every file has, or will get, a result or a reason for its rejection."""
        states = self.status["progress"]["states"]
        return not self.not_sent and self.status["state"] != "cancelled" and not states["failed"]


@dataclass(frozen=True)
class ScreenOptions:
    """The options of a screening.

    Attributes:
        sources: folders and files.
        name: of the batch; the first source's name if empty.
        model: a model's name; the server's default model if empty.
        recursive: also search the folders inside a folder.
        wait: until the batch is finished.
        out: the CSV to write; none if ``None``.
        state: the file of the resume state; one in the user's state folder if ``None``.
        anew: open a new batch even if an interrupted one could be resumed.
        place: identifies the server; its address if empty.
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
        """Return the digest of these options, by which a later run with the same options finds its batch."""
        paths = (source.resolve() for source in self.sources)
        return command_digest([self.place or server, self.name, self.model, self.recursive, *paths])

    def title(self) -> str:
        """Return the batch's name."""
        return make_printable(self.name or self.sources[0].resolve().name)[:MAX_NAME_LENGTH].strip() or "Films"


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

    An interrupted run (crash, lost network, ``ClientError``) is resumed by the next call with the same arguments:
    only files that the server does not have yet are sent.

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
            print(file.name, file.detail)
    """
    paths, csv = [Path(source) for source in sources], Path(out) if out else None
    return run_screening(
        client, ScreenOptions(paths, name, model, recursive, wait, csv, state, anew), ProgressReporter()
    )


def run_screening(client: Client, options: ScreenOptions, reporter: ProgressReporter) -> Outcome:
    """Run what :func:`screen_folder` describes, with progress reports.

    Raises:
        ClientError, OSError: as :func:`screen_folder`.
    """
    found = find_files(options.sources, options.recursive)
    total = found.total
    command = options.command(client.server)
    with open_resume_state(options.state or default_path(command), command) as resume:
        status = _resumed_batch(client, resume, options, reporter)
        if status is None or status["state"] == "open":
            not_sent = _send_all(client, resume, options, found, reporter, fresh=status is None)
            status = client.submit(resume.batch)
        else:
            not_sent = [*found.not_sent, *_not_in_submitted_batch(found.uploads, resume)]
        outcome = Outcome(resume.batch, total, not_sent, status, skipped=count_kinds(found.skipped))
        if options.wait:
            _fetch_results(client, outcome, options.out, reporter)
            resume.forget()
    return outcome


def _resumed_batch(
    client: Client, resume: ResumeState, options: ScreenOptions, reporter: ProgressReporter
) -> Status | None:
    """Return the status of the batch to resume, or ``None``. The server is always asked, to check the token early."""
    if not resume.batch or options.anew:
        client.batches(1)
        return None
    try:
        status = client.status(resume.batch)
    except ClientError as error:
        if error.status != 404:
            raise
        reporter.say("The server no longer has the batch of this folder; opening a new one.")
        return None
    if status["cancelled_at"] and status["state"] != "done":
        reporter.say("The batch of this folder was cancelled; opening a new one.")
        return None
    reporter.say(f"Resuming batch {resume.batch}, which has {status['progress']['total']} files.")
    return status


def _send_all(
    client: Client,
    resume: ResumeState,
    options: ScreenOptions,
    found: FoundFiles,
    reporter: ProgressReporter,
    *,
    fresh: bool,
) -> list[NotSent]:
    """Hash the files, send those that the server lacks, and return those that could not be sent."""
    with reporter.step("hashing", sum(upload.size for upload in found.uploads), "B") as step:
        known = hash_files(found.uploads, step.add)
    not_sent = [*found.not_sent, *known.not_sent]
    if not known.uploads:
        raise ClientError(codes.NOTHING_TO_SEND, first=_first(not_sent))
    if fresh:
        resume.start(client.create_batch(options.title(), options.model or None))
        waiting = known.uploads
    else:
        waiting = _missing_uploads(client, resume, known.uploads)
    with reporter.step("uploading", sum(upload.size for upload in waiting), "B") as step:
        for group in _split_copies(waiting):
            not_sent += _send_files(client, resume, group, step)
    if len(not_sent) == found.total:
        raise ClientError(codes.NOTHING_SENT, first=_first(not_sent))
    return not_sent


def _first(not_sent: Sequence[NotSent]) -> str:
    return f"{not_sent[0].name}: {not_sent[0].detail}"


def _send_files(client: Client, resume: ResumeState, uploads: Sequence[Upload], step: Step) -> list[NotSent]:
    """Send files; return those that could not be sent, with their reasons."""
    not_sent = []
    with closing(client.send(resume.batch, uploads, step.add)) as answers:
        for upload, answer in answers:
            if not isinstance(answer, ClientError):
                if answer["state"] == codes.SKIPPED:  # it was named itself, so it was sent
                    not_sent.append(NotSent(upload.name, answer["code"], answer["reason"]))
                resume.note(upload.name, upload.sha256)
            elif _concerns_one_file(answer):
                not_sent.append(NotSent.of(upload.name, answer))
            else:
                raise answer
    return not_sent


def _missing_uploads(client: Client, resume: ResumeState, uploads: Sequence[Upload]) -> list[Upload]:
    """Return the files that the server lacks, and copies of its files for which it has not answered yet."""
    missing = client.missing(resume.batch, [upload.sha256 for upload in uploads])
    copies = Counter(upload.sha256 for upload in uploads)
    waiting = []
    for upload in uploads:
        if upload.sha256 in missing or (copies[upload.sha256] > 1 and not resume.has(upload.name, upload.sha256)):
            waiting.append(upload)
        else:  # the answer may have been lost
            resume.note(upload.name, upload.sha256)
    return waiting


def _split_copies(uploads: Sequence[Upload]) -> tuple[list[Upload], list[Upload]]:
    """Split off copies, to be sent after the first of each content, so that the first one becomes the film."""
    firsts: dict[str, Upload] = {}
    copies = [upload for upload in uploads if firsts.setdefault(upload.sha256, upload) is not upload]
    return list(firsts.values()), copies


def _not_in_submitted_batch(uploads: Sequence[Upload], resume: ResumeState) -> list[NotSent]:
    """Return the files that are not in the batch, which was submitted already."""
    late = FileError(codes.NOT_IN_BATCH)
    return [NotSent.of(upload.name, late) for upload in uploads if not resume.has_name(upload.name)]


def _concerns_one_file(error: ClientError) -> bool:
    return isinstance(error, FileError) or error.status in ONE_FILE_STATUSES or error.code in ONE_FILE_CODES


def _fetch_results(client: Client, outcome: Outcome, out: Path | None, reporter: ProgressReporter) -> None:
    """Wait for the batch, write the CSV, and fetch the films without a result."""
    outcome.status = wait_for_batch(client, outcome.batch, reporter)
    if out is not None:
        client.save_csv(outcome.batch, out)
    states = outcome.status["progress"]["states"]
    for state in ("rejected", "failed"):
        if states[state]:
            outcome.refused.extend(client.films(outcome.batch, state=state))


def wait_for_batch(client: Client, batch: str, reporter: ProgressReporter, timeout: float | None = None) -> Status:
    """Wait for a batch and report its progress.

    Raises:
        ClientError: see :meth:`xrayscreen.Client.wait`.
    """
    with reporter.step("screening", 0, "films") as step:

        def seen(status: Status) -> None:
            step.at(status["progress"]["finished"], status["progress"]["total"])

        return client.wait(batch, seen, timeout)
