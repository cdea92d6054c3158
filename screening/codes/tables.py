"""All codes of the server, for what shows them: the tables in ``docs/``, the OpenAPI schema, tests."""

from __future__ import annotations

from ml import note_codes
from screening.codes import batch_codes, film_codes, probe_codes, reading_codes, request_codes

FILM_CODES = film_codes.FILM_CODES
NOTE_CODES = note_codes.NOTE_CODES
NOTE_CHOICES = [(note.code, note.about) for note in NOTE_CODES.values()]
REQUEST_CODES = {**request_codes.CODES, **batch_codes.CODES, **reading_codes.CODES}
PROBE_CODES = probe_codes.CODES
REQUEST_CHOICES = [(entry.code, entry.about) for entry in REQUEST_CODES.values()]

if len(REQUEST_CODES) < len(request_codes.CODES) + len(batch_codes.CODES) + len(reading_codes.CODES):
    raise ValueError("two catalogues of requests have the same code")
