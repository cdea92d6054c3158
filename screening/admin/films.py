"""Admin of films, in which flagged films can be reviewed singly or several at a time."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString

from screening.admin.base import StaffAdmin
from screening.batches import search as batch_search
from screening.errors import ScreeningError
from screening.models import Film, Review
from screening.reading.gold import add_gold_case
from screening.reading.queries import reviews_of
from screening.reading.reviews import VERDICTS, record_review
from screening.worker.triage import FLAG_WORDS

MAX_FILMS_AN_ACTION = 500  # each film of an action is a transaction of its own


class FlagFilter(admin.SimpleListFilter):
    """A filter for the reason why a film was flagged."""

    title = "flag"
    parameter_name = "flag"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        """Return the reasons."""
        return [(flag, flag) for flag in FLAG_WORDS]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        """Return films with the chosen reason; the second condition holds for all and selects a partial index."""
        if not self.value():
            return queryset
        return queryset.filter(flags__contains=[self.value()]).exclude(review_state=Film.ReviewState.NOT_NEEDED)


@admin.register(Film)
class FilmAdmin(StaffAdmin):
    """Films. The page of a flagged film shows picture, score, reasons and a verdict form."""

    change_form_template = "screening/admin_film.html"
    list_display = ("thumbnail", "original_name", "score", "decision", "flagged", "review_state", "state", "batch")
    list_display_links = ("thumbnail", "original_name")
    list_filter = ("review_state", FlagFilter, "decision", "state", "synthetic")
    list_select_related = ("batch",)
    search_fields = ("original_name",)  # only enables the search field; see get_search_results
    search_help_text = batch_search.SEARCH_HELP
    ordering = ("-created_at",)
    actions = ("confirm", "overturn", "gold_positive", "gold_negative")

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[Film], search_term: str
    ) -> tuple[QuerySet[Film], bool]:
        """Return films by the beginning of a name or id, see :mod:`screening.batches.search`."""
        return batch_search.search_films(queryset, search_term), False

    @admin.display(description="film")
    def thumbnail(self, film: Film) -> SafeString | str:
        """Return the film's thumbnail."""
        if not film.pictured:
            return "no picture"
        address = reverse("film-thumb", args=[film.pk])
        return format_html('<img src="{}" alt="" width="56" height="56" loading="lazy">', address)

    @admin.display(description="flagged as")
    def flagged(self, film: Film) -> str:
        """Return the reasons why the film was flagged."""
        return ", ".join(film.flags)

    @admin.action(description="Confirm the selected films", permissions=["view"])
    def confirm(self, request: HttpRequest, queryset: QuerySet[Film]) -> None:
        """Confirm the decisions of several films."""
        self._each(request, queryset, lambda film: self._review(request, film, Review.Verdict.CONFIRMED), "reviewed")

    @admin.action(description="Overturn the selected films", permissions=["view"])
    def overturn(self, request: HttpRequest, queryset: QuerySet[Film]) -> None:
        """Overturn the decisions of several films."""
        self._each(request, queryset, lambda film: self._review(request, film, Review.Verdict.OVERTURNED), "reviewed")

    @admin.action(description="Make hidden gold cases: COVID-19 signs", permissions=["view"])
    def gold_positive(self, request: HttpRequest, queryset: QuerySet[Film]) -> None:
        """Make the films hidden gold cases with COVID-19 signs."""
        self._each(request, queryset, lambda film: self._make_gold(request, film, "positive"), "made gold cases")

    @admin.action(description="Make hidden gold cases: no such signs", permissions=["view"])
    def gold_negative(self, request: HttpRequest, queryset: QuerySet[Film]) -> None:
        """Make the films hidden gold cases without COVID-19 signs."""
        self._each(request, queryset, lambda film: self._make_gold(request, film, "negative"), "made gold cases")

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        """Show a film with its verdict form, or record the verdict."""
        film = self.get_object(request, object_id)
        if film is not None and request.method == "POST" and self.has_view_permission(request):
            return self._take_verdict(request, film)
        context = {
            "film": film,
            "flag_words": [FLAG_WORDS[flag] for flag in film.flags] if film else [],
            "verdicts": [(verdict.value, verdict.label) for verdict in VERDICTS],
            "reviews": reviews_of(film) if film else [],
            **(extra_context or {}),
        }
        return super().change_view(request, object_id, form_url, context)

    def _take_verdict(self, request: HttpRequest, film: Film) -> HttpResponse:
        try:
            self._review(request, film, request.POST.get("verdict", ""), request.POST.get("note", ""))
        except ScreeningError as error:
            self.message_user(request, f"{film}: {error.detail}", messages.ERROR)
        return HttpResponseRedirect(request.get_full_path())

    def _each(self, request: HttpRequest, films: QuerySet[Film], do: Callable[[Film], object], done: str) -> None:
        chosen = list(films[: MAX_FILMS_AN_ACTION + 1])
        if len(chosen) > MAX_FILMS_AN_ACTION:
            self.message_user(
                request, f"Choose at most {MAX_FILMS_AN_ACTION} films at a time; nothing was done.", messages.ERROR
            )
            return
        taken = 0
        for film in chosen:
            try:
                do(film)
                taken += 1
            except ScreeningError as error:
                self.message_user(request, f"{film}: {error.detail}", messages.ERROR)
        self.message_user(request, f"{taken} films {done}.", messages.SUCCESS)

    def _review(self, request: HttpRequest, film: Film, verdict: str, note: str = "") -> None:
        entry = record_review(film=film, reviewer=request.user, verdict=verdict, note=note)  # type: ignore[arg-type]
        self.log_change(request, film, f"Verdict: {entry.get_verdict_display()}.")

    def _make_gold(self, request: HttpRequest, film: Film, truth: str) -> None:
        case = add_gold_case(film=film, truth=truth, added_by=request.user)  # type: ignore[arg-type]
        self.log_addition(request, case, f"Gold case: {truth}.")
