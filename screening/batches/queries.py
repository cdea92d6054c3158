"""Queries for batches and films, limited to what the user may see; missing and foreign rows raise the same error."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django.contrib.auth.models import AnonymousUser, User
from django.db.models import Count, F, OuterRef, Q, QuerySet, Subquery, Sum
from django.db.models.expressions import OrderBy
from django.db.models.functions import Coalesce

from screening.accounts.access import is_reviewer
from screening.batches.neighbours import adjacent_films
from screening.batches.progress import HISTOGRAM_BINS
from screening.errors import NotFoundError, unknown_choice
from screening.models import UNCERTAINTY, Batch, Film, FilmCount, Prediction

State, Decision = Film.State, Film.Decision

MODEL_CARD = ("model__card",)  # a hundred kilobytes each, so it is loaded only where it is shown
SORT_ORDERS: dict[str, tuple[str | OrderBy, ...]] = {
    "sent": ("created_at", "id"),
    "name": ("original_name", "id"),
    "score": (F("score").desc(nulls_last=True), "id"),
    "uncertainty": (UNCERTAINTY.desc(nulls_last=True), "id"),
}
BARS = [str(number) for number in range(HISTOGRAM_BINS)]


def batches_for(user: User) -> QuerySet[Batch]:
    """Return a user's own batches, newest first, with counts of films: ``total``, ``finished`` and others."""
    return (
        Batch.objects.filter(owner=user)
        .select_related("model")
        .defer(*MODEL_CARD)
        .annotate(
            total=_count_films(),
            finished=_count_films(state__in=Film.FINAL_STATES),
            cancelled=_count_films(state=State.CANCELLED),
            refused=_count_films(state__in=Film.REFUSED_STATES),
            positive=_count_films(decision=Decision.POSITIVE),
            to_review=_count_films(review_state=Film.ReviewState.PENDING),
        )
    )


def _count_films(**which: Any) -> Coalesce:
    """Return an annotation with the number of a batch's films that match the conditions."""
    parts = FilmCount.objects.filter(batch=OuterRef("pk"), **which).order_by().values("batch")
    return Coalesce(Subquery(parts.annotate(count=Sum("films")).values("count")), 0)


def batch_for(user: User | AnonymousUser, batch_id: UUID | str) -> Batch:
    """Return a batch of the user; staff may see every batch.

    Raises:
        NotFoundError: there is no such batch, or the user may not see it.
    """
    batch = (
        Batch.objects.filter(_owned_by(user), pk=batch_id).select_related("model", "owner").defer(*MODEL_CARD).first()
    )
    if batch is None:
        raise NotFoundError("batch")
    return batch


def film_for(user: User | AnonymousUser, film_id: UUID | str) -> Film:
    """Return a film of the user's batches; reviewers may see every film.

    Raises:
        NotFoundError: there is no such film, or the user may not see it.
    """
    films = Film.objects.filter(_visible_to(user), pk=film_id)
    film = films.select_related("batch__model", "batch__owner").defer("batch__model__card").first()
    if film is None:
        raise NotFoundError("film")
    return film


def picture_for(user: User | AnonymousUser, film_id: UUID | str) -> Film:
    """Return a film with the fields that its pictures need: without its batch and the model's card.

    Raises:
        NotFoundError: there is no such film, the user may not see it, or it has no pictures.
    """
    films = Film.objects.filter(_visible_to(user), pk=film_id, pictured=True)
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
    """Return a batch's films, by default in the order they were sent.

    Args:
        batch: the batch.
        state: only this state.
        decision: only this decision.
        bar: only films in this bar of the histogram, from ``0``.
        sort: ``sent``, ``name``, ``score`` (highest first) or ``uncertainty`` (nearest to 0.5 first); films without a
            score come last.

    Raises:
        ScreeningError: ``filter_unknown``.
    """
    _require_known("state", state, State.values)
    _require_known("decision", decision, Decision.values)
    _require_known("bar", bar, BARS)
    _require_known("sort", sort, list(SORT_ORDERS))
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
    """Return the films before and after a film in a list of its batch, see :func:`films_of`."""
    return adjacent_films(film, films_of(film.batch, sort=sort, **filters), sort)


def predictions_of(film: Film) -> QuerySet[Prediction]:
    """Return a film's predictions by all models, newest first."""
    return film.predictions.select_related("model").defer(*MODEL_CARD)


def count_up_to(rows: QuerySet[Any], max_rows: int) -> int:
    """Count rows up to ``max_rows``: a full count of a large table takes longer than the page that shows it.

    The rows keep their order, so that the count uses the same index as the page. Without an order the planner may
    read the table from its start, where there may be no such rows.
    """
    return rows[:max_rows].count()


def flagged_of(batch: Batch) -> QuerySet[Film]:
    """Return a batch's films that people have to look at or have looked at, the highest score first."""
    flagged = Film.objects.filter(batch=batch).exclude(review_state=Film.ReviewState.NOT_NEEDED)
    return flagged.order_by(*SORT_ORDERS["score"])


def refused_of(batch: Batch) -> QuerySet[Film]:
    """Return a batch's files that have no result, in the order they were sent."""
    refused = Film.objects.filter(batch=batch, state__in=Film.REFUSED_STATES)
    return refused.only("original_name", "state", "code", "reason", "step").order_by("created_at", "id")


def refused_by_code(batch: Batch) -> list[tuple[str, int]]:
    """Return the codes of files without a result with the number of files, the most frequent first."""
    refused = Film.objects.filter(batch=batch, state__in=Film.REFUSED_STATES).order_by()
    return list(refused.values_list("code").annotate(files=Count("pk")).order_by("-files", "code"))


def _owned_by(user: User | AnonymousUser, prefix: str = "") -> Q:
    if not user.is_authenticated:
        return Q(pk__in=[])
    return Q() if user.is_staff else Q(**{f"{prefix}owner": user})


def _visible_to(user: User | AnonymousUser) -> Q:
    """Return the condition for films that a user may see: their own, for a reviewer all."""
    return Q() if is_reviewer(user) else _owned_by(user, "batch__")


def _require_known(name: str, value: str, choices: list[str]) -> None:
    if value and value not in choices:
        raise unknown_choice(name, value, choices)
