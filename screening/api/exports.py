"""Exports of a batch's results as CSV or JSON, streamed; each carries the notice that this is no diagnosis."""

from __future__ import annotations

import csv
import json
from collections.abc import Iterator

from django.conf import settings
from django.db.models import QuerySet
from django.http import StreamingHttpResponse

from screening.models import Batch, Film

COLUMNS = (
    "file", "state", "score", "decision", "code", "reason", "note_codes", "notes", "flags",
    "review_state", "synthetic",
    "sha256", "patient", "study", "model", "model_digest", "finished_at", "film", "notice",
)  # fmt: skip
ROWS_AT_ONCE = 1000
# A spreadsheet takes text that starts with one of these for a formula (OWASP, "CSV Injection").
FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r")


def stream_csv(batch: Batch, films: QuerySet[Film]) -> StreamingHttpResponse:
    """Return the films of a batch as a CSV file, one row each."""
    writer = csv.DictWriter(_Echo(), COLUMNS)

    def lines() -> Iterator[str]:
        yield writer.writeheader()
        for row in _rows(batch, films):
            yield writer.writerow({name: _safe(value) for name, value in row.items()})

    return _download(lines(), "text/csv; charset=utf-8", f"{batch.pk}.csv")


def stream_json(batch: Batch, films: QuerySet[Film]) -> StreamingHttpResponse:
    """Return the films of a batch as one JSON object with a list."""

    def parts() -> Iterator[str]:
        head = {"batch": str(batch.pk), "name": batch.name, "notice": settings.NOTICE}
        yield json.dumps(head)[:-1] + ', "films": ['
        for index, row in enumerate(_rows(batch, films)):
            yield (",\n" if index else "\n") + json.dumps(row)
        yield "\n]}\n"

    return _download(parts(), "application/json", f"{batch.pk}.json")


class _Echo:
    """A file whose ``write`` returns its argument, so that CSV rows can be streamed."""

    def write(self, line: str) -> str:
        return line


def _rows(batch: Batch, films: QuerySet[Film]) -> Iterator[dict[str, object]]:
    for film in films.iterator(chunk_size=ROWS_AT_ONCE):
        yield _row(film, batch)


def _row(film: Film, batch: Batch) -> dict[str, object]:
    return {
        "file": film.original_name,
        "state": film.state,
        "score": film.score,
        "decision": film.decision,
        "code": film.code,
        "reason": film.reason,
        "note_codes": " ".join(note.code for note in film.all_notes),
        "notes": " ".join(note.sentence for note in film.all_notes),
        "flags": " ".join(film.flags),
        "review_state": film.review_state,
        "synthetic": film.synthetic,
        "sha256": film.sha256,
        "patient": film.patient,
        "study": film.study,
        "model": batch.model.name,
        "model_digest": batch.model.digest,
        "finished_at": film.finished_at.isoformat() if film.finished_at else None,
        "film": str(film.pk),
        "notice": settings.NOTICE,
    }


def _safe(value: object) -> object:
    return f"'{value}" if isinstance(value, str) and value.startswith(FORMULA_STARTS) else value


def _download(content: Iterator[str], content_type: str, name: str) -> StreamingHttpResponse:
    return StreamingHttpResponse(
        content,
        content_type=content_type,
        headers={"Content-Disposition": f'attachment; filename="{name}"'},
    )
