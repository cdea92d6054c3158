"""Quotas of users and API tokens of their programs."""

from __future__ import annotations

import hashlib
import secrets
from typing import ClassVar

from django.conf import settings
from django.db import models
from django.db.models import F
from django.utils import timezone


class Quota(models.Model):
    """A user's usage, and their own limits where they differ from the settings."""

    user = models.OneToOneField(settings.AUTH_USER_MODEL, models.CASCADE, related_name="quota", primary_key=True)
    used_bytes = models.PositiveBigIntegerField(default=0, help_text="in the storage")
    used_files = models.PositiveBigIntegerField(default=0, help_text="rows, including rejected files")
    most_bytes = models.PositiveBigIntegerField(null=True, blank=True)
    most_files = models.PositiveBigIntegerField(null=True, blank=True)
    most_open_batches = models.PositiveIntegerField(null=True, blank=True)

    def __str__(self) -> str:
        return f"{self.used_files} files, {self.used_bytes} bytes"

    @property
    def bytes_allowed(self) -> int:
        """The maximum of bytes in the storage."""
        return settings.QUOTA_BYTES if self.most_bytes is None else self.most_bytes

    @property
    def files_allowed(self) -> int:
        """The maximum of files, including rejected ones."""
        return settings.QUOTA_FILES if self.most_files is None else self.most_files

    @property
    def bytes_left(self) -> int:
        """Bytes that may still be sent."""
        return max(0, self.bytes_allowed - self.used_bytes)

    @property
    def files_left(self) -> int:
        """Files that may still be sent."""
        return max(0, self.files_allowed - self.used_files)

    @property
    def batches_allowed(self) -> int:
        """The maximum of open batches (not yet submitted)."""
        return settings.QUOTA_OPEN_BATCHES if self.most_open_batches is None else self.most_open_batches


class ApiToken(models.Model):
    """An API token. Only the digest of its key is stored; the key is shown once."""

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
        """Return a new key of 256 random bits."""
        return cls.PREFIX + secrets.token_urlsafe(32)

    @staticmethod
    def digest_of(key: str) -> str:
        """Return the SHA-256 of a key in hex. No salt is needed: a key has 256 random bits."""
        return hashlib.sha256(key.encode()).hexdigest()
