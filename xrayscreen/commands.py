"""Screen chest X-rays on a server: send folders, follow batches, fetch results. Not a diagnostic device."""

from __future__ import annotations

import argparse
import io
import os
import sys
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

from xrayscreen import codes
from xrayscreen.client import Client
from xrayscreen.errors import ClientError
from xrayscreen.progress import ProgressReporter, TerminalReporter
from xrayscreen.report import format_batch, format_films, format_reasons, format_totals
from xrayscreen.screening import Outcome, ScreenOptions, run_screening, wait_for_batch

DONE, INCOMPLETE, REFUSED, STOPPED = 0, 1, 2, 130
REPEATABLE_CODES = frozenset({codes.UNREACHABLE.code, codes.BROKEN_OFF.code, codes.TIMEOUT.code})
EXIT_STATUSES = (
    "exit status: 0 every file ended with a result or a reason; 1 some could not be sent or failed, or the server "
    "was not reached; 2 a wrong command, or the server refused; 130 stopped by Ctrl-C"
)
ABOUT_TOKENS = (
    "an API token; other users of this machine can see it in the list of processes, so prefer --token-file or "
    "XRAYSCREEN_TOKEN"
)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line; return the exit status."""
    options = _parser().parse_args(arguments)
    return run_guarded(lambda: int(options.command(create_client(options), options)))


def run_guarded(command: Callable[[], int]) -> int:
    """Run a command; report an error as one sentence and an exit status."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(
                errors="replace"
            )  # a name with characters that the terminal lacks must not end the run
    try:
        return command()
    except ClientError as error:
        again = error.code in REPEATABLE_CODES
        print(error.detail + (" Run the same command again to go on." if again else ""), file=sys.stderr)
        return INCOMPLETE if again else REFUSED
    except BrokenPipeError:  # the reader of the output has closed it
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return INCOMPLETE
    except OSError as error:
        print(error, file=sys.stderr)
        return REFUSED
    except KeyboardInterrupt:
        print("\nStopped. Run the same command again to go on.", file=sys.stderr)
        return STOPPED


def create_client(options: argparse.Namespace) -> Client:
    """Create the client from the options and the environment.

    Raises:
        ClientError: ``no_server``, ``no_token`` or ``server_invalid``.
        OSError: the token file cannot be read.
    """
    server = options.server or os.environ.get("XRAYSCREEN_SERVER", "")
    if not server:
        raise ClientError(codes.NO_SERVER)
    file: Path | None = options.token_file
    token = (file.read_text() if file else options.token or os.environ.get("XRAYSCREEN_TOKEN", "")).strip()
    if not token:
        raise ClientError(codes.NO_TOKEN)
    if not (token.isascii() and token.isprintable()):
        raise ClientError(codes.NOT_A_TOKEN)
    return Client(server, token)


def add_screen_options(parser: argparse.ArgumentParser) -> None:
    """Add the options of ``screen`` that do not concern the server."""
    parser.add_argument("sources", type=Path, nargs="+", metavar="FOLDER_OR_FILE")
    parser.add_argument(
        "--recursive", action=argparse.BooleanOptionalAction, default=True, help="also search the folders inside"
    )
    parser.add_argument("--name", default="", help="the batch's name (default: the folder's name)")
    parser.add_argument("--model", default="", help="the model (default: the server's default model)")
    parser.add_argument("--out", type=Path, default=Path("results.csv"), help="the CSV to write (%(default)s)")
    parser.add_argument("--no-wait", action="store_true", help="send and submit, then exit")
    parser.add_argument(
        "--new", action="store_true", help="open a new batch even if an interrupted one could be resumed"
    )
    parser.add_argument("--state", type=Path, help="the file that stores the state of an interrupted run")


def read_screen_options(options: argparse.Namespace) -> ScreenOptions:
    """Return the options of ``screen`` in checked form.

    Raises:
        ClientError: ``out_unwritable``.
    """
    out: Path = options.out
    if not options.no_wait and (out.is_dir() or not os.access(out.absolute().parent, os.W_OK)):
        raise ClientError(codes.OUT_UNWRITABLE, out=out)
    return ScreenOptions(
        sources=options.sources,
        name=options.name,
        model=options.model,
        recursive=options.recursive,
        wait=not options.no_wait,
        out=None if options.no_wait else out,
        state=options.state,
        anew=options.new,
    )


def print_screening(client: Client, options: ScreenOptions, reporter: ProgressReporter) -> int:
    """Screen the files and print the result."""
    outcome = run_screening(client, options, reporter)
    print(*_outcome_lines(client, options, outcome), sep="\n")
    return DONE if outcome.complete else INCOMPLETE


def _outcome_lines(client: Client, options: ScreenOptions, outcome: Outcome) -> Iterable[str]:
    if outcome.refused:
        yield from ("", "Without a result:", *format_reasons(outcome.refused))
    if outcome.not_sent:
        yield from ("", "Not sent:", *(f"{file.name}: {file.code}: {file.detail}" for file in outcome.not_sent))
    yield ""
    yield f"{outcome.found} files found: {outcome.sent} sent, {len(outcome.not_sent)} not sent"
    if outcome.skipped:
        yield f"skipped helper files: {', '.join(outcome.skipped)}"
    if options.wait:
        yield format_totals(outcome.status)
    else:
        yield f"Fetch the results with: xrayscreen results {outcome.batch} --csv results.csv"
    yield client.page(outcome.batch)
    if options.out:
        yield f"{options.out}: written"
    yield outcome.status["notice"]


def _screen(client: Client, options: argparse.Namespace) -> int:
    return print_screening(client, read_screen_options(options), TerminalReporter())


def _status(client: Client, options: argparse.Namespace) -> int:
    status = (
        wait_for_batch(client, options.batch, TerminalReporter()) if options.watch else client.status(options.batch)
    )
    print(format_batch(status), format_totals(status), status["notice"], sep="\n")
    return DONE


def _results(client: Client, options: argparse.Namespace) -> int:
    if options.json or options.csv == "-":
        pieces = client.json(options.batch) if options.json else client.csv(options.batch)
        sys.stdout.flush()
        sys.stdout.buffer.writelines(pieces)
        sys.stdout.buffer.flush()
        return DONE
    status = client.status(options.batch)
    if options.csv:
        client.save_csv(options.batch, Path(options.csv))
        print(f"{options.csv}: written")
    else:
        print(format_films(list(client.films(options.batch))), "", format_totals(status), sep="\n")
    print(status["notice"])
    return DONE


def _batches(client: Client, options: argparse.Namespace) -> int:
    statuses = [client.status(row["id"]) for row in client.batches(options.most)]
    print(*map(format_batch, statuses), sep="\n")
    print(statuses[0]["notice"] if statuses else "You have sent no batch yet.")
    return DONE


def _cancel(client: Client, options: argparse.Namespace) -> int:
    status = client.cancel(options.batch)
    print(format_batch(status), status["notice"], sep="\n")
    return DONE


def _parser() -> argparse.ArgumentParser:
    where = argparse.ArgumentParser(add_help=False)
    where.add_argument("--server", metavar="URL", help="also XRAYSCREEN_SERVER")
    secret = where.add_mutually_exclusive_group()
    secret.add_argument("--token-file", type=Path, metavar="FILE", help="a file that holds an API token")
    secret.add_argument("--token", help=ABOUT_TOKENS)
    parser = argparse.ArgumentParser(prog="xrayscreen", description=__doc__, epilog=EXIT_STATUSES)
    commands = parser.add_subparsers(required=True, metavar="COMMAND")

    def command(
        name: str, function: Callable[[Client, argparse.Namespace], int], text: str
    ) -> argparse.ArgumentParser:
        subparser = commands.add_parser(name, parents=[where], help=text, description=text, epilog=EXIT_STATUSES)
        subparser.set_defaults(command=function)
        return subparser

    add_screen_options(command("screen", _screen, "send folders or files as one batch, wait, write the results"))
    status = command("status", _status, "show the state of a batch")
    status.add_argument("--watch", action="store_true", help="poll until it is finished")
    results = command("results", _results, "show the results of a batch as a table, CSV or JSON")
    form = results.add_mutually_exclusive_group()
    form.add_argument("--csv", metavar="FILE", help="write CSV; - for standard output")
    form.add_argument("--json", action="store_true", help="print JSON")
    batches = command("batches", _batches, "list the newest batches")
    batches.add_argument("--most", type=int, default=20, help="how many (%(default)s)")
    cancel = command("cancel", _cancel, "cancel the films of a batch that still wait")
    for subparser in (status, results, cancel):
        subparser.add_argument("batch", metavar="BATCH", help="its id")
    return parser
