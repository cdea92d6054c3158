"""Catalogue of the codes that the client finds by itself, and the codes of the server that it acts on.

How to add a code is said in ``screening/codes/__init__.py`` of the server.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from string import Formatter


@dataclass(frozen=True)
class Code:
    """An entry of the catalogue.

    Attributes:
        code: stable identifier for programs, ``snake_case``.
        sentence: for people: what is wrong and what to do; a template with named placeholders (``str.format``).
        about: the same without placeholders, for the table of codes in ``docs/``; empty in a further sentence of a
            code, and where the code is one of the server's.
    """

    code: str
    sentence: str
    about: str = ""

    def variant(self, sentence: str) -> Code:
        """Return another sentence for the same code."""
        return replace(self, sentence=sentence, about="")

    def detail(self, **values: object) -> str:
        """Return the sentence with these values for its placeholders."""
        return self.sentence.format(**values)

    @property
    def placeholders(self) -> set[str]:
        """The names of the placeholders in the sentence."""
        return {name for _, name, _, _ in Formatter().parse(self.sentence) if name}


# How the server is reached.
NO_SERVER = Code(
    "no_server",
    "Name the server: --server https://… or XRAYSCREEN_SERVER.",
    "name the server by `--server https://…` or `XRAYSCREEN_SERVER`",
)
SERVER_INVALID = Code(
    "server_invalid",
    "{server!r} is no address; write it as https://example.org.",
    "the address of the server is none; write it as `https://example.org`",
)
NO_TOKEN = Code(
    "no_token",
    "Make a token on the server's account page; pass it by --token-file FILE or XRAYSCREEN_TOKEN.",
    "create one on the account page",
)
NOT_A_TOKEN = NO_TOKEN.variant("That is no token; a token is one word that starts with xray_.")
TOKEN_NOT_MADE = NO_TOKEN.variant("No API token could be made: {error}")
NO_API = Code(
    "no_api",
    "{server} answers, but not as this system does; check the address.",
    "something answers at that address that is not this system",
)
MOVED = Code(
    "moved",
    "The server sends us on to {address}; name that one.",
    "the server redirects; use the address it names",
)
UNREACHABLE = Code(
    "unreachable",
    "{server} does not answer.",
    "the server does not answer; run the same command again to resume",
)
MAY_BE_DONE = UNREACHABLE.variant(
    "{server} does not answer. It may have done what was asked: look at its list of batches before you try again."
)
NO_CERTIFICATE = UNREACHABLE.variant("{server} shows no valid certificate: {error}.")
NOT_ASKED = UNREACHABLE.variant("{server} cannot be asked: {error}.")
BROKEN_OFF = Code(
    "broken_off",
    "{server} broke off in the middle of the results; ask for them again.",
    "the results did not arrive whole; run the same command again to resume",
)
TIMEOUT = Code(
    "timeout",
    "The batch is not finished after {seconds:.0f} seconds.",
    "the batch did not finish in the given time; run the same command again to resume",
)

# What is sent.
NO_SUCH_FILE = Code(
    "no_such_file",
    "There is no file or folder {name}.",
    "there is no such file or folder",
)
FOLDER_EMPTY = Code(
    "folder_empty",
    "There is no file in {names}.",
    "there is no file in the folders",
)
ONLY_SKIPPED = FOLDER_EMPTY.variant("There are only helper files or hidden files in {names}: {skipped}.")
NOTHING_TO_SEND = Code(
    "nothing_to_send",
    "{first} There is nothing else.",
    "none of the files can be read",
)
NOTHING_SENT = Code(
    "nothing_sent",
    "No file could be sent. {first}",
    "none of the files could be sent; the sentence says why for the first",
)
FILE_GONE = Code(
    "file_gone",
    "The file is no longer there.",
    "this file no longer exists and was skipped; the others were sent",
)
FILE_CHANGED = Code(
    "file_changed",
    "The file changed after it was hashed, so it was not sent; run the command again once it is complete.",
    "this file changed while it was sent and was skipped; run the command again",
)
FILE_UNREADABLE = Code(
    "file_unreadable",
    "It cannot be read: {error}.",
    "this file cannot be read and was skipped; the others were sent",
)
FOLDER_UNREADABLE = Code(
    "folder_unreadable",
    "It cannot be read: {error}.",
    "this folder cannot be read and was skipped; the others were sent",
)
LINKED_FOLDER = Code(
    "linked_folder",
    "A link to a folder is not followed; name the folder.",
    "links to folders are skipped; name the folder itself",
)
NOT_A_FILE = Code(
    "not_a_file",
    "It is a broken link, a pipe or a device, not a file.",
    "broken links, pipes and devices are skipped",
)
BATCH_INVALID = Code(
    "batch_invalid",
    "{batch!r} is no id of a batch; it looks like 1b4e28ba-2fa1-11d2-883f-0016d3cca427.",
    "not the id of a batch",
)
STOPPED = Code(
    "stopped",
    "Sending was stopped.",
    "you stopped it",
)

# Files that the client writes.
OUT_UNWRITABLE = Code(
    "out_unwritable",
    "{out} cannot be written; name another file with --out.",
    "name another file by `--out`",
)
STATE_UNWRITABLE = Code(
    "state_unwritable",
    "{path} cannot be written ({error}); name another file with --state.",
    "name another file by `--state`",
)
STATE_OF_ANOTHER = Code(
    "state_of_another",
    "{path} stores the state of another command; name another file with --state.",
    "the state file belongs to another command; name another file by `--state`",
)
ALREADY_RUNNING = Code(
    "already_running",
    "The same command is running already; wait for it, or end it first.",
    "the same command is running; wait until it ends, or stop it first",
)

# Codes of the server that the client acts on or answers in its place.
NOT_FOUND, QUOTA_BYTES = "not_found", "quota_bytes"
SKIPPED = "skipped"  # the state in the answer to a helper file
NOT_IN_BATCH = Code(
    "batch_submitted", "Its batch was submitted without it; run the command again with --new to screen it."
)
ERROR = Code("error", "The server answered {answer}.")
SERVER_CODES = frozenset({NOT_FOUND, QUOTA_BYTES, NOT_IN_BATCH.code, ERROR.code})

CODES = {entry.code: entry for entry in tuple(globals().values()) if isinstance(entry, Code) and entry.about}
