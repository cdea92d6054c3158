"""Stable names for what must be told apart but not known: patients, studies, series and images."""

from __future__ import annotations

import base64
import hashlib
import hmac
import unicodedata

PATIENT_LENGTH = 20  # characters of base32, which are 100 bits


def uid(key: bytes, original: str) -> str:
    """A UID for a UID: 2.25 and a UUID made of a keyed digest (PS3.5 B.2, RFC 9562 version 8).

    The same original gives the same pseudonym, wherever it stands, so what refers to it still does.

    Args:
        key: of the deployment.
        original: as the file has it; need not be a proper UID.
    """
    number = int.from_bytes(_digest(key, "uid", original)[:16], "big")
    number = number & ~(0xF << 76) | 8 << 76  # version
    number = number & ~(0x3 << 62) | 0x2 << 62  # variant
    return f"2.25.{number}"


def patient(key: bytes, patient_id: str, issuer: str, name: str, birth_date: str) -> str:
    """A name for a patient: by ID and its issuer, else by name and birth date, else empty.

    A name alone is not enough: it would make one patient of several.
    """
    patient_id, issuer, birth_date = (_plain(text) for text in (patient_id, issuer, birth_date))
    name = _plain(name.split("=", 1)[0].rstrip("^ ").replace("^", " "))  # the alphabetic group of a person name
    if patient_id:
        digest = _digest(key, "patient", patient_id, issuer)
    elif name and birth_date:
        digest = _digest(key, "person", name, birth_date)
    else:
        return ""
    return f"P-{base64.b32encode(digest).decode()[:PATIENT_LENGTH]}"


def _plain(text: str) -> str:
    """Without what systems write differently for the same: case, spaces, forms of a character."""
    return " ".join(unicodedata.normalize("NFKC", text).casefold().replace("\0", " ").split())


def _digest(key: bytes, *parts: str) -> bytes:
    return hmac.new(key, "\x1f".join(parts).encode("utf-8", "surrogatepass"), hashlib.sha256).digest()
