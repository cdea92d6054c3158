"""What senders call their files, made fit to be shown."""

from __future__ import annotations

NAME_LENGTH = 255  # characters


def clean_path(path: str) -> str:
    """A sender's file name as it may be shown, with its folders.

    No way up or out, no control characters, at most 255 characters (of a longer one the end). Nothing is ever stored
    under it.
    """
    shown = "".join(character if character.isprintable() else "�" for character in path.replace("\\", "/"))
    parts = [part.strip() for part in shown.split("/")]
    return "/".join(part for part in parts if part not in {"", ".", ".."})[-NAME_LENGTH:] or "unnamed"
