"""Model versions, and batches of films."""

from __future__ import annotations

import uuid
from typing import ClassVar

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.urls import reverse
from django.utils import timezone


class ModelVersion(models.Model):
    """A registered version of a trained model. Every prediction names one."""

    name = models.CharField(max_length=64)
    digest = models.CharField(max_length=64, help_text="sha256 of the weights")
    card = models.JSONField()
    created_at = models.DateTimeField(default=timezone.now)
    is_default = models.BooleanField(default=False)

    class Meta:
        ordering: ClassVar = ["-is_default", "name", "-created_at"]
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["name", "digest"], name="one_row_a_model_version"),
            models.UniqueConstraint(fields=["is_default"], condition=Q(is_default=True), name="one_default_model"),
        ]

    def __str__(self) -> str:
        return f"{self.name} {self.digest[:8]}"


class Batch(models.Model):
    """A batch of films. Its state is derived from its films, never stored."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    owner = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, related_name="batches")
    name = models.CharField(max_length=120)
    model = models.ForeignKey(ModelVersion, models.PROTECT, related_name="batches")
    created_at = models.DateTimeField(default=timezone.now)
    submitted_at = models.DateTimeField(null=True, blank=True)
    cancelled_at = models.DateTimeField(null=True, blank=True)
    rerun_of = models.ForeignKey(
        "self",
        models.PROTECT,
        null=True,
        blank=True,
        related_name="reruns",
        help_text="the batch that this one repeats with another model",
    )

    class Meta:
        ordering: ClassVar = ["-created_at", "id"]
        verbose_name_plural = "batches"
        indexes: ClassVar = [models.Index(fields=["owner", "-created_at"], name="batches_of_owner")]

    def __str__(self) -> str:
        return self.name

    def get_absolute_url(self) -> str:
        """Return the address of the batch's page."""
        return reverse("batch", args=[self.pk])
