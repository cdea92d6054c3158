"""What a worker process does with the films of a message: decode, judge, keep the pictures, record; overlapped."""

from __future__ import annotations

import errno
import logging
from collections import defaultdict
from collections.abc import Iterable, Sequence
from functools import partial

from celery.exceptions import SoftTimeLimitExceeded
from django.db import InterfaceError, OperationalError

from ml.errors import FilmError
from screening import inference, pipeline
from screening.inference import Decoded, Screened, Unscored
from screening.models import ModelVersion, XRay
from screening.services import work
from screening.services.work import Refusal

log = logging.getLogger(__name__)

# Films in one pass of the network. Measured: 8 is as fast as 32 on one thread, with a third of the memory.
NETWORK_FILMS = 8

PASSING = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.ESTALE, errno.EMFILE, errno.ENFILE})
TOO_SLOW = Refusal("took_too_long", "Screening this film took longer than it may, three times.")

Attempt = Decoded | Exception
Outcome = Screened | Unscored | Exception


def screen(films: Sequence[XRay]) -> None:
    """Screen claimed films. Every one is recorded or handed back, whatever happens to its neighbours."""
    left = {film.pk: film for film in films}
    try:
        for model, chunk in _by_model(films).items():
            judge = partial(_judge, model)
            for group, results in pipeline.overlapped(_groups(chunk), _decode, judge):
                _settle(group, results)
                for film in group:
                    del left[film.pk]
    except SoftTimeLimitExceeded:
        log.warning("%d films took too long together", len(left))
        work.hand_back(list(left.values()), TOO_SLOW)
        # A decoder that hangs cannot be stopped from here; the hard limit ends it with its process.
        pipeline.drain()


def warm_up() -> None:
    """Load the default model's network in its thread; a worker that cannot says so when it is asked for it."""
    pipeline.in_network_thread(inference.load_default)


def _by_model(films: Sequence[XRay]) -> dict[ModelVersion, list[XRay]]:
    chunks: dict[ModelVersion, list[XRay]] = defaultdict(list)
    for film in films:
        chunks[film.batch.model].append(film)
    return chunks


def _groups(films: Sequence[XRay]) -> Iterable[Sequence[XRay]]:
    return (films[start : start + NETWORK_FILMS] for start in range(0, len(films), NETWORK_FILMS))


def _decode(films: Sequence[XRay]) -> list[Attempt]:
    """The first stage: one file's bytes in memory at a time."""
    return [_attempt(film) for film in films]


def _attempt(film: XRay) -> Attempt:
    try:
        return inference.decode(work.read_original(film))
    except Exception as error:  # it is this film's alone
        return error


def _judge(model: ModelVersion, attempts: Sequence[Attempt]) -> list[Outcome]:
    """The second stage: one pass of the network over what could be decoded."""
    usable = [attempt for attempt in attempts if isinstance(attempt, Decoded)]
    results = iter(inference.judge(usable, model.name, model.digest))
    return [next(results) if isinstance(attempt, Decoded) else attempt for attempt in attempts]


def _settle(films: Sequence[XRay], results: Sequence[Outcome] | Exception) -> None:
    """The third stage: pictures first, then the rows that say there are any. Films with an error go back."""
    outcomes = [results] * len(films) if isinstance(results, Exception) else results
    written: list[tuple[XRay, Screened | Refusal]] = []
    broken: list[tuple[XRay, Exception]] = []
    for film, outcome in zip(films, outcomes, strict=True):
        try:
            written.append((film, _kept(film, outcome)))
        except SoftTimeLimitExceeded:
            raise
        except Exception as error:
            broken.append((film, error))
    try:
        work.record(written)
    except SoftTimeLimitExceeded:
        raise
    except Exception as error:
        broken += [(film, error) for film, _ in written]
    _hand_back(broken)


def _kept(film: XRay, outcome: Outcome) -> Screened | Refusal:
    """Store a result's pictures; returns what its row will say.

    Raises:
        Exception: that of the film, where it has one which another attempt may not have.
    """
    if isinstance(outcome, FilmError):
        return Refusal(outcome.code, outcome.sentence)
    if isinstance(outcome, Exception):
        raise outcome
    if isinstance(outcome, Unscored):
        work.store_pictures(film, outcome.pictures)
        reason = outcome.reason
        return Refusal(reason.code, reason.sentence, "gate", XRay.State.REJECTED, pictured=True)
    work.store_pictures(film, outcome.pictures, outcome.overlay)
    return outcome


def _hand_back(broken: Sequence[tuple[XRay, Exception]]) -> None:
    kinds: dict[str, list[XRay]] = defaultdict(list)
    for film, error in broken:
        log.error("film %s handed back", film.pk, exc_info=error)
        kinds["" if _passes(error) else type(error).__name__].append(film)
    work.postpone(kinds.pop("", []))
    for name, films in kinds.items():
        work.hand_back(films, Refusal("worker_error", f"Screening failed three times, last with {name}."))


def _passes(error: Exception) -> bool:
    """Whether an error is of the surroundings and will pass: a full disk, a database or a storage that is away."""
    return (
        isinstance(error, (OperationalError, InterfaceError, ConnectionError, TimeoutError))
        or (isinstance(error, OSError) and error.errno in PASSING)
    )  # fmt: skip
