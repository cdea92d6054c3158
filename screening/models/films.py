"""Films with their states and results, predictions, and counts of films."""

from __future__ import annotations

import uuid
from typing import ClassVar

from django.contrib.postgres.indexes import GinIndex
from django.db import models
from django.db.models import F, Func, Q, TextField, Value
from django.db.models.functions import Abs, Collate, Upper
from django.urls import reverse
from django.utils import timezone

from ml.errors import NoteCode
from ml.inference.decision import Decision as ModelDecision
from ml.note_codes import find_notes
from screening.models.batches import Batch, ModelVersion

ORIGINAL, AS_SENT = UPLOADED_PARTS = ("original", "as-sent")  # of the upload; all other parts are made here


# The uncertainty of a score: 0.5 at the score 0.5, and 0 at the scores 0 and 1. P(COVID-19) is calibrated, so its
# entropy falls with the distance from 0.5, whatever the operating points are.
UNCERTAINTY = Value(0.5) - Abs(F("score") - Value(0.5))

# A file's name without its folders, in capitals, for the search by prefix; see screening.batches.search.
OWN_NAME = Collate(
    Upper(
        Func(F("original_name"), Value("^.*/"), Value(""), function="regexp_replace", output_field=TextField()),
    ),
    "C",
)


class Film(models.Model):
    """One file of a batch: a film, or an archive of films. It is in exactly one state, with a reason unless DONE.

    An archive ends UNPACKED when every file in it has a row of its own, which names the archive.
    """

    class State(models.TextChoices):
        """The state of a film."""

        REJECTED = "rejected", "Rejected"
        QUEUED = "queued", "Queued"
        RUNNING = "running", "Running"
        DONE = "done", "Done"
        FAILED = "failed", "Failed"
        CANCELLED = "cancelled", "Cancelled"
        UNPACKED = "unpacked", "Unpacked"

    class Decision(models.TextChoices):
        """The decision: the score compared with the model's operating points."""

        NEGATIVE = ModelDecision.NEGATIVE.value, "Negative"
        UNCERTAIN = ModelDecision.UNCERTAIN.value, "Uncertain"
        POSITIVE = ModelDecision.POSITIVE.value, "Positive"

    class ReviewState(models.TextChoices):
        """The state of the review by readers."""

        NOT_NEEDED = "not_needed", "Not needed"
        PENDING = "pending", "Pending"
        DISPUTED = "disputed", "Disputed"
        CONFIRMED = "confirmed", "Confirmed"
        OVERTURNED = "overturned", "Overturned"
        UNREADABLE = "unreadable", "Unreadable"

    REFUSED_STATES = (State.REJECTED, State.FAILED)
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
    source = models.ForeignKey(
        "self", models.PROTECT, null=True, blank=True, related_name="copies", db_index=False,
        help_text="the film whose stored bytes this one shares, as films of a re-run do",
    )  # fmt: skip
    patient = models.CharField(max_length=32, blank=True, help_text="pseudonym; the same for all films of a patient")
    study = models.CharField(max_length=64, blank=True, help_text="pseudonym of the study's UID")
    receipt = models.JSONField(default=list, blank=True, help_text="names of what was removed at intake")
    intake_notes = models.JSONField(
        default=list, db_default=[], blank=True, help_text="codes of notes from cleaning the file"
    )
    pictured = models.BooleanField(default=False, help_text="there are pictures for people")
    mapped = models.BooleanField(default=False, help_text="there is a class activation map")

    state = models.CharField(max_length=10, choices=State.choices)
    code = models.CharField(max_length=40, blank=True)
    reason = models.CharField(max_length=400, blank=True)
    step = models.CharField(
        max_length=10, blank=True, help_text="where the reason arose: intake, gate, worker, sweep, sender"
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
        db_table = "screening_xray"  # the name of version 0.1, which triggers and written SQL use
        ordering: ClassVar = ["created_at", "id"]
        indexes: ClassVar = [
            models.Index(fields=["batch", "created_at", "id"], name="films_in_order"),
            models.Index(fields=["batch", "state", "decision"], name="films_by_state"),
            models.Index(F("batch"), F("score").desc(nulls_last=True), F("id"), name="films_by_score"),
            models.Index(F("batch"), UNCERTAINTY.desc(nulls_last=True), F("id"), name="films_by_uncertainty"),
            models.Index(
                fields=["review_state", "created_at", "id"],
                condition=~Q(review_state="not_needed"),
                name="films_to_review",
            ),
            models.Index(fields=["decision", "score"], condition=Q(review_state="pending"), name="films_to_read"),
            models.Index(
                fields=["id"],
                condition=Q(review_state="pending", decision=ModelDecision.NEGATIVE.value),
                name="films_to_audit",
            ),
            models.Index(
                fields=["state", "published_at", "lease_until"],
                condition=Q(state__in=["queued", "running"]),
                name="films_in_flight",
            ),
            models.Index(fields=["-created_at"], name="films_newest"),
            models.Index(fields=["sha256"], name="films_by_content"),
            models.Index(fields=["batch"], condition=Q(kind="zip", kept_bytes__gt=0), name="archives_with_bytes"),
            models.Index(fields=["archive"], condition=Q(archive__isnull=False), name="films_of_archive"),
            models.Index(fields=["source"], condition=Q(source__isnull=False), name="films_by_source"),
            GinIndex(
                fields=["flags"],
                opclasses=["jsonb_path_ops"],
                condition=~Q(review_state="not_needed"),
                name="films_by_flag",
            ),
            models.Index(fields=["batch", "original_name", "id"], name="films_by_name"),
            models.Index(OWN_NAME, name="films_by_own_name"),
            models.Index(
                F("batch"),
                F("score").desc(nulls_last=True),
                F("id"),
                condition=~Q(review_state="not_needed"),
                name="films_flagged",
            ),
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
        """Return the address of the film's page."""
        return reverse("film", args=[self.pk])

    @property
    def all_notes(self) -> list[NoteCode]:
        """The notes on the film, those of intake first."""
        return find_notes([*self.intake_notes, *self.notes])

    def storage_name(self, part: str) -> str:
        """Return the name of one of this film's files in the storage.

        ``original`` is the de-identified file, ``as-sent`` the uploaded one (only with ``KEEP_ORIGINALS``). A film
        of a re-run shares these two with its source. ``display.jpg``, ``thumb.jpg`` and ``map.png`` are its own.
        """
        key = (self.source_id if part in UPLOADED_PARTS and self.source_id else self.pk).hex
        return f"films/{key[:2]}/{key}/{part}"


class PendingArchive(models.Model):
    """The key of an archive whose bytes are about to be stored and whose row does not exist yet.

    Archives are stored as they were sent, so bytes without a row must not stay when the process dies in between.
    """

    film_id = models.UUIDField(primary_key=True)
    created_at = models.DateTimeField(default=timezone.now)

    def __str__(self) -> str:
        return str(self.film_id)


class FilmCount(models.Model):
    """Changes of the number of films of a batch with the same state, decision, review state and score bin.

    Database triggers write a row with each change of a film: -1 for the old values, +1 for the new ones. A count is
    the sum of its rows. Rows are only added, so workers do not wait for each other; the sweep adds them up.
    """

    batch = models.ForeignKey(Batch, models.CASCADE, related_name="film_counts", db_constraint=False)
    state = models.CharField(max_length=10)
    decision = models.CharField(max_length=10)
    review_state = models.CharField(max_length=10)
    bin = models.SmallIntegerField(help_text="of the histogram of scores; -1 without a score")
    films = models.IntegerField()
    last = models.DateTimeField(null=True, help_text="the time the last of them finished")

    def __str__(self) -> str:
        return f"{self.films:+} {self.state} {self.decision}"


class Prediction(models.Model):
    """The score of one film by one model version; at most one row for each pair."""

    film = models.ForeignKey(
        Film, models.CASCADE, related_name="predictions", db_index=False
    )  # the constraint has one
    model = models.ForeignKey(ModelVersion, models.PROTECT, related_name="predictions")
    score = models.FloatField(help_text="P(COVID-19)")
    decision = models.CharField(max_length=10, choices=Film.Decision.choices)
    seconds = models.FloatField(help_text="decoding and network, this film's part of its chunk's time")
    created_at = models.DateTimeField(default=timezone.now)

    class Meta:
        ordering: ClassVar = ["-created_at"]
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["film", "model"], name="one_prediction_a_model"),
            models.CheckConstraint(condition=Q(score__gte=0, score__lte=1), name="prediction_is_a_share"),
        ]

    def __str__(self) -> str:
        return f"{self.score:.3f} {self.decision}"
