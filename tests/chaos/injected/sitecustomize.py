"""Put on the path of every process of a system under test; Python imports a module of this name at its start.

Films may carry an order in their bytes, which the process that decodes them carries out, and the Python clock goes
wrong by the seconds that the file named by CHAOS_CLOCK holds.
"""

from __future__ import annotations

import ctypes
import datetime
import importlib.util
import os
import resource
import signal
import sys
import time
from collections.abc import Callable, Sequence
from functools import wraps
from importlib.abc import Loader, MetaPathFinder
from importlib.machinery import ModuleSpec
from types import ModuleType
from typing import Any

MARK = b"CHAOS:"
DECODER = "ml.decoding.preprocess"


def obey(data: bytes) -> None:
    """Do what a film says."""
    _, found, rest = data[:4096].partition(MARK)
    if not found:
        return
    order, _, value = rest.partition(b";")[0].decode().partition("=")
    if order == "segfault":
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
        ctypes.string_at(0)
    elif order == "killed":  # what the kernel does to who takes too much memory
        os.kill(os.getpid(), signal.SIGKILL)
    elif order == "memory":
        raise MemoryError(order)
    elif order == "slow":
        time.sleep(float(value))


class _Patched(Loader):
    """Loads the decoder and puts the orders before its ``decode``."""

    def __init__(self, loader: Loader) -> None:
        self._loader = loader

    def create_module(self, spec: ModuleSpec) -> ModuleType | None:
        return self._loader.create_module(spec)

    def exec_module(self, module: ModuleType) -> None:
        self._loader.exec_module(module)
        module.decode = _obedient(module.decode)  # type: ignore[attr-defined]


class _Finder(MetaPathFinder):
    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        if fullname != DECODER:
            return None
        sys.meta_path.remove(self)  # or it would find itself
        spec = importlib.util.find_spec(fullname)
        if spec is not None and spec.loader is not None:
            spec.loader = _Patched(spec.loader)
        return spec


def _obedient(decode: Callable[..., Any]) -> Callable[..., Any]:
    @wraps(decode)
    def first_obey(data: bytes, *rest: Any, **named: Any) -> Any:
        obey(data)
        return decode(data, *rest, **named)

    return first_obey


def _offset() -> float:
    try:
        with open(os.environ["CHAOS_CLOCK"]) as file:  # noqa: PTH123  # as little as possible is imported here
            return float(file.read())
    except (KeyError, OSError, ValueError):
        return 0.0


class _AnyDatetime(type):
    """Instances of the real class, which C code makes, count as instances of ours."""

    def __instancecheck__(cls, instance: object) -> bool:
        return isinstance(instance, _real_datetime)

    def __subclasscheck__(cls, subclass: type) -> bool:
        return issubclass(subclass, _real_datetime)


_real_datetime = datetime.datetime
_real_time = time.time


class _Shifted(_real_datetime, metaclass=_AnyDatetime):
    @classmethod
    def now(cls, tz: datetime.tzinfo | None = None) -> Any:
        return super().now(tz) + datetime.timedelta(seconds=_offset())

    @classmethod
    def utcnow(cls) -> Any:
        return super().now(datetime.UTC).replace(tzinfo=None) + datetime.timedelta(seconds=_offset())

    @classmethod
    def today(cls) -> Any:
        return cls.now()


def _shift_clock() -> None:
    # Under its own name, or beat could not pickle when it last ran what.
    _Shifted.__name__ = _Shifted.__qualname__ = "datetime"
    _Shifted.__module__ = "datetime"
    datetime.datetime = _Shifted  # type: ignore[misc]
    time.time = lambda: _real_time() + _offset()


sys.meta_path.insert(0, _Finder())
if "CHAOS_CLOCK" in os.environ:
    _shift_clock()
