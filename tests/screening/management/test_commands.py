from __future__ import annotations

import io
import json
from pathlib import Path

import pytest
from django.contrib.auth import authenticate
from django.contrib.auth.models import User
from django.core.checks import run_checks
from django.core.management import CommandError, call_command

from screening.accounts.queries import token_by_key
from screening.models import ModelVersion


def output_of(*command: str) -> str:
    out = io.StringIO()
    call_command(*command, stdout=out)
    return out.getvalue()


def test_models_are_registered_once_with_their_card(model_version: ModelVersion) -> None:
    output_of("ensure_models")
    assert ModelVersion.objects.get(is_default=True) == model_version
    assert set(ModelVersion.objects.values_list("name", flat=True)) == {"screener", "seed-cnn"}
    assert model_version.card["positive_class"] == "COVID-19"


def test_an_unknown_default_model_is_named_with_those_there_are(db: None, settings: object) -> None:
    settings.DEFAULT_MODEL = "nobody"  # type: ignore[attr-defined]
    with pytest.raises(CommandError, match="seed-cnn"):
        output_of("ensure_models")
    assert "screening.E001" in {message.id for message in run_checks()}


def test_a_wrong_size_fails_the_check(settings: object) -> None:
    settings.CHUNK_FILMS = 0  # type: ignore[attr-defined]
    assert "screening.E003" in {message.id for message in run_checks()}


def test_the_first_login_is_told_once_and_works(db: None) -> None:
    told = output_of("first_login")
    password = told.split("password ")[1].split()[0]
    assert authenticate(username="admin", password=password) is not None
    assert password not in output_of("first_login")
    assert User.objects.count() == 1


def test_the_first_login_is_kept_in_a_private_file_until_its_password_is_changed(db: None, tmp_path: Path) -> None:
    file = tmp_path / "first-login.txt"
    command = ("first_login", "--json", "--file", str(file), "--address", "http://127.0.0.1:8000")
    made = json.loads(output_of(*command))
    text = file.read_text()
    assert file.stat().st_mode & 0o777 == 0o600
    assert all(words in text for words in ("http://127.0.0.1:8000", made["user"], made["password"], "Change"))
    assert json.loads(output_of(*command)) == {"user": "admin", "password": "", "file": str(file)}
    assert file.read_text() == text
    user = User.objects.get()
    user.set_password("another-password")
    user.save()
    assert json.loads(output_of(*command)) == {"user": "admin", "password": "", "file": ""}
    assert not file.exists()


def test_a_first_login_that_cannot_be_written_is_still_told(db: None, tmp_path: Path) -> None:
    made = json.loads(output_of("first_login", "--json", "--file", str(tmp_path / "absent" / "file")))
    assert authenticate(username="admin", password=made["password"]) is not None
    assert made["file"] == ""


def test_a_service_user_gets_a_working_token_and_keeps_its_password(db: None) -> None:
    first = json.loads(output_of("service_user", "robot"))
    again = json.loads(output_of("service_user", "robot", "--keep-password"))
    assert authenticate(username="robot", password=first["password"]) is not None
    assert again["password"] is None
    assert token_by_key(first["token"]) is None
    assert token_by_key(again["token"]) is not None
