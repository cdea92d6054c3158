"""File names of senders, cleaned for display."""

from __future__ import annotations

import unicodedata

MAX_NAME_CHARACTERS = 255  # characters


def clean_path(path: str) -> str:
    """Return a sender's file name, with its folders, as it may be displayed.

    Without parent folders, roots and control characters; of a long name the last 255 characters. Accents that macOS
    writes apart from their letter are joined with it (Unicode NFC). Nothing is ever stored under it.
    """
    composed = unicodedata.normalize("NFC", path.replace("\\", "/"))
    shown = "".join(character if character.isprintable() else "�" for character in composed)
    parts = [part.strip() for part in shown.split("/")]
    return "/".join(part for part in parts if part not in {"", ".", ".."})[-MAX_NAME_CHARACTERS:] or "unnamed"
