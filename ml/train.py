"""Training of the reference network: ``python -m ml.train``, see :mod:`ml.training.seed_cnn.train`."""

from __future__ import annotations

import sys

from ml.training.seed_cnn.train import main

if __name__ == "__main__":
    sys.exit(main())
