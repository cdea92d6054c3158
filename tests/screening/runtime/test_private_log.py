"""The log of the embedded PostgreSQL has no name of a file, whatever goes wrong with a statement that has one."""

from __future__ import annotations

import threading
import time
from contextlib import closing
from pathlib import Path

import psycopg2
import pytest
import yaml

from screening.runtime.postgres import PRIVATE_LOG
from screening.runtime.stack import Endpoints, services

MARK = "Mustermann-Erika-1964"
ROOT = Path(__file__).resolve().parents[3]
TABLE = """
CREATE TABLE films (
    batch int, name text, state varchar(10), key uuid, CHECK (state <> 'bad'), UNIQUE (batch, name)
)
"""


def run(endpoints: Endpoints, statement: str, *values: object, settings: str = "") -> str:
    """Run a statement in a session of its own and return its error, if there is one."""
    with closing(psycopg2.connect(endpoints.database_url)) as connection, connection.cursor() as cursor:
        connection.autocommit = True
        if settings:
            cursor.execute(settings)
        try:
            cursor.execute(statement, values)
        except psycopg2.Error as error:
            return str(error)
    return ""


def hold_row(endpoints: Endpoints, locked: threading.Event) -> None:
    """Lock the row of the marked name until another session has waited for it."""
    with closing(psycopg2.connect(endpoints.database_url)) as connection, connection.cursor() as cursor:
        cursor.execute("UPDATE films SET batch = 2 WHERE name = %s", [MARK])
        locked.set()
        time.sleep(1.5)
        connection.rollback()


def test_errors_and_slow_statements_leave_no_name_in_the_log(instance: Path) -> None:
    with services(instance) as endpoints:
        run(endpoints, TABLE)
        insert = "INSERT INTO films VALUES (1, %s, %s, %s)"
        assert run(endpoints, insert, MARK, "good", None) == ""
        seen = [
            run(endpoints, insert, MARK, "good", None),  # the key of a constraint, in DETAIL
            run(endpoints, insert, f"{MARK} 2", "bad", None),  # the whole row, in DETAIL
            run(endpoints, insert, f"{MARK} 3", "state-that-is-too-long", None),
            run(endpoints, "SELECT nothing FROM films WHERE name = %s", MARK),
            run(endpoints, "SELECT 1 / 0, %s", MARK),
            run(endpoints, "SELECT %s, pg_sleep(2)", MARK, settings="SET statement_timeout = '200ms'"),
        ]
        assert all(seen)
        assert MARK in seen[0]
        assert MARK in seen[1]
        assert run(endpoints, "SELECT %s, pg_sleep(1.2)", MARK) == ""
        locked = threading.Event()
        holder = threading.Thread(target=hold_row, args=(endpoints, locked))
        holder.start()
        locked.wait(10)
        assert run(endpoints, "UPDATE films SET batch = 3 WHERE name = %s", MARK) == ""
        holder.join()
    text = "\n".join(path.read_text(errors="replace") for path in instance.rglob("*.log*") if path.is_file())
    assert "violates unique constraint" in text, "this is the log of PostgreSQL"
    assert "division by zero" in text
    assert MARK not in text
    assert "Mustermann" not in text


@pytest.mark.parametrize("setting", PRIVATE_LOG)
def test_the_embedded_server_and_that_of_the_compose_file_are_set_the_same(instance: Path, setting: str) -> None:
    command = yaml.safe_load((ROOT / "docker-compose.yml").read_text())["services"]["postgres"]["command"]
    assert f"{setting}={PRIVATE_LOG[setting]}" in command
    assert command[command.index(f"{setting}={PRIVATE_LOG[setting]}") - 1] == "-c"
