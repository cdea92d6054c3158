"""Verdicts on films, readers' claims and skips, and gold cases."""

from __future__ import annotations

from typing import ClassVar

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.utils import timezone

from screening.models.films import Film


class Review(models.Model):
    """A reader's verdict on a film. Rows are only added; a withdrawal is a row that names the verdict."""

    class Verdict(models.TextChoices):
        """The reader's verdict on the model's decision."""

        CONFIRMED = "confirmed", "Confirm"
        OVERTURNED = "overturned", "Overturn"
        UNREADABLE = "unreadable", "Unreadable"
        SECOND_OPINION = "second_opinion", "Second opinion"
        WITHDRAWN = "withdrawn", "Withdrawn"

    class Finding(models.TextChoices):
        """The reader's finding in the film."""

        POSITIVE = "positive", "COVID-19 signs"
        NEGATIVE = "negative", "No such signs"

    film = models.ForeignKey(Film, models.PROTECT, related_name="reviews")
    reviewer = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, related_name="reviews")
    verdict = models.CharField(max_length=16, choices=Verdict.choices)
    finding = models.CharField(max_length=10, choices=Finding.choices, blank=True)
    note = models.TextField(blank=True, max_length=2000)
    # The film's values when the verdict was given; a re-run with another model may change them later.
    score = models.FloatField(null=True, blank=True)
    decision = models.CharField(max_length=10, choices=Film.Decision.choices, blank=True)
    blinded = models.BooleanField(default=False, help_text="score and decision were hidden until it was given")
    seconds = models.FloatField(null=True, blank=True, help_text="from the film on the screen to the verdict")
    final = models.BooleanField(default=False, help_text="settles the film, whatever others said")
    gold = models.BooleanField(default=False, help_text="of a hidden gold case; the film's state is not its business")
    withdraws = models.OneToOneField(
        "self", models.PROTECT, null=True, blank=True, related_name="withdrawal", help_text="the verdict taken back"
    )
    created_at = models.DateTimeField(default=timezone.now)

    class Meta:
        ordering: ClassVar = ["-created_at", "-id"]
        indexes: ClassVar = [models.Index(fields=["verdict", "id"], name="reviews_by_verdict")]
        constraints: ClassVar = [
            models.CheckConstraint(
                condition=Q(verdict="withdrawn") ^ Q(withdraws__isnull=True), name="withdrawal_names_its_verdict"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.get_verdict_display()} by {self.reviewer}"


class ReadingClaim(models.Model):
    """A reader's claim on a film. One row a film, so two readers never have the same film at the same time."""

    film = models.OneToOneField(Film, models.CASCADE, primary_key=True, related_name="claim")
    reader = models.ForeignKey(settings.AUTH_USER_MODEL, models.CASCADE, related_name="claims")
    taken_at = models.DateTimeField()
    until = models.DateTimeField(help_text="after this, others may take it")
    shown_at = models.DateTimeField(null=True, blank=True, help_text="when the film was first on the screen")
    seen_open = models.BooleanField(default=False, help_text="with score and decision beside it")
    gold = models.BooleanField(default=False, help_text="taken as a hidden gold case")
    settles = models.BooleanField(default=False, help_text="taken to settle a disagreement, which the page shows")

    def __str__(self) -> str:
        return f"{self.film_id} until {self.until:%H:%M:%S}"


class ReadingSkip(models.Model):
    """A film that a reader has skipped; it is not offered to them until the time given."""

    film = models.ForeignKey(Film, models.CASCADE, related_name="skips", db_index=False)  # the constraint has one
    reader = models.ForeignKey(settings.AUTH_USER_MODEL, models.CASCADE, related_name="skips")
    until = models.DateTimeField()

    class Meta:
        constraints: ClassVar = [models.UniqueConstraint(fields=["film", "reader"], name="one_skip_a_reader")]

    def __str__(self) -> str:
        return f"{self.film_id} until {self.until:%H:%M:%S}"


class GoldCase(models.Model):
    """A film with a known truth, offered to every reader once without notice, to measure how well they read."""

    film = models.OneToOneField(Film, models.PROTECT, related_name="gold_case")
    truth = models.CharField(max_length=10, choices=Review.Finding.choices)
    note = models.CharField(max_length=400, blank=True, help_text="how the truth is known")
    added_by = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, related_name="+")
    created_at = models.DateTimeField(default=timezone.now)

    class Meta:
        ordering: ClassVar = ["-created_at"]

    def __str__(self) -> str:
        return f"{self.film}: {self.truth}"
