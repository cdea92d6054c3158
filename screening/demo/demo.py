"""``make demo``: start the whole system, screen the sample study, print the results, stop."""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path

from ml.data.datasets import data_dir
from ml.errors import DataSetError
from screening.batches.sample_study import Study, sample_study
from screening.demo.report import describe_agreement
from screening.runtime.console import Console
from screening.runtime.errors import StartupError
from screening.runtime.stack import Stack, running_stack
from screening.runtime.summary import summary_lines
from xrayscreen import Client, ClientError, Status
from xrayscreen.progress import TerminalReporter
from xrayscreen.report import format_films, format_totals
from xrayscreen.screening import wait_for_batch

INSTANCE = Path("var/demo")
USER = "demo"
MAX_SECONDS = 600


def demo(instance: Path, keep: bool) -> int:
    """Start the system, screen the sample study, print the results, stop the system.

    Returns:
        the exit status: 0 if every file ended with a result or a reason.

    Raises:
        StartupError, ClientError, DataSetError: with a sentence for people.
    """
    study = sample_study(data_dir())
    print("Starting PostgreSQL, Valkey, web, worker and beat …", flush=True)
    with running_stack(instance, quiet=not keep, echo=Console(sys.stdout) if keep else None) as stack:
        account = json.loads(stack.run_management_command("service_user", USER, "--staff"))
        batch, status = screen_study(Client(stack.base_url, account["token"]), study)
        print(f"\nDashboard: {stack.base_url}/batches/{batch}")
        if keep:
            return _keep_running(stack, account)
    print("Everything is stopped again; `make demo KEEP=1` leaves it running.")
    return 0 if status["progress"]["finished"] == status["progress"]["total"] else 1


def screen_study(client: Client, study: Study) -> tuple[str, Status]:
    """Upload a study, wait for its results and print them; return the batch's id and last status."""
    batch = client.create_batch(study.title)
    reporter = TerminalReporter()
    with reporter.step("uploading", len(study.uploads), "files") as step:
        client.add_all(batch, study.uploads, lambda _film: step.add(1))
    client.submit(batch)
    status = wait_for_batch(client, batch, reporter, MAX_SECONDS)
    films = list(client.films(batch))
    print(format_films(films), format_totals(status), sep="\n\n")
    if study.truth:
        print(describe_agreement(films, study.truth), sep="\n\n")
    print(f"\n{status['notice']}")
    return batch, status


def _keep_running(stack: Stack, account: dict[str, str]) -> int:
    sign_in = f"user {account['user']}, password {account['password']} (new at every start)"
    print(*summary_lines(stack, sign_in), sep="\n", flush=True)
    stack.wait()
    return 0


def main(arguments: list[str]) -> int:
    """Run the command line; return the exit status."""
    parser = argparse.ArgumentParser(prog="python -m screening.demo demo", description=__doc__)
    parser.add_argument("--keep", action="store_true", help="leave the system running until Ctrl-C")
    parser.add_argument("--instance", type=Path, default=INSTANCE, help="where its data live")
    options = parser.parse_args(arguments)
    try:
        return demo(options.instance, options.keep)
    except (StartupError, ClientError, DataSetError) as error:
        print(getattr(error, "detail", error), file=sys.stderr)
        return 2
