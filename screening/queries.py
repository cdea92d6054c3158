"""Every read, each scoped to the user who asks. Missing and somebody else's look the same."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from django.contrib.auth.models import AnonymousUser, User
from django.db.models import Count, F, Max, Q, QuerySet
from django.db.models.expressions import OrderBy
from django.db.models.functions import Floor, Least
from django.utils import timezone

from screening.errors import NotFoundError, ScreeningError
from screening.models import ApiToken, Batch, ModelVersion, Prediction, Review, XRay

State, Decision = XRay.State, XRay.Decision

HISTOGRAM_BINS = 20
COUNTED_AT_MOST = 10_000
CARDS = ("model__card",)  # a hundred kilobytes each; whoever shows one loads it
SORT_ORDERS: dict[str, tuple[str | OrderBy, ...]] = {
    "sent": ("created_at", "id"),
    "name": ("original_name", "id"),
    "score": (F("score").desc(nulls_last=True), "id"),
}


@dataclass(frozen=True)
class Progress:
    """Where a batch stands; derived from its films each time it is asked for.

    Attributes:
        total: files that were sent.
        states: files by state, every state named.
        decisions: screened films by decision, every decision named.
        to_review: flagged films without a verdict.
        state: ``open``, ``running``, ``done`` or ``cancelled``.
        seconds: from submission to the last result, or to now while running; 0 before submission.
    """

    total: int
    states: dict[str, int]
    decisions: dict[str, int]
    to_review: int
    state: str
    seconds: float

    @property
    def finished(self) -> int:
        """Files in a final state."""
        return sum(self.states[state] for state in XRay.FINAL_STATES)

    @property
    def percent(self) -> int:
        """Share of the files in a final state, 0..100, rounded down."""
        return self.finished * 100 // self.total if self.total else 0

    @property
    def films_per_second(self) -> float:
        """Screened films by the seconds since submission; 0 before the first."""
        screened = self.states[State.DONE] + self.states[State.FAILED]
        return screened / self.seconds if self.seconds > 0 else 0.0


def batches_for(user: User) -> QuerySet[Batch]:
    """A user's own batches, newest first, with ``total``, ``finished``, ``flagged``, ``positive`` each."""
    return (
        Batch.objects.filter(owner=user)
        .select_related("model")
        .defer(*CARDS)
        .annotate(
            total=Count("films"),
            finished=Count("films", filter=Q(films__state__in=XRay.FINAL_STATES)),
            refused=Count("films", filter=Q(films__state__in=[State.REJECTED, State.FAILED])),
            positive=Count("films", filter=Q(films__decision=Decision.POSITIVE)),
            to_review=Count("films", filter=Q(films__review_state=XRay.ReviewState.PENDING)),
        )
        .order_by("-created_at", "id")  # a grouped query does not take the model's own order
    )


def batch_for(user: User | AnonymousUser, batch_id: UUID | str) -> Batch:
    """One batch: the owner's, or anybody's for staff.

    Raises:
        NotFoundError: when there is none such for this user.
    """
    batch = Batch.objects.filter(_owned(user), pk=batch_id).select_related("model", "owner").defer(*CARDS).first()
    if batch is None:
        raise NotFoundError("batch")
    return batch


def film_for(user: User | AnonymousUser, film_id: UUID | str) -> XRay:
    """One film: of the owner's batch, or anybody's for staff.

    Raises:
        NotFoundError: when there is none such for this user.
    """
    films = XRay.objects.filter(_owned(user, "batch__"), pk=film_id)
    film = films.select_related("batch__model", "batch__owner").defer("batch__model__card").first()
    if film is None:
        raise NotFoundError("film")
    return film


def picture_for(user: User | AnonymousUser, film_id: UUID | str) -> XRay:
    """A film as far as its pictures need it: without its batch, and without the model's card.

    Raises:
        NotFoundError: when there is no such film for this user, or it has no pictures.
    """
    films = XRay.objects.filter(_owned(user, "batch__"), pk=film_id, pictured=True)
    film = films.only("pk").first()
    if film is None:
        raise NotFoundError("picture")
    return film


def films_of(batch: Batch, *, state: str = "", decision: str = "", sort: str = "sent") -> QuerySet[XRay]:
    """A batch's films, by default in the order they were sent.

    Args:
        batch: the batch.
        state: only this state.
        decision: only this decision.
        sort: ``sent``, ``name`` or ``score`` (highest first, films without one last).

    Raises:
        ScreeningError: ``filter_unknown``.
    """
    _known("state", state, State.values)
    _known("decision", decision, Decision.values)
    _known("sort", sort, list(SORT_ORDERS))
    films = XRay.objects.filter(batch=batch)
    if state:
        films = films.filter(state=state)
    if decision:
        films = films.filter(decision=decision)
    return films.order_by(*SORT_ORDERS[sort])


def progress_of(batch: Batch) -> Progress:
    """Count a batch's films by one grouped query."""
    groups = (
        XRay.objects.filter(batch=batch)
        .order_by()
        .values("state", "decision", "review_state")
        .annotate(films=Count("pk"), last=Max("finished_at"))
    )
    states = dict.fromkeys(State.values, 0)
    decisions = dict.fromkeys(Decision.values, 0)
    to_review, last = 0, None
    for group in groups:
        states[group["state"]] += group["films"]
        if group["decision"]:
            decisions[group["decision"]] += group["films"]
        if group["review_state"] == XRay.ReviewState.PENDING:
            to_review += group["films"]
        last = max(filter(None, (last, group["last"])), default=None)
    state = _state_of(batch, states)
    return Progress(sum(states.values()), states, decisions, to_review, state, _seconds(batch, state, last))


def histogram_of(batch: Batch) -> list[int]:
    """Screened films by score, in ``HISTOGRAM_BINS`` equal bins over 0..1."""
    bins = (
        XRay.objects.filter(batch=batch, score__isnull=False)
        .order_by()
        .annotate(bin=Least(Floor(F("score") * HISTOGRAM_BINS), float(HISTOGRAM_BINS - 1)))
        .values("bin")
        .annotate(films=Count("pk"))
    )
    counts = {int(row["bin"]): row["films"] for row in bins}
    return [counts.get(index, 0) for index in range(HISTOGRAM_BINS)]


def neighbours_of(film: XRay) -> tuple[XRay | None, XRay | None]:
    """The films sent before and after this one in its batch."""
    films = XRay.objects.filter(batch_id=film.batch_id)
    before = films.filter(Q(created_at__lt=film.created_at) | Q(created_at=film.created_at, pk__lt=film.pk)).order_by(
        "-created_at", "-id"
    )
    after = films.filter(Q(created_at__gt=film.created_at) | Q(created_at=film.created_at, pk__gt=film.pk)).order_by(
        "created_at", "id"
    )
    return before.first(), after.first()


def predictions_of(film: XRay) -> QuerySet[Prediction]:
    """What each model said of a film, newest first."""
    return film.predictions.select_related("model").defer(*CARDS)


def reviews_of(film: XRay) -> QuerySet[Review]:
    """The verdicts on a film, newest first."""
    return film.reviews.select_related("reviewer")


def review_queue() -> QuerySet[XRay]:
    """Flagged films without a verdict, oldest first. For staff only."""
    return (
        XRay.objects.filter(review_state=XRay.ReviewState.PENDING)
        .select_related("batch__model", "batch__owner")
        .defer("batch__model__card")
        .order_by("created_at", "id")
    )


def count_up_to(rows: QuerySet[Any], most: int) -> int:
    """Count rows, but stop at ``most``: a full count of a large table takes longer than the page it is for."""
    return rows.order_by()[:most].count()


def next_to_review(film: XRay) -> XRay | None:
    """The film that follows this one in the queue, or the queue's first when this was the last."""
    others = review_queue().exclude(pk=film.pk)
    later = Q(created_at__gt=film.created_at) | Q(created_at=film.created_at, pk__gt=film.pk)
    return others.filter(later).first() or others.first()


def default_model() -> ModelVersion | None:
    """The model new batches get."""
    return ModelVersion.objects.filter(is_default=True).defer("card").first()


def model_versions() -> QuerySet[ModelVersion]:
    """Every model version, the default first."""
    return ModelVersion.objects.all()


def model_names() -> list[str]:
    """The models a batch may be given to, the default first."""
    return list(dict.fromkeys(ModelVersion.objects.values_list("name", flat=True)))


def model_by_name(name: str) -> ModelVersion:
    """The newest version of a model.

    Raises:
        ScreeningError: ``model_unknown``.
    """
    version = ModelVersion.objects.filter(name=name).defer("card").order_by("-is_default", "-created_at").first()
    if version is None:
        known = ", ".join(model_names()) or "none"
        raise ScreeningError("model_unknown", f"There is no model {name!r}; there are: {known}.", 400)
    return version


def tokens_of(user: User) -> QuerySet[ApiToken]:
    """A user's API tokens."""
    return ApiToken.objects.filter(user=user)


def token_by_key(key: str) -> ApiToken | None:
    """The token a key belongs to, of a user who may still sign in."""
    token = ApiToken.objects.filter(digest=ApiToken.digest_of(key), user__is_active=True)
    return token.select_related("user").first()


def _owned(user: User | AnonymousUser, prefix: str = "") -> Q:
    if not user.is_authenticated:
        return Q(pk__in=[])
    return Q() if user.is_staff else Q(**{f"{prefix}owner": user})


def _known(name: str, value: str, choices: list[str]) -> None:
    if value and value not in choices:
        raise ScreeningError(
            "filter_unknown", f"{name}={value!r} is unknown; choose one of: {', '.join(choices)}.", 400
        )


def _state_of(batch: Batch, states: dict[str, int]) -> str:
    if states[State.RUNNING]:
        return "running"
    if batch.cancelled_at:
        return "cancelled"
    if not batch.submitted_at:
        return "open"
    return "running" if states[State.QUEUED] else "done"


def _seconds(batch: Batch, state: str, last: datetime | None) -> float:
    if not batch.submitted_at:
        return 0.0
    end = timezone.now() if state == "running" or last is None else last
    return max(0.0, (end - batch.submitted_at).total_seconds())
