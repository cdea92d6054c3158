"""Settings for the storage of films and the delivery of pictures; see docs/storage.md.

The S3 libraries are not loaded here: Django imports the storage's class at its first use.
"""

from __future__ import annotations

import os
from typing import Any
from urllib.parse import urlsplit

from csp.constants import SELF

from screening.config.environment import SettingError, read_flag, read_secret

LOCAL = "screening.storage.local.DurableFileSystemStorage"
S3 = "screening.storage.s3.S3FilmStorage"
STATIC = {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"}


def storage_settings() -> dict[str, dict[str, Any]]:
    """Return Django's ``STORAGES``: the local disk, or the bucket of ``S3_BUCKET``.

    Raises:
        SettingError: only one of ``S3_ACCESS_KEY`` and ``S3_SECRET_KEY`` is set.
    """
    return {"default": _bucket_storage() if _text("S3_BUCKET") else _disk_storage(), "staticfiles": STATIC}


def read_accel_prefix() -> str:
    """Return the proxy's internal location for pictures; empty if this process sends them itself.

    Raises:
        SettingError: it does not begin and end with a slash, or films are in a bucket.
    """
    prefix = _text("SERVE_ACCEL_PREFIX")
    if prefix and not (prefix.startswith("/") and prefix.endswith("/") and len(prefix) > 2):
        raise SettingError(f"SERVE_ACCEL_PREFIX={prefix!r} must begin and end with a slash, as /protected/ does")
    if prefix and _text("S3_BUCKET"):
        raise SettingError("SERVE_ACCEL_PREFIX is for films on the local disk; with S3_BUCKET use SERVE_PRESIGNED=1")
    return prefix


def read_presigned() -> bool:
    """Return whether browsers fetch pictures from the bucket, by addresses that are valid for a minute.

    Raises:
        SettingError: there is no bucket.
    """
    wanted = read_flag("SERVE_PRESIGNED")
    if wanted and not _text("S3_BUCKET"):
        raise SettingError("SERVE_PRESIGNED=1 needs films in a bucket; set S3_BUCKET")
    return wanted


def picture_origins() -> list[str]:
    """Return the origins for pictures (``img-src``): this site, and the bucket if it sends pictures itself.

    Raises:
        SettingError: the bucket's address is not known.
    """
    if not read_presigned():
        return [SELF, "data:"]
    address = urlsplit(_text("S3_PUBLIC_URL") or _text("S3_ENDPOINT_URL"))
    if address.scheme not in ("http", "https") or not address.netloc:
        raise SettingError("SERVE_PRESIGNED=1 needs the address browsers reach the bucket at; set S3_PUBLIC_URL")
    return [SELF, "data:", f"{address.scheme}://{address.netloc}"]


def _text(name: str) -> str:
    return os.environ.get(name, "").strip()


def _disk_storage() -> dict[str, Any]:
    # A second attempt overwrites the pictures of the first; each film has its own names.
    options: dict[str, Any] = {"allow_overwrite": True}
    if read_accel_prefix():  # the proxy's group may read pictures and nothing else
        options |= {"directory_permissions_mode": 0o710, "picture_permissions_mode": 0o640}
    return {"BACKEND": LOCAL, "OPTIONS": options}


def _bucket_storage() -> dict[str, Any]:
    access_key, secret_key = read_secret("S3_ACCESS_KEY").strip(), read_secret("S3_SECRET_KEY").strip()
    if bool(access_key) != bool(secret_key):
        raise SettingError("S3_ACCESS_KEY and S3_SECRET_KEY go together; without both, boto3 looks for credentials")
    options = {
        "bucket_name": _text("S3_BUCKET"),
        "location": _text("S3_PREFIX").strip("/"),
        "endpoint_url": _text("S3_ENDPOINT_URL") or None,
        "public_url": _text("S3_PUBLIC_URL") or None,
        "region_name": _text("S3_REGION") or None,
        # A bucket's name in the path works with every server; a name in the host needs DNS.
        "addressing_style": "path" if _text("S3_ENDPOINT_URL") else None,
    }
    if access_key:
        options |= {"access_key": access_key, "secret_key": secret_key}
    return {"BACKEND": S3, "OPTIONS": options}
