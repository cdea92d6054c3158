"""Invariants of rows and stored files; ``manage.py check_invariants`` checks them.

Only :func:`delete_orphan` writes. The storage puts a film into the folder of the first two digits of its key. Rows
and folders are compared one such shard (a 256th of all films) at a time, so the memory used stays small.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Sequence
from datetime import timedelta
from pathlib import PurePosixPath
from uuid import UUID

from django.core.files.storage import default_storage
from django.db.models import TextField
from django.db.models.functions import Cast, Left
from django.utils import timezone

from screening.intake.inspection import ARCHIVE_KIND
from screening.integrity.counts import find_wrong_counts
from screening.integrity.violations import CheckedCounts, Violation, snapshot
from screening.models import AS_SENT, ORIGINAL, Film, Prediction

State = Film.State

ROOT = "films"  # where Film.storage_name puts them
PICTURES, MAP = ("display.jpg", "thumb.jpg"), "map.png"
SHARDS = frozenset(f"{number:02x}" for number in range(256))
GRACE = timedelta(hours=1)

FIELDS = (
    "batch_id", "kind", "kept_bytes", "stored", "as_sent", "pictured", "mapped", "state", "code", "reason",
    "attempts", "lease_until", "score", "decision", "finished_at", "batch__model_id", "batch__submitted_at",
    "batch__cancelled_at", "source__stored",
)  # fmt: skip


def find_violations(tally: CheckedCounts, *, settled: bool = False, grace: timedelta = GRACE) -> Iterator[Violation]:
    """Yield every violation found.

    Args:
        tally: counts what was checked.
        settled: also require a final state of all films of submitted and cancelled batches.
        grace: the age from which a file without a row is a violation; an upload stores the bytes before the row.
    """
    yield from find_wrong_counts(tally)
    for shard in _used_shards():
        films, predictions = _rows_of(shard)
        tally.films += len(films)
        for film in films:
            yield from check_film(film, predictions[film.pk])
            if settled and film.state not in Film.FINAL_STATES and _is_submitted_or_cancelled(film):
                yield Violation("not_settled", str(film.pk), f"It is still {film.state}, attempt {film.attempts}.")
        yield from _find_kept_archives(films, grace)
        yield from _files_of(shard, {film.pk.hex: film for film in films}, tally, grace)
    yield from _find_orphans(_files_outside_shards(), tally, grace)


def check_film(film: Film, predictions: Sequence[Prediction]) -> Iterator[Violation]:
    """Yield the violations of one film's row and predictions."""
    subject = str(film.pk)
    if film.state not in State.values:
        yield Violation("state_unknown", subject, f"There is no state {film.state!r}.")
    for code, sentence in _broken_rules(film):
        yield Violation(code, subject, sentence)
    for model, times in Counter(prediction.model_id for prediction in predictions).items():
        if times > 1:
            yield Violation("predicted_twice", subject, f"Model version {model} has {times} predictions of it.")
    mine = [prediction for prediction in predictions if prediction.model_id == film.batch.model_id]
    if film.state != State.DONE and mine:
        yield Violation("prediction_without_done", subject, f"It has a prediction, but is {film.state}.")
    if film.state == State.DONE and not mine:
        yield Violation("done_without_prediction", subject, "It is done without a prediction of its batch's model.")
    if film.state == State.DONE:
        for prediction in mine:
            if (prediction.score, prediction.decision) != (film.score, film.decision):
                stored = f"{prediction.score} {prediction.decision}"
                yield Violation(
                    "score_differs", subject, f"It says {film.score} {film.decision}, its prediction {stored}."
                )


def delete_orphan(name: str) -> bool:
    """Delete a file without a row, and its folder if that is empty; return whether it was deleted.

    The row is looked up once more, since it may have been added meanwhile.
    """
    if _belongs_to_a_row(name):
        return False
    default_storage.delete(name)
    folder = str(PurePosixPath(name).parent)
    if folder != ROOT and _listing(folder) == ([], []):
        default_storage.delete(folder)
    return True


def _broken_rules(film: Film) -> Iterator[tuple[str, str]]:
    """Yield code and sentence of each state rule that the film breaks."""
    final = film.state in Film.FINAL_STATES
    is_final_archive = final and film.kind == ARCHIVE_KIND
    rules = [
        ("lease_without_work", film.state != State.RUNNING and film.lease_until is not None,
         f"It is {film.state} and holds a lease."),
        ("running_without_lease", film.state == State.RUNNING and film.lease_until is None,
         "It is running without a lease."),
        ("running_without_attempt", film.state == State.RUNNING and film.attempts < 1,
         "It is running in no attempt."),
        ("running_unsubmitted", film.state == State.RUNNING and film.batch.submitted_at is None,
         "It is running, but its batch was not submitted."),
        ("final_without_end", final and film.finished_at is None, f"It is {film.state}, but not since when."),
        ("end_without_final", not final and film.finished_at is not None, f"It is {film.state}, but has ended."),
        ("done_without_score", film.state == State.DONE and film.score is None, "It is done without a score."),
        ("done_without_decision", film.state == State.DONE and film.decision not in Film.Decision.values,
         f"It is done with the decision {film.decision!r}."),
        ("score_without_done", film.state != State.DONE and (film.score is not None or film.decision != ""),
         f"It has a score or a decision, but is {film.state}."),
        ("end_without_reason", final and film.state != State.DONE and not (film.code and film.reason),
         f"It is {film.state} without a code and a sentence."),
        ("reason_without_refusal", film.state == State.DONE and film.code != "",
         f"It is done, but carries the code {film.code}."),
        ("stored_twice", film.stored and film.source_id is not None, "It is stored, but reads another film's bytes."),
        ("source_not_stored", film.source is not None and not film.source.stored and not is_final_archive,
         "It reads the bytes of another film, which are not stored."),
        ("accepted_not_stored",
         film.state != State.REJECTED and not film.stored and film.source_id is None and not is_final_archive,
         "It was let in, but its bytes are not stored."),
    ]  # fmt: skip
    yield from ((code, sentence) for code, broken, sentence in rules if broken)


def _find_kept_archives(films: Iterable[Film], grace: timedelta) -> Iterator[Violation]:
    """Yield the archives whose bytes, which are as they were sent, were not deleted when they became final."""
    for film in films:
        is_old = film.finished_at is not None and timezone.now() - film.finished_at >= grace
        if film.kind == ARCHIVE_KIND and film.state in Film.FINAL_STATES and film.stored and is_old:
            yield Violation("archive_kept", str(film.pk), f"It is {film.state}, but the archive is still stored.")


def _is_submitted_or_cancelled(film: Film) -> bool:
    return film.batch.submitted_at is not None or film.batch.cancelled_at is not None


def _used_shards() -> list[str]:
    """Return the shards that have rows or folders."""
    of_rows = Film.objects.order_by().annotate(shard=Left(Cast("pk", TextField()), 2)).values_list("shard", flat=True)
    return sorted((set(_listing(ROOT)[0]) & SHARDS) | set(of_rows.distinct()))


def _rows_of(shard: str) -> tuple[list[Film], dict[UUID, list[Prediction]]]:
    first, last = UUID(shard + "0" * 30), UUID(shard + "f" * 30)
    predictions: dict[UUID, list[Prediction]] = defaultdict(list)
    with snapshot():
        films = list(Film.objects.filter(pk__range=(first, last)).select_related("batch", "source").only(*FIELDS))
        of_shard = Prediction.objects.filter(film_id__gte=first, film_id__lte=last).order_by("pk")
        for prediction in of_shard.only("film_id", "model_id", "score", "decision"):
            predictions[prediction.film_id].append(prediction)
    return films, predictions


def _files_of(shard: str, films: dict[str, Film], tally: CheckedCounts, grace: timedelta) -> Iterator[Violation]:
    """Compare a shard's rows with its folders; the rows were read first, so their files exist by now."""
    folders, strays = _listing(f"{ROOT}/{shard}")
    found = set(folders)
    for key, film in films.items():
        stored = set(_walk(f"{ROOT}/{shard}/{key}")) if key in found else set()
        tally.files += len(stored)
        yield from _check_files(film, stored)
        yield from _find_orphans(stored - {film.storage_name(part) for part in _allowed_parts(film)}, tally, grace)
    for folder in found - films.keys():
        yield from _find_orphans(_walk(f"{ROOT}/{shard}/{folder}"), tally, grace)
    yield from _find_orphans([f"{ROOT}/{shard}/{name}" for name in strays], tally, grace)


def _check_files(film: Film, stored: set[str]) -> Iterator[Violation]:
    for name in sorted({film.storage_name(part) for part in _required_parts(film)} - stored):
        if not default_storage.exists(name):  # an attempt may just be replacing its pictures
            yield Violation("file_missing", name, "Its row says that it is stored.")
    original = film.storage_name(ORIGINAL)
    if film.stored and original in stored and (size := default_storage.size(original)) != film.kept_bytes:
        yield Violation("size_differs", original, f"It has {size} bytes, its row says {film.kept_bytes}.")


def _find_orphans(names: Iterable[str], tally: CheckedCounts, grace: timedelta) -> Iterator[Violation]:
    for name in names:
        try:
            age = timezone.now() - default_storage.get_modified_time(name)
        except FileNotFoundError:  # a refused upload has deleted it meanwhile
            continue
        if age < grace:
            tally.young_orphans += 1
        elif not _belongs_to_a_row(name):
            yield Violation("orphan_file", name, f"No row promises it, {age.total_seconds() / 3600:.1f} hours old.")


def _belongs_to_a_row(name: str) -> bool:
    """Return whether the file belongs to a row now; the row may have changed since its shard was read."""
    path = PurePosixPath(name)
    if not _is_key(path.parent.name):
        return False
    fields = ("stored", "as_sent", "pictured", "mapped", "state")
    film = Film.objects.filter(pk=UUID(path.parent.name)).only(*fields).first()
    return film is not None and path.name in _allowed_parts(film) and name == film.storage_name(path.name)


def _required_parts(film: Film) -> set[str]:
    """Return the parts that must be stored according to a film's row."""
    original = ({ORIGINAL} if film.stored else set()) | ({AS_SENT} if film.as_sent else set())
    return original | (set(PICTURES) if film.pictured else set()) | ({MAP} if film.mapped else set())


def _allowed_parts(film: Film) -> set[str]:
    """Return the parts that may be stored; before a final state also the pictures of an unfinished attempt."""
    return _required_parts(film) | (set() if film.state in Film.FINAL_STATES else {*PICTURES, MAP})


def _files_outside_shards() -> Iterator[str]:
    folders, files = _listing(ROOT)
    yield from (f"{ROOT}/{name}" for name in files)
    for folder in sorted(set(folders) - SHARDS):
        yield from _walk(f"{ROOT}/{folder}")


def _walk(folder: str) -> Iterator[str]:
    folders, files = _listing(folder)
    yield from (f"{folder}/{name}" for name in files)
    for inner in folders:
        yield from _walk(f"{folder}/{inner}")


def _listing(folder: str) -> tuple[list[str], list[str]]:
    try:
        return default_storage.listdir(folder)
    except FileNotFoundError:
        return [], []


def _is_key(name: str) -> bool:
    return len(name) == 32 and set(name) <= set("0123456789abcdef")
