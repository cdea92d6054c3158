"""Plain words: what a docstring begins with, and names that say what they mean."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
PACKAGES = ("ml", "screening", "dashboard", "xrayscreen")
PROPERTIES = {"property", "cached_property"}  # read like an attribute, so a noun phrase describes them

# Verbs in the imperative. Add one where it is missing; a noun is not a verb.
VERBS = frozenset(
    """
    abort accept acquire activate add adjust adopt advance align allow analyse announce answer append apply ask
    assert assign attach augment average back begin bind blank block blur bound bring build bundle cache calculate
    calibrate call cancel carry change charge check choose claim classify clean cleanse clear clip close collect
    colour combine compare compile complete compose compress compute concatenate configure confirm connect consume
    continue convert copy correct count create crop cut decide declare decode decompress decorate deduplicate define
    delete deliver derive describe detect determine disable discard display divide do download draw drop dump empty
    enable encode encrypt end enlarge ensure escape estimate evaluate evict exclude execute exit expand expect
    explain export extend extract fall fetch fill filter find finish fit flag flatten flip flush fold follow forget
    format forward free freeze generate get give grant group grow guess handle hash hide hold identify ignore import
    include increase index infer inflate initialise insert inspect install interpolate invert issue iterate join
    judge keep kill label lay leave let lift limit link list listen load locate lock log look lower make map mark
    mask match measure merge migrate mirror mix modify mount move multiply name narrow normalise note notify offer
    open order overturn overwrite pack pad paint parse partition pass patch perform permit persist pick place plan
    plot poll postpone prefetch prepare press print process produce project protect prove provide prune publish pull
    push put query queue quote raise rank read rebuild receive recognise recompute record recover redirect reduce
    refresh refuse register reject release reload remember remove rename render renew repeat replace replay report
    request require reserve reset resize resolve respond restart restore restrict resume retry return reuse revert
    review revoke rewrite rotate round run sample save scale scan schedule score screen search select send separate
    serialise serve set sharpen shear shift show shrink shuffle sign signal skip sleep slice smooth sort split
    spread start state step stop store stream stretch strip submit subtract sum summarise supply suppress swap sweep
    switch synchronise take tell terminate test throttle time touch trace track train transform translate trim
    truncate try turn undo unpack unregister update upload upsample use validate verify visit wait walk warm warn
    watch weigh widen withdraw wrap write yield zero
    """.split()  # noqa: SIM905 - hundreds of literals would be harder to read
)


def functions(folder: Path) -> Iterator[tuple[str, str]]:
    """Every function's place and the first line of its docstring."""
    for path in sorted(folder.rglob("*.py")):
        if "migrations" in path.relative_to(ROOT).parts:
            continue
        for node in ast.walk(ast.parse(path.read_text())):
            if not isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) or _is_property(node):
                continue
            text = ast.get_docstring(node)
            if text:
                yield f"{path.relative_to(ROOT)}:{node.lineno}", text.splitlines()[0]


def _is_property(node: ast.FunctionDef | ast.AsyncFunctionDef) -> bool:
    return any(getattr(mark, "id", getattr(mark, "attr", "")) in PROPERTIES for mark in node.decorator_list)


@pytest.mark.parametrize("package", PACKAGES)
def test_docstrings_of_functions_begin_with_an_imperative(package: str) -> None:
    found = list(functions(ROOT / package))
    assert len(found) > 10
    others = [f"{place} {line}" for place, line in found if line.split()[0].strip(".,:;").lower() not in VERBS]
    assert others == []


# Names that do not say what they hold. A limit is called MAX_ or MIN_.
VARIABLES = frozenset({"one", "thing", "things", "stuff", "said", "told", "lot"})
CONSTANTS = ("MOST_", "LONGEST_", "SLOWEST_", "LOWEST_", "LEAST_", "NARROWEST_")


def poor_names(folder: Path) -> Iterator[str]:
    """Every variable, argument and constant of a package with such a name."""
    for path in sorted(folder.rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text())):
            stored = isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store)
            name = node.id if isinstance(node, ast.Name) and stored else getattr(node, "arg", None)
            if isinstance(name, str) and (name in VARIABLES or name.startswith(CONSTANTS)):
                yield f"{path.relative_to(ROOT)}: {name}"


@pytest.mark.parametrize("package", PACKAGES)
def test_names_say_what_they_hold(package: str) -> None:
    assert list(poor_names(ROOT / package)) == []


def test_poor_names_are_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tests.test_language.ROOT", tmp_path)
    (tmp_path / "module.py").write_text("MOST_FILES = 3\nfiles = [one for one in range(MOST_FILES)]\n")
    assert list(poor_names(tmp_path)) == ["module.py: MOST_FILES", "module.py: one"]
