"""Pseudonyms: stable names for patients, studies, series and images that do not identify them."""

from __future__ import annotations

import base64
import hashlib
import hmac
import unicodedata

PATIENT_LENGTH = 20  # characters of base32, which are 100 bits


def uid_pseudonym(key: bytes, original: str) -> str:
    """Return a UID in the place of a UID: 2.25 and a UUID made of a keyed digest (PS3.5 B.2, RFC 9562 version 8).

    The same original gives the same pseudonym in every file, so references between files stay valid.

    Args:
        key: the deployment's key.
        original: the UID of the file; may be invalid.
    """
    number = int.from_bytes(_digest(key, "uid", original)[:16], "big")
    number = number & ~(0xF << 76) | 8 << 76  # version
    number = number & ~(0x3 << 62) | 0x2 << 62  # variant
    return f"2.25.{number}"


def patient_pseudonym(key: bytes, patient_id: str, issuer: str, name: str, birth_date: str) -> str:
    """Return a patient's pseudonym: from ID and issuer, else from name and birth date, else empty.

    A name alone is not enough: different patients may share it.

    Args:
        key: the deployment's key.
        patient_id: Patient ID.
        issuer: Issuer of Patient ID.
        name: Patient's Name.
        birth_date: Patient's Birth Date.
    """
    patient_id, issuer, birth_date = (_normalised(text) for text in (patient_id, issuer, birth_date))
    name = _normalised(name.split("=", 1)[0].rstrip("^ ").replace("^", " "))  # the alphabetic group of a person name
    if patient_id:
        digest = _digest(key, "patient", patient_id, issuer)
    elif name and birth_date:
        digest = _digest(key, "person", name, birth_date)
    else:
        return ""
    return f"P-{base64.b32encode(digest).decode()[:PATIENT_LENGTH]}"


def _normalised(text: str) -> str:
    """Return a text without differences of case, spaces and Unicode forms, which systems write differently."""
    return " ".join(unicodedata.normalize("NFKC", text).casefold().replace("\0", " ").split())


def _digest(key: bytes, *parts: str) -> bytes:
    return hmac.new(key, "\x1f".join(parts).encode("utf-8", "surrogatepass"), hashlib.sha256).digest()
