"""Admin of verdicts and gold cases."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.contrib.auth.models import User
from django.db.models import Q, QuerySet
from django.http import HttpRequest

from screening.admin.base import ReadOnlyAdmin, StaffAdmin
from screening.batches.search import name_matches
from screening.models import OWN_NAME, Film, GoldCase, Review

MAX_FILMS_SEARCHED = 1_000


@admin.register(Review)
class ReviewAdmin(ReadOnlyAdmin):
    """All verdicts, including withdrawn ones, the newest first."""

    list_display = (
        "film", "verdict", "finding", "reviewer", "decision", "score", "blinded", "final", "gold", "note",
        "created_at",
    )  # fmt: skip
    list_select_related = ("film", "reviewer")
    list_filter = ("verdict", "blinded", "gold")
    search_fields = ("film",)  # see get_search_results
    search_help_text = "The beginning of a file's name without folders, or a reader's full user name."
    ordering = ("-id",)

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[Review], search_term: str
    ) -> tuple[QuerySet[Review], bool]:
        """Return verdicts by the beginning of the film's name, or by the reader."""
        words = search_term.strip().strip("/")
        if not words:
            return queryset, False
        named = Film.objects.alias(own_name=OWN_NAME).filter(name_matches(words))
        films = named.exclude(review_state=Film.ReviewState.NOT_NEEDED) | named.filter(gold_case__isnull=False)
        readers = list(User.objects.filter(username__iexact=words).values_list("pk", flat=True))
        ids = list(films.order_by().values_list("pk", flat=True)[:MAX_FILMS_SEARCHED])
        return queryset.filter(Q(film__in=ids) | Q(reviewer__in=readers)), False


@admin.register(GoldCase)
class GoldCaseAdmin(StaffAdmin):
    """Gold cases, made from the list of films. One that was made by mistake may be deleted."""

    list_display = ("film", "truth", "note", "added_by", "created_at")
    list_select_related = ("film", "added_by")
    list_filter = ("truth",)
    search_fields = ("film__original_name", "note")

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Return whether gold cases may be deleted; their verdicts are kept, but no longer counted."""
        return self.has_view_permission(request)
