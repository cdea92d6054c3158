from __future__ import annotations

from typing import Any

import pytest

from xrayscreen.report import format_batch, format_films, format_reasons, format_totals


def film(name: str, **fields: Any) -> dict[str, Any]:
    row = {"file": name, "state": "done", "score": 0.5, "decision": "uncertain", "code": "", "reason": "",
           "flags": ["uncertain"], "synthetic": False}  # fmt: skip
    return {**row, **fields}


def test_the_table_has_a_line_a_film_within_the_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "100")
    refused = film(
        "b.txt", state="rejected", score=None, decision="", code="empty_file", reason="long " * 50, flags=[]
    )
    lines = format_films([film("a.png", synthetic=True), refused]).splitlines()
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
    text = format_totals({"progress": progress})
    assert "3 files: 2 done, 1 rejected" in text
    assert "1.0 films per second" in text


def test_what_a_server_says_cannot_steer_the_terminal() -> None:
    hostile = film("\x1b[2Ja.png", code="x", reason="\x1b]0;title\x07", state="rejected")
    status = {"id": "b", "state": "done", "name": "\x1b[31mred",
              "progress": {"finished": 1, "total": 1, "percent": 100}}  # fmt: skip
    text = "".join([format_films([hostile]), *format_reasons([hostile]), format_batch(status)])
    assert "\x1b" not in text
    assert "\x07" not in text
