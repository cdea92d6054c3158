"""Which round is run, with which numbers, and against which systems."""

from __future__ import annotations

import os
import random
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.chaos.system import System, running_system

SEED = os.environ.get("CHAOS_SEED", "1")
INJECTED = Path(__file__).with_name("injected")
FOREIGN = ("DATABASE_URL", "REDIS_URL", "SCREENING_DATA_DIR")


def _is_full(config: pytest.Config) -> bool:
    return os.environ.get("CHAOS_FULL") == "1" or config.option.markexpr == "chaos"


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Mark what is in this folder; outside the full round leave out what takes long."""
    here = [item for item in items if Path(__file__).parent in item.path.parents]
    for item in here:
        item.add_marker("chaos")
    if not _is_full(config):
        late = {item for item in here if item.get_closest_marker("full_round")}
        config.hook.pytest_deselected(items=list(late))
        items[:] = [item for item in items if item not in late]


@dataclass(frozen=True)
class Round:
    """How hard a test hits."""

    full: bool
    rng: random.Random

    def pick(self, short: int, full: int) -> int:
        """The number for this round."""
        return full if self.full else short


@pytest.fixture
def chaos(request: pytest.FixtureRequest) -> Round:
    """This test's numbers, and its own dice: the same seed gives the same throws whichever tests run beside it."""
    print(f"CHAOS_SEED={SEED}")  # shown when the test fails
    return Round(_is_full(request.config), random.Random(f"{SEED} {request.node.name}"))


@pytest.fixture(scope="session")
def _system(tmp_path_factory: pytest.TempPathFactory) -> Iterator[System]:
    """Shared by the tests, since a start takes long."""
    with own_servers(), running_system(tmp_path_factory.mktemp("chaos") / "instance") as system:
        yield system


@pytest.fixture
def system(_system: System) -> Iterator[System]:
    """The system as it ships, without the films a failed test has left behind."""
    yield _system
    _system.heal()


@pytest.fixture(scope="session")
def _injected(tmp_path_factory: pytest.TempPathFactory) -> Iterator[System]:
    """The same for the tests that inject faults into the processes."""
    instance = tmp_path_factory.mktemp("injected") / "instance"
    path = os.pathsep.join(filter(None, [str(INJECTED), os.environ.get("PYTHONPATH", "")]))
    extra = {"PYTHONPATH": path, "CHAOS_CLOCK": str(instance / "clock-offset")}
    with own_servers(), running_system(instance, extra) as system:
        yield system


@pytest.fixture
def injected(_injected: System) -> Iterator[System]:
    """The system with ``injected/sitecustomize.py`` in every process: films give orders, the clock can be set."""
    yield _injected
    _injected.heal()


@contextmanager
def own_servers() -> Iterator[None]:
    """Start servers, whatever those of the other tests are."""
    with pytest.MonkeyPatch.context() as patch:
        for name in FOREIGN:
            patch.delenv(name, raising=False)
        yield
