"""What the runtime prints: one line at a time. Losing the display must not end the processes."""

from __future__ import annotations

import errno
import os
import sys
import threading
from contextlib import suppress
from typing import TextIO

_COLOURS = (36, 33, 32, 35, 34, 96, 93, 92)
_NAME_WIDTH = 8
_PASSING = {errno.ENOSPC, errno.EDQUOT, errno.EAGAIN, errno.EINTR}  # temporary errors: the next line may succeed


class Console:
    """Writes whole lines to a stream from many threads; without a stream it only reports alarms.

    The output of the processes is in their log files; with ``verbose`` it is printed as well.
    """

    def __init__(self, stream: TextIO | None = None, *, verbose: bool = False) -> None:
        self._stream = stream
        self._verbose = verbose
        self._lock = threading.Lock()
        self._colour_of: dict[str, int] = {}
        self._coloured = stream is not None and stream.isatty() and not os.environ.get("NO_COLOR")

    @property
    def shows_output(self) -> bool:
        """Whether the output of the processes is printed."""
        return self._verbose and self._stream is not None

    def process_line(self, name: str, text: str) -> None:
        """Print one output line of the process ``name``, if that is wanted."""
        if self._verbose and self._stream is not None:
            self._write(self._stream, f"{self._label(name)} | {text}")

    def say(self, text: str) -> None:
        """Print one line of the supervisor itself."""
        if self._stream is not None:
            self._write(self._stream, text)

    def alarm(self, text: str) -> None:
        """Print one line that must be seen in quiet mode too: it goes to the error stream then."""
        self._write(self._stream or sys.stderr, text)

    def _label(self, name: str) -> str:
        padded = name.ljust(_NAME_WIDTH)
        if not self._coloured:
            return padded
        colour = self._colour_of.setdefault(name, _COLOURS[len(self._colour_of) % len(_COLOURS)])
        return f"\x1b[{colour}m{padded}\x1b[0m"

    def _write(self, stream: TextIO, text: str) -> None:
        with self._lock:
            try:
                stream.write(text + "\n")
                stream.flush()
            except (OSError, ValueError) as error:
                if isinstance(error, OSError) and error.errno in _PASSING:
                    return
                # The reader has gone (a closed pipe or terminal); the log files still hold everything.
                self._stream = None
                _silence(stream)


def _silence(stream: TextIO) -> None:
    """Discard the buffered output, otherwise the interpreter reports an error at its end."""
    with suppress(OSError, ValueError):
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, stream.fileno())
        os.close(nowhere)
