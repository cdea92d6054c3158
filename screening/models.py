"""The tables. Only ``screening.services`` writes them; see there for the moves between states."""

from __future__ import annotations

import hashlib
import secrets
import uuid
from typing import ClassVar

from django.conf import settings
from django.db import models
from django.db.models import F, Q
from django.urls import reverse
from django.utils import timezone


class ModelVersion(models.Model):
    """A trained model as it was when it was registered; a prediction always names one."""

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
    """Films that were sent together. Its state is derived from its films, never stored."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    owner = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, related_name="batches")
    name = models.CharField(max_length=120)
    model = models.ForeignKey(ModelVersion, models.PROTECT, related_name="batches")
    created_at = models.DateTimeField(default=timezone.now)
    submitted_at = models.DateTimeField(null=True, blank=True)
    cancelled_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering: ClassVar = ["-created_at", "id"]
        verbose_name_plural = "batches"
        indexes: ClassVar = [models.Index(fields=["owner", "-created_at"], name="batches_of_owner")]

    def __str__(self) -> str:
        return self.name

    def get_absolute_url(self) -> str:
        """The batch's page."""
        return reverse("batch", args=[self.pk])


class XRay(models.Model):
    """One file of a batch: a film, or an archive of films. Always in exactly one state, with a reason unless DONE.

    An archive ends UNPACKED when every file in it has a row of its own, which names the archive.
    """

    class State(models.TextChoices):
        """Where a film stands."""

        REJECTED = "rejected", "Rejected"
        QUEUED = "queued", "Queued"
        RUNNING = "running", "Running"
        DONE = "done", "Done"
        FAILED = "failed", "Failed"
        CANCELLED = "cancelled", "Cancelled"
        UNPACKED = "unpacked", "Unpacked"

    class Decision(models.TextChoices):
        """What the score means by the model's operating points."""

        NEGATIVE = "negative", "Negative"
        UNCERTAIN = "uncertain", "Uncertain"
        POSITIVE = "positive", "Positive"

    class ReviewState(models.TextChoices):
        """Whether people have to look, or have looked."""

        NOT_NEEDED = "not_needed", "Not needed"
        PENDING = "pending", "Pending"
        CONFIRMED = "confirmed", "Confirmed"
        OVERTURNED = "overturned", "Overturned"

    FINAL_STATES = (State.REJECTED, State.DONE, State.FAILED, State.CANCELLED, State.UNPACKED)

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    batch = models.ForeignKey(Batch, models.PROTECT, related_name="films", db_index=False)  # others begin with it
    original_name = models.CharField(max_length=255)
    sha256 = models.CharField(max_length=64)
    bytes = models.PositiveBigIntegerField(help_text="as they were sent, as is their sha256")
    kept_bytes = models.PositiveBigIntegerField(default=0, help_text="of the cleaned file in the storage")
    kind = models.CharField(max_length=8, blank=True)
    width = models.PositiveIntegerField(default=0)
    height = models.PositiveIntegerField(default=0)
    synthetic = models.BooleanField(default=False, help_text="a computed phantom, not a patient")
    stored = models.BooleanField(default=False, help_text="the cleaned bytes are in the storage")
    as_sent = models.BooleanField(default=False, help_text="the bytes as they were sent are there as well")
    archive = models.ForeignKey(
        "self", models.PROTECT, null=True, blank=True, related_name="members", db_index=False
    )  # a partial index has it
    patient = models.CharField(max_length=32, blank=True, help_text="pseudonym; the same for all films of a patient")
    study = models.CharField(max_length=64, blank=True, help_text="pseudonym of the study's UID")
    receipt = models.JSONField(default=list, blank=True, help_text="names of what was removed at the door")
    pictured = models.BooleanField(default=False, help_text="there are pictures for people")
    mapped = models.BooleanField(default=False, help_text="there is a class activation map")

    state = models.CharField(max_length=10, choices=State.choices)
    code = models.CharField(max_length=40, blank=True)
    reason = models.CharField(max_length=400, blank=True)
    step = models.CharField(
        max_length=10, blank=True, help_text="where the reason arose: door, gate, worker, sweep, sender"
    )
    attempts = models.PositiveSmallIntegerField(default=0)
    lease_until = models.DateTimeField(null=True, blank=True)
    published_at = models.DateTimeField(
        null=True, blank=True, help_text="when it was last published again; the first time is its batch's submission"
    )

    score = models.FloatField(null=True, blank=True)
    decision = models.CharField(max_length=10, choices=Decision.choices, blank=True)
    flags = models.JSONField(default=list, blank=True)
    notes = models.JSONField(default=list, blank=True, help_text="what was put right before scoring")
    review_state = models.CharField(max_length=10, choices=ReviewState.choices, default=ReviewState.NOT_NEEDED)

    created_at = models.DateTimeField(default=timezone.now)
    finished_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering: ClassVar = ["created_at", "id"]
        verbose_name = "film"
        indexes: ClassVar = [
            models.Index(fields=["batch", "created_at", "id"], name="films_in_order"),
            models.Index(fields=["batch", "state", "decision"], name="films_by_state"),
            models.Index(F("batch"), F("score").desc(nulls_last=True), F("id"), name="films_by_score"),
            models.Index(fields=["created_at"], condition=Q(review_state="pending"), name="films_to_review"),
            models.Index(
                fields=["state", "published_at", "lease_until"],
                condition=Q(state__in=["queued", "running"]),
                name="films_in_flight",
            ),
            models.Index(fields=["-created_at"], name="films_newest"),
            models.Index(fields=["sha256"], name="films_by_content"),
            models.Index(fields=["archive"], condition=Q(archive__isnull=False), name="films_of_archive"),
            models.Index(fields=["batch", "patient"], condition=~Q(patient=""), name="films_of_patient"),
        ]
        constraints: ClassVar = [
            models.CheckConstraint(
                condition=Q(score__isnull=True) | Q(score__gte=0, score__lte=1), name="score_is_a_share"
            ),
            models.CheckConstraint(
                condition=~Q(state__in=["rejected", "failed"]) | ~Q(code=""), name="refusal_has_a_reason"
            ),
            models.CheckConstraint(condition=~Q(state="done") | Q(score__isnull=False), name="done_has_a_score"),
            models.CheckConstraint(
                condition=~Q(state="running") | Q(lease_until__isnull=False), name="running_has_a_lease"
            ),
            models.UniqueConstraint(
                fields=["batch", "sha256"], condition=~Q(state="rejected"), name="a_film_once_a_batch"
            ),
        ]

    def __str__(self) -> str:
        return self.original_name

    def get_absolute_url(self) -> str:
        """The film's page."""
        return reverse("film", args=[self.pk])

    def storage_name(self, part: str) -> str:
        """Where the storage keeps a part of this film.

        ``original`` is the file without what identifies a person, ``as-sent`` with it (only where the deployment
        wants that kept); then ``display.jpg``, ``thumb.jpg`` and ``map.png``.
        """
        key = self.pk.hex
        return f"films/{key[:2]}/{key}/{part}"


class Prediction(models.Model):
    """What one model version said of one film; at most one each."""

    film = models.ForeignKey(
        XRay, models.CASCADE, related_name="predictions", db_index=False
    )  # the constraint has one
    model = models.ForeignKey(ModelVersion, models.PROTECT, related_name="predictions")
    score = models.FloatField(help_text="P(COVID-19)")
    decision = models.CharField(max_length=10, choices=XRay.Decision.choices)
    seconds = models.FloatField(help_text="decode and network, this film's share of its chunk")
    created_at = models.DateTimeField(default=timezone.now)

    class Meta:
        ordering: ClassVar = ["-created_at"]
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["film", "model"], name="one_prediction_a_model"),
            models.CheckConstraint(condition=Q(score__gte=0, score__lte=1), name="prediction_is_a_share"),
        ]

    def __str__(self) -> str:
        return f"{self.score:.3f} {self.decision}"


class Review(models.Model):
    """A person's verdict on a flagged film. Rows are only ever added."""

    class Verdict(models.TextChoices):
        """What the reviewer says of the decision."""

        CONFIRMED = "confirmed", "Confirm"
        OVERTURNED = "overturned", "Overturn"

    film = models.ForeignKey(XRay, models.PROTECT, related_name="reviews")
    reviewer = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, related_name="reviews")
    verdict = models.CharField(max_length=10, choices=Verdict.choices)
    note = models.TextField(blank=True, max_length=2000)
    # As they stood when the verdict was given; the film's may change with another model.
    score = models.FloatField(null=True, blank=True)
    decision = models.CharField(max_length=10, choices=XRay.Decision.choices, blank=True)
    created_at = models.DateTimeField(default=timezone.now)

    class Meta:
        ordering: ClassVar = ["-created_at", "-id"]

    def __str__(self) -> str:
        return f"{self.get_verdict_display()} by {self.reviewer}"


class Quota(models.Model):
    """What a user has sent so far, and limits of their own where they differ from the deployment's."""

    user = models.OneToOneField(settings.AUTH_USER_MODEL, models.CASCADE, related_name="quota", primary_key=True)
    used_bytes = models.PositiveBigIntegerField(default=0, help_text="in the storage")
    used_files = models.PositiveBigIntegerField(default=0, help_text="rows, refused ones among them")
    most_bytes = models.PositiveBigIntegerField(null=True, blank=True)
    most_files = models.PositiveBigIntegerField(null=True, blank=True)
    most_open_batches = models.PositiveIntegerField(null=True, blank=True)

    def __str__(self) -> str:
        return f"{self.used_files} files, {self.used_bytes} bytes"


class ApiToken(models.Model):
    """A program's key. Only its digest is stored; the key itself is shown once."""

    PREFIX = "xray_"

    user = models.ForeignKey(settings.AUTH_USER_MODEL, models.CASCADE, related_name="api_tokens")
    name = models.CharField(max_length=64)
    digest = models.CharField(max_length=64, unique=True, editable=False)
    created_at = models.DateTimeField(default=timezone.now)
    last_used_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering: ClassVar = [F("last_used_at").desc(nulls_last=True), "-created_at"]
        verbose_name = "API token"

    def __str__(self) -> str:
        return self.name

    @classmethod
    def new_key(cls) -> str:
        """A fresh key of 256 random bits."""
        return cls.PREFIX + secrets.token_urlsafe(32)

    @staticmethod
    def digest_of(key: str) -> str:
        """What is stored of a key; a plain hash suffices for 256 random bits."""
        return hashlib.sha256(key.encode()).hexdigest()
