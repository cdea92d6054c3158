"""Admin of batches, model versions and predictions."""

from __future__ import annotations

from django.contrib import admin
from django.urls import reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString

from screening.admin.base import ReadOnlyAdmin, WithoutModelCards
from screening.models import Batch, ModelVersion, Prediction


@admin.register(Batch)
class BatchAdmin(WithoutModelCards):
    """Batches."""

    list_display = ("name", "owner", "model", "films", "created_at", "submitted_at", "cancelled_at")
    list_select_related = ("owner", "model")
    list_filter = ("model", "created_at")
    search_fields = ("name__istartswith", "owner__username__iexact")
    search_help_text = "The beginning of a batch's name, or an owner's full user name."
    fields = ("name", "owner", "model", "films", "rerun_of", "created_at", "submitted_at", "cancelled_at")
    readonly_fields = ("films",)

    @admin.display(description="films")
    def films(self, batch: Batch) -> SafeString:
        """Return a link to the list of the batch's films."""
        address = reverse("admin:screening_film_changelist")
        return format_html('<a href="{}?batch__id__exact={}">films</a>', address, batch.pk)


@admin.register(ModelVersion)
class ModelVersionAdmin(ReadOnlyAdmin):
    """Registered model versions."""

    list_display = ("name", "digest", "is_default", "created_at")


@admin.register(Prediction)
class PredictionAdmin(WithoutModelCards):
    """Predictions, the newest first."""

    list_display = ("film", "model", "score", "decision", "seconds", "created_at")
    list_select_related = ("film", "model")
    list_filter = ("model",)
    ordering = ("-id",)
