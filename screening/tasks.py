"""The Celery tasks, thin: ids in, claim, call, record."""

from __future__ import annotations

import logging
from collections import defaultdict
from uuid import UUID

from celery import shared_task
from celery.exceptions import SoftTimeLimitExceeded

from ml.errors import FilmError
from screening import inference
from screening.inference import Result, Screened, Unscored
from screening.models import XRay
from screening.services import work
from screening.services.work import Refusal

log = logging.getLogger(__name__)


@shared_task
def screen_chunk(ids: list[str]) -> None:
    """Screen the films of a chunk that nobody else has."""
    films = work.claim([UUID(pk) for pk in ids])
    for chunk in _by_model(films):
        try:
            _screen(chunk)
        except SoftTimeLimitExceeded:
            log.warning("%d films took too long together", len(chunk))
            work.hand_back(
                chunk, Refusal("took_too_long", "Screening this film took longer than it may, three times.")
            )
        except Exception as error:
            log.exception("%d films handed back", len(chunk))
            work.hand_back(
                chunk,
                Refusal("worker_error", f"Screening failed three times, last with {type(error).__name__}."),
            )


@shared_task
def sweep() -> None:
    """See to the films that nobody is working on."""
    done = work.sweep()
    if any(done.values()):
        log.info("sweep: %s", done)


def _by_model(films: list[XRay]) -> list[list[XRay]]:
    chunks: dict[int, list[XRay]] = defaultdict(list)
    for film in films:
        chunks[film.batch.model_id].append(film)
    return list(chunks.values())


def _screen(films: list[XRay]) -> None:
    model = films[0].batch.model
    results = inference.screen([work.read_original(film) for film in films], model.name, model.digest)
    outcome: list[tuple[XRay, Screened | Refusal]] = []
    for film, result in zip(films, results, strict=True):
        outcome.append((film, _kept(film, result)))
    work.record(outcome)


def _kept(film: XRay, result: Result) -> Screened | Refusal:
    """Store a result's pictures, before its row says that there are any."""
    if isinstance(result, FilmError):
        return Refusal(result.code, result.sentence)
    if isinstance(result, Unscored):
        work.store_pictures(film, result.pictures)
        reason = result.reason
        return Refusal(reason.code, reason.sentence, "gate", XRay.State.REJECTED, pictured=True)
    work.store_pictures(film, result.pictures, result.overlay)
    return result
