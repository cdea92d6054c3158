"""``make screen DIR=folder``: a folder in, a CSV out, through the running system or one started for it."""

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
from xrayscreen.commands import REFUSED, add_screen_options, guarded, screen, wish_of
from xrayscreen.files import find
from xrayscreen.progress import Terminal
from xrayscreen.screening import Wish

USER = "command-line"


@contextmanager
def some_system(instance: Path) -> Iterator[Client]:
    """A client of the system that runs on this instance, or of one started for the while.

    Raises:
        StartupError: when it cannot be started.
        ClientError: ``no_token``.
    """
    running = _running(instance)
    if running is not None:
        yield Client(running, _token_from_outside())
        return
    print("No system is running here; starting one …", file=sys.stderr, flush=True)
    with running_stack(instance, quiet=True) as stack:
        answer = json.loads(stack.run_management_command("service_user", USER, "--keep-password"))
        yield Client(stack.base_url, answer["token"])


def _running(instance: Path) -> str | None:
    """The address of the web server that runs on an instance, if one answers there."""
    try:
        address = str(json.loads((instance / "endpoints.json").read_text())["base_url"])
        requests.get(f"{address}/readyz", timeout=5).raise_for_status()
    except (OSError, ValueError, KeyError, requests.RequestException):
        return None
    return address


def _token_from_outside() -> str:
    """A token made through the running system's own database."""
    manage = Path(__file__).resolve().parents[2] / "manage.py"
    command = [sys.executable, str(manage), "service_user", USER, "--keep-password"]
    done = subprocess.run(command, capture_output=True, text=True, check=False, env=dict(os.environ))
    if done.returncode:
        raise ClientError("no_token", f"No API token could be made: {done.stderr.strip()[-300:]}")
    answer: dict[str, str] = json.loads(done.stdout)
    return answer["token"]


def _remembered_in(instance: Path, wish: Wish) -> Wish:
    """The wish, remembered beside the instance: its batches are there, whatever port it has next time."""
    wish = replace(wish, place=str(instance))
    return replace(wish, state=wish.state or instance / "client" / f"{wish.command('')}.state")


def _screen(options: argparse.Namespace) -> int:
    wish, instance = wish_of(options), instance_dir()
    find(wish.sources, wish.recursive)  # a wrong folder should not cost a start
    try:
        with some_system(instance) as client:
            return screen(client, _remembered_in(instance, wish), Terminal())
    except StartupError as error:
        print(getattr(error, "sentence", error), file=sys.stderr)
        return REFUSED


def main(arguments: list[str]) -> int:
    """The command line; returns the exit status."""
    parser = argparse.ArgumentParser(prog="python -m screening.demo screen", description=__doc__)
    add_screen_options(parser)
    options = parser.parse_args(arguments)
    return guarded(lambda: _screen(options))
