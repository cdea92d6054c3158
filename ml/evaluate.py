"""Measurement of a model on labelled films: ``python -m ml.evaluate``."""

from __future__ import annotations

import argparse
import json
import sys
from dataclasses import asdict
from pathlib import Path

from tqdm import tqdm

from ml import DEFAULT_MODEL, NOTICE
from ml.data.datasets import FilmRecord
from ml.data.layouts import LAYOUTS, load_layout
from ml.errors import BundleError, DataSetError
from ml.evaluation.collections import collections_of, evaluate_collection, format_table, score_function
from ml.evaluation.own_films import count_outcomes, evaluate_classes, format_outcomes, screen_films
from ml.inference.bundle import Bundle, find_bundle
from ml.model_card.strict_json import to_json

DESCRIPTION = (
    "Measure a model on labelled films and print the metrics: on its own test films (needs XRAY_DATA_DIR), or on "
    "yours (--data). Changes no file."
)


def main(arguments: list[str] | None = None) -> int:
    """Run the command line.

    Returns:
        the exit status: 0, or 2 where the model or the data are missing.
    """
    parser = argparse.ArgumentParser(prog="python -m ml.evaluate", description=DESCRIPTION)
    parser.add_argument("--model", default=DEFAULT_MODEL, help=f"name of the model (default {DEFAULT_MODEL})")
    parser.add_argument("--json", action="store_true", help="print the evaluations as JSON instead of a table")
    parser.add_argument("--data", type=Path, metavar="DIR", help="measure on the films of this folder instead")
    parser.add_argument("--layout", choices=sorted(LAYOUTS), default="folders", help="layout of --data")
    options = parser.parse_args(arguments)
    try:
        bundle = find_bundle(options.model)
        if options.data is not None:
            return _evaluate_own_films(bundle, load_layout(options.layout, options.data), as_json=options.json)
        collections = collections_of(bundle)
    except (BundleError, DataSetError) as error:
        print(error, file=sys.stderr)
        return 2
    score = score_function(bundle)
    rows = [evaluate_collection(collection, score, bundle.card.threshold) for collection in collections]
    print(json.dumps([to_json(row) for row in rows], indent=1) if options.json else format_table(rows))
    return 0


def _evaluate_own_films(bundle: Bundle, films: list[FilmRecord], *, as_json: bool) -> int:
    """Print the metrics of the films that were scored, and what became of the films of each class."""
    outcomes = list(tqdm(screen_films(bundle, films), total=len(films), unit="film", disable=None))
    rows = evaluate_classes(outcomes, bundle.card.threshold)
    classes = count_outcomes(outcomes, bundle)
    if as_json:
        answer = {
            "model": f"{bundle.name}@{bundle.digest[:12]}",
            "notice": NOTICE,
            "operating_points": {"low": bundle.low, "high": bundle.high},
            "evaluations": [to_json(row) for row in rows],
            "classes": [asdict(row) for row in classes],
        }
        print(json.dumps(answer, indent=1))
    else:
        print(NOTICE, format_table(rows), format_outcomes(classes), sep="\n\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
