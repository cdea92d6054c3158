"""People, batches and films for the pages to show, made through the interface as anybody would make them."""

from __future__ import annotations

import json
import re
import zipfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from io import BytesIO
from typing import Any

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
MAKE_PEOPLE = """
import json
from django.contrib.auth.models import User
from screening.accounts.tokens import create_token
users = {name: User.objects.create_user(name, password=%r, is_staff=staff) for name, staff in %r.items()}
print(json.dumps({name: create_token(user=users[name], name="nightly import")[1] for name in %r}))
"""


def make_people(stack: Stack, people: Mapping[str, bool], programs: Sequence[str] = ()) -> dict[str, str]:
    """Users who can sign in, with the word whether they are staff; returns the keys of those who have programs."""
    code = MAKE_PEOPLE % (PASSWORD, dict(people), list(programs))
    keys: dict[str, str] = json.loads(stack.run_management_command("shell", "--no-imports", "-c", code))
    return keys


@contextmanager
def worker_held_up(stack: Stack) -> Iterator[None]:
    """Nothing is screened for the length of the block."""
    worker = next(entry for entry in stack.supervisor._entries if entry.spec.name == "worker")
    with frozen(tree(worker.child.pid)):
        yield


class Visitor(requests.Session):
    """Somebody signed in, without a browser."""

    def __init__(self, server: str, name: str) -> None:
        super().__init__()
        self.server = server
        self.get(f"{server}/login").raise_for_status()
        self.send_form("/login", username=name, password=PASSWORD)

    def send_form(self, path: str, **values: str) -> requests.Response:
        """Send a page's form; returns the page it leads to."""
        fields = {**values, "csrfmiddlewaretoken": self.cookies["csrftoken"]}
        answer = self.post(self.server + path, data=fields, headers={"Referer": self.server}, timeout=30)
        answer.raise_for_status()
        return answer

    def state(self) -> Any:
        """What a browser needs to be signed in as the same person."""
        domain = re.sub(r"^https?://|:\d+$", "", self.server)
        cookies = [
            {"name": name, "value": value, "domain": domain, "path": "/", "expires": -1, "httpOnly": False,
             "secure": False, "sameSite": "Lax"}
            for name, value in self.cookies.items()
        ]  # fmt: skip
        return {"cookies": cookies, "origins": []}


@dataclass(frozen=True)
class World:
    """What the pages show.

    Attributes:
        stack: the running system.
        states: for a browser to be signed in, by person.
        batches: ids by what is special about them.
        films: ids by what is special about them.
    """

    stack: Stack
    client: Client
    states: Mapping[str, Any]
    batches: dict[str, str] = field(default_factory=dict)
    films: dict[str, str] = field(default_factory=dict)

    @property
    def server(self) -> str:
        """Where the system answers."""
        return self.stack.base_url

    @contextmanager
    def screening_held_up(self) -> Iterator[str]:
        """A batch in the middle of being screened, for the length of the block; yields its id."""
        batch = self.client.create_batch("Evening round")
        self.client.add_all(batch, many_films(24), id)
        with worker_held_up(self.stack):
            self.client.submit(batch)
            yield batch
        self.client.wait(batch, timeout=PATIENCE)


def build(stack: Stack, study: Study) -> World:
    """Make everything the registry of pages asks for.

    Args:
        stack: a running system in which nobody of these names exists.
        study: what is screened as the sample study.
    """
    people = {NEWCOMER: False, UPLOADER: False, SENDER: False, REVIEWER: True}
    keys = make_people(stack, people, [UPLOADER])
    visitors = {name: Visitor(stack.base_url, name) for name in people}
    client = Client(stack.base_url, keys[UPLOADER])
    world = World(stack, client, {name: visitor.state() for name, visitor in visitors.items()})

    for name, title, uploads in (
        ("cancelled", "Ward 3, wrong folder", _phantoms(2, first=40)),
        ("open", "Ward 5, still arriving", _phantoms(3, first=50)),
        ("bare", "Ward 7", []),
        ("mixed", "Ward 3, November", _mixed()),
        ("sample", study.title, study.uploads),
    ):
        world.batches[name] = client.create_batch(title)
        client.add_all(world.batches[name], uploads, id)
    client.cancel(world.batches["cancelled"])
    for name in ("mixed", "sample"):
        client.submit(world.batches[name])
        client.wait(world.batches[name], timeout=PATIENCE)
    again = visitors[UPLOADER].send_form(f"/batches/{world.batches['sample']}/rerun", model="seed-cnn")
    world.batches["again"] = again.url.rsplit("/", 1)[-1]
    client.wait(world.batches["again"], timeout=PATIENCE)
    _name_films(world)
    _read_some(visitors[REVIEWER])
    return world


def _phantoms(number: int, first: int) -> list[Upload]:
    specs = [PhantomSpec(SIDE, SIDE, seed=seed, opacities=seed % 4) for seed in range(first, first + number)]
    return [Upload(f"film-{spec.seed}.png", png_bytes(spec)) for spec in specs]


def _mixed() -> list[Upload]:
    """Every way a file can end: screened, refused at the door or by the worker, a duplicate, an archive."""
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
        Upload("study.zip", archive.getvalue()),
        Upload(long_name, png_bytes(PhantomSpec(SIDE, SIDE, seed=80, opacities=3))),
        Upload("copy of film-60.png", first.data()),
        Upload("notes.txt", b"not a film"),
        Upload("cut-short.png", first.data()[:4000]),
    ]


def _name_films(world: World) -> None:
    of_sample = list(world.client.films(world.batches["sample"]))
    of_mixed = list(world.client.films(world.batches["mixed"]))
    world.films["screened"] = _highest(of_sample)
    again = list(world.client.films(world.batches["again"]))
    world.films["flagged"] = _highest([film for film in again if film["flags"]])
    world.films["rejected"] = _first(of_mixed, file="notes.txt")
    world.films["cut"] = _first(of_mixed, file="cut-short.png")
    world.films["relative"] = _first(of_mixed, file="IM00070")
    world.films["archive"] = _first(of_mixed, state="unpacked")
    world.films["waiting"] = _first(list(world.client.films(world.batches["open"])), state="queued")


def _first(films: Sequence[dict[str, Any]], **wanted: str) -> str:
    return next(str(film["id"]) for film in films if all(film[key] == value for key, value in wanted.items()))


def _highest(films: Sequence[dict[str, Any]]) -> str:
    return str(max((film for film in films if film["score"] is not None), key=lambda film: film["score"])["id"])


def _read_some(reviewer: Visitor, number: int = 3) -> None:
    """Verdicts in the reading room, so that its figures have something to say."""
    here = reviewer.send_form("/reading/next").url
    for answer in ("positive", "negative", "second_opinion")[:number]:
        if here.endswith("/reading"):
            break
        here = reviewer.send_form(here.removeprefix(reviewer.server) + "/verdict", answer=answer).url
    reviewer.send_form("/reading/back")
