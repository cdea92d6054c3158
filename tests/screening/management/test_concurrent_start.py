"""Several machines start at once against one empty database."""

from __future__ import annotations

import os
import subprocess
import sys
import uuid
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

import psycopg2
import pytest
from psycopg2 import sql

ROOT = Path(__file__).resolve().parents[3]
STARTS = 3


def run_sql(url: str, statement: sql.Composable) -> list[tuple[object, ...]]:
    with closing(psycopg2.connect(url)) as connection, connection.cursor() as cursor:
        connection.autocommit = True  # a database is made and dropped outside transactions
        cursor.execute(statement)
        return list(cursor.fetchall()) if cursor.description else []


@pytest.fixture
def empty_database() -> Iterator[str]:
    """The address of a database of its own."""
    server, name = os.environ["DATABASE_URL"], f"empty_{uuid.uuid4().hex[:8]}"
    run_sql(server, sql.SQL("CREATE DATABASE {}").format(sql.Identifier(name)))
    try:
        yield urlunsplit(urlsplit(server)._replace(path=f"/{name}"))
    finally:
        run_sql(server, sql.SQL("DROP DATABASE {} WITH (FORCE)").format(sql.Identifier(name)))


def all_at_once(database: str, *command: str) -> list[tuple[int | None, str]]:
    """Exit status and output of as many processes started together."""
    environment = {**os.environ, "DATABASE_URL": database}
    processes = [
        subprocess.Popen(
            [sys.executable, "manage.py", *command],
            cwd=ROOT, env=environment, text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
        )
        for _ in range(STARTS)
    ]  # fmt: skip
    outputs = [process.communicate()[0] for process in processes]
    return [(process.returncode, output) for process, output in zip(processes, outputs, strict=True)]


def test_machines_that_start_together_all_come_up(empty_database: str) -> None:
    for command in (["migrate", "--noinput"], ["ensure_models"], ["first_login"]):
        ended = all_at_once(empty_database, *command)
        assert [status for status, _ in ended] == [0] * STARTS, "\n".join(output for _, output in ended)
    assert sum("First login:" in output for _, output in ended) == 1  # the first login is made once
    defaults = run_sql(empty_database, sql.SQL("SELECT count(*) FROM screening_modelversion WHERE is_default"))
    assert defaults == [(1,)]
