"""``make screen DIR=folder``: a folder in, a CSV out, through the running system or one started for it."""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

import requests
from tqdm import tqdm

from screening.client.demo import wait
from screening.client.report import totals
from screening.client.rest import Client, ClientError, Film, Upload
from screening.config.environment import instance_dir
from screening.runtime.errors import StartupError
from screening.runtime.stack import running_stack

USER = "command-line"
MOST_SECONDS = 24 * 3600
NAME_LENGTH = 120  # characters a batch's name may have


def uploads_of(folder: Path) -> list[Upload]:
    """Every file below a folder, hidden ones left out, named by its path within the folder.

    Raises:
        ClientError: ``no_folder`` or ``folder_empty``.
    """
    if not folder.is_dir():
        raise ClientError("no_folder", f"There is no folder {folder}; name one with DIR=….")
    paths = sorted(path for path in folder.rglob("*") if path.is_file())
    relative = [(path, path.relative_to(folder)) for path in paths]
    uploads = [
        Upload("__".join(name.parts), path)
        for path, name in relative
        if not any(part.startswith(".") for part in name.parts)
    ]
    if not uploads:
        raise ClientError("folder_empty", f"There is no file in {folder}.")
    return uploads


def screen(client: Client, folder: Path, out: Path) -> None:
    """Send a folder as one batch, wait, and write its results.

    Raises:
        ClientError: when the server refuses or goes away.
        OSError: when a file cannot be read or the results cannot be written.
    """
    uploads = uploads_of(folder)
    batch = client.create_batch(folder.resolve().name[:NAME_LENGTH])
    refused: list[Film] = []
    with tqdm(total=len(uploads), desc="uploading", unit="file", disable=None) as bar:

        def done(film: Film) -> None:
            bar.update()
            if film["state"] == "rejected":
                refused.append(film)

        client.add_all(batch, uploads, done)
    client.submit(batch)
    status = wait(client, batch, MOST_SECONDS)
    _write(out, client.csv(batch))
    for film in refused:
        print(f"{film['file']}: {film['reason']}", file=sys.stderr)
    print(totals(status), f"{out}: written", status["notice"], sep="\n")


@contextmanager
def some_system() -> Iterator[Client]:
    """A client of the system that runs on this instance, or of one started for the while.

    Raises:
        StartupError: when it cannot be started.
    """
    instance = instance_dir()
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
        requests.get(f"{address}/healthz", timeout=5).raise_for_status()
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


def _write(out: Path, parts: Iterable[bytes]) -> None:
    """Write beside the target first, so that a broken transfer leaves no half a file."""
    partial = out.with_name(out.name + ".part")
    with partial.open("wb") as file:
        file.writelines(parts)
    partial.replace(out)


def main(arguments: list[str]) -> int:
    """The command line; returns the exit status."""
    parser = argparse.ArgumentParser(prog="python -m screening.client screen", description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--out", type=Path, default=Path("results.csv"), help="the CSV to write")
    options = parser.parse_args(arguments)
    try:
        uploads_of(options.folder)  # a wrong folder should not cost a start
        with some_system() as client:
            screen(client, options.folder, options.out)
    except (StartupError, ClientError, OSError) as error:
        print(getattr(error, "sentence", error), file=sys.stderr)
        return 2
    return 0
