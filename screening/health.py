"""What the addresses for probes answer, by the names that Kubernetes gave them.

``/livez``: this process answers. ``/readyz``: and it reaches its database, so it can serve. ``/healthz``: the system
does its work, so a batch sent now would be screened; each of its parts is named.
"""

from __future__ import annotations

import logging
import os
import threading
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import closing
from dataclasses import asdict, dataclass
from pathlib import Path

from django.conf import settings
from django.db import DEFAULT_DB_ALIAS, Error, connections
from django.http import HttpRequest, HttpResponse, HttpResponseNotAllowed, JsonResponse

from screening.config import storages
from screening.worker import heartbeats

log = logging.getLogger(__name__)

OK = "ok"
ANSWER_SECONDS = 3
_asker = ThreadPoolExecutor(1, thread_name_prefix="probe")
_asking = threading.Lock()
_question: Future[None] | None = None
Answer = dict[str, str]


@dataclass(frozen=True)
class Trouble:
    """Why a part does not work: a code for programs, and what to do."""

    code: str
    detail: str


OF_PART = {
    "database": Trouble("database_unavailable", "The database does not answer; see its log."),
    "broker": Trouble(
        "broker_unavailable", "The broker does not answer or takes no writes; see its log and its disk."
    ),
    "workers": Trouble("no_worker", "No worker takes work; start one, or see the worker's log."),
    "storage": Trouble("storage_full", "The disk of the films has no room for another file; make room on it."),
}


def live() -> Answer:
    """Whether this process answers."""
    return {"status": OK}


def ready() -> Answer:
    """Whether this process can serve."""
    return _verdict({"database": _database()})


def healthy() -> Answer:
    """Whether what is sent now would be screened."""
    broker, workers = _broker_and_workers()
    return _verdict({"database": _database(), "broker": broker, "workers": workers, "storage": _storage()})


def _verdict(parts: Answer) -> Answer:
    for part, state in parts.items():
        if state != OK:
            return {"status": "degraded", **parts, **asdict(OF_PART[part])}
    return {"status": OK, **parts}


def _database() -> str:
    """Return whether the database answers soon. Probes that come meanwhile share one question and its answer."""
    global _question
    with _asking:
        if _question is None or _question.done():
            _question = _asker.submit(ask_database)
        question = _question
    try:
        question.result(timeout=2 * ANSWER_SECONDS)
    except (Error, TimeoutError) as error:
        log.warning("the database does not answer: %s", error or "in time")
        return "unavailable"
    return OK


def ask_database() -> None:
    """Ask the database over a connection of its own: a server that hangs cannot be told by an old one.

    Raises:
        Error: when it does not answer.
    """
    own = connections[DEFAULT_DB_ALIAS].copy()
    own.settings_dict["OPTIONS"] = {**own.settings_dict["OPTIONS"], "connect_timeout": ANSWER_SECONDS}
    with closing(own), own.cursor() as cursor:
        cursor.execute("SELECT 1")


def _broker_and_workers() -> tuple[str, str]:
    try:
        return OK, OK if heartbeats.working() else "none"
    except heartbeats.BROKER_ERRORS as error:
        log.warning("the broker does not answer: %s", error)
        return "unavailable", "unknown"


def _storage() -> str:
    """Whether a file of the largest size that is let in has room; what a bucket holds is its provider's business."""
    if settings.STORAGES["default"]["BACKEND"] != storages.LOCAL:
        return OK
    folder = Path(settings.MEDIA_ROOT)
    while not folder.exists():  # it is made with the first film
        folder = folder.parent
    disk = os.statvfs(folder)
    return OK if disk.f_bavail * disk.f_frsize >= settings.MAX_FILE_BYTES else "full"


PROBES: dict[str, Callable[[], Answer]] = {"/livez": live, "/readyz": ready, "/healthz": healthy}


class ProbeMiddleware:
    """Answers probes before anything else looks at the request.

    A probe asks by the address of a machine or container, which need not be in ``DJANGO_ALLOWED_HOSTS``, without a
    session and without TLS.
    """

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self._get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        """Answer a probe, and hand on every other request."""
        probe = PROBES.get(request.path_info)
        if probe is None:
            return self._get_response(request)
        if request.method not in ("GET", "HEAD"):
            return HttpResponseNotAllowed(["GET", "HEAD"])
        answer = probe()
        status = 200 if answer["status"] == OK else 503
        return JsonResponse(answer, status=status, headers={"Cache-Control": "no-store"})
