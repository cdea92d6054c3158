"""Strict conversion between JSON and frozen dataclasses; an error names the field.

A field with a default may be absent, and is left out of the JSON where it has its default. A field without one must
be present; where its type allows ``None``, its JSON may be ``null``. Unknown fields are errors. ``Annotated`` types
with a :class:`ml.statistics.ranges.Range` limit the numbers of a field, or of the dataclass that the field holds.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from dataclasses import MISSING, Field, field, fields, is_dataclass
from functools import cache
from types import NoneType, UnionType
from typing import Annotated, Any, TypeVar, Union, get_args, get_origin, get_type_hints

from ml.statistics.ranges import Range

T = TypeVar("T")
Reader = Callable[[Any], Any]
MAX_SHOWN = 60  # characters of a wrong value in a message
LARGEST = sys.float_info.max
_ANY_NUMBER = Range()
_KEY = "json_key"


class FieldError(ValueError):
    """A JSON value that does not fit the field it was read for.

    Attributes:
        problem: what is wrong, without the place.
        parts: the place, innermost part first, such as ``["[2]", ".external"]``.
    """

    def __init__(self, problem: str, place: str = "") -> None:
        super().__init__(problem)
        self.problem = problem
        self.parts = [place] if place else []

    @property
    def place(self) -> str:
        """Return the path of the field, such as ``external[2].auroc``; empty for the whole document."""
        return "".join(reversed(self.parts)).removeprefix(".")

    def __str__(self) -> str:
        return f"{self.place}: {self.problem}" if self.place else self.problem


def json_key(key: str) -> Any:
    """Return a dataclass field whose name in JSON is a reserved word of Python."""
    return field(metadata={_KEY: key})


def from_json(cls: type[T], value: object) -> T:
    """Read a dataclass.

    Args:
        cls: a frozen dataclass of the types that this module knows.
        value: what :func:`json.loads` returned.

    Raises:
        FieldError: when the value does not fit; it names the field.
    """
    kind: Any = cls  # mypy takes no type variable for hashable
    result: T = _reader_of(kind, None)(value)
    return result


def to_json(value: Any) -> Any:
    """Return what :func:`json.dumps` writes for a dataclass, such that :func:`from_json` reads it again."""
    if is_dataclass(value):
        contents = ((item, getattr(value, item.name)) for item in fields(value))
        return {_key(item): to_json(content) for item, content in contents if not _is_default(item, content)}
    if isinstance(value, tuple):
        return [to_json(item) for item in value]
    if isinstance(value, dict):
        return {key: to_json(item) for key, item in value.items()}
    return value


@cache
def _reader_of(kind: Any, limit: Range | None) -> Reader:
    """Return the function that reads one type; ``limit`` holds for the floats in it."""
    origin, arguments = get_origin(kind), get_args(kind)
    if origin is Annotated:
        return _reader_of(arguments[0], next(item for item in arguments[1:] if isinstance(item, Range)))
    if origin in (Union, UnionType):
        return _nullable(_reader_of(next(item for item in arguments if item is not NoneType), limit))
    if origin is tuple and arguments[-1] is Ellipsis:
        return _list_reader(_reader_of(arguments[0], limit))
    if origin is tuple:
        return _fixed_list_reader([_reader_of(item, limit) for item in arguments])
    if origin is dict:
        return _map_reader(_reader_of(arguments[1], limit))
    if kind is float:
        return _number_reader(limit or _ANY_NUMBER, whole=False)
    if kind is int:
        return _number_reader(limit or _ANY_NUMBER, whole=True)
    if kind is str:
        return _read_text
    if is_dataclass(kind):
        return _object_reader(kind, limit)
    raise TypeError(f"{kind!r} has no reader")


def _read_text(value: Any) -> str:
    if not isinstance(value, str):
        raise _wrong("text", value)
    return value


def _number_reader(limit: Range, *, whole: bool) -> Reader:
    kinds = (int,) if whole else (int, float)
    expected = f"a {'whole ' if whole else ''}number{limit}"
    # Comparing with finite bounds also refuses NaN and infinity, which Python's JSON parser accepts.
    low = -LARGEST if limit.low is None else limit.low
    high = LARGEST if limit.high is None else limit.high

    def read(value: Any) -> Any:
        if type(value) in kinds and low <= value <= high:  # not isinstance: a bool is an int
            return value
        raise _wrong(expected, value)

    return read


def _nullable(reader: Reader) -> Reader:
    def read(value: Any) -> Any:
        return None if value is None else reader(value)

    return read


def _list_reader(reader: Reader) -> Reader:
    def read(value: Any) -> tuple[Any, ...]:
        if not isinstance(value, list):
            raise _wrong("a list", value)
        items: list[Any] = []
        try:
            for item in value:
                items.append(reader(item))  # noqa: PERF401  # its length is the place of an error
        except FieldError as error:
            error.parts.append(f"[{len(items)}]")
            raise
        return tuple(items)

    return read


def _fixed_list_reader(readers: list[Reader]) -> Reader:
    def read(value: Any) -> tuple[Any, ...]:
        if not isinstance(value, list) or len(value) != len(readers):
            raise _wrong(f"a list of {len(readers)}", value)
        items: list[Any] = []
        try:
            for reader, item in zip(readers, value, strict=True):
                items.append(reader(item))
        except FieldError as error:
            error.parts.append(f"[{len(items)}]")
            raise
        return tuple(items)

    return read


def _map_reader(reader: Reader) -> Reader:
    def read(value: Any) -> dict[str, Any]:
        if not isinstance(value, dict):
            raise _wrong("an object", value)
        return _read_members(value, dict.fromkeys(value, reader))

    return read


def _object_reader(cls: Any, limit: Range | None) -> Reader:
    hints = get_type_hints(cls, include_extras=True)
    names = {_key(item): item.name for item in fields(cls)}
    required = [_key(item) for item in fields(cls) if item.default is MISSING and item.default_factory is MISSING]
    readers = {key: _reader_of(hints[name], limit) for key, name in names.items()}

    def read(value: Any) -> Any:
        if not isinstance(value, dict):
            raise _wrong("an object", value)
        for key in value:
            if key not in readers:
                raise FieldError("unknown field", f".{key}")
        for key in required:
            if key not in value:
                raise FieldError("missing", f".{key}")
        return cls(**{names[key]: item for key, item in _read_members(value, readers).items()})

    return read


def _read_members(value: dict[str, Any], readers: dict[str, Reader]) -> dict[str, Any]:
    found = {}
    for key, item in value.items():
        try:
            found[key] = readers[key](item)
        except FieldError as error:
            error.parts.append(f".{key}")
            raise
    return found


def _key(item: Field[Any]) -> str:
    return str(item.metadata.get(_KEY, item.name))


def _is_default(item: Field[Any], content: Any) -> bool:
    return item.default is not MISSING and bool(content == item.default)


def _wrong(expected: str, value: Any) -> FieldError:
    shown = json.dumps(value, ensure_ascii=False, default=str)
    if len(shown) > MAX_SHOWN:
        shown = f"{shown[:MAX_SHOWN]}…"
    return FieldError(f"expected {expected}, got {shown}")
