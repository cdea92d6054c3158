"""How soon a worker takes work, beside what the import of TensorFlow alone would take."""

from __future__ import annotations

import importlib.util
import subprocess
import sys
import time
from collections.abc import Mapping
from statistics import median

from screening.runtime import application
from screening.runtime.child import Child
from screening.runtime.console import Console
from screening.runtime.instance import Instance
from screening.runtime.stack import services
from tests.benchmarks.plan import PROCESSES, Plan
from tests.benchmarks.report import START, Row
from tests.benchmarks.system import INSTANCE

SECTION = "worker start"
POLL_SECONDS = 0.005
IMPORT = [sys.executable, "-c", "import tensorflow"]


def run(plan: Plan) -> list[Row]:
    """Worker and import in turn, each in fresh processes with their files in the cache."""
    tensorflow = importlib.util.find_spec("tensorflow") is not None
    with services(INSTANCE) as endpoints:
        instance = Instance.open(INSTANCE)
        env = application.application_environment(instance, endpoints, "127.0.0.1")
        for step in ("migrate", "ensure_models"):
            command = [sys.executable, "manage.py", step, "--verbosity", "0"]
            subprocess.run(command, env=env, cwd=application.PROJECT_DIR, check=True, capture_output=True)
        turns = [(_worker(instance, env), _import() if tensorflow else None) for _ in range(plan.starts + 1)][1:]
    starts, imports = [start for start, _ in turns], [seconds for _, seconds in turns if seconds is not None]
    ratios = [start / seconds for start, seconds in turns if seconds is not None]
    ratio, note = (median(ratios), "of the import") if ratios else (None, "")
    return [
        Row(SECTION, "start to ready", median(starts), "s", ratio, START, note),
        Row(SECTION, "import of TensorFlow", median(imports), "s")
        if imports
        else Row(SECTION, "import of TensorFlow", None, "s", note="skipped: TensorFlow is not installed"),
    ]


def _worker(instance: Instance, env: Mapping[str, str]) -> float:
    """Seconds until the worker says what its supervisor waits for, asked more often than that one does."""
    spec = application.worker(instance, {**env, "WORKER_PROCESSES": str(PROCESSES)})
    if spec.before_start is None or spec.ready is None:
        raise RuntimeError("the worker does not say when it is ready")
    spec.before_start()
    started = time.perf_counter()
    child = Child(spec, instance.log_dir / "worker.log", Console())
    try:
        while not spec.ready(child.pid):
            if child.poll() is not None:
                raise RuntimeError(f"the worker ended during its start:\n{child.tail()}")
            time.sleep(POLL_SECONDS)
        return time.perf_counter() - started
    finally:
        child.stop()


def _import() -> float:
    started = time.perf_counter()
    subprocess.run(IMPORT, check=True, capture_output=True)
    return time.perf_counter() - started
