from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

import pytest

from ml.model_card.strict_json import FieldError, from_json, json_key, to_json
from ml.statistics.ranges import Range


@dataclass(frozen=True, kw_only=True)
class Item:
    kind: str = json_key("class")
    size: float
    count: int = 3


@dataclass(frozen=True)
class Box:
    limited: Annotated[Item, Range(low=1)]
    items: tuple[Item, ...] = ()
    pair: tuple[float, str] | None = None


@dataclass(frozen=True)
class Unreadable:
    names: set[str]


def test_defaults_are_left_out_and_read_again() -> None:
    box = Box(Item(kind="a", size=2.5), (Item(kind="b", size=-1, count=4),), (1, "x"))
    assert to_json(box) == {
        "limited": {"class": "a", "size": 2.5},
        "items": [{"class": "b", "size": -1, "count": 4}],
        "pair": [1, "x"],
    }
    assert from_json(Box, to_json(box)) == box


def test_a_range_holds_for_the_floats_of_the_dataclass_it_is_set_on() -> None:
    with pytest.raises(FieldError, match=r"^limited\.size: expected a number of at least 1, got 0\.5$"):
        from_json(Box, {"limited": {"class": "a", "size": 0.5}})


@pytest.mark.parametrize(
    ("limit", "text"),
    [
        (Range(), ""),
        (Range(low=0), " of at least 0"),
        (Range(high=9), " of at most 9"),
        (Range(0, 1), " between 0 and 1"),
    ],
)
def test_a_range_is_written_out(limit: Range, text: str) -> None:
    assert str(limit) == text


def test_a_type_without_reader_is_an_error_of_the_program() -> None:
    with pytest.raises(TypeError, match="has no reader"):
        from_json(Unreadable, {"names": []})
