"""No log of the application has the values of a row that PostgreSQL refused."""

from __future__ import annotations

import io
import logging

import pytest
from django.db import DatabaseError, connection, transaction

from screening.config.log_records import ReticentLogRecord, remove_quoted
from screening.models import Batch, Film

MARK = "Mustermann-Erika-1964.png"


@pytest.fixture
def written() -> io.StringIO:
    return io.StringIO()


@pytest.fixture
def log(written: io.StringIO) -> logging.Logger:
    """A logger of a library, with a handler of its own."""
    logger = logging.Logger("library")  # no other test has to see it
    logger.addHandler(logging.StreamHandler(written))
    return logger


def failures(batch: Batch) -> list[DatabaseError]:
    """Errors of statements with the marked name, as the application would raise them."""
    sound = {"batch": batch, "original_name": MARK, "bytes": 1, "state": "queued"}
    Film.objects.create(**sound, sha256="0" * 64)
    found = []
    for change in ({"sha256": "0" * 64}, {"sha256": "1" * 64, "state": "failed"}, {"sha256": "2" * 65}):
        film = Film(**{**sound, **change})
        with pytest.raises(DatabaseError) as failed, transaction.atomic():
            film.save(force_insert=True)
        found.append(failed.value)
    with pytest.raises(DatabaseError) as failed, transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("SELECT nothing FROM screening_xray WHERE original_name = %s", [MARK])
    return [*found, failed.value]


def test_errors_of_the_database_are_logged_without_their_values(
    batch: Batch, log: logging.Logger, written: io.StringIO
) -> None:
    errors = failures(batch)
    assert any(MARK in str(error) for error in errors)
    for error in errors:
        log.warning("it failed: %s", error)
        log.warning("it failed: %r", error)  # as Celery writes it
        log.error("it failed", exc_info=error)
        try:
            raise RuntimeError("a request failed") from error
        except RuntimeError:
            log.exception("it failed: %r", "somewhere")
    text = written.getvalue()
    assert MARK not in text
    assert text.count("violates check constraint") >= 4
    assert "Traceback" in text
    assert "RuntimeError: a request failed" in text


def test_other_texts_are_left_as_they_are() -> None:
    for text in ("", "a sentence: with DETAIL: inside", "two\nlines: of text", "no values"):
        assert remove_quoted(text) == text
    assert remove_quoted("ERROR: x\nDETAIL:  Key (name)=(a).\nnext") == "ERROR: x\nnext"
    assert remove_quoted("x\nLINE 1: SELECT 'a'\n             ^\nHINT: y") == "x\nHINT: y"
    assert logging.getLogRecordFactory() is ReticentLogRecord
