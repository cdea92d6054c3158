"""Measurement of a model on labelled films: ``python -m ml.evaluate``."""

from __future__ import annotations

import argparse
import json
import sys

from ml import DEFAULT_MODEL
from ml.errors import BundleError, DataSetError
from ml.evaluation.collections import collections_of, evaluate_collection, format_table, score_function
from ml.inference.bundle import find_bundle
from ml.model_card.strict_json import to_json

DESCRIPTION = (
    "Measure a model on labelled films and print the metrics. Needs the data sets (XRAY_DATA_DIR); changes no file."
)


def main(arguments: list[str] | None = None) -> int:
    """Run the command line.

    Returns:
        the exit status: 0, or 2 where the model or the data are missing.
    """
    parser = argparse.ArgumentParser(prog="python -m ml.evaluate", description=DESCRIPTION)
    parser.add_argument("--model", default=DEFAULT_MODEL, help=f"name of the model (default {DEFAULT_MODEL})")
    parser.add_argument("--json", action="store_true", help="print the evaluations as JSON instead of a table")
    options = parser.parse_args(arguments)
    try:
        bundle = find_bundle(options.model)
        collections = collections_of(bundle)
    except (BundleError, DataSetError) as error:
        print(error, file=sys.stderr)
        return 2
    score = score_function(bundle)
    rows = [evaluate_collection(collection, score, bundle.card.threshold) for collection in collections]
    print(json.dumps([to_json(row) for row in rows], indent=1) if options.json else format_table(rows))
    return 0


if __name__ == "__main__":
    sys.exit(main())
