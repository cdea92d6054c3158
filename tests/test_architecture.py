"""The house keeps its shape: imports run one way, and the web process loads no framework."""

from __future__ import annotations

import ast
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]

# Where each part may not look. `screening` reaches the networks only through `inference` and `classifier`.
FORBIDDEN = {
    "ml": ("screening", "dashboard", "django", "celery", "rest_framework"),
    "ml/decoding": ("ml.training", "ml.phantom", "ml.inference", "ml.evaluation", "ml.data"),
    "ml/inference": ("ml.training", "ml.phantom", "ml.evaluation", "ml.data"),
    "ml/model_card": ("ml.training", "ml.phantom", "ml.evaluation", "ml.data", "ml.inference", "ml.decoding"),
    "ml/statistics": (
        "ml.model_card",
        "ml.training",
        "ml.phantom",
        "ml.evaluation",
        "ml.data",
        "ml.inference",
        "ml.decoding",
    ),
    "screening": ("dashboard", "tensorflow", "keras", "onnxruntime", "ml.inference.classifier", "ml.training"),
    "dashboard": ("ml", "screening.tasks", "screening.worker.inference", "screening.publishing", "screening.api"),
    "xrayscreen": ("screening", "dashboard", "ml", "django"),
    "screening/runtime": ("django", "ml", "dashboard"),
}
ALLOWED = {
    ("screening/worker/inference.py", f"ml.inference.classifier.{name}") for name in ("Classifier", "FilmResult")
}
# Plain data that pages show: the model card, and numbers with their intervals.
SHOWN = ("ml.model_card", "ml.statistics")


def imports_of(path: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def _graph(parts: tuple[str, ...]) -> dict[str, set[str]]:
    """Return the modules that each module of these parts imports, wherever in its text."""
    paths = {path for part in parts for path in (ROOT / part).rglob("*.py")}
    named = {".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__"): path for path in paths}
    graph = {}
    for module, path in named.items():
        found = (name if name in named else name.rpartition(".")[0] for name in imports_of(path))
        graph[module] = {one for one in found if one in named} - {module}
    return graph


def _circles(graph: dict[str, set[str]]) -> list[list[str]]:
    """Return the sets of nodes that reach each other (graphlib names one circle at a time; this is exhaustive)."""
    reach = {node: _reachable(graph, node) for node in graph}
    groups = {tuple(sorted(other for other in reach[node] if node in reach[other])) for node in graph}
    return [list(group) for group in sorted(groups) if len(group) > 1]


def _reachable(graph: dict[str, set[str]], start: str) -> set[str]:
    found, todo = {start}, [start]
    while todo:
        for node in graph[todo.pop()] - found:
            found.add(node)
            todo.append(node)
    return found


@pytest.mark.parametrize("part", ["ml", "screening", "dashboard", "xrayscreen"])
def test_no_modules_import_each_other_in_a_circle(part: str) -> None:
    assert _circles(_graph((part,))) == []


@pytest.mark.parametrize("part", ["ml", "screening"])
def test_no_folders_import_each_other_in_a_circle(part: str) -> None:
    """Files at the top of a part stand above all folders (command lines, tasks) or below them (errors)."""
    folders: dict[str, set[str]] = {}
    for module, imported in _graph((part,)).items():
        if module.count(".") > 1:
            folder = module.rpartition(".")[0]
            targets = {one.rpartition(".")[0] for one in imported if one.count(".") > 1}
            folders.setdefault(folder, set()).update(targets - {folder})
    assert _circles({folder: folders.get(folder, set()) for folder in set(folders).union(*folders.values())}) == []


# From the top down; a folder imports from itself and from those behind it.
LAYERS = (
    "demo",
    "api",
    "admin",
    "reading",
    "worker",
    "integrity",
    "batches",
    "intake",
    "storage",
    "accounts",
    "models",
)


def test_folders_of_screening_import_only_what_stands_below_them() -> None:
    rank = {f"screening.{name}": position for position, name in enumerate(LAYERS)}

    def layer(module: str) -> int | None:
        return rank.get(".".join(module.split(".")[:2]))

    upwards = [
        (module, other)
        for module, imported in _graph(("screening",)).items()
        for other in imported
        if (here := layer(module)) is not None and (there := layer(other)) is not None and there < here
    ]
    assert upwards == []


def test_the_product_imports_nothing_of_the_demo() -> None:
    graph = _graph(("ml", "screening", "dashboard", "xrayscreen"))
    users = [
        module for module, imported in graph.items() if any(one.startswith("screening.demo") for one in imported)
    ]
    assert [module for module in users if not module.startswith("screening.demo")] == []


def test_no_folder_of_ml_imports_a_command_line() -> None:
    commands = {"ml.evaluate", "ml.predict", "ml.train"}
    graph = _graph(("ml",))
    assert [module for module, imported in graph.items() if module not in commands and imported & commands] == []


@pytest.mark.parametrize("part", FORBIDDEN)
def test_imports_run_one_way(part: str) -> None:
    wrong = [
        (str(path.relative_to(ROOT)), name)
        for path in sorted((ROOT / part).rglob("*.py"))
        for name in imports_of(path)
        for forbidden in FORBIDDEN[part]
        if name == forbidden or name.startswith(f"{forbidden}.")
        if not (part == "dashboard" and name.startswith(SHOWN))
    ]
    assert [one for one in wrong if one not in ALLOWED] == []


def loaded_by(code: str) -> set[str]:
    """The modules a fresh process has after running some code."""
    program = f"{code}\nimport sys, json; print(json.dumps(sorted(sys.modules)))"
    environment = {**os.environ, "DJANGO_SETTINGS_MODULE": "screening.config.settings"}
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True, cwd=ROOT, env=environment
    )
    return set(json.loads(done.stdout.splitlines()[-1]))


FRAMEWORKS = {"tensorflow", "keras", "onnxruntime", "torch"}


def test_the_web_process_loads_no_framework() -> None:
    code = """
from screening.config.wsgi import application
from django.urls import get_resolver
get_resolver().url_patterns[0]
import screening.api.views, dashboard.urls
"""
    loaded = loaded_by(code)
    assert not FRAMEWORKS & loaded
    assert "ml.decoding.synthetic_mark" in loaded
    assert not {name for name in loaded if name.startswith("ml.phantom")}


def test_a_worker_loads_its_network_only_when_it_screens() -> None:
    assert not FRAMEWORKS & loaded_by("import django; django.setup(); import screening.tasks")


def test_serving_never_loads_tensorflow() -> None:
    code = """
import ml.inference.classifier, ml.inference.bundle
ml.inference.classifier.Classifier(ml.inference.bundle.find_bundle("seed-cnn"))
"""
    assert FRAMEWORKS & loaded_by(code) == {"onnxruntime"}


def test_onnx_runtime_is_imported_only_where_its_telemetry_is_turned_off() -> None:
    """An import anywhere else, of a test as well, could come first."""
    sources = [path for part in ("ml", "screening", "dashboard", "tests") for path in (ROOT / part).rglob("*.py")]
    importers = {
        str(path.relative_to(ROOT))
        for path in sources
        if any(name.split(".")[0] == "onnxruntime" for name in imports_of(path))
    }
    assert importers == {"ml/inference/onnx_runtime.py"}


def test_files_stay_small() -> None:
    sources = [path for part in ("ml", "screening", "dashboard") for path in (ROOT / part).rglob("*.py")]
    long = {str(path): n for path in sources if (n := len(path.read_text().splitlines())) > 300}
    assert {path: n for path, n in long.items() if "/migrations/" not in path} == {}
