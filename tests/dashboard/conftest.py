"""Films as they are after screening, and browsers that are signed in."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.test import Client
from django.utils import timezone

from screening.models import Batch, Film, Prediction
from screening.worker import leases
from screening.worker.inference import Pictures

PICTURE = b"\xff\xd8\xff\xe0 not looked at by these tests \xff\xd9"
MakeFilms = Callable[..., list[Film]]


def signed_in(user: User) -> Client:
    client = Client()
    client.force_login(user)
    return client


def page_text(answer: Any) -> str:
    """The page as one line: where its template breaks lines is not what is tested."""
    return " ".join(answer.content.decode().split())


@pytest.fixture
def as_owner(owner: User) -> Client:
    return signed_in(owner)


@pytest.fixture
def as_colleague(colleague: User) -> Client:
    return signed_in(colleague)


@pytest.fixture
def as_stranger(stranger: User) -> Client:
    return signed_in(stranger)


@pytest.fixture
def make_films(batch: Batch) -> MakeFilms:
    """Screened films in a submitted batch, without pictures unless asked for."""

    def make(count: int, *, score: float = 0.9, flags: tuple[str, ...] = (), pictures: bool = False) -> list[Film]:
        now = timezone.now()
        Batch.objects.filter(pk=batch.pk).update(submitted_at=now)
        known = batch.films.count()
        films = Film.objects.bulk_create([_film(batch, known + index, score, flags) for index in range(count)])
        Prediction.objects.bulk_create(
            [Prediction(film=film, model=batch.model, score=score, decision="positive", seconds=0.01)
             for film in films]
        )  # fmt: skip
        if pictures:
            for film in films:
                leases.store_pictures(film, Pictures(display=PICTURE, thumbnail=PICTURE))
        return films

    return make


def _film(batch: Batch, number: int, score: float, flags: tuple[str, ...]) -> Film:
    return Film(
        batch=batch,
        original_name=f"film-{number:04d}.png",
        sha256=hashlib.sha256(f"{batch.pk} {number}".encode()).hexdigest(),
        bytes=1000,
        kind="png",
        width=512,
        height=512,
        stored=True,
        state=Film.State.DONE,
        pictured=True,
        attempts=1,
        score=score,
        decision=Film.Decision.POSITIVE,
        flags=list(flags),
        review_state=Film.ReviewState.PENDING if flags else Film.ReviewState.NOT_NEEDED,
        finished_at=timezone.now(),
    )


@pytest.fixture
def film(make_films: MakeFilms) -> Film:
    """One screened film that is flagged, with its pictures."""
    return make_films(1, flags=("positive",), pictures=True)[0]
