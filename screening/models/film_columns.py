"""The columns of a film's row in groups, by the step that writes them; SQL over whole rows is built from these.

Every column of :class:`screening.models.Film` belongs to exactly one group; a test compares the two. So a new column
must be given a group, and with it a value in a re-run's copy and in the worker's statement.
"""

from __future__ import annotations

from typing import Any, NamedTuple


class ResultColumn(NamedTuple):
    """A column that the worker writes with a film's result.

    Attributes:
        type: its type in SQL, as a JSON document is read into it.
        empty: its value before there is a result.
    """

    type: str
    empty: Any


# The row itself: set once, when it is inserted.
KEY_COLUMNS = ("id", "batch_id", "archive_id", "source_id", "created_at")
# Facts about the file as it was sent, found at intake; a re-run copies them.
FILE_COLUMNS = ("original_name", "sha256", "bytes", "kind", "width", "height", "synthetic")
# What de-identification returns besides the file; a re-run copies them.
CLEANING_COLUMNS = ("patient", "study", "receipt", "intake_notes")
# What the storage holds under the film's own key; a re-run's films hold nothing, they share their source's bytes.
STORAGE_COLUMNS = ("kept_bytes", "stored", "as_sent")
# The claim on a film in the queue.
QUEUE_COLUMNS = ("attempts", "lease_until", "published_at", "finished_at")
# The result, written by the worker in one statement.
RESULT_COLUMNS = {
    "state": ResultColumn("text", "queued"),
    "code": ResultColumn("text", ""),
    "reason": ResultColumn("text", ""),
    "step": ResultColumn("text", ""),
    "score": ResultColumn("double precision", None),
    "decision": ResultColumn("text", ""),
    "flags": ResultColumn("jsonb", []),
    "notes": ResultColumn("jsonb", []),
    "review_state": ResultColumn("text", "not_needed"),
    "pictured": ResultColumn("boolean", False),
    "mapped": ResultColumn("boolean", False),
}
COLUMN_GROUPS = (
    KEY_COLUMNS, FILE_COLUMNS, CLEANING_COLUMNS, STORAGE_COLUMNS, QUEUE_COLUMNS, tuple(RESULT_COLUMNS),
)  # fmt: skip

RESULT_TYPES = ", ".join(f"{name} {column.type}" for name, column in RESULT_COLUMNS.items())  # of a JSON record
RESULT_UPDATE = ", ".join(f"{name} = given.{name}" for name in RESULT_COLUMNS)


def empty_result() -> dict[str, Any]:
    """Return the result columns of a film that has no result yet."""
    return {name: column.empty for name, column in RESULT_COLUMNS.items()}
