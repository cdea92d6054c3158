"""Catalogue of the codes of health probes."""

from __future__ import annotations

from ml.errors import catalogue
from screening.codes.entries import ProbeCode, probe_code

DATABASE_UNAVAILABLE = probe_code(
    "database_unavailable",
    "The database does not answer; see its log.",
    "the database does not answer; see its log",
)
BROKER_UNAVAILABLE = probe_code(
    "broker_unavailable",
    "The broker does not answer or takes no writes; see its log and its disk.",
    "Redis or Valkey does not answer, or refuses writes because its disk is full",
)
NO_WORKER = probe_code(
    "no_worker",
    "No worker takes work; start one, or see the worker's log.",
    "no worker accepts work; files that are sent now wait until a worker does",
)
STORAGE_FULL = probe_code(
    "storage_full",
    "The disk of the films has no room for another file; make room on it.",
    "the disk of the films has no room for a file of the largest size (`MAX_FILE_BYTES`)",
)

CODES = catalogue(globals(), ProbeCode)
