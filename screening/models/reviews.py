"""What people say of films, and who has which film before them."""

from __future__ import annotations

from typing import ClassVar

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.utils import timezone

from screening.models.films import Film


class Review(models.Model):
    """A person's verdict on a film. Rows are only ever added; one that withdraws another names it."""

    class Verdict(models.TextChoices):
        """What the reviewer says of the decision."""

        CONFIRMED = "confirmed", "Confirm"
        OVERTURNED = "overturned", "Overturn"
        UNREADABLE = "unreadable", "Unreadable"
        SECOND_OPINION = "second_opinion", "Second opinion"
        WITHDRAWN = "withdrawn", "Withdrawn"

    class Finding(models.TextChoices):
        """What the reviewer sees in the film."""

        POSITIVE = "positive", "COVID-19 signs"
        NEGATIVE = "negative", "No such signs"

    film = models.ForeignKey(Film, models.PROTECT, related_name="reviews")
    reviewer = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, related_name="reviews")
    verdict = models.CharField(max_length=16, choices=Verdict.choices)
    finding = models.CharField(max_length=10, choices=Finding.choices, blank=True)
    note = models.TextField(blank=True, max_length=2000)
    # As they stood when the verdict was given; the film's may change with another model.
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
    """The film a reader has before them. One row a film, so no two readers have the same one at a time."""

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
    """A film that a reader does not want to be offered for a while."""

    film = models.ForeignKey(Film, models.CASCADE, related_name="skips", db_index=False)  # the constraint has one
    reader = models.ForeignKey(settings.AUTH_USER_MODEL, models.CASCADE, related_name="skips")
    until = models.DateTimeField()

    class Meta:
        constraints: ClassVar = [models.UniqueConstraint(fields=["film", "reader"], name="one_skip_a_reader")]

    def __str__(self) -> str:
        return f"{self.film_id} until {self.until:%H:%M:%S}"


class GoldCase(models.Model):
    """A film whose truth is known; mixed into every reader's queue once, to see how well they read."""

    film = models.OneToOneField(Film, models.PROTECT, related_name="gold_case")
    truth = models.CharField(max_length=10, choices=Review.Finding.choices)
    note = models.CharField(max_length=400, blank=True, help_text="how the truth is known")
    added_by = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, related_name="+")
    created_at = models.DateTimeField(default=timezone.now)

    class Meta:
        ordering: ClassVar = ["-created_at"]

    def __str__(self) -> str:
        return f"{self.film}: {self.truth}"
