"""Every read, each scoped to the user who asks. Missing and somebody else's look the same."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django.contrib.auth.models import AnonymousUser, User
from django.db.models import F, OuterRef, Q, QuerySet, Subquery, Sum
from django.db.models.expressions import OrderBy
from django.db.models.functions import Coalesce

from screening.accounts.access import is_reviewer
from screening.batches.neighbours import around
from screening.batches.progress import HISTOGRAM_BINS
from screening.errors import NotFoundError, unknown_choice
from screening.models import UNCERTAINTY, Batch, Film, FilmCount, Prediction

State, Decision = Film.State, Film.Decision

CARDS = ("model__card",)  # a hundred kilobytes each; whoever shows one loads it
SORT_ORDERS: dict[str, tuple[str | OrderBy, ...]] = {
    "sent": ("created_at", "id"),
    "name": ("original_name", "id"),
    "score": (F("score").desc(nulls_last=True), "id"),
    "uncertainty": (UNCERTAINTY.desc(nulls_last=True), "id"),
}
BARS = [str(number) for number in range(HISTOGRAM_BINS)]


def batches_for(user: User) -> QuerySet[Batch]:
    """A user's own batches, newest first, with ``total``, ``finished``, ``cancelled`` and others each."""
    return (
        Batch.objects.filter(owner=user)
        .select_related("model")
        .defer(*CARDS)
        .annotate(
            total=_films(),
            finished=_films(state__in=Film.FINAL_STATES),
            cancelled=_films(state=State.CANCELLED),
            refused=_films(state__in=Film.REFUSED_STATES),
            positive=_films(decision=Decision.POSITIVE),
            to_review=_films(review_state=Film.ReviewState.PENDING),
        )
    )


def _films(**which: Any) -> Coalesce:
    """A column with a batch's films of a kind."""
    parts = FilmCount.objects.filter(batch=OuterRef("pk"), **which).order_by().values("batch")
    return Coalesce(Subquery(parts.annotate(count=Sum("films")).values("count")), 0)


def batch_for(user: User | AnonymousUser, batch_id: UUID | str) -> Batch:
    """One batch: the owner's, or anybody's for staff.

    Raises:
        NotFoundError: when there is none such for this user.
    """
    batch = Batch.objects.filter(_owned(user), pk=batch_id).select_related("model", "owner").defer(*CARDS).first()
    if batch is None:
        raise NotFoundError("batch")
    return batch


def film_for(user: User | AnonymousUser, film_id: UUID | str) -> Film:
    """One film: of the owner's batch, or anybody's for reviewers.

    Raises:
        NotFoundError: when there is none such for this user.
    """
    films = Film.objects.filter(_seen(user), pk=film_id)
    film = films.select_related("batch__model", "batch__owner").defer("batch__model__card").first()
    if film is None:
        raise NotFoundError("film")
    return film


def picture_for(user: User | AnonymousUser, film_id: UUID | str) -> Film:
    """A film as far as its pictures need it: without its batch, and without the model's card.

    Raises:
        NotFoundError: when there is no such film for this user, or it has no pictures.
    """
    films = Film.objects.filter(_seen(user), pk=film_id, pictured=True)
    film = films.only("pk").first()
    if film is None:
        raise NotFoundError("picture")
    return film


def films_of(
    batch: Batch,
    *,
    state: str = "",
    decision: str = "",
    bar: str = "",
    sort: str = "sent",
) -> QuerySet[Film]:
    """A batch's films, by default in the order they were sent.

    Args:
        batch: the batch.
        state: only this state.
        decision: only this decision.
        bar: only this one of the histogram, from ``0``.
        sort: ``sent``, ``name``, ``score`` (highest first) or ``uncertainty`` (nearest to 0.5 first); films without a
            score come last.

    Raises:
        ScreeningError: ``filter_unknown``.
    """
    _known("state", state, State.values)
    _known("decision", decision, Decision.values)
    _known("bar", bar, BARS)
    _known("sort", sort, list(SORT_ORDERS))
    films = Film.objects.filter(batch=batch)
    if state:
        films = films.filter(state=state)
    if decision:
        films = films.filter(decision=decision)
    if bar:
        films = films.filter(_in_bar(int(bar)))
    return films.order_by(*SORT_ORDERS[sort])


def _in_bar(bar: int) -> Q:
    low, high = bar / HISTOGRAM_BINS, (bar + 1) / HISTOGRAM_BINS
    return Q(score__gte=low) if bar == HISTOGRAM_BINS - 1 else Q(score__gte=low, score__lt=high)


def neighbours_of(film: Film, *, sort: str = "sent", **filters: str) -> tuple[Film | None, Film | None]:
    """The films before and after this one in a list of its batch, see :func:`films_of`."""
    return around(film, films_of(film.batch, sort=sort, **filters), sort)


def predictions_of(film: Film) -> QuerySet[Prediction]:
    """What each model said of a film, newest first."""
    return film.predictions.select_related("model").defer(*CARDS)


def count_up_to(rows: QuerySet[Any], most: int) -> int:
    """Count rows, but stop at ``most``: a full count of a large table takes longer than the page it is for.

    In their order, so that they are found by the index that the page is read by. In any order the planner may read
    the table from its start, where none of them need be.
    """
    return rows[:most].count()


def _owned(user: User | AnonymousUser, prefix: str = "") -> Q:
    if not user.is_authenticated:
        return Q(pk__in=[])
    return Q() if user.is_staff else Q(**{f"{prefix}owner": user})


def _seen(user: User | AnonymousUser) -> Q:
    """Films a user may look at: their own, and a reviewer anybody's."""
    return Q() if is_reviewer(user) else _owned(user, "batch__")


def _known(name: str, value: str, choices: list[str]) -> None:
    if value and value not in choices:
        raise unknown_choice(name, value, choices)
