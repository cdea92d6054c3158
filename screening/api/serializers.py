"""Forms of the API's requests and answers."""

from __future__ import annotations

from typing import Any, ClassVar

from django.conf import settings
from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from screening.batches import progress as counted
from screening.codes.tables import NOTE_CHOICES, REQUEST_CHOICES
from screening.intake.limits import UploadLimits
from screening.intake.requests import MAX_HASHES, SHA256
from screening.intake.services import SKIPPED
from screening.models import Batch, Film, ModelVersion, Quota


class NewBatch(serializers.Serializer[Any]):
    """A new batch."""

    name = serializers.CharField(max_length=120)
    model = serializers.CharField(required=False, help_text="a model's name; the default model where absent")


class Files(serializers.Serializer[Any]):
    """One or more files of a multipart request."""

    file = serializers.ListField(child=serializers.FileField(allow_empty_file=True), allow_empty=False)
    path = serializers.ListField(
        child=serializers.CharField(allow_blank=True, trim_whitespace=False),
        required=False,
        help_text="path of each file in the uploaded folder, in the order of the files; as many as files, or none",
    )


class Hashes(serializers.Serializer[Any]):
    """Digests of files to look up."""

    sha256 = serializers.ListField(
        child=serializers.RegexField(f"^{SHA256.pattern}$"),
        max_length=MAX_HASHES,
        help_text="of each file's bytes; 64 hexadecimal digits in lower case",
    )


class Missing(serializers.Serializer[Any]):
    """The digests without a row in the batch, in the order of the request."""

    missing = serializers.ListField(child=serializers.CharField())


class NoteSerializer(serializers.Serializer[Any]):
    """A note on a film: what was put right before it was scored."""

    code = serializers.ChoiceField(choices=NOTE_CHOICES, help_text="stable, for programs")
    detail = serializers.CharField(source="sentence")


class FilmSerializer(serializers.ModelSerializer[Film]):
    """A film with its state and reason."""

    file = serializers.CharField(source="original_name", read_only=True)
    batch = serializers.UUIDField(source="batch_id", read_only=True)
    notes = serializers.SerializerMethodField()

    class Meta:
        model = Film
        fields: ClassVar = [
            "id", "batch", "file", "sha256", "bytes", "kind", "width", "height", "synthetic",
            "state", "code", "reason", "step", "attempts", "notes",
            "score", "decision", "flags", "review_state", "created_at", "finished_at",
            "archive", "patient", "study", "receipt",
        ]  # fmt: skip
        read_only_fields = fields

    @extend_schema_field(NoteSerializer(many=True))
    def get_notes(self, film: Film) -> Any:
        """Return the notes with their sentences."""
        return NoteSerializer(film.all_notes, many=True).data


class SentFileSerializer(FilmSerializer):
    """A sent file: its film, or ``skipped``."""

    id = serializers.UUIDField(read_only=True, allow_null=True, help_text="none of a skipped file")
    state = serializers.ChoiceField(choices=[*Film.State.values, SKIPPED], read_only=True)


class QuotaLeft(serializers.Serializer[Quota]):
    """A user's usage and what is left of their quota."""

    used_files = serializers.IntegerField()
    used_bytes = serializers.IntegerField()
    files_left = serializers.IntegerField()
    bytes_left = serializers.IntegerField()
    batches_allowed = serializers.IntegerField(help_text="not yet submitted at a time")


class Limits(serializers.Serializer[UploadLimits]):
    """Limits of intake."""

    max_file_bytes = serializers.IntegerField()
    max_megapixels = serializers.IntegerField()
    min_side = serializers.IntegerField(help_text="pixels")
    max_archive_bytes = serializers.IntegerField()
    max_archive_members = serializers.IntegerField()
    max_unpacked_bytes = serializers.IntegerField()
    max_files = serializers.IntegerField(help_text="in one request")
    quota = QuotaLeft()


class Progress(serializers.Serializer[counted.Progress]):
    """Counts of a batch; they add up to the number of files sent."""

    total = serializers.IntegerField()
    finished = serializers.IntegerField()
    percent = serializers.IntegerField()
    states = serializers.DictField(child=serializers.IntegerField())
    decisions = serializers.DictField(child=serializers.IntegerField())
    to_review = serializers.IntegerField()
    seconds = serializers.FloatField()
    films_per_second = serializers.FloatField()


class BatchSummary(serializers.ModelSerializer[Batch]):
    """A batch in the list."""

    model = serializers.CharField(source="model.name", read_only=True)

    class Meta:
        model = Batch
        fields: ClassVar = ["id", "name", "model", "created_at", "submitted_at", "cancelled_at"]
        read_only_fields = fields


class BatchStatus(BatchSummary):
    """A batch with its state and counts."""

    state = serializers.SerializerMethodField()
    progress = serializers.SerializerMethodField()
    notice = serializers.SerializerMethodField()

    class Meta(BatchSummary.Meta):
        fields: ClassVar = [*BatchSummary.Meta.fields, "state", "progress", "notice"]

    @extend_schema_field(serializers.ChoiceField(choices=["open", "running", "done", "cancelled"]))
    def get_state(self, batch: Batch) -> str:
        """Return the state, derived from the films."""
        return self._progress(batch).state

    @extend_schema_field(Progress)
    def get_progress(self, batch: Batch) -> Any:
        """Return the counts by state and decision."""
        return Progress(self._progress(batch)).data

    def get_notice(self, batch: Batch) -> str:
        """Return the notice that this is no diagnostic device."""
        return settings.NOTICE

    def _progress(self, batch: Batch) -> counted.Progress:
        """Return the counts, queried once for both fields."""
        if not hasattr(self, "_counted"):
            self._counted = counted.progress_of(batch)
        return self._counted


class Model(serializers.ModelSerializer[ModelVersion]):
    """A model version and its card."""

    class Meta:
        model = ModelVersion
        fields: ClassVar = ["name", "digest", "is_default", "created_at", "card"]
        read_only_fields = fields


class ErrorAnswer(serializers.Serializer[Any]):
    """An error: the form of every answer that is no success."""

    code = serializers.ChoiceField(choices=REQUEST_CHOICES, help_text="stable, for programs")
    detail = serializers.CharField(help_text="for people: what is wrong and what to do")
    fields = serializers.DictField(  # type: ignore[assignment]  # the name is part of the answer
        child=serializers.ListField(child=serializers.CharField()),
        required=False,
        help_text="with the code `invalid`: what is wrong with which field",
    )
