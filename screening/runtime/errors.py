"""The one error that the runtime shows to people."""

from __future__ import annotations

from screening.codes.entries import StartCode


class StartupError(Exception):
    """Something that keeps an instance from starting and that a person can put right.

    Attributes:
        code: stable identifier for programs.
        detail: for people: what is wrong and what to do.
        log: the last lines of a log, or nothing.
    """

    def __init__(self, code: StartCode, *, log: str = "", **values: object) -> None:
        """Take the sentence from the catalogue.

        Args:
            code: an entry of :mod:`screening.runtime.codes`.
            log: the last lines of a log.
            values: the values of the sentence's placeholders.
        """
        reason = code.reason(**values)
        super().__init__(reason.detail)
        self.code = reason.code
        self.detail = reason.detail
        self.log = log
        if log:
            self.add_note(log)  # so that a traceback shows it too
