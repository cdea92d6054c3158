"""Batches, models, and what models said."""

from __future__ import annotations

from django.contrib import admin

from screening.admin.base import ReadOnlyAdmin, WithoutCards
from screening.models import Batch, ModelVersion, Prediction


@admin.register(Batch)
class BatchAdmin(WithoutCards):
    """Batches."""

    list_display = ("name", "owner", "model", "created_at", "submitted_at", "cancelled_at")
    list_select_related = ("owner", "model")
    list_filter = ("model", "created_at")
    search_fields = ("name__istartswith", "owner__username__iexact")
    search_help_text = "The beginning of a batch's name, or a sender's whole name."
    fields = ("name", "owner", "model", "rerun_of", "created_at", "submitted_at", "cancelled_at")


@admin.register(ModelVersion)
class ModelVersionAdmin(ReadOnlyAdmin):
    """Models as they were registered."""

    list_display = ("name", "digest", "is_default", "created_at")


@admin.register(Prediction)
class PredictionAdmin(WithoutCards):
    """What models said, the newest first."""

    list_display = ("film", "model", "score", "decision", "seconds", "created_at")
    list_select_related = ("film", "model")
    list_filter = ("model",)
    ordering = ("-id",)
