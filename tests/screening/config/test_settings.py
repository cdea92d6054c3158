from __future__ import annotations

import json
from pathlib import Path

import pytest

from screening.config import environment
from screening.config.limits import time_limits


@pytest.mark.parametrize("seconds", [1, 4, 60, 3600])
def test_limits_keep_their_order(seconds: int) -> None:
    found = time_limits(seconds)
    assert seconds == found.soft < found.hard < found.lease < found.visibility
    assert found.hard < found.stop  # who stops a worker lets its chunks end, or be killed by the worker itself


def test_a_chunk_needs_time() -> None:
    with pytest.raises(ValueError, match="CHUNK_SECONDS"):
        time_limits(0)


def test_addresses_come_from_the_environment_then_from_the_running_servers(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("SCREENING_DATA_DIR", str(tmp_path))
    assert environment.find_endpoint("", "redis_url", "absent") == "absent"
    (tmp_path / "endpoints.json").write_text(json.dumps({"redis_url": "redis://running"}))
    assert environment.find_endpoint("", "redis_url", "absent") == "redis://running"
    assert environment.find_endpoint("redis://mine", "redis_url", "absent") == "redis://mine"


def test_the_key_is_the_environments_then_the_instances_then_random(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("SCREENING_DATA_DIR", str(tmp_path))
    monkeypatch.delenv("DJANGO_SECRET_KEY", raising=False)
    assert environment.read_secret_key() != environment.read_secret_key()
    (tmp_path / "secrets.json").write_text(json.dumps({"django_secret_key": "kept"}))
    assert environment.read_secret_key() == "kept"
    monkeypatch.setenv("DJANGO_SECRET_KEY", "given")
    assert environment.read_secret_key() == "given"


def test_wrong_settings_name_themselves(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CHUNK_FILMS", "many")
    with pytest.raises(ValueError, match="CHUNK_FILMS='many'"):
        environment.read_number("CHUNK_FILMS", 8)
    monkeypatch.setenv("AUDIT_SAMPLE", "5")
    with pytest.raises(ValueError, match="from 0 to 1"):
        environment.read_share("AUDIT_SAMPLE", 0.1)


@pytest.mark.parametrize(("text", "expected"), [("1", True), ("Yes", True), ("0", False), ("", False)])
def test_flags(monkeypatch: pytest.MonkeyPatch, text: str, expected: bool) -> None:
    monkeypatch.setenv("DJANGO_DEBUG", text)
    assert environment.read_flag("DJANGO_DEBUG") is expected
