"""The whole system as it ships (durable database, two worker processes), and one batch through it."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from screening.runtime.stack import Stack, remove_instance, running_stack
from tests.benchmarks import processes
from tests.benchmarks.films import Film, films
from tests.benchmarks.plan import POLL_SECONDS, PROCESSES
from tests.benchmarks.sender import Sender, Status

INSTANCE = Path("var/bench/instance")


@dataclass(frozen=True)
class Run:
    """One batch, from submission to its last result.

    Attributes:
        films: how many.
        seconds: by the server's own clock.
        processor: seconds of processor of each part of the system in that time.
        refused: films that the model's gate did not score.
    """

    films: int
    seconds: float
    processor: dict[str, float]
    refused: int

    @property
    def rate(self) -> float:
        """Films per second."""
        return self.films / self.seconds


@dataclass
class System:
    """A running system with its sender."""

    stack: Stack
    sender: Sender
    workers: int
    _warm: set[str] = field(default_factory=set)

    def warm(self, model: str, count: int) -> None:
        """Let every worker process load a model, by this many films twice; only the first call does it."""
        if model not in self._warm:
            for _ in range(2):
                self.screen(films("mix", count), model)
            self._warm.add(model)

    def screen(self, sent: Sequence[Film], model: str, seen: Callable[[Status], object] = id) -> Run:
        """Send a batch and have it screened; ``seen`` gets every status."""
        return self.process(self.upload(sent, model), len(sent), seen)

    def process(self, batch: str, count: int, seen: Callable[[Status], object] = id) -> Run:
        """Submit an uploaded batch of this many films and measure up to its last result."""
        before = processes.processor_seconds()
        self.sender.submit(batch)
        progress = self.sender.wait(batch, POLL_SECONDS, seen)["progress"]
        after = processes.processor_seconds()
        states = progress["states"]
        if states["done"] + states["rejected"] != count:
            raise RuntimeError(f"not every film was screened: {states}")
        self.discard_films()
        spent = {name: after[name] - before[name] for name in after}
        return Run(count, float(progress["seconds"]), spent, int(states["rejected"]))

    def upload(self, sent: Sequence[Film], model: str) -> str:
        """Send a batch without submitting it; returns its id once its bytes are on the disk."""
        batch = self.sender.create(f"{len(sent)} films", model)
        self.sender.upload(batch, sent)
        os.sync()  # else the disk would still be writing the upload while the screening is measured
        return batch

    def discard_films(self) -> None:
        """Empty the films in the storage: a run leaves gigabytes behind that no later one looks at.

        They are not deleted. Some file systems pass over what was deleted within the last minutes before they make a
        file (ext4 without a journal), and the next run paid up to 0.8 ms a film for it.
        """
        for film in (self.stack.instance / "media" / "films").glob("*/*/original"):
            os.truncate(film, 0)

    def setting(self, name: str) -> int:
        """A number among the system's settings."""
        code = f"from django.conf import settings; print(settings.{name})"
        return int(self.stack.run_management_command("shell", "--no-imports", "-c", code).split()[-1])


def forget() -> None:
    """Delete what an earlier run left: every run starts with an empty database."""
    remove_instance(INSTANCE)


@contextmanager
def system(workers: int = PROCESSES, env: Mapping[str, str] | None = None) -> Iterator[System]:
    """Run the system for the block, with these worker processes and further settings."""
    with running_stack(INSTANCE, workers=workers, extra_env=env, quiet=True) as stack:
        token = json.loads(stack.run_management_command("service_user", "bench"))["token"]
        yield System(stack, Sender(stack.base_url, token), workers)
