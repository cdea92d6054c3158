"""A limit that an operator raises is raised everywhere: at intake, in the decoders, in a real worker."""

from __future__ import annotations

import ast
import inspect
import io
import json
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import requests
from django.test import RequestFactory
from numpy.typing import NDArray
from PIL import Image

from ml.decoding.dicom_reading import inflate_file
from ml.errors import FilmError
from ml.phantom.film import PhantomSpec, chest
from screening import deidentification
from screening.intake import inspection
from screening.intake.services import add_file
from screening.models import Batch
from screening.runtime.stack import Stack, remove_instance, running_stack
from tests.ml.compressed import explicit
from tests.ml.decoding.test_dicom_reading import BODY, MEGABYTE, deflated
from tests.ml.decoding.test_headers import png_declaring
from xrayscreen import Client, Upload

MIB = 1024 * 1024
RAISED = {"MAX_MEGAPIXELS": "200", "MAX_FILE_BYTES": str(200 * MIB), "MAX_FILES_A_REQUEST": "1100"}
PATIENCE = 180  # seconds


def large(megapixels: int) -> NDArray[np.uint8]:
    """A phantom of a megapixel, enlarged to so many, in tens."""
    film = chest(PhantomSpec(height=1000, width=1000, seed=77)).astype(np.uint8)
    return film.repeat(10, axis=0).repeat(megapixels // 10, axis=1)


def png(pixels: NDArray[np.uint8]) -> bytes:
    out = io.BytesIO()
    Image.fromarray(pixels).save(out, "PNG", compress_level=1)
    return out.getvalue()


@pytest.fixture(scope="module")
def raised(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """The whole system with raised limits."""
    instance = tmp_path_factory.mktemp("raised") / "instance"
    with pytest.MonkeyPatch.context() as patch:
        for name in ("DATABASE_URL", "REDIS_URL", "SCREENING_DATA_DIR"):
            patch.delenv(name, raising=False)
        with running_stack(instance, extra_env=RAISED, fast=True) as stack:
            yield stack
        remove_instance(instance)


@pytest.fixture(scope="module")
def client(raised: Stack) -> Client:
    answer: dict[str, str] = json.loads(raised.run_management_command("service_user", "raised"))
    return Client(raised.base_url, answer["token"])


def test_films_of_130_megapixels_are_screened(client: Client) -> None:
    """One of them has more bytes than a file usually may."""
    pixels = large(130)
    batch = client.create_batch("large films")
    for name, data in (("large.png", png(pixels)), ("large.dcm", explicit(pixels, 8))):
        assert client.add(batch, Upload(name, data))["state"] == "queued"
    client.submit(batch)
    client.wait(batch, timeout=PATIENCE)
    films = {film["file"]: film for film in client.films(batch)}
    assert {name: (film["state"], film["code"]) for name, film in films.items()} == {
        "large.png": ("done", ""), "large.dcm": ("done", ""),
    }  # fmt: skip
    assert {film["attempts"] for film in films.values()} == {1}


def test_above_the_raised_limit_it_names_that(client: Client) -> None:
    batch = client.create_batch("too large")
    film = client.add(batch, Upload("larger.png", png(large(210))))
    assert (film["state"], film["code"]) == ("rejected", "too_many_pixels")
    assert "at most 200 million" in film["reason"]


def test_more_files_in_a_request_with_their_paths(client: Client) -> None:
    batch = client.create_batch("many files")
    count = 1100
    fields = [("path", (None, f"ward/{number}.txt")) for number in range(count)]
    files = [("file", (f"{number}.txt", b"no film %d" % number)) for number in range(count)]
    address = f"{client.server}/api/v1/batches/{batch}/files"
    answer = requests.post(address, files=[*fields, *files], auth=client.auth, timeout=PATIENCE)
    assert answer.status_code == 201
    assert len(answer.json()) == count
    answer = requests.post(address, files=[*files, files[0]], auth=client.auth, timeout=PATIENCE)
    assert (answer.status_code, answer.json()["code"]) == (400, "too_many_files")


def test_by_default_such_a_film_is_refused_at_the_door() -> None:
    arrival = inspection.inspect_file(png(large(130)))
    assert arrival.refusal is not None
    assert arrival.refusal.code == "too_many_pixels"
    assert "at most 120 million" in arrival.refusal.detail


def test_by_default_as_many_paths_as_files_may_be_sent(settings: Any) -> None:
    count = settings.DATA_UPLOAD_MAX_NUMBER_FILES
    form = {"path": [f"{'a long folder name/' * 10}{number}" for number in range(count)], "csrfmiddlewaretoken": "x"}
    request = RequestFactory().post("/", form)
    assert len(request.POST.getlist("path")) == count


def test_what_a_deflated_film_may_become_follows_the_limit() -> None:
    data = deflated(BODY, *[MEGABYTE] * 5)
    assert len(inflate_file(data, max_pixels=2_000_000)) > 5 * MIB
    for refused in (
        lambda: inflate_file(data, max_pixels=1_000_000),
        lambda: deidentification.clean_file(data, "dicom", b"key", max_pixels=1_000_000),
    ):
        with pytest.raises(FilmError, match="too_large_unpacked"):
            refused()


@pytest.mark.parametrize("side", [2**31 - 1, 2**31, 2**32 - 1])
def test_a_side_that_no_column_holds_is_refused_with_a_reason(batch: Batch, side: int) -> None:
    film, _ = add_file(batch=batch, name="a.png", data=png_declaring(side, side))
    assert (film.state, film.code) == ("rejected", "too_many_pixels")
    film.refresh_from_db()


ROOT = Path(__file__).resolve().parents[3]


def limited_functions(tree: ast.Module) -> dict[str, int]:
    """Return the imported functions of ml that take the limit, and the position of that parameter."""
    found = {}
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("ml.decoding"):
            for alias in node.names:
                function = getattr(import_module(str(node.module)), alias.name)
                parameters = list(inspect.signature(function).parameters) if inspect.isfunction(function) else []
                if "max_pixels" in parameters:
                    found[alias.asname or alias.name] = parameters.index("max_pixels")
    return found


def test_the_web_system_passes_its_limit_to_every_function_that_takes_one() -> None:
    """The default is for command lines; a caller here that forgot the setting would have a second limit."""
    passing, forgetful = 0, []
    for path in sorted((ROOT / "screening").rglob("*.py")):
        tree = ast.parse(path.read_text())
        limited = limited_functions(tree)
        for node in ast.walk(tree):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in limited:
                named = any(keyword.arg == "max_pixels" for keyword in node.keywords)
                if named or len(node.args) > limited[node.func.id]:
                    passing += 1
                else:
                    forgetful.append(f"{path.relative_to(ROOT)}:{node.lineno} {node.func.id}")
    assert forgetful == []
    assert passing >= 4
