"""The runtime: starts the servers of an instance and supervises its processes. It imports nothing of Django."""

from __future__ import annotations

from screening.runtime.errors import StartupError

__all__ = ["StartupError"]
