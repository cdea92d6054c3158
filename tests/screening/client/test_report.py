from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from ml.datasets import FilmRecord
from screening.client.report import agreement, film_table, totals


def film(name: str, **fields: Any) -> dict[str, Any]:
    row = {"file": name, "state": "done", "score": 0.5, "decision": "uncertain", "code": "", "reason": "",
           "flags": ["uncertain"], "synthetic": False}  # fmt: skip
    return {**row, **fields}


def test_the_table_has_a_line_a_film_within_the_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "100")
    refused = film(
        "b.txt", state="rejected", score=None, decision="", code="empty_file", reason="long " * 50, flags=[]
    )
    lines = film_table([film("a.png", synthetic=True), refused]).splitlines()
    assert len(lines) == 4
    assert all(len(line) <= 100 for line in lines)
    assert "a.png (synthetic)" in lines[2]
    assert "0.500" in lines[2]
    assert "to review: uncertain" in lines[2]
    assert "empty_file: long" in lines[3]
    assert lines[3].endswith("…")


def test_totals_add_up() -> None:
    progress = {"total": 3, "states": {"done": 2, "rejected": 1, "queued": 0}, "to_review": 1, "seconds": 2.0,
                "decisions": {"positive": 0, "negative": 2, "uncertain": 0}, "films_per_second": 1.0}  # fmt: skip
    text = totals({"progress": progress})
    assert "3 files: 2 done, 1 rejected" in text
    assert "1.0 films per second" in text


def test_agreement_is_told_by_source_and_uncertain_is_never_right() -> None:
    truth = {
        name: FilmRecord(Path(name), "hospital", finding, name)
        for name, finding in (("a", "covid"), ("b", "covid"), ("c", "normal"), ("d", "normal"))
    }
    films = [
        film("a", decision="positive"),
        film("b", decision="uncertain"),
        film("c", decision="negative"),
        film("d", decision="positive"),
        film("unknown", decision="positive"),
    ]
    lines = agreement(films, truth).splitlines()
    assert "1 of   2 right, 1 uncertain" in lines[1]
    assert "1 of   2 right, 0 uncertain" in lines[2]
    assert "2 of   4 right" in lines[3]
