"""What a worker process does with the films of a message: decode, judge, keep the pictures, record; overlapped.

Archives among them are unpacked after the films, see :mod:`screening.worker.unpacking`.
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
from screening.intake.inspection import ARCHIVE
from screening.models import Film, ModelVersion
from screening.worker import inference as inference
from screening.worker import leases, unpacking
from screening.worker import pipeline as pipeline
from screening.worker.inference import Decoded, Screened, Unscored
from screening.worker.leases import Refusal

log = logging.getLogger(__name__)

# Films in one pass of the network. Measured: 8 is as fast as 32 on one thread, with a third of the memory.
NETWORK_FILMS = 8

TRANSIENT_ERRNOS = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.ESTALE, errno.EMFILE, errno.ENFILE})
TOO_SLOW = Refusal(film_codes.TOOK_TOO_LONG.reason())
UNPACKED_TOO_SLOWLY = Refusal(film_codes.UNPACKING_TOOK_TOO_LONG.reason())
TOO_MUCH_MEMORY = Refusal(film_codes.TOO_MUCH_MEMORY.reason())

Attempt = Decoded | Exception
Outcome = Screened | Unscored | Exception


def screen(films: Sequence[Film]) -> None:
    """Screen claimed films and unpack claimed archives.

    Every one is recorded or handed back, whatever happens to its neighbours.
    """
    until = time.monotonic() + settings.CHUNK_SECONDS / 2  # archives are handed on well before the soft limit
    _screen([film for film in films if film.kind != ARCHIVE])
    for archive in films:
        if archive.kind == ARCHIVE:
            _unpack(archive, until)


def _screen(films: Sequence[Film]) -> None:
    left = {film.pk: film for film in films}
    try:
        for model, chunk in _by_model(films).items():
            judge = partial(_judge, model)
            in_turn = not settings.WORKER_OVERLAP
            for group, results in pipeline.overlapped(_groups(chunk), _decode, judge, in_turn=in_turn):
                _settle(group, results)
                for film in group:
                    del left[film.pk]
    except SoftTimeLimitExceeded:
        log.warning("%d films took too long together", len(left))
        leases.hand_back(list(left.values()), TOO_SLOW)
        # A decoder that hangs cannot be stopped from here; the hard limit ends it with its process.
        pipeline.drain()


def _unpack(archive: Film, until: float) -> None:
    try:
        if time.monotonic() > until:
            unpacking.put_off([archive])
        else:
            unpacking.unpack(archive, until)
    except SoftTimeLimitExceeded:
        log.warning("archive %s took too long", archive.pk)
        leases.hand_back([archive], UNPACKED_TOO_SLOWLY)
    except Exception as error:
        _hand_back([(archive, error)])


def warm_up() -> None:
    """Load the default model's network in its thread; a worker that cannot says so when it is asked for it."""
    pipeline.in_network_thread(inference.load_default)


def _by_model(films: Sequence[Film]) -> dict[ModelVersion, list[Film]]:
    chunks: dict[ModelVersion, list[Film]] = defaultdict(list)
    for film in films:
        chunks[film.batch.model].append(film)
    return chunks


def _groups(films: Sequence[Film]) -> Iterable[Sequence[Film]]:
    return (films[start : start + NETWORK_FILMS] for start in range(0, len(films), NETWORK_FILMS))


def _decode(films: Sequence[Film]) -> list[Attempt]:
    """The first stage: one file's bytes in memory at a time."""
    return [_attempt(film) for film in films]


def _attempt(film: Film) -> Attempt:
    try:
        return inference.decode(leases.read_original(film))
    except RecursionError:
        return FilmError(NESTED_TOO_DEEPLY)
    except Exception as error:  # it is this film's alone
        return error


def _judge(model: ModelVersion, attempts: Sequence[Attempt]) -> list[Outcome]:
    """The second stage: one pass of the network over what could be decoded."""
    usable = [attempt for attempt in attempts if isinstance(attempt, Decoded)]
    results = iter(inference.judge(usable, model.name, model.digest))
    return [next(results) if isinstance(attempt, Decoded) else attempt for attempt in attempts]


def _settle(films: Sequence[Film], results: Sequence[Outcome] | Exception) -> None:
    """The third stage: pictures first, then the rows that say there are any. Films with an error go back."""
    outcomes = [results] * len(films) if isinstance(results, Exception) else results
    written: list[tuple[Film, Screened | Refusal]] = []
    broken: list[tuple[Film, Exception]] = []
    for film, outcome in zip(films, outcomes, strict=True):
        try:
            written.append((film, _kept(film, outcome)))
        except SoftTimeLimitExceeded:
            raise
        except Exception as error:
            broken.append((film, error))
    try:
        leases.record(written)
    except SoftTimeLimitExceeded:
        raise
    except Exception as error:
        broken += [(film, error) for film, _ in written]
    _hand_back(broken)


def _kept(film: Film, outcome: Outcome) -> Screened | Refusal:
    """Store a result's pictures; returns what its row will say.

    Raises:
        Exception: that of the film, where it has one which another attempt may not have.
    """
    if isinstance(outcome, FilmError):
        return Refusal(outcome.reason)
    if isinstance(outcome, Exception):
        raise outcome
    if isinstance(outcome, Unscored):
        leases.store_pictures(film, outcome.pictures)
        return Refusal(outcome.reason, "gate", Film.State.REJECTED, pictured=True)
    leases.store_pictures(film, outcome.pictures, outcome.overlay)
    return outcome


def _hand_back(broken: Sequence[tuple[Film, Exception]]) -> None:
    transient: list[Film] = []
    others: dict[Refusal, list[Film]] = defaultdict(list)
    for film, error in broken:
        log.error("film %s handed back", film.pk, exc_info=error)
        if _is_transient(error):
            transient.append(film)
        elif isinstance(error, MemoryError) and film.attempts > 1:  # it was alone: no neighbour took the memory
            leases.record([(film, TOO_MUCH_MEMORY)])
        else:
            others[_refusal(error)].append(film)
    leases.postpone(transient)
    for refusal, films in others.items():
        leases.hand_back(films, refusal)


def _refusal(error: Exception) -> Refusal:
    """What a film's row will say if this was its last attempt."""
    if isinstance(error, MemoryError):
        return TOO_MUCH_MEMORY
    return Refusal(film_codes.WORKER_ERROR.reason(error=type(error).__name__))


def _is_transient(error: Exception) -> bool:
    """Whether an error is of the surroundings and will pass: a full disk, a database or a storage that is away."""
    if isinstance(error, ScreeningError):  # the door could not store a file of an archive
        return isinstance(error.__cause__, Exception) and _is_transient(error.__cause__)
    return (
        isinstance(error, (OperationalError, InterfaceError, ConnectionError, TimeoutError))
        or (isinstance(error, OSError) and error.errno in TRANSIENT_ERRNOS)
    )  # fmt: skip
