"""The whole stack with real servers, gunicorn and Celery, around an application of a few lines."""

from __future__ import annotations

import signal
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from screening.config.limits import DEFAULT_CHUNK_SECONDS, time_limits
from screening.runtime import StartupError, application
from screening.runtime.instance import Instance
from screening.runtime.stack import remove_instance, running_stack
from tests.screening.runtime.conftest import Family, first_line, start_driver

MANAGE = """
import os, sys
print("did", *sys.argv[1:])
with open(os.path.join(os.environ["SCREENING_DATA_DIR"], "steps"), "a") as steps:
    steps.write(sys.argv[1] + "\\n")
sys.exit(os.environ.get("FAILING_STEP") == sys.argv[1])
"""
WSGI = """
def application(environ, start_response):
    start_response("200 OK" if environ["PATH_INFO"] == "/readyz" else "404 Not Found", [])
    return [b"{}"]
"""
GUNICORN = """
wsgi_app = "screening.config.wsgi"
workers, threads = 2, 4
control_socket_disable = True
"""
CELERY = """
import os, pathlib
from celery import Celery
from celery.signals import beat_init, worker_ready
app = Celery("screening", broker=os.environ["REDIS_URL"])
@worker_ready.connect
@beat_init.connect
def announce(**_):
    pathlib.Path(os.environ["SCREENING_READY_FILE"]).touch()
"""
DRIVER = """
import sys
from pathlib import Path
from screening.runtime import application
from screening.runtime.stack import running_stack
application.PROJECT_DIR = Path(sys.argv[1])
try:
    with running_stack(Path(sys.argv[2]), workers=1, quiet=True, fast=True) as stack:
        print(stack.base_url, flush=True)
        stack.wait()
except KeyboardInterrupt:  # the signal came between the line above and the wait
    sys.exit(0)
"""


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("project")
    config = root / "screening" / "config"
    config.mkdir(parents=True)
    for package in (config.parent, config):
        (package / "__init__.py").touch()
    (root / "manage.py").write_text(MANAGE)
    (config / "settings.py").write_text("SECRET_KEY = 'none'\nUSE_TZ = True\n")
    (config / "wsgi.py").write_text(WSGI)
    (config / "celery.py").write_text(CELERY)
    web = root / "screening" / "web"
    web.mkdir()
    (web / "__init__.py").touch()
    (web / "gunicorn_config.py").write_text(GUNICORN)
    return root


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    path = tmp_path_factory.mktemp("stack") / "instance"
    yield path
    remove_instance(path)


def test_the_stack_serves_and_leaves_nothing(
    project: Path, place: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], family: Family
) -> None:
    monkeypatch.setattr(application, "PROJECT_DIR", project)
    with running_stack(place, workers=1, extra_env={"MARK": "set"}, quiet=True, fast=True) as stack:
        with urllib.request.urlopen(stack.base_url + "/readyz") as answer:  # noqa: S310
            assert answer.status == 200
        environments = [p.environ() for p in family() if "celery" in " ".join(p.cmdline())]
        assert environments
        assert all(found["MARK"] == "set" for found in environments)
        assert all(found["DATABASE_URL"] == stack.endpoints.database_url for found in environments)
        assert any(found.get("OMP_NUM_THREADS") == "1" for found in environments)
        assert stack.run_management_command("first_login") == "did first_login\n"
        assert (place / "steps").read_text().split() == ["migrate", "ensure_models", "first_login"]
        assert Instance.open(place).ready_file("beat").exists()
    assert family() == []
    assert capsys.readouterr() == ("", "")


def test_a_worker_gets_the_time_that_its_chunks_may_take(
    project: Path, place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(application, "PROJECT_DIR", project)
    with running_stack(place, workers=1, extra_env={"CHUNK_SECONDS": "100"}, quiet=True, fast=True) as stack:
        (worker,) = [one.spec for one in stack.supervisor._entries if one.spec.name == "worker"]
    assert worker.grace == time_limits(100).stop > time_limits(100).hard
    assert application.stop_grace({}) == time_limits(DEFAULT_CHUNK_SECONDS).stop
    assert application.stop_grace({"CHUNK_SECONDS": ""}) == time_limits(DEFAULT_CHUNK_SECONDS).stop


@pytest.mark.parametrize("value", ["0", "soon"])
def test_a_wrong_chunk_time_is_one_sentence(value: str) -> None:
    with pytest.raises(StartupError, match=f"CHUNK_SECONDS='{value}'") as caught:
        application.stop_grace({"CHUNK_SECONDS": value})
    assert caught.value.code == "setting-invalid"


def test_a_failing_step_stops_everything(
    project: Path, place: Path, monkeypatch: pytest.MonkeyPatch, family: Family
) -> None:
    monkeypatch.setattr(application, "PROJECT_DIR", project)
    failing = running_stack(place, extra_env={"FAILING_STEP": "migrate"}, quiet=True, fast=True)
    with pytest.raises(StartupError) as caught:
        failing.__enter__()
    assert (caught.value.code, caught.value.log) == ("step-failed", "did migrate --noinput")
    assert family() == []


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGKILL])
def test_ending_the_supervisor_ends_the_stack(project: Path, place: Path, number: signal.Signals) -> None:
    driver = start_driver(DRIVER, str(project), str(place))
    assert first_line(driver).startswith("http://127.0.0.1:")
    found = psutil.Process(driver.pid).children(recursive=True)
    assert len(found) > 8  # the servers and their helpers, web with two workers, worker with one, beat
    driver.send_signal(number)
    expected = 0 if number == signal.SIGINT else -signal.SIGKILL
    assert driver.wait(30) == expected
    deadline = time.monotonic() + (15 if number == signal.SIGKILL else 0)
    while (left := [p for p in found if p.is_running() and p.status() != "zombie"]) and (time.monotonic() < deadline):
        time.sleep(0.05)
    assert left == []
