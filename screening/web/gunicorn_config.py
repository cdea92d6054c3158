"""Settings of gunicorn, for ``make run`` and the image: ``gunicorn -c python:screening.web.gunicorn_config``."""

from __future__ import annotations

from pathlib import Path

from screening.config import web

_SHARED_MEMORY = Path("/dev/shm")  # noqa: S108  # gunicorn makes its own private files there

wsgi_app = "screening.config.wsgi"
worker_class = "screening.web.worker.BufferedThreadWorker"
workers = web.PROCESSES
threads = web.THREADS
worker_connections = web.CONNECTIONS
keepalive = web.KEEP_ALIVE_SECONDS
graceful_timeout = 8
control_socket_disable = True
if _SHARED_MEMORY.is_dir():  # a slow disk would otherwise look like a hanging worker
    worker_tmp_dir = str(_SHARED_MEMORY)
