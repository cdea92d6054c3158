"""The one error that the runtime shows to people."""

from __future__ import annotations


class StartupError(Exception):
    """Something that keeps an instance from starting and that a person can put right.

    ``code`` is stable and meant for programs, ``message`` is one sentence that says what to do, and
    ``detail`` holds the last lines of a log, or nothing.
    """

    def __init__(self, code: str, message: str, detail: str = "") -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.detail = detail
        if detail:
            self.add_note(detail)  # so that a traceback shows it too
