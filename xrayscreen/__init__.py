"""A client of the chest X-ray screening system: a command line and a Python class.

For research and education only; no result of the system is a diagnosis. Needs ``requests`` and ``tqdm`` and nothing
else of this repository.

Example::

    from xrayscreen import Client, screen_folder

    client = Client("https://screening.example.org", token)
    outcome = screen_folder(client, "ward-3", out="results.csv")
    print(outcome.status["progress"]["states"])
"""

from xrayscreen.client import Client, Film, Status
from xrayscreen.errors import ClientError, FileError, NotSent, RefusedError
from xrayscreen.screening import Outcome, screen_folder
from xrayscreen.transport import Retry
from xrayscreen.upload import Upload

__all__ = [
    "Client",
    "ClientError",
    "FileError",
    "Film",
    "NotSent",
    "Outcome",
    "RefusedError",
    "Retry",
    "Status",
    "Upload",
    "screen_folder",
]
