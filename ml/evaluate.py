"""Measure a shipped model on labelled films: ``python -m ml.evaluate``. Needs the data sets, changes nothing."""

from __future__ import annotations

import argparse
import json
import sys

from ml import DEFAULT_MODEL
from ml.errors import BundleError, DataSetError
from ml.evaluation.collections import collections, measure, scorer, table
from ml.inference.bundle import find


def main(arguments: list[str] | None = None) -> int:
    """The command line; returns the exit status."""
    parser = argparse.ArgumentParser(prog="python -m ml.evaluate", description=__doc__)
    parser.add_argument("--model", default=DEFAULT_MODEL)
    parser.add_argument("--json", action="store_true", help="print everything as JSON")
    options = parser.parse_args(arguments)
    try:
        bundle = find(options.model)
        parts = collections(bundle)
    except (BundleError, DataSetError) as error:
        print(error, file=sys.stderr)
        return 2
    score = scorer(bundle)
    rows = [measure(part, score, bundle.card["threshold"]) for part in parts]
    print(json.dumps(rows, indent=1) if options.json else table(rows))
    return 0


if __name__ == "__main__":
    sys.exit(main())
