"""The whole system on servers of one's own whose passwords hold every character that has a meaning somewhere."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote, urlsplit

import psycopg2
import pytest
from psycopg2 import sql
from redis import Redis

from ml.phantom.film import PhantomSpec, jpeg_bytes
from screening.runtime import StartupError
from screening.runtime.application import PROJECT_DIR
from screening.runtime.instance import Instance
from screening.runtime.stack import Endpoints, running_stack, services
from tests.chaos.processes import until
from tests.chaos.system import System, running_system
from tests.screening.runtime.conftest import run_module
from xrayscreen import Upload

PASSWORDS = ("Zk3/abc+def= #%", "@:?&[]\"'$\\ü %41;,")


@dataclass(frozen=True)
class Servers:
    """PostgreSQL and Valkey of an operator, with the ports they listen on."""

    endpoints: Endpoints
    instance: Path

    def set_passwords(self, password: str) -> None:
        """Make ``password`` that of the role and of the broker."""
        admin = Instance.open(self.instance).secrets().database_admin_password
        with (
            closing(
                psycopg2.connect(host="127.0.0.1", port=self.database_port, user="postgres", password=admin)
            ) as connection,
            connection.cursor() as cursor,
        ):
            cursor.execute(sql.SQL("ALTER ROLE screening PASSWORD {}").format(sql.Literal(password)))
            connection.commit()
        with closing(self._admin()) as broker:
            broker.acl_setuser("default", enabled=True, reset_passwords=True, passwords=[f"+{password}"])

    @property
    def database_port(self) -> int:
        return urlsplit(self.endpoints.database_url).port or 0

    @property
    def broker_port(self) -> int:
        return urlsplit(self.endpoints.redis_url).port or 0

    def _admin(self) -> Redis:
        password = Instance.open(self.instance).secrets().redis_password
        return Redis(port=self.broker_port, username="warden", password=password)


@pytest.fixture(scope="module")
def own(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Servers]:
    path = tmp_path_factory.mktemp("own") / "instance"
    with pytest.MonkeyPatch.context() as patch:
        patch.delenv("DATABASE_URL", raising=False)
        patch.delenv("REDIS_URL", raising=False)
        with services(path, fast=True) as endpoints:
            password = Instance.open(path).secrets().redis_password
            with closing(Redis.from_url(endpoints.redis_url)) as broker:
                broker.acl_setuser("warden", enabled=True, passwords=[f"+{password}"], commands=["+@all"], keys=["*"])
            yield Servers(endpoints, path)


def screens_a_film(system: System, password: str) -> None:
    film = Upload("film.jpg", jpeg_bytes(PhantomSpec(height=256, width=256, seed=1)))
    batch = system.send([film])
    until(lambda: not system.waiting(), "the film is screened")
    assert system.states(batch) == {"done": 1}
    for log in (system.stack.instance / "log").iterdir():
        assert password not in log.read_text()
        assert quote(password, safe="") not in log.read_text()


@pytest.mark.parametrize("password", PASSWORDS)
def test_the_system_runs_with_parts_and_password_files(
    own: Servers, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, password: str
) -> None:
    own.set_passwords(password)
    (tmp_path / "password").write_text(f"{password}\n")
    for kind, port in (("POSTGRES", own.database_port), ("REDIS", own.broker_port)):
        monkeypatch.setenv(f"{kind}_HOST", "127.0.0.1")
        monkeypatch.setenv(f"{kind}_PORT", str(port))
        monkeypatch.setenv(f"{kind}_PASSWORD_FILE", str(tmp_path / "password"))
    with running_system(tmp_path / "instance", {"WORKER_PROCESSES": "1"}) as system:
        screens_a_film(system, password)


def test_the_system_runs_with_encoded_addresses_in_files(
    own: Servers, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    password = "".join(PASSWORDS)
    own.set_passwords(password)
    encoded = quote(password, safe="")
    (tmp_path / "database").write_text(f"postgres://screening:{encoded}@127.0.0.1:{own.database_port}/screening")
    (tmp_path / "broker").write_text(f"redis://:{encoded}@127.0.0.1:{own.broker_port}/3")
    (tmp_path / "key").write_text("a key of one's own\n")
    monkeypatch.setenv("DATABASE_URL_FILE", str(tmp_path / "database"))
    monkeypatch.setenv("REDIS_URL_FILE", str(tmp_path / "broker"))
    monkeypatch.setenv("DJANGO_SECRET_KEY_FILE", str(tmp_path / "key"))
    with running_system(tmp_path / "instance", {"WORKER_PROCESSES": "1"}) as system:
        screens_a_film(system, password)


def test_make_run_says_in_one_sentence_that_a_password_must_be_encoded(tmp_path: Path) -> None:
    address = f"postgres://screening:{PASSWORDS[0]}@127.0.0.1:5432/screening"
    done = run_module("run", "--instance", str(tmp_path / "instance"), env={**os.environ, "DATABASE_URL": address})
    assert done.returncode == 2
    assert done.stderr.count("\n") == 1
    assert "DATABASE_URL cannot be read as an address. Percent-encode" in done.stderr
    assert "POSTGRES_PASSWORD" in done.stderr
    assert "Zk3" not in done.stdout + done.stderr


@pytest.mark.parametrize(
    ("command", "status"),
    [
        (["manage.py", "migrate"], 2),
        (["-m", "gunicorn", "screening.config.wsgi", "--bind", "127.0.0.1:0", "--no-control-socket"], 3),
        (["-m", "celery", "-A", "screening.config.celery", "worker"], 2),
        (["-m", "celery", "-A", "screening.config.celery", "beat"], 2),
    ],
)
@pytest.mark.parametrize(
    ("name", "value"), [("REDIS_URL", f"redis://:{PASSWORDS[0]}@127.0.0.1/0"), ("CHUNK_FILMS", "Zk3-many")]
)
def test_each_process_names_a_wrong_setting_without_a_traceback(
    command: list[str], status: int, name: str, value: str
) -> None:
    done = subprocess.run(
        [sys.executable, *command], cwd=PROJECT_DIR, env={**os.environ, name: value},
        capture_output=True, text=True, check=False, timeout=60,
    )  # fmt: skip
    assert done.returncode == status, done.stderr
    assert any(line.startswith(name) for line in done.stderr.splitlines()), done.stderr
    assert "Traceback" not in done.stderr
    assert name == "CHUNK_FILMS" or "Zk3" not in done.stdout + done.stderr


def test_a_key_in_two_places_ends_the_start(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("S3_SECRET_KEY", "one")
    monkeypatch.setenv("S3_SECRET_KEY_FILE", str(tmp_path / "other"))
    monkeypatch.setenv("S3_BUCKET", "films")
    with pytest.raises(StartupError) as caught, running_stack(tmp_path / "instance", quiet=True, fast=True):
        pass
    assert caught.value.code == "step-failed"
    assert caught.value.log == "S3_SECRET_KEY and S3_SECRET_KEY_FILE are both set; keep one of them"
