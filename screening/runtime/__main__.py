"""The command line: ``python -m screening.runtime run`` and ``exec``."""

from __future__ import annotations

import argparse
import errno
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path

from screening.runtime import codes
from screening.runtime.application import PROJECT_DIR, application_environment
from screening.runtime.child import launch_command
from screening.runtime.console import Console
from screening.runtime.errors import StartupError
from screening.runtime.instance import Instance
from screening.runtime.signals import Interrupted
from screening.runtime.stack import remove_instance, running_stack, services
from screening.runtime.summary import first_login, summary_lines

_REFUSED = 2
_INTERRUPTED = 130
_MAX_PORT = 65535


def _run(arguments: argparse.Namespace) -> int:
    console = Console(sys.stdout, verbose=arguments.verbose)
    with (
        running_stack(
            arguments.instance,
            host=arguments.host,
            port=arguments.port,
            workers=arguments.workers,
            echo=console,
        ) as stack,
        suppress(Interrupted),
    ):  # Ctrl-C while these lines are printed ends the program as it does later
        for line in summary_lines(stack, first_login(stack)):
            console.say(line)
        stack.wait()
    return 0


def _exec(arguments: argparse.Namespace) -> int:
    command = [part for index, part in enumerate(arguments.command) if index or part != "--"]
    if not command:
        raise StartupError(codes.NO_COMMAND)
    with services(arguments.instance, fast=arguments.fast) as endpoints:
        instance = Instance.open(arguments.instance)
        env = application_environment(instance, endpoints, "127.0.0.1")
        return _run_in_foreground(command, env)


def _run_in_foreground(command: Sequence[str], env: dict[str, str]) -> int:
    """Run a command in the terminal; it handles Ctrl-C itself, as in a shell."""
    previous = signal.signal(signal.SIGINT, lambda _number, _frame: None)
    process = subprocess.Popen(launch_command(command, signal.SIGTERM), env=env)
    try:
        code = process.wait()
    except BaseException:
        process.terminate()
        process.wait()
        raise
    finally:
        signal.signal(signal.SIGINT, previous)
    return code if code >= 0 else 128 - code


def _remove(arguments: argparse.Namespace) -> int:
    remove_instance(arguments.instance)
    return 0


def _port(text: str) -> int:
    if not text.isdigit() or not 1 <= int(text) <= _MAX_PORT:
        raise argparse.ArgumentTypeError(f"{text} is no port; choose one from 1 to {_MAX_PORT}")
    return int(text)


def _count(text: str) -> int:
    if not text.isdigit() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"{text} is no number of workers; choose 1 or more")
    return int(text)


def _add_run(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--port", type=_port, default=8000)
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--workers", type=_count, help="worker processes, by default one a core")
    parser.add_argument("--verbose", action="store_true", help="print the output of the processes too")
    _add_instance(parser, "run", os.environ.get("SCREENING_DATA_DIR"))


def _add_exec(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--fast", action="store_true", help="give up durability; for tests only")
    _add_instance(parser, "exec")
    parser.add_argument("command", nargs=argparse.REMAINDER, metavar="-- COMMAND")


def _add_remove(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("instance", type=Path)


def _add_instance(parser: argparse.ArgumentParser, name: str, chosen: str | None = None) -> None:
    default = Path(chosen) if chosen else PROJECT_DIR / "var" / name
    parser.add_argument("--instance", type=Path, default=default, help="directory of the data")


Handler = Callable[[argparse.Namespace], int]

COMMANDS: dict[str, tuple[str, Callable[[argparse.ArgumentParser], None], Handler]] = {
    "run": ("run the whole system in the foreground", _add_run, _run),
    "exec": ("run one command with the servers of an instance", _add_exec, _exec),
    "remove": ("delete an instance with its database", _add_remove, _remove),
}


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command and return the exit code: 2 if it cannot start."""
    parser = argparse.ArgumentParser(prog="python -m screening.runtime", description=__doc__)
    subparsers = parser.add_subparsers(dest="name", required=True)
    for name, (help_text, configure, handler) in COMMANDS.items():
        subparser = subparsers.add_parser(name, help=help_text)
        configure(subparser)
        subparser.set_defaults(handler=handler)
    chosen = parser.parse_args(arguments)
    handler = chosen.handler
    try:
        return int(handler(chosen))
    except StartupError as error:
        sys.stderr.write("".join(f"{part}\n" for part in (error.log, error.detail) if part))
        return _REFUSED
    except OSError as error:
        if error.errno not in (errno.ENOSPC, errno.EDQUOT):
            raise
        sys.stderr.write(f"The disk is full ({error}). Make room on it, then start again.\n")
        return _REFUSED
    except KeyboardInterrupt:
        return _INTERRUPTED


if __name__ == "__main__":
    sys.exit(main())
