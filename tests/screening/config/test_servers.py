"""Passwords of every kind reach the database and the broker, whichever way they are given."""

from __future__ import annotations

from pathlib import Path
from urllib.parse import quote

import dj_database_url
import pytest
from kombu import Connection
from psycopg2.extensions import parse_dsn
from redis import Redis

from screening.config import servers
from screening.config.environment import SettingError, read_secret

PASSWORDS = ("Zk3/abc+def= #%", "@:?&[]", "\"'$\\`", "%41%2F", "ü€ , ;|{}<>^", " x ", "a" * 200)
NAMES = (
    "DATABASE_URL", "POSTGRES_HOST", "POSTGRES_PORT", "POSTGRES_USER", "POSTGRES_PASSWORD", "POSTGRES_DB",
    "REDIS_URL", "REDIS_HOST", "REDIS_PORT", "REDIS_PASSWORD", "REDIS_DB",
)  # fmt: skip


@pytest.fixture(autouse=True)
def _nothing_set(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in NAMES:
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(f"{name}_FILE", raising=False)


def read_by_all() -> tuple[set[object], set[object]]:
    """The passwords that Django, libpq, redis-py and kombu read."""
    database, broker = servers.database_url(), servers.redis_url()
    of_django, of_libpq = dj_database_url.parse(database)["PASSWORD"], parse_dsn(database)["password"]
    of_redis = Redis.from_url(broker).connection_pool.connection_kwargs["password"]
    return {of_django, of_libpq}, {of_redis, Connection(broker).info()["password"]}


@pytest.mark.parametrize("password", PASSWORDS)
def test_every_client_reads_the_password_that_was_set(monkeypatch: pytest.MonkeyPatch, password: str) -> None:
    monkeypatch.setenv("POSTGRES_HOST", "db.example.org")
    monkeypatch.setenv("POSTGRES_PASSWORD", password)
    monkeypatch.setenv("REDIS_HOST", "::1")
    monkeypatch.setenv("REDIS_PASSWORD", password)
    assert read_by_all() == ({password}, {password})


@pytest.mark.parametrize("password", PASSWORDS)
def test_an_encoded_address_is_read_alike(monkeypatch: pytest.MonkeyPatch, password: str) -> None:
    monkeypatch.setenv("DATABASE_URL", f"postgres://screening:{quote(password, safe='')}@db:5432/films")
    monkeypatch.setenv("REDIS_URL", f"redis://:{quote(password, safe='')}@broker:6379/2")
    assert read_by_all() == ({password}, {password})
    assert dj_database_url.parse(servers.database_url())["NAME"] == "films"
    assert servers.redis_url().endswith("@broker:6379/2")


def test_parts_have_defaults_and_may_be_set(monkeypatch: pytest.MonkeyPatch) -> None:
    assert servers.database_url() == servers.redis_url() == ""
    monkeypatch.setenv("POSTGRES_HOST", "db")
    monkeypatch.setenv("REDIS_HOST", "broker")
    assert servers.database_url() == "postgres://screening@db:5432/screening"
    assert servers.redis_url() == "redis://broker:6379/0"
    for name, value in {"PORT": "6000", "USER": "a b", "PASSWORD": "c/d", "DB": "e f"}.items():
        monkeypatch.setenv(f"POSTGRES_{name}", value)
    assert servers.database_url() == "postgres://a%20b:c%2Fd@db:6000/e%20f"
    monkeypatch.setenv("POSTGRES_HOST", "/run/postgresql")
    assert dj_database_url.parse(servers.database_url())["HOST"] == "/run/postgresql"
    monkeypatch.setenv("DATABASE_URL", "postgresql://other@elsewhere/db?sslmode=require")
    assert servers.database_url() == "postgresql://other@elsewhere/db?sslmode=require"  # the address goes first


LITERAL = (
    "Zk3/abc+def= #%", "12/34", "12?34", "a#b", "a b", "100%", "%zz", "a@b", "a[b", "a]b", "5432/x@y?z",
)  # fmt: skip


@pytest.mark.parametrize("password", LITERAL)
@pytest.mark.parametrize("name", ["DATABASE_URL", "REDIS_URL"])
def test_a_password_that_is_not_encoded_is_refused_and_not_shown(
    monkeypatch: pytest.MonkeyPatch, name: str, password: str
) -> None:
    scheme = "postgres" if name == "DATABASE_URL" else "redis"
    monkeypatch.setenv(name, f"{scheme}://screening:{password}@db.example.org:5432/0")
    with pytest.raises(SettingError, match=f"^{name} .*[Pp]ercent-encode .*_PASSWORD") as caught:
        servers.database_url(), servers.redis_url()
    for piece in (password, "Zk3", "db.example.org"):
        assert piece not in f"{caught.value}".replace("%25", "")
    assert caught.value.__cause__ is None


def test_another_kind_of_server_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DATABASE_URL", "mysql://db/films")
    with pytest.raises(SettingError, match="must begin with postgres://"):
        servers.database_url()


def test_a_secret_may_lie_in_a_file(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    file = tmp_path / "password"
    file.write_text("Zk3/abc+def= #%\n\n")
    monkeypatch.setenv("POSTGRES_PASSWORD_FILE", str(file))
    assert read_secret("POSTGRES_PASSWORD") == "Zk3/abc+def= #%\n"  # one newline is the editor's, the other is meant
    file.write_text("Zk3/abc+def= #%\r\n")
    monkeypatch.setenv("POSTGRES_HOST", "db")
    assert dj_database_url.parse(servers.database_url())["PASSWORD"] == "Zk3/abc+def= #%"
    monkeypatch.setenv("REDIS_URL_FILE", str(file))
    with pytest.raises(SettingError, match=r"^REDIS_URL cannot be read as an address"):
        servers.redis_url()


def test_a_secret_in_two_places_or_in_no_file_is_refused(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("DJANGO_SECRET_KEY", "one")
    monkeypatch.setenv("DJANGO_SECRET_KEY_FILE", str(tmp_path / "key"))
    with pytest.raises(SettingError, match="DJANGO_SECRET_KEY and DJANGO_SECRET_KEY_FILE are both set"):
        read_secret("DJANGO_SECRET_KEY")
    monkeypatch.delenv("DJANGO_SECRET_KEY")
    with pytest.raises(SettingError, match=r"^DJANGO_SECRET_KEY_FILE='.*/key' cannot be read: No such file"):
        read_secret("DJANGO_SECRET_KEY")
    (tmp_path / "key").write_text("\n")
    with pytest.raises(SettingError, match="names an empty file"):
        read_secret("DJANGO_SECRET_KEY")
    (tmp_path / "key").write_bytes(b"\xff\xfe")
    with pytest.raises(SettingError, match="no UTF-8 text"):
        read_secret("DJANGO_SECRET_KEY")
