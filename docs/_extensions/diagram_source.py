"""The source of a diagram in a page: how its fence is found, what names its picture, and the digest of it."""

from __future__ import annotations

import hashlib
import re

FENCE = re.compile(r"^```mermaid\n(.*?)^```$", re.MULTILINE | re.DOTALL)
HEAD = re.compile(r"%% (?P<file>[a-z-]+\.svg): (?P<text>.+)")


def digest_of(source: str) -> str:
    """Return the digest by which a picture names the text it was rendered from."""
    return hashlib.sha256(source.strip().encode()).hexdigest()
