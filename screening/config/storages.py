"""Where films are kept and by what way their pictures go out, from the environment; see docs/storage.md.

Nothing here loads the S3 libraries: Django imports a storage's class when it is first asked for.
"""

from __future__ import annotations

import os
from typing import Any
from urllib.parse import urlsplit

from csp.constants import SELF

from screening.config.environment import SettingError, flag, secret

LOCAL = "screening.storage.local.DurableFileSystemStorage"
S3 = "screening.storage.s3.S3FilmStorage"
STATIC = {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"}


def storages() -> dict[str, dict[str, Any]]:
    """Django's ``STORAGES``: local disk, or the bucket that ``S3_BUCKET`` names.

    Raises:
        SettingError: when only one of ``S3_ACCESS_KEY`` and ``S3_SECRET_KEY`` is given.
    """
    return {"default": _bucket() if _text("S3_BUCKET") else _disk(), "staticfiles": STATIC}


def accel_prefix() -> str:
    """The proxy's internal location that answers for pictures; empty when this process sends them itself.

    Raises:
        SettingError: when it is no path from slash to slash, or films are in a bucket.
    """
    prefix = _text("SERVE_ACCEL_PREFIX")
    if prefix and not (prefix.startswith("/") and prefix.endswith("/") and len(prefix) > 2):
        raise SettingError(f"SERVE_ACCEL_PREFIX={prefix!r} must begin and end with a slash, as /protected/ does")
    if prefix and _text("S3_BUCKET"):
        raise SettingError("SERVE_ACCEL_PREFIX is for films on the local disk; with S3_BUCKET use SERVE_PRESIGNED=1")
    return prefix


def presigned() -> bool:
    """Whether pictures are fetched from the bucket itself, by addresses that are valid for a minute.

    Raises:
        SettingError: when there is no bucket.
    """
    wanted = flag("SERVE_PRESIGNED")
    if wanted and not _text("S3_BUCKET"):
        raise SettingError("SERVE_PRESIGNED=1 needs films in a bucket; set S3_BUCKET")
    return wanted


def picture_sources() -> list[str]:
    """Where a page may load pictures from (``img-src``): here, and the bucket where it sends them itself.

    Raises:
        SettingError: when the bucket's address is not known.
    """
    if not presigned():
        return [SELF, "data:"]
    address = urlsplit(_text("S3_PUBLIC_URL") or _text("S3_ENDPOINT_URL"))
    if address.scheme not in ("http", "https") or not address.netloc:
        raise SettingError("SERVE_PRESIGNED=1 needs the address browsers reach the bucket at; set S3_PUBLIC_URL")
    return [SELF, "data:", f"{address.scheme}://{address.netloc}"]


def _text(name: str) -> str:
    return os.environ.get(name, "").strip()


def _disk() -> dict[str, Any]:
    # A second attempt's pictures replace the first one's; no two films share a name.
    options: dict[str, Any] = {"allow_overwrite": True}
    if accel_prefix():  # the proxy reads the pictures as one of the group, and nothing else
        options |= {"directory_permissions_mode": 0o710, "picture_permissions_mode": 0o640}
    return {"BACKEND": LOCAL, "OPTIONS": options}


def _bucket() -> dict[str, Any]:
    access_key, secret_key = secret("S3_ACCESS_KEY").strip(), secret("S3_SECRET_KEY").strip()
    if bool(access_key) != bool(secret_key):
        raise SettingError("S3_ACCESS_KEY and S3_SECRET_KEY go together; without both, boto3 looks for credentials")
    options = {
        "bucket_name": _text("S3_BUCKET"),
        "location": _text("S3_PREFIX").strip("/"),
        "endpoint_url": _text("S3_ENDPOINT_URL") or None,
        "public_url": _text("S3_PUBLIC_URL") or None,
        "region_name": _text("S3_REGION") or None,
        # Names in the path work with every server; names in the host need its DNS.
        "addressing_style": "path" if _text("S3_ENDPOINT_URL") else None,
    }
    if access_key:
        options |= {"access_key": access_key, "secret_key": secret_key}
    return {"BACKEND": S3, "OPTIONS": options}
