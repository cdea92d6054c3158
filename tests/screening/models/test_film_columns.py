"""Every column of a film's row has a group, so that no statement over whole rows forgets one."""

from __future__ import annotations

from dataclasses import replace
from typing import Any
from unittest.mock import patch

import pytest
from django.conf import LazySettings
from django.db import connection

from ml import note_codes
from ml.errors import Reason
from ml.phantom.film import PhantomSpec, dicom_bytes
from screening.batches import reruns
from screening.deidentification import CleanedFile, clean_file
from screening.intake.services import add_file
from screening.models import Batch, Film
from screening.models.film_columns import (
    CLEANING_COLUMNS,
    COLUMN_GROUPS,
    FILE_COLUMNS,
    RESULT_COLUMNS,
    STORAGE_COLUMNS,
    empty_result,
)
from screening.worker import leases, statements
from screening.worker.leases import Refusal
from tests.screening.factories import film, screened

FIELDS = {str(field.column): field for field in Film._meta.concrete_fields}


def test_every_column_is_in_one_group() -> None:
    columns = [column for group in COLUMN_GROUPS for column in group]
    assert sorted(columns) == sorted(FIELDS)


def test_result_columns_have_the_types_and_defaults_of_the_model() -> None:
    for name, column in RESULT_COLUMNS.items():
        type_in_database = FIELDS[name].db_type(connection)
        assert type_in_database is not None
        assert column.type == ("text" if type_in_database.startswith("varchar") else type_in_database), name
        if name != "state":  # has no default: whoever makes a row says where it stands
            assert column.empty == FIELDS[name].get_default(), name
    assert empty_result()["state"] == Film.State.QUEUED


@pytest.mark.django_db
def test_the_worker_writes_every_result_column(running: Batch) -> None:
    waiting = film(running)
    of_statement = {"id", "attempts", "model_id", "seconds"}
    for result in (screened(0.5, "uncertain"), Refusal(Reason("damaged_pixels", "It is damaged."))):
        assert set(leases._result_row(waiting, result)) == set(RESULT_COLUMNS) | of_statement
    for name in RESULT_COLUMNS:
        assert f"{name} = given.{name}" in statements.RECORD


@pytest.mark.django_db
def test_intake_fills_every_column_of_the_file_and_of_its_cleaning(batch: Batch, settings: LazySettings) -> None:
    settings.KEEP_ORIGINALS = True
    data = dicom_bytes(PhantomSpec(height=320, width=300, seed=1, bits=12))

    def clean_with_a_note(*arguments: Any) -> CleanedFile:
        return replace(clean_file(*arguments), notes=(note_codes.INVERTED,))

    with patch("screening.deidentification.clean_file", clean_with_a_note):
        row, _ = add_file(batch=batch, name="film.dcm", data=data)
    row.refresh_from_db()
    for name in (*FILE_COLUMNS, *CLEANING_COLUMNS, *STORAGE_COLUMNS):
        value = getattr(row, name)
        assert value, name
        assert value != FIELDS[name].get_default(), name


def test_a_rerun_copies_or_empties_every_column() -> None:
    inserted, selected = reruns.COPY.split("SELECT gen_random_uuid()")
    for name in (*FILE_COLUMNS, *CLEANING_COLUMNS):
        assert f"film.{name}" in selected, name
    for name in RESULT_COLUMNS:
        assert f"empty.{name}" in selected, name
    not_null = {name for name, field in FIELDS.items() if not field.null}
    missing = {name for name in not_null if f" {name}," not in inserted and f"{name}\n" not in inserted}
    assert missing == set()
