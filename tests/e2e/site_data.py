"""Users, batches and films in all states for the pages to show, created through the public API."""

from __future__ import annotations

import json
import re
import zipfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from io import BytesIO
from typing import Any

import pydicom
import requests

from ml.phantom.film import PhantomSpec, dicom_bytes, png_bytes
from screening.batches.sample_study import Study
from screening.runtime.stack import Stack
from tests.chaos.films import films as many_films
from tests.chaos.processes import frozen, tree
from xrayscreen import Client, Upload

PASSWORD = "a long enough password"
NEWCOMER, UPLOADER, SENDER, REVIEWER = "jonas", "amara", "noor", "ingrid"
SIDE = 320  # pixels of a phantom
PATIENCE = 120.0  # seconds
CREATE_USERS = """
import json
from django.contrib.auth.models import User
from screening.accounts.tokens import create_token
users = {name: User.objects.create_user(name, password=%r, is_staff=staff) for name, staff in %r.items()}
print(json.dumps({name: create_token(user=users[name], name="nightly import")[1] for name in %r}))
"""


def create_users(stack: Stack, people: Mapping[str, bool], programs: Sequence[str] = ()) -> dict[str, str]:
    """Create users, each staff or not; return an API token for each of ``programs``."""
    code = CREATE_USERS % (PASSWORD, dict(people), list(programs))
    keys: dict[str, str] = json.loads(stack.run_management_command("shell", "--no-imports", "-c", code))
    return keys


@contextmanager
def paused_worker(stack: Stack) -> Iterator[None]:
    """Freeze the worker during the block, so that nothing is screened."""
    worker = next(entry for entry in stack.supervisor._entries if entry.spec.name == "worker")
    with frozen(tree(worker.child.pid)):
        yield


class SignedInSession(requests.Session):
    """The session of a signed-in user, without a browser."""

    def __init__(self, server: str, name: str) -> None:
        super().__init__()
        self.server = server
        self.get(f"{server}/login").raise_for_status()
        self.send_form("/login", username=name, password=PASSWORD)

    def send_form(self, path: str, **values: str) -> requests.Response:
        """Send a page's form; return the page it leads to."""
        fields = {**values, "csrfmiddlewaretoken": self.cookies["csrftoken"]}
        answer = self.post(self.server + path, data=fields, headers={"Referer": self.server}, timeout=30)
        answer.raise_for_status()
        return answer

    def storage_state(self) -> Any:
        """Return what a browser needs to be signed in as the same user."""
        domain = re.sub(r"^https?://|:\d+$", "", self.server)
        cookies = [
            {"name": name, "value": value, "domain": domain, "path": "/", "expires": -1, "httpOnly": False,
             "secure": False, "sameSite": "Lax"}
            for name, value in self.cookies.items()
        ]  # fmt: skip
        return {"cookies": cookies, "origins": []}


@dataclass(frozen=True)
class SiteData:
    """The data that the pages show.

    Attributes:
        stack: the running system.
        client: the API as the user UPLOADER.
        states: browser states with a session, by username.
        batches: ids by the state or role of the batch.
        films: ids by the state or role of the film.
    """

    stack: Stack
    client: Client
    states: Mapping[str, Any]
    batches: dict[str, str] = field(default_factory=dict)
    films: dict[str, str] = field(default_factory=dict)

    @property
    def server(self) -> str:
        """The address of the system."""
        return self.stack.base_url

    @contextmanager
    def batch_in_progress(self) -> Iterator[str]:
        """Yield the id of a batch whose screening does not proceed during the block."""
        batch = self.client.create_batch("Evening round")
        self.client.add_all(batch, many_films(24), id)
        with paused_worker(self.stack):
            self.client.submit(batch)
            yield batch
        self.client.wait(batch, timeout=PATIENCE)


def create_site_data(stack: Stack, study: Study) -> SiteData:
    """Create everything that the list of pages needs.

    Args:
        stack: a running system without users of these names.
        study: the films of the sample study.
    """
    people = {NEWCOMER: False, UPLOADER: False, SENDER: False, REVIEWER: True}
    keys = create_users(stack, people, [UPLOADER])
    sessions = {name: SignedInSession(stack.base_url, name) for name in people}
    client = Client(stack.base_url, keys[UPLOADER])
    site_data = SiteData(stack, client, {name: session.storage_state() for name, session in sessions.items()})

    for name, title, uploads in (
        ("cancelled", "Ward 3, wrong folder", _phantoms(2, first=40)),
        ("open", "Ward 5, still arriving", _phantoms(3, first=50)),
        ("bare", "Ward 7", []),
        ("mixed", "Ward 3, November", _mixed()),
        ("sample", study.title, study.uploads),
    ):
        site_data.batches[name] = client.create_batch(title)
        client.add_all(site_data.batches[name], uploads, id)
    client.cancel(site_data.batches["cancelled"])
    for name in ("mixed", "sample"):
        client.submit(site_data.batches[name])
        client.wait(site_data.batches[name], timeout=PATIENCE)
    again = sessions[UPLOADER].send_form(f"/batches/{site_data.batches['sample']}/rerun", model="seed-cnn")
    site_data.batches["again"] = again.url.rsplit("/", 1)[-1]
    client.wait(site_data.batches["again"], timeout=PATIENCE)
    _name_films(site_data)
    _read_some(sessions[REVIEWER])
    return site_data


def _phantoms(number: int, first: int) -> list[Upload]:
    specs = [PhantomSpec(SIDE, SIDE, seed=seed, opacities=seed % 4) for seed in range(first, first + number)]
    return [Upload(f"film-{spec.seed}.png", png_bytes(spec)) for spec in specs]


def _mixed() -> list[Upload]:
    """Return a file for each outcome: screened, rejected at upload or by the worker, duplicate, archive."""
    first, *zipped = _phantoms(4, first=60)
    archive = BytesIO()
    with zipfile.ZipFile(archive, "w") as packed:
        for upload in zipped:
            packed.writestr(f"export/{upload.name}", upload.data())
    patient = [
        Upload(f"IM{seed:05}", dicom_bytes(PhantomSpec(SIDE, SIDE, seed=seed, bits=12), patient_id="P-70"))
        for seed in (70, 71)
    ]
    long_name = "Thorax-im-Stehen_p.a._2020-11-23_Aufnahme-mit-einem-sehr-langen-Dateinamen-vom-Archivsystem.png"
    return [
        first,
        *patient,
        Upload("uneven.dcm", _uneven_film()),
        Upload("study.zip", archive.getvalue()),
        Upload(long_name, png_bytes(PhantomSpec(SIDE, SIDE, seed=80, opacities=3))),
        Upload("copy of film-60.png", first.data()),
        Upload("notes.txt", b"not a film"),
        Upload("cut-short.png", first.data()[:4000]),
    ]


def _uneven_film() -> bytes:
    """Return a film of every second row, so its pixels are twice as tall as wide, with a window without width."""
    dataset = pydicom.dcmread(BytesIO(dicom_bytes(PhantomSpec(SIDE, SIDE, seed=72, bits=12))))
    dataset.PixelData = dataset.pixel_array[::2].tobytes()
    dataset.Rows = SIDE // 2
    dataset.PixelSpacing = ["0.4", "0.2"]
    dataset.WindowWidth = "0"
    out = BytesIO()
    dataset.save_as(out, enforce_file_format=True)
    return out.getvalue()


def _name_films(site_data: SiteData) -> None:
    of_sample = list(site_data.client.films(site_data.batches["sample"]))
    of_mixed = list(site_data.client.films(site_data.batches["mixed"]))
    site_data.films["screened"] = _highest(of_sample)
    again = list(site_data.client.films(site_data.batches["again"]))
    site_data.films["flagged"] = _highest([film for film in again if film["flags"]])
    site_data.films["rejected"] = _first(of_mixed, file="notes.txt")
    site_data.films["cut"] = _first(of_mixed, file="cut-short.png")
    site_data.films["relative"] = _first(of_mixed, file="IM00070")
    site_data.films["noted"] = _first(of_mixed, file="uneven.dcm")
    site_data.films["archive"] = _first(of_mixed, state="unpacked")
    site_data.films["waiting"] = _first(list(site_data.client.films(site_data.batches["open"])), state="queued")


def _first(films: Sequence[dict[str, Any]], **wanted: str) -> str:
    return next(str(film["id"]) for film in films if all(film[key] == value for key, value in wanted.items()))


def _highest(films: Sequence[dict[str, Any]]) -> str:
    return str(max((film for film in films if film["score"] is not None), key=lambda film: film["score"])["id"])


def _read_some(reviewer: SignedInSession, number: int = 3) -> None:
    """Record verdicts in the reading room, so that its statistics have data."""
    address = reviewer.send_form("/reading/next").url
    for answer in ("positive", "negative", "second_opinion")[:number]:
        if address.endswith("/reading"):
            break
        address = reviewer.send_form(address.removeprefix(reviewer.server) + "/verdict", answer=answer).url
    reviewer.send_form("/reading/back")
