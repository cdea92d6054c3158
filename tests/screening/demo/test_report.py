from __future__ import annotations

from pathlib import Path
from typing import Any

from ml.data.datasets import FilmRecord
from screening.demo.report import describe_agreement


def film(name: str, **fields: Any) -> dict[str, Any]:
    row = {"file": name, "state": "done", "score": 0.5, "decision": "uncertain", "code": "", "reason": "",
           "flags": ["uncertain"], "synthetic": False}  # fmt: skip
    return {**row, **fields}


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
    lines = describe_agreement(films, truth).splitlines()
    assert "1 of   2 right, 1 uncertain" in lines[1]
    assert "1 of   2 right, 0 uncertain" in lines[2]
    assert "2 of   4 right" in lines[3]
