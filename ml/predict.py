"""Score films without the web system: ``python -m ml.predict [--model NAME] [--jsonl] PATH…``."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tqdm import tqdm

from ml import DEFAULT_MODEL, NOTICE
from ml.codes import UNREADABLE_FILE
from ml.decoding.preprocess import WorkingPicture, load
from ml.errors import BundleError, FilmError, Reason
from ml.inference.bundle import Bundle, bundle_names, find_bundle, sha256_of
from ml.inference.decision import decide

if TYPE_CHECKING:
    from ml.inference.classifier import FilmResult

BATCH = 8


def list_files(paths: Iterable[Path]) -> list[Path]:
    """List the files of paths; folders are walked, hidden files are skipped.

    Raises:
        FileNotFoundError: when a path does not exist.
    """
    found: list[Path] = []
    for path in paths:
        if not path.exists():
            raise FileNotFoundError(f"There is no {path}.")
        inside = sorted(p for p in path.rglob("*") if p.is_file() and not p.name.startswith("."))
        found += inside if path.is_dir() else [path]
    return found


def predict(paths: list[Path], bundle: Bundle) -> Iterator[dict[str, Any]]:
    """Score films; yield one JSON-ready object for each film, in order.

    Args:
        paths: the files.
        bundle: the model.
    """
    from ml.inference.classifier import Classifier

    classifier = Classifier(bundle, threads=0)
    for start in range(0, len(paths), BATCH):
        chunk = paths[start : start + BATCH]
        films = [_load(path) for path in chunk]
        results = iter(classifier.classify([film.pixels for film in films if not isinstance(film, Reason)]))
        for path, film in zip(chunk, films, strict=True):
            yield _answer(path, bundle, film, film if isinstance(film, Reason) else next(results))


def _load(path: Path) -> WorkingPicture | Reason:
    try:
        return load(path.read_bytes())
    except FilmError as error:
        return error.reason
    except OSError as error:
        return UNREADABLE_FILE.reason(error=error.strerror)


def _answer(path: Path, bundle: Bundle, film: WorkingPicture | Reason, result: FilmResult | Reason) -> dict[str, Any]:
    answer: dict[str, Any] = {"path": str(path), "accepted": True, "reasons": [], "score": None, "decision": None}
    notes = [] if isinstance(film, Reason) else list(film.notes)
    if isinstance(result, Reason):
        answer["accepted"] = False
        answer["reasons"] = [{"code": result.code, "sentence": result.detail}]
    else:
        answer["score"] = round(result.score, 6)
        answer["decision"] = decide(result.score, bundle.low, bundle.high)
        notes += result.notes
    answer["notes"] = [note.code for note in notes]
    model = f"{bundle.name}@{bundle.digest[:12]}"
    return {**answer, "model": model, "sha256": _digest(path), "notice": NOTICE}


def _digest(path: Path) -> str | None:
    try:
        return sha256_of(path)
    except OSError:
        return None


def _line(answer: dict[str, Any]) -> str:
    if not answer["accepted"]:
        reason = answer["reasons"][0]
        return f"{answer['path']}: refused, {reason['code']}: {reason['sentence']}"
    return f"{answer['path']}: {answer['score']:.3f} {answer['decision']}"


def main(arguments: list[str] | None = None) -> int:
    """Run the command line; return 0 if every film was accepted, 1 if some were refused, 2 on a wrong call."""
    parser = argparse.ArgumentParser(prog="python -m ml.predict", description=__doc__, epilog=NOTICE)
    parser.add_argument("paths", nargs="+", type=Path, metavar="PATH", help="films, or folders of films")
    parser.add_argument("--model", default=DEFAULT_MODEL, help=f"one of: {', '.join(bundle_names())}")
    parser.add_argument("--jsonl", action="store_true", help="print one JSON object a film")
    options = parser.parse_args(arguments)
    try:
        bundle, paths = find_bundle(options.model), list_files(options.paths)
    except (BundleError, OSError) as error:
        print(error, file=sys.stderr)
        return 2
    refused = 0
    for answer in tqdm(predict(paths, bundle), total=len(paths), unit="film", disable=None):
        refused += not answer["accepted"]
        tqdm.write(json.dumps(answer) if options.jsonl else _line(answer), file=sys.stdout)
    if not options.jsonl:
        print(NOTICE)
    return 1 if refused else 0


if __name__ == "__main__":
    sys.exit(main())
