"""A real worker in a control group of 2 GiB on a machine that says it has 12 cores."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass, replace
from io import BytesIO
from pathlib import Path

import pytest
from PIL import Image

from ml.phantom.film import PhantomSpec, jpeg_bytes, png_bytes
from screening.runtime import application
from tests.cgroups import Group, limited
from tests.chaos.conftest import own_servers
from tests.chaos.system import System, running_system
from xrayscreen import Upload

CORES = "import os\nos.sched_getaffinity = lambda _pid: set(range(12))\n"


@dataclass(frozen=True)
class Cramped:
    """A system whose worker is in such a group."""

    system: System
    group: Group

    @property
    def log(self) -> str:
        return (self.system.stack.instance / "log" / "worker.log").read_text()


@pytest.fixture
def cramped(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Cramped]:
    (tmp_path / "sitecustomize.py").write_text(CORES)
    path = os.pathsep.join([str(tmp_path), os.environ.get("PYTHONPATH", "")]).rstrip(os.pathsep)
    original = application.worker
    with limited(2048) as group, own_servers():
        monkeypatch.setattr(
            application,
            "worker",
            lambda *given: replace(spec := original(*given), command=[*group.entering, *spec.command]),
        )
        settings = {"PYTHONPATH": path, "CHUNK_SECONDS": "30", **getattr(request, "param", {})}
        with running_system(tmp_path / "instance", settings) as system:
            yield Cramped(system, group)


def large_colour_film(side: int = 10_900) -> bytes:
    """A film within the limits of the door that takes about 900 MiB to decode."""
    film = Image.open(BytesIO(png_bytes(PhantomSpec(height=1024, width=1024, seed=5)))).convert("RGB")
    buffer = BytesIO()
    film.resize((side, side), Image.Resampling.NEAREST).save(buffer, "PNG", compress_level=1)
    return buffer.getvalue()


def test_a_batch_is_screened_and_the_kernel_kills_nobody(cramped: Cramped) -> None:
    system = cramped.system
    assert "worker processes: 3, at most 597 MiB each (12 cores; the container's limit: 2048 MiB)" in cramped.log
    assert len(system.children("worker")) == 3
    large = [
        Upload(f"large-{n}.jpg", jpeg_bytes(PhantomSpec(height=3200, width=3200, seed=n))) for n in range(3)
    ]  # fmt: skip
    sound = [Upload(f"{n}.jpg", jpeg_bytes(PhantomSpec(height=800, width=700, seed=n))) for n in range(60)]
    batch = system.send([*sound, *large, Upload("greedy.png", large_colour_film())])
    system.settle()
    outcome = system.outcome(batch)
    assert outcome.pop("greedy.png")[:2] == ("failed", "too_much_memory")
    assert {state for state, _, _ in outcome.values()} <= {"done", "rejected"}
    assert len(outcome) == 63
    assert cramped.group.killed == 0
    assert cramped.group.most < 2048 << 20
    assert "WARNING" not in cramped.log.partition("ready.")[0]


@pytest.mark.parametrize("cramped", [{"WORKER_PROCESSES": "5", "WORKER_MEMORY_MB": "1000"}], indirect=True)
def test_what_an_operator_says_is_done_and_a_warning_says_what_fits(cramped: Cramped) -> None:
    assert len(cramped.system.children("worker")) == 5
    assert "5 worker processes of 1000 MiB may together take more" in cramped.log
    assert "WORKER_PROCESSES=3 and WORKER_MEMORY_MB=597 fit" in cramped.log
