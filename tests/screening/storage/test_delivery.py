"""Who gets a film's pictures, and as what: from this process, and through a real nginx set up as the docs say."""

from __future__ import annotations

import os
import re
import shutil
import signal
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import requests
from django.contrib.auth.models import User
from django.core.files.base import ContentFile
from django.core.files.storage import default_storage
from django.test import Client
from django.urls import reverse

from screening.config import storages
from screening.errors import NotFoundError
from screening.models import Batch, Film
from screening.runtime.child import launch_command
from screening.runtime.ports import choose_port
from screening.storage import delivery
from screening.storage import local as storage
from tests.screening import factories

VIEWS = {"film-display": "display.jpg", "film-thumb": "thumb.jpg", "film-map": "map.png"}
TYPES = {"display.jpg": "image/jpeg", "thumb.jpg": "image/jpeg", "map.png": "image/png"}
BOX = {
    "X-Content-Type-Options": "nosniff",
    "Content-Security-Policy": "sandbox; default-src 'none'",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cache-Control": "private, max-age=3600",
}
ATTACK = b"<html><script>alert(document.cookie)</script></html>"  # whatever is stored, it is never run


@pytest.fixture
def film(batch: Batch) -> Film:
    """Screened, with everything that is ever stored of a film."""
    return stored(batch)


def stored(batch: Batch) -> Film:
    made = factories.done(batch, original_name="Mustermann, Erika.html", mapped=True)
    default_storage.save(made.storage_name("original"), ContentFile(b"original"))
    default_storage.save(made.storage_name("as-sent"), ContentFile(b"as sent"))
    for part in TYPES:
        storage.put_file(made.storage_name(part), ATTACK + part.encode())
    return made


def signed_in(user: User) -> Client:
    client = Client()
    client.force_login(user)
    return client


@pytest.mark.parametrize("view", VIEWS)
def test_a_picture_is_sent_as_what_it_is_in_a_box(film: Film, owner: User, view: str) -> None:
    answer: Any = signed_in(owner).get(reverse(view, args=[film.pk]))
    part = VIEWS[view]
    assert b"".join(answer.streaming_content) == ATTACK + part.encode()
    assert answer["Content-Type"] == TYPES[part]
    assert {name: answer[name] for name in BOX} == BOX
    assert answer["Content-Disposition"] == f'inline; filename="{film.pk.hex[:12]}-{part}"'
    assert int(answer["Content-Length"]) == len(ATTACK + part.encode())


@pytest.mark.parametrize("view", VIEWS)
def test_only_its_owner_and_staff_get_a_picture(
    film: Film, owner: User, colleague: User, stranger: User, view: str
) -> None:
    address = reverse(view, args=[film.pk])
    assert signed_in(owner).get(address).status_code == 200
    assert signed_in(colleague).get(address).status_code == 200
    refused = signed_in(stranger).get(address)
    assert (refused.status_code, b"alert(" in refused.content) == (404, False)
    sent_away = Client().get(address)
    assert (sent_away.status_code, sent_away["Location"].split("?")[0]) == (302, reverse("login"))


@pytest.mark.parametrize("part", ["original", "as-sent"])
def test_a_film_as_it_was_sent_is_never_served(film: Film, colleague: User, part: str) -> None:
    for content_type in ("image/png", "text/html", "application/dicom"):
        with pytest.raises(NotFoundError):
            delivery.serve_picture(film, part, content_type)
    for address in (f"/films/{film.pk}/{part}", f"/{film.storage_name(part)}", f"/media/{film.storage_name(part)}"):
        assert signed_in(colleague).get(address).status_code == 404


@pytest.mark.parametrize("content_type", ["text/html", "image/svg+xml", "application/pdf", ""])
def test_nothing_is_served_as_what_could_run(film: Film, content_type: str) -> None:
    with pytest.raises(NotFoundError):
        delivery.serve_picture(film, "display.jpg", content_type)


def test_a_picture_that_is_lost_is_not_found(film: Film, owner: User) -> None:
    default_storage.delete(film.storage_name("thumb.jpg"))
    assert signed_in(owner).get(reverse("film-thumb", args=[film.pk])).status_code == 404


@pytest.mark.parametrize(
    ("variables", "complaint"),
    [
        ({"SERVE_ACCEL_PREFIX": "protected"}, "slash"),
        ({"SERVE_ACCEL_PREFIX": "/"}, "slash"),
        ({"SERVE_ACCEL_PREFIX": "/protected/", "S3_BUCKET": "films"}, "SERVE_PRESIGNED"),
        ({"SERVE_PRESIGNED": "1"}, "S3_BUCKET"),
        ({"SERVE_PRESIGNED": "1", "S3_BUCKET": "films"}, "S3_PUBLIC_URL"),
        ({"S3_BUCKET": "films", "S3_ACCESS_KEY": "key"}, "S3_SECRET_KEY"),
    ],
)
def test_settings_that_do_not_go_together_say_so(
    monkeypatch: pytest.MonkeyPatch, variables: dict[str, str], complaint: str
) -> None:
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    with pytest.raises(ValueError, match=complaint):
        (storages.storage_settings(), storages.read_accel_prefix(), storages.picture_origins())


def test_without_settings_films_are_on_the_disk_and_pages_load_pictures_from_here_only() -> None:
    assert storages.storage_settings()["default"]["BACKEND"] == storages.LOCAL
    assert (storages.read_accel_prefix(), storages.read_presigned()) == ("", False)
    assert storages.picture_origins() == ["'self'", "data:"]


@pytest.fixture
def accelerated(settings: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """Set up as a deployment with nginx would be."""
    monkeypatch.setenv("SERVE_ACCEL_PREFIX", "/protected/")
    settings.STORAGES = storages.storage_settings()
    settings.SERVE_ACCEL_PREFIX = storages.read_accel_prefix()


def test_behind_a_proxy_the_answer_says_only_where_the_picture_is(
    accelerated: None, film: Film, owner: User, stranger: User
) -> None:
    address = reverse("film-thumb", args=[film.pk])
    answer = signed_in(owner).get(address)
    assert (answer.status_code, answer.content) == (200, b"")
    assert answer["X-Accel-Redirect"] == f"/protected/{film.storage_name('thumb.jpg')}"
    assert {name: answer[name] for name in BOX} == BOX
    assert "X-Accel-Redirect" not in signed_in(stranger).get(address)


def test_a_proxy_of_the_group_can_read_pictures_and_not_the_films(accelerated: None, film: Film) -> None:
    def mode(path: Path) -> int:
        return path.stat().st_mode & 0o777

    pictures = Path(default_storage.path(film.storage_name("thumb.jpg")))
    assert (mode(pictures), mode(pictures.with_name("original")), mode(pictures.with_name("as-sent"))) == (
        0o640, 0o600, 0o600,
    )  # fmt: skip
    assert {mode(folder) for folder in list(pictures.parents)[:3]} == {0o710}


def documented() -> str:
    """The configuration that docs/storage.md shows."""
    text = (Path(__file__).resolve().parents[3] / "docs" / "storage.md").read_text()
    found = re.search(r"```nginx\n(.*?)```", text, re.DOTALL)
    assert found is not None
    return found[1]


@pytest.fixture
def nginx(live_server: Any, settings: Any, tmp_path: Path, accelerated: None) -> Iterator[str]:
    """Start nginx in front of the application, set up as the docs say, and return its address."""
    program = shutil.which("nginx") or shutil.which("nginx", path="/usr/sbin")
    if program is None:
        pytest.skip("no nginx here (Debian: nginx-light)")
    server, port = documented(), choose_port()
    for shown, here in (
        ("listen 80;", f"listen 127.0.0.1:{port};"),
        ("http://127.0.0.1:8000;", f"{live_server.url};"),
        ("/data/media/;", f"{settings.MEDIA_ROOT}/;"),
    ):
        assert server.count(shown) == 1, shown
        server = server.replace(shown, here)
    places = "".join(
        f"{name}_temp_path {tmp_path}/{name};" for name in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
    )
    user = "user root;" if os.geteuid() == 0 else ""  # the tests' folders are closed to others
    config = tmp_path / "nginx.conf"
    config.write_text(
        f"{user} daemon off; pid {tmp_path}/pid; error_log {tmp_path}/error.log;"
        f"events {{}} http {{ access_log off; {places}\n{server}\n}}"
    )
    command = launch_command([program, "-c", str(config), "-p", str(tmp_path)], signal.SIGTERM)
    process = subprocess.Popen(command, stderr=subprocess.DEVNULL)
    try:
        _until_it_answers(f"http://127.0.0.1:{port}/livez", process)
        yield f"http://127.0.0.1:{port}"
    finally:
        process.terminate()
        process.wait()


def _until_it_answers(address: str, process: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + 20
    while process.poll() is None and time.monotonic() < deadline:
        try:
            requests.get(address, timeout=5)
            return
        except requests.ConnectionError:
            time.sleep(0.05)
    pytest.fail("nginx does not answer")


@pytest.mark.django_db(transaction=True)
def test_nginx_sends_the_pictures_and_nothing_else(nginx: str, batch: Batch, owner: User, stranger: User) -> None:
    film = stored(batch)
    for view, part in VIEWS.items():
        address = nginx + reverse(view, args=[film.pk])
        answer = requests.get(address, cookies=cookies_of(owner), timeout=10)
        assert (answer.status_code, answer.content) == (200, ATTACK + part.encode())
        assert answer.headers["Server"].startswith("nginx")
        assert "X-Accel-Redirect" not in answer.headers
        assert answer.headers["Content-Type"] == TYPES[part]
        assert answer.headers["Content-Disposition"] == f'inline; filename="{film.pk.hex[:12]}-{part}"'
        assert {name: answer.headers[name] for name in BOX} == BOX
        assert requests.get(address, cookies=cookies_of(stranger), timeout=10).status_code == 404
        assert requests.get(address, timeout=10, allow_redirects=False).status_code == 302
        for direct in (f"/protected/{film.storage_name(part)}", f"/protected/../protected/{film.storage_name(part)}"):
            forbidden = requests.get(nginx + direct, cookies=cookies_of(owner), timeout=10)
            assert (forbidden.status_code, ATTACK in forbidden.content) == (404, False)
    lost = film.storage_name("thumb.jpg")
    default_storage.delete(lost)
    address = nginx + reverse("film-thumb", args=[film.pk])
    assert requests.get(address, cookies=cookies_of(owner), timeout=10).status_code == 404


def cookies_of(user: User) -> dict[str, str]:
    return {name: morsel.value for name, morsel in signed_in(user).cookies.items()}
