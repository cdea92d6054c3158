"""Log records without the values that PostgreSQL quotes in its errors, such as the names of uploaded files."""

from __future__ import annotations

import logging
import re
from typing import Any

# Parts of an error of PostgreSQL behind its first line, up to the next part or the end: the values of a row or a key
# (DETAIL), and the statement with its values (LINE, with a mark below it, and CONTEXT).
QUOTED = re.compile(r"^(?:DETAIL|CONTEXT|QUERY|STATEMENT|LINE \d+):.*(?:\n[ \t]*\^[ \t]*$)?\n?", re.MULTILINE)
# The same in the text that repr() makes, where a line break is written as two characters.
QUOTED_IN_REPR = re.compile(r"\\n(?:DETAIL|CONTEXT|QUERY|STATEMENT|LINE \d+):(?:(?!\\n).)*(?:\\n[ ]*\^)?")
_FORMATTER = logging.Formatter()


class ReticentLogRecord(logging.LogRecord):
    """A log record whose message and traceback leave out what PostgreSQL quotes."""

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        if self.exc_info and self.exc_info[0]:
            self.exc_text = remove_quoted(_FORMATTER.formatException(self.exc_info))  # handlers format it only once

    def getMessage(self) -> str:  # noqa: N802  # the name that logging calls
        """Return the message with its arguments."""
        return remove_quoted(super().getMessage())


def remove_quoted(text: str) -> str:
    """Return an error text of PostgreSQL without the lines that quote values."""
    return QUOTED_IN_REPR.sub("", QUOTED.sub("", text)) if ":" in text else text


def install_log_records() -> None:
    """Make every record of this process a :class:`ReticentLogRecord`, whichever library logs it."""
    logging.setLogRecordFactory(ReticentLogRecord)
