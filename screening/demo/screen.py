"""``make screen DIR=folder``: screen a folder and write a CSV, with the running system or one started for it."""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import requests

from screening.config.environment import instance_dir
from screening.runtime.errors import StartupError
from screening.runtime.stack import running_stack
from xrayscreen import Client, ClientError
from xrayscreen.codes import TOKEN_NOT_MADE
from xrayscreen.commands import REFUSED, add_screen_options, print_screening, read_screen_options, run_guarded
from xrayscreen.files import find_files
from xrayscreen.progress import TerminalReporter
from xrayscreen.screening import ScreenOptions

USER = "command-line"


@contextmanager
def connect_or_start(instance: Path) -> Iterator[Client]:
    """Connect to the system that runs on this instance, or to one started for the duration of the block.

    Raises:
        StartupError: the system cannot be started.
        ClientError: ``no_token``.
    """
    running = _running_address(instance)
    if running is not None:
        yield Client(running, _create_token())
        return
    print("No system is running here; starting one …", file=sys.stderr, flush=True)
    with running_stack(instance, quiet=True) as stack:
        answer = json.loads(stack.run_management_command("service_user", USER, "--keep-password"))
        yield Client(stack.base_url, answer["token"])


def _running_address(instance: Path) -> str | None:
    """Return the address of the web server that runs on an instance, or ``None``."""
    try:
        address = str(json.loads((instance / "endpoints.json").read_text())["base_url"])
        requests.get(f"{address}/readyz", timeout=5).raise_for_status()
    except (OSError, ValueError, KeyError, requests.RequestException):
        return None
    return address


def _create_token() -> str:
    """Create an API token through the running system's database."""
    manage = Path(__file__).resolve().parents[2] / "manage.py"
    command = [sys.executable, str(manage), "service_user", USER, "--keep-password"]
    done = subprocess.run(command, capture_output=True, text=True, check=False, env=dict(os.environ))
    if done.returncode:
        raise ClientError(TOKEN_NOT_MADE, error=done.stderr.strip()[-300:])
    answer: dict[str, str] = json.loads(done.stdout)
    return answer["token"]


def _with_state_in(instance: Path, wanted: ScreenOptions) -> ScreenOptions:
    """Return the options with the resume state stored in the instance, since its port may change."""
    wanted = replace(wanted, place=str(instance))
    return replace(wanted, state=wanted.state or instance / "client" / f"{wanted.command('')}.state")


def _screen(options: argparse.Namespace) -> int:
    wanted, instance = read_screen_options(options), instance_dir()
    find_files(wanted.sources, wanted.recursive)  # report a wrong folder before a system is started
    try:
        with connect_or_start(instance) as client:
            return print_screening(client, _with_state_in(instance, wanted), TerminalReporter())
    except StartupError as error:
        print(error.detail, file=sys.stderr)
        return REFUSED


def main(arguments: list[str]) -> int:
    """Run the command line; return the exit status."""
    parser = argparse.ArgumentParser(prog="python -m screening.demo screen", description=__doc__)
    add_screen_options(parser)
    options = parser.parse_args(arguments)
    return run_guarded(lambda: _screen(options))
