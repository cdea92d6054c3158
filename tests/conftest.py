"""What every test may ask for."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.core.management import call_command
from rest_framework.test import APIClient

from ml.data.datasets import data_dir
from ml.phantom.film import PhantomSpec, dicom_bytes, jpeg_bytes, png_bytes
from screening.batches import services as batches
from screening.models import Batch, ModelVersion
from screening.runtime.stack import Stack, remove_instance, running_stack


@pytest.fixture(autouse=True)
def _own_media(settings: Any, tmp_path: Path) -> None:
    settings.MEDIA_ROOT = tmp_path / "media"


@pytest.fixture
def owner(db: None) -> User:
    return User.objects.create_user("owner", password="owner-password")


@pytest.fixture
def colleague(db: None) -> User:
    """Staff: may see and review every film."""
    return User.objects.create_user("colleague", password="colleague-password", is_staff=True)


@pytest.fixture
def stranger(db: None) -> User:
    return User.objects.create_user("stranger", password="stranger-password")


@pytest.fixture
def model_version(db: None) -> ModelVersion:
    """The default model, registered from the bundle that ships."""
    call_command("ensure_models", verbosity=0, stdout=open(os.devnull, "w"))  # noqa: SIM115, PTH123
    return ModelVersion.objects.get(is_default=True)


@pytest.fixture
def batch(owner: User, model_version: ModelVersion) -> Batch:
    return batches.create_batch(owner=owner, name="Ward 3")


@pytest.fixture
def api(owner: User) -> APIClient:
    """The interface, signed in as the owner."""
    client = APIClient()
    client.force_authenticate(owner)
    return client


@pytest.fixture(scope="session")
def png() -> bytes:
    return png_bytes(PhantomSpec(height=256, width=256, seed=1))


@pytest.fixture(scope="session")
def jpeg() -> bytes:
    return jpeg_bytes(PhantomSpec(height=256, width=256, seed=2))


@pytest.fixture(scope="session")
def dicom() -> bytes:
    return dicom_bytes(PhantomSpec(height=256, width=256, seed=3, bits=12))


@pytest.fixture(scope="session")
def data() -> Path:
    """The folder of real data sets."""
    folder = data_dir()
    if folder is None:
        pytest.skip("no real films: XRAY_DATA_DIR does not name a folder of data sets")
    return folder


@dataclass(frozen=True)
class LiveStack:
    """The whole system running: servers, web, worker, beat, each a process of its own."""

    stack: Stack

    @property
    def base_url(self) -> str:
        return self.stack.base_url

    def create_user(self, name: str, password: str, staff: bool = False) -> None:
        """A user who can sign in."""
        code = (
            "from django.contrib.auth.models import User;"
            f"User.objects.create_user({name!r}, password={password!r}, is_staff={staff})"
        )
        self.stack.run_management_command("shell", "--no-imports", "-c", code)

    def token(self, name: str) -> str:
        """An API token of a user, made where missing."""
        answer: dict[str, str] = json.loads(self.stack.run_management_command("service_user", name))
        return answer["token"]


@pytest.fixture(scope="session")
def live_stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LiveStack]:
    """Short leases and a short sweep, so that what is lost is found while a test waits; every film is flagged."""
    instance = tmp_path_factory.mktemp("live") / "instance"
    settings = {"CHUNK_SECONDS": "8", "SWEEP_SECONDS": "2", "AUDIT_SAMPLE": "1"}
    with pytest.MonkeyPatch.context() as patch:
        # Its own servers: the databases of the other tests come and go.
        for name in ("DATABASE_URL", "REDIS_URL", "SCREENING_DATA_DIR"):
            patch.delenv(name, raising=False)
        with running_stack(instance, extra_env=settings, fast=True) as stack:
            yield LiveStack(stack)
        remove_instance(instance)
