"""Settings of the web server, from the environment. Nothing here imports Django: gunicorn reads it first."""

from __future__ import annotations

from screening.config.environment import number

KIB, MIB = 1024, 1024 * 1024

PROCESSES = number("WEB_PROCESSES", 2)
THREADS = number("WEB_THREADS", 12)  # of each process; each may hold a database connection
# Uploads read their body in a thread, as long as their sender takes; the other threads stay free for pages.
UPLOAD_THREADS = max(1, THREADS * 2 // 3)
CONNECTIONS = 400  # of each process; beyond it the oldest unfinished request gives way

REQUEST_SECONDS = 15.0  # from the first byte until a header, and a small body, are complete
KEEP_ALIVE_SECONDS = 15  # between two requests of a connection
IDLE_SECONDS = 20.0  # without a byte, inside a body or an answer
GRACE_SECONDS = 20.0  # of waiting in all before the lowest speed applies
LOWEST_SPEED = number("MIN_BYTES_PER_SECOND", 1000)  # of a body that comes and of an answer that goes
UPLOAD_QUEUE_SECONDS = 45.0  # an upload waits for a thread; clients give up after 60 and 90
LINGER_SECONDS = 5.0  # after a refusal, so that its sender reads it instead of a reset connection

SMALL_BODY = 64 * KIB  # up to here a body is complete before a thread takes the request
LARGEST_HEADER = 64 * KIB
LARGEST_LINGER = 16 * MIB  # bytes that are thrown away after a refusal
OUTPUT_BUFFER = 64 * MIB  # of all answers of a process that wait for their clients
OUTPUT_BUFFER_OF_ONE = 4 * MIB  # of one answer; a longer one waits for its client
