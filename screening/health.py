"""Probes, named as in Kubernetes.

``/livez``: this process answers. ``/readyz``: it also reaches its database. ``/healthz``: all parts of the system
work, so a batch sent now would be screened; the answer names each part.
"""

from __future__ import annotations

import logging
import os
import threading
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import closing
from dataclasses import asdict
from pathlib import Path

from django.conf import settings
from django.db import DEFAULT_DB_ALIAS, Error, connections
from django.http import HttpRequest, HttpResponse, HttpResponseNotAllowed, JsonResponse

from screening.codes import probe_codes
from screening.config import storages
from screening.worker import heartbeats

log = logging.getLogger(__name__)

OK = "ok"
ANSWER_SECONDS = 3
_executor = ThreadPoolExecutor(1, thread_name_prefix="probe")
_query_lock = threading.Lock()
_running_query: Future[None] | None = None
Answer = dict[str, str]


FAILURES = {
    "database": probe_codes.DATABASE_UNAVAILABLE,
    "broker": probe_codes.BROKER_UNAVAILABLE,
    "workers": probe_codes.NO_WORKER,
    "storage": probe_codes.STORAGE_FULL,
}


def check_liveness() -> Answer:
    """Return the answer of a process that runs."""
    return {"status": OK}


def check_readiness() -> Answer:
    """Return whether this process can serve requests."""
    return _combine({"database": _database_state()})


def check_health() -> Answer:
    """Return the state of each part of the system."""
    broker, workers = _broker_and_worker_state()
    return _combine(
        {"database": _database_state(), "broker": broker, "workers": workers, "storage": _storage_state()}
    )


def _combine(parts: Answer) -> Answer:
    for part, state in parts.items():
        if state != OK:
            return {"status": "degraded", **parts, **asdict(FAILURES[part].reason())}
    return {"status": OK, **parts}


def _database_state() -> str:
    """Return whether the database answers in time. Concurrent probes share one query."""
    global _running_query
    with _query_lock:
        if _running_query is None or _running_query.done():
            _running_query = _executor.submit(query_database)
        question = _running_query
    try:
        question.result(timeout=2 * ANSWER_SECONDS)
    except (Error, TimeoutError) as error:
        log.warning("the database does not answer: %s", error or "in time")
        return "unavailable"
    return OK


def query_database() -> None:
    """Query the database over a new connection; an open one does not show that the server hangs.

    Raises:
        Error: it does not answer.
    """
    own = connections[DEFAULT_DB_ALIAS].copy()
    own.settings_dict["OPTIONS"] = {**own.settings_dict["OPTIONS"], "connect_timeout": ANSWER_SECONDS}
    with closing(own), own.cursor() as cursor:
        cursor.execute("SELECT 1")


def _broker_and_worker_state() -> tuple[str, str]:
    try:
        return OK, OK if heartbeats.count_workers() else "none"
    except heartbeats.BROKER_ERRORS as error:
        log.warning("the broker does not answer: %s", error)
        return "unavailable", "unknown"


def _storage_state() -> str:
    """Return whether a file of the largest accepted size has room on the disk; a bucket is not checked."""
    if settings.STORAGES["default"]["BACKEND"] != storages.LOCAL:
        return OK
    folder = Path(settings.MEDIA_ROOT)
    while not folder.exists():  # it is created with the first film
        folder = folder.parent
    disk = os.statvfs(folder)
    return OK if disk.f_bavail * disk.f_frsize >= settings.MAX_FILE_BYTES else "full"


PROBES: dict[str, Callable[[], Answer]] = {
    "/livez": check_liveness,
    "/readyz": check_readiness,
    "/healthz": check_health,
}


class ProbeMiddleware:
    """Middleware that answers probes before any other part handles the request.

    A probe uses the address of a machine or container, which need not be in ``DJANGO_ALLOWED_HOSTS``, without a
    session and without TLS.
    """

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self._get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        """Answer a probe; pass every other request on."""
        probe = PROBES.get(request.path_info)
        if probe is None:
            return self._get_response(request)
        if request.method not in ("GET", "HEAD"):
            return HttpResponseNotAllowed(["GET", "HEAD"])
        answer = probe()
        status = 200 if answer["status"] == OK else probe_codes.CODES[answer["code"]].status
        return JsonResponse(answer, status=status, headers={"Cache-Control": "no-store"})
