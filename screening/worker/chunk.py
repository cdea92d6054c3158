"""Processing of a message's films in a worker process: decode, score, store the pictures, record; overlapped.

Archives in the message are unpacked after the films, see :mod:`screening.worker.unpacking`.
"""

from __future__ import annotations

import errno
import logging
import time
from collections import defaultdict
from collections.abc import Iterable, Sequence
from functools import partial

from celery.exceptions import SoftTimeLimitExceeded
from django.conf import settings
from django.db import InterfaceError, OperationalError

from ml.codes import NESTED_TOO_DEEPLY
from ml.errors import FilmError
from screening.codes import film_codes
from screening.errors import ScreeningError
from screening.intake import archive_bytes
from screening.intake.inspection import ARCHIVE_KIND
from screening.models import Film, ModelVersion
from screening.worker import inference, leases, pipeline, unpacking
from screening.worker.inference import Decoded, Screened, Unscored
from screening.worker.leases import Refusal

log = logging.getLogger(__name__)

# Films in one pass of the network. Measured: 8 is as fast as 32 on one thread, with a third of the memory.
NETWORK_FILMS = 8

TRANSIENT_ERRNOS = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.ESTALE, errno.EMFILE, errno.ENFILE})
TOO_SLOW = Refusal(film_codes.TOOK_TOO_LONG.reason())
UNPACKED_TOO_SLOWLY = Refusal(film_codes.UNPACKING_TOOK_TOO_LONG.reason())
TOO_MUCH_MEMORY = Refusal(film_codes.TOO_MUCH_MEMORY.reason())

DecodeOutcome = Decoded | Exception
FilmOutcome = Screened | Unscored | Exception


def process_films(films: Sequence[Film]) -> None:
    """Screen claimed films and unpack claimed archives.

    Each of them is recorded, queued again or released, whatever errors the others have.

    Args:
        films: the claimed films and archives of a message.
    """
    deadline = time.monotonic() + settings.CHUNK_SECONDS / 2  # for archives; well before the soft limit
    _screen_films([film for film in films if film.kind != ARCHIVE_KIND])
    for archive in films:
        if archive.kind == ARCHIVE_KIND:
            _unpack_archive(archive, deadline)


def _screen_films(films: Sequence[Film]) -> None:
    remaining = {film.pk: film for film in films}
    try:
        for model, chunk in _by_model(films).items():
            score = partial(_score_group, model)
            in_turn = not settings.WORKER_OVERLAP
            for group, results in pipeline.run_overlapped(_groups(chunk), _decode_group, score, in_turn=in_turn):
                _record_group(group, results)
                for film in group:
                    del remaining[film.pk]
    except SoftTimeLimitExceeded:
        log.warning("the time limit ended a chunk; %d films were not recorded", len(remaining))
        leases.retry_or_fail(list(remaining.values()), TOO_SLOW)
        # A decoder that hangs cannot be stopped from here; the hard limit ends it with its process.
        pipeline.wait_until_idle()


def _unpack_archive(archive: Film, deadline: float) -> None:
    try:
        if time.monotonic() > deadline:
            unpacking.requeue_later([archive])
        else:
            unpacking.unpack_archive(archive, deadline)
    except SoftTimeLimitExceeded:
        log.warning("the time limit ended the unpacking of archive %s", archive.pk)
        leases.retry_or_fail([archive], UNPACKED_TOO_SLOWLY)
    except Exception as error:
        _retry_or_release([(archive, error)])
    archive_bytes.release_final_archives(archive.batch)  # where that was the last attempt


def load_network() -> None:
    """Load the default model's network in its thread. An error is reported when the first film needs the network."""
    pipeline.submit_to_network_thread(inference.load_default)


def _by_model(films: Sequence[Film]) -> dict[ModelVersion, list[Film]]:
    chunks: dict[ModelVersion, list[Film]] = defaultdict(list)
    for film in films:
        chunks[film.batch.model].append(film)
    return chunks


def _groups(films: Sequence[Film]) -> Iterable[Sequence[Film]]:
    return (films[start : start + NETWORK_FILMS] for start in range(0, len(films), NETWORK_FILMS))


def _decode_group(films: Sequence[Film]) -> list[DecodeOutcome]:
    """Decode films, with one file's bytes in memory at a time: the first stage."""
    return [_decode_film(film) for film in films]


def _decode_film(film: Film) -> DecodeOutcome:
    try:
        return inference.decode_film(leases.read_original(film))
    except RecursionError:
        return FilmError(NESTED_TOO_DEEPLY)
    except Exception as error:  # concerns only this film
        return error


def _score_group(model: ModelVersion, attempts: Sequence[DecodeOutcome]) -> list[FilmOutcome]:
    """Run the network once over the films that could be decoded: the second stage."""
    usable = [attempt for attempt in attempts if isinstance(attempt, Decoded)]
    results = iter(inference.score_films(usable, model.name, model.digest))
    return [next(results) if isinstance(attempt, Decoded) else attempt for attempt in attempts]


def _record_group(films: Sequence[Film], results: Sequence[FilmOutcome] | Exception) -> None:
    """Store pictures, then record results: the third stage. Films with an error are queued again or released."""
    outcomes = [results] * len(films) if isinstance(results, Exception) else results
    written: list[tuple[Film, Screened | Refusal]] = []
    broken: list[tuple[Film, Exception]] = []
    for film, outcome in zip(films, outcomes, strict=True):
        try:
            written.append((film, _stored_outcome(film, outcome)))
        except SoftTimeLimitExceeded:
            raise
        except Exception as error:
            broken.append((film, error))
    try:
        leases.record_results(written)
    except SoftTimeLimitExceeded:
        raise
    except Exception as error:
        broken += [(film, error) for film, _ in written]
    _retry_or_release(broken)


def _stored_outcome(film: Film, outcome: FilmOutcome) -> Screened | Refusal:
    """Store the pictures of an outcome, and return the result to record.

    Raises:
        Exception: the film's own error, where another attempt may succeed.
    """
    if isinstance(outcome, FilmError):
        return Refusal(outcome.reason)
    if isinstance(outcome, Exception):
        raise outcome
    if isinstance(outcome, Unscored):
        leases.store_pictures(film, outcome.pictures)
        return Refusal(outcome.reason, "gate", Film.State.REJECTED, pictured=True, notes=outcome.notes)
    leases.store_pictures(film, outcome.pictures, outcome.overlay)
    return outcome


def _retry_or_release(broken: Sequence[tuple[Film, Exception]]) -> None:
    transient: list[Film] = []
    others: dict[Refusal, list[Film]] = defaultdict(list)
    for film, error in broken:
        log.error("an attempt on film %s failed", film.pk, exc_info=error)
        if _is_transient(error):
            transient.append(film)
        elif isinstance(error, MemoryError) and film.attempts > 1:  # it was alone, so no other film took the memory
            leases.record_results([(film, TOO_MUCH_MEMORY)])
        else:
            others[_refusal(error)].append(film)
    leases.release_without_attempt(transient)
    for refusal, films in others.items():
        leases.retry_or_fail(films, refusal)


def _refusal(error: Exception) -> Refusal:
    """Return the refusal to record if this was the film's last attempt."""
    if isinstance(error, MemoryError):
        return TOO_MUCH_MEMORY
    return Refusal(film_codes.WORKER_ERROR.reason(error=type(error).__name__))


def _is_transient(error: Exception) -> bool:
    """Return whether an error is temporary and not the film's: a full disk, an unavailable database or storage."""
    if isinstance(error, ScreeningError):  # intake could not store a file of an archive
        return isinstance(error.__cause__, Exception) and _is_transient(error.__cause__)
    return (
        isinstance(error, (OperationalError, InterfaceError, ConnectionError, TimeoutError))
        or (isinstance(error, OSError) and error.errno in TRANSIENT_ERRNOS)
    )  # fmt: skip
