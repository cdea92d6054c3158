"""Settings of the web server, from the environment. Nothing here imports Django: gunicorn reads it first."""

from __future__ import annotations

from screening.config.environment import read_number

KIB, MIB = 1024, 1024 * 1024

PROCESSES = read_number("WEB_PROCESSES", 2)
THREADS = read_number("WEB_THREADS", 12)  # of each process; each may hold a database connection
# An upload occupies a thread until its body has arrived; the other threads are reserved for pages.
UPLOAD_THREADS = max(1, THREADS * 2 // 3)
CONNECTIONS = 400  # of each process; above it the oldest unfinished request is closed

REQUEST_SECONDS = 15.0  # from the first byte until a header, and a small body, are complete
KEEP_ALIVE_SECONDS = 15  # between two requests of a connection
IDLE_SECONDS = 20.0  # without a byte, inside a body or an answer
GRACE_SECONDS = 20.0  # of waiting in total before the minimum speed applies
MIN_SPEED = read_number("MIN_BYTES_PER_SECOND", 1000)  # of a request's body and of an answer
UPLOAD_QUEUE_SECONDS = 45.0  # an upload waits for a thread; the clients' own limits are 60 and 90
LINGER_SECONDS = 5.0  # after a refusal, so that the client reads it before the connection is reset

SMALL_BODY = 64 * KIB  # a thread gets a request with a body up to this size only when it is complete
MAX_HEADER = 64 * KIB
MAX_LINGER = 16 * MIB  # bytes read and discarded after a refusal, at most
OUTPUT_BUFFER = 64 * MIB  # of all answers of a process that wait for their clients
CONNECTION_OUTPUT_BUFFER = 4 * MIB  # of one connection; a longer answer waits for its client
