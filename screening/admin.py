"""The admin: staff review flagged films here too, and look after users, models and tokens.

Nothing here writes a film or its history directly; verdicts go through ``services.reviews``.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.contrib import admin, messages
from django.core.paginator import Paginator
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse
from django.utils.functional import cached_property
from django.utils.html import format_html
from django.utils.safestring import SafeString

from screening.errors import ScreeningError
from screening.models import ApiToken, Batch, ModelVersion, Prediction, Review, XRay
from screening.queries import COUNTED_AT_MOST, count_up_to
from screening.services.reviews import review
from screening.triage import FLAG_WORDS

if TYPE_CHECKING:  # generic for the type checker, plain classes when run
    _ModelAdmin = admin.ModelAdmin[Any]
    _Paginator = Paginator[Any]
else:
    _ModelAdmin, _Paginator = admin.ModelAdmin, Paginator

admin.site.site_header = "Chest X-ray screening"
admin.site.site_title = "Screening admin"


class BoundedPaginator(_Paginator):
    """Counts no further than a person pages, so that a list of millions opens like one of a hundred."""

    @cached_property
    def count(self) -> int:
        """Rows, at most ``COUNTED_AT_MOST``."""
        return count_up_to(self.object_list, COUNTED_AT_MOST)  # type: ignore[arg-type]


class ReadOnlyAdmin(_ModelAdmin):
    """Rows to look at; what writes them is elsewhere."""

    show_full_result_count = False
    paginator = BoundedPaginator
    list_per_page = 50

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Nobody adds rows by hand."""
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Nobody changes rows by hand."""
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Nothing is lost."""
        return False


class FlagFilter(admin.SimpleListFilter):
    """Flagged films by reason."""

    title = "flag"
    parameter_name = "flag"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        """The reasons."""
        return [(flag, flag) for flag in FLAG_WORDS]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        """Films with the chosen reason."""
        return queryset.filter(flags__contains=[self.value()]) if self.value() else queryset


@admin.register(XRay)
class XRayAdmin(ReadOnlyAdmin):
    """Films; a flagged film's page shows picture, score and reasons beside the verdict."""

    change_form_template = "screening/admin_film.html"
    list_display = ("thumbnail", "original_name", "score", "decision", "flagged", "review_state", "state", "batch")
    list_display_links = ("thumbnail", "original_name")
    list_filter = ("review_state", FlagFilter, "decision", "state", "synthetic")
    list_select_related = ("batch",)
    search_fields = ("original_name", "sha256__startswith", "batch__name", "batch__owner__username")
    search_help_text = "File name, batch name, sender, or the beginning of a sha256."
    ordering = ("-created_at",)
    actions = ("confirm", "overturn")

    @admin.display(description="film")
    def thumbnail(self, film: XRay) -> SafeString | str:
        """A small picture."""
        if not film.pictured:
            return "no picture"
        address = reverse("film-thumb", args=[film.pk])
        return format_html('<img src="{}" alt="" width="56" height="56" loading="lazy">', address)

    @admin.display(description="flagged as")
    def flagged(self, film: XRay) -> str:
        """Why people have to look at it."""
        return ", ".join(film.flags)

    def has_view_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Staff review; that is what staff is for."""
        return bool(request.user.is_active and request.user.is_staff)

    def has_module_permission(self, request: HttpRequest) -> bool:
        """As above."""
        return self.has_view_permission(request)

    @admin.action(description="Confirm the selected films", permissions=["view"])
    def confirm(self, request: HttpRequest, queryset: QuerySet[XRay]) -> None:
        """Confirm several at once."""
        self._review_all(request, queryset, Review.Verdict.CONFIRMED)

    @admin.action(description="Overturn the selected films", permissions=["view"])
    def overturn(self, request: HttpRequest, queryset: QuerySet[XRay]) -> None:
        """Overturn several at once."""
        self._review_all(request, queryset, Review.Verdict.OVERTURNED)

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        """Show a film with its verdict form, and take the verdict."""
        film = self.get_object(request, object_id)
        if film is not None and request.method == "POST" and self.has_view_permission(request):
            return self._take_verdict(request, film)
        context = {
            "film": film,
            "flag_words": [FLAG_WORDS[flag] for flag in film.flags] if film else [],
            "verdicts": Review.Verdict.choices,
            "reviews": film.reviews.select_related("reviewer") if film else [],
            **(extra_context or {}),
        }
        return super().change_view(request, object_id, form_url, context)

    def _take_verdict(self, request: HttpRequest, film: XRay) -> HttpResponse:
        self._review_one(request, film, request.POST.get("verdict", ""), request.POST.get("note", ""))
        return HttpResponseRedirect(request.get_full_path())

    def _review_all(self, request: HttpRequest, films: QuerySet[XRay], verdict: str) -> None:
        taken = sum(self._review_one(request, film, verdict, "") for film in films)
        self.message_user(request, f"{taken} films reviewed.", messages.SUCCESS)

    def _review_one(self, request: HttpRequest, film: XRay, verdict: str, note: str) -> bool:
        try:
            review(film=film, reviewer=request.user, verdict=verdict, note=note)  # type: ignore[arg-type]
        except ScreeningError as error:
            self.message_user(request, f"{film}: {error.sentence}", messages.ERROR)
            return False
        return True


class WithoutCards(ReadOnlyAdmin):
    """Rows beside their model, whose card no list shows."""

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        """Leave the card in the database."""
        return super().get_queryset(request).defer("model__card")


@admin.register(Batch)
class BatchAdmin(WithoutCards):
    """Batches."""

    list_display = ("name", "owner", "model", "created_at", "submitted_at", "cancelled_at")
    list_select_related = ("owner", "model")
    list_filter = ("model", "created_at")
    search_fields = ("name", "owner__username")


@admin.register(ModelVersion)
class ModelVersionAdmin(ReadOnlyAdmin):
    """Models as they were registered."""

    list_display = ("name", "digest", "is_default", "created_at")


@admin.register(Prediction)
class PredictionAdmin(WithoutCards):
    """What models said."""

    list_display = ("film", "model", "score", "decision", "seconds", "created_at")
    list_select_related = ("film", "model")
    list_filter = ("decision", "model")
    ordering = ("-id",)


@admin.register(Review)
class ReviewAdmin(ReadOnlyAdmin):
    """Every verdict ever given."""

    list_display = ("film", "verdict", "reviewer", "decision", "score", "note", "created_at")
    list_select_related = ("film", "reviewer")
    list_filter = ("verdict", "created_at")
    search_fields = ("film__original_name", "reviewer__username", "note")


@admin.register(ApiToken)
class ApiTokenAdmin(ReadOnlyAdmin):
    """Tokens; an administrator may revoke them."""

    list_display = ("name", "user", "created_at", "last_used_at")
    list_select_related = ("user",)

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Revoking is deleting."""
        return bool(request.user.is_superuser)
