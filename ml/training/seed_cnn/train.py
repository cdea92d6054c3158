"""Training of ``seed-cnn``: ``python -m ml.train``. Weights and logs are written to a folder of runs.

``python -m ml.training.seed_cnn.build_bundle`` then builds the bundle from them.
"""

from __future__ import annotations

import argparse
import sys
import time
from pathlib import Path

from ml.errors import DataSetError
from ml.evaluation.collections import load_seed_data

DESCRIPTION = (
    "Train the reference network seed-cnn, once for each seed. Needs the data sets (XRAY_DATA_DIR). An "
    "interrupted training continues where it stopped."
)

RUNS = Path("var/training/seed-cnn")


def run_folder(runs: Path, protocol: str, seed: int) -> Path:
    """Return the folder of one training's weights and log."""
    return runs / f"{protocol}-{seed}"


def main(arguments: list[str] | None = None) -> int:
    """Run the command line.

    Returns:
        the exit status: 0, or 2 where the data are missing.
    """
    parser = argparse.ArgumentParser(prog="python -m ml.train", description=DESCRIPTION)
    parser.add_argument("--protocol", choices=("patient", "seed"), default="patient", help="how films are split")
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2], help="one training each")
    parser.add_argument("--epochs", type=int, default=20, help="epochs of each training (default 20)")
    parser.add_argument("--runs", type=Path, default=RUNS, help="folder for weights and logs")
    options = parser.parse_args(arguments)
    try:
        split = load_seed_data(options.protocol).split
    except DataSetError as error:
        print(error, file=sys.stderr)
        return 2
    from ml.training.seed_cnn.recipe import train  # TensorFlow takes seconds to load

    for seed in options.seeds:
        started = time.monotonic()
        run = run_folder(options.runs, options.protocol, seed)
        train(split, seed, run, options.epochs)
        print(f"{run}: {time.monotonic() - started:.0f} s")
    return 0


if __name__ == "__main__":
    sys.exit(main())
