"""The naive design, kept as the comparison: a Celery task a film, Keras ``predict`` on one film, a row saved a film.

A real worker runs this (``python -m celery -A tests.benchmarks.naive worker``, prefork), with TensorFlow as it comes
and every film decoded at its full size. It writes neither pictures nor maps nor states and has no gate, so it does
less than the system it is compared to.

``screener`` is its architecture (lung fields, EfficientNet-Lite0) with random weights: its Keras weights are not in
the repository, and an operation costs the same whatever it multiplies. The same holds for ``seed-cnn``.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
import psycopg2
import pydicom
from celery import Celery
from numpy.typing import NDArray
from PIL import Image
from psycopg2.extensions import connection as Connection  # noqa: N812  # a class, whatever its name
from pydicom.pixels.processing import apply_modality_lut, apply_voi_lut

BROKER, DATABASE = "NAIVE_BROKER", "NAIVE_DATABASE"  # environment variables
TABLE = """CREATE TABLE IF NOT EXISTS bench_naive (
    id bigserial PRIMARY KEY, path text NOT NULL, model text NOT NULL, score double precision NOT NULL,
    process integer NOT NULL, stored_at timestamptz NOT NULL DEFAULT clock_timestamp())"""
INSERT = "INSERT INTO bench_naive (path, model, score, process) VALUES (%s, %s, %s, %s)"

Grey = NDArray[np.uint8]

app = Celery("naive", broker=os.environ.get(BROKER, "memory://"))
app.conf.update(task_ignore_result=True, broker_connection_retry_on_startup=True, worker_hijack_root_logger=False)


@app.task
def screen(path: str, model: str) -> None:
    """Screen one film and save its row."""
    score = network(model)(decode(Path(path)))
    with database().cursor() as cursor:
        cursor.execute(INSERT, (path, model, score, os.getpid()))


def decode(path: Path) -> Grey:
    """Every pixel of a film, uint8 [H, W]."""
    if path.suffix != ".dcm":
        return np.asarray(Image.open(path).convert("L"))
    dataset = pydicom.dcmread(path)
    values: NDArray[Any] = apply_voi_lut(apply_modality_lut(dataset.pixel_array, dataset), dataset)
    low, high = float(values.min()), float(values.max())
    grey = ((values - low) / max(high - low, 1e-6) * 255).astype(np.uint8)
    return 255 - grey if dataset.PhotometricInterpretation == "MONOCHROME1" else grey


@lru_cache(maxsize=2)
def network(model: str) -> Callable[[Grey], float]:
    """What scores one film, made in the process that runs it."""
    return _seed_cnn() if model == "seed-cnn" else _screener()


@lru_cache(maxsize=1)
def database() -> Connection:
    """This process's connection; every statement is a transaction."""
    connection = psycopg2.connect(os.environ[DATABASE])
    connection.autocommit = True
    return connection


def _seed_cnn() -> Callable[[Grey], float]:
    from ml.decoding.preprocess import InputSpec, to_input
    from ml.training.seed_cnn.network import seed_cnn

    keras_model, spec = seed_cnn(), InputSpec(224, 224, 3)
    return lambda film: float(keras_model.predict(to_input(film, spec)[None], verbose=0)[0, 0])


def _screener() -> Callable[[Grey], float]:
    import keras

    from ml.inference.lung_crop import mask_input, to_lung_input
    from ml.training.lung_fields import lung_network
    from ml.training.screener.efficientnet import lower_part, upper_part
    from ml.training.screener.network import CUT, SIZE

    first = lower_part(SIZE, CUT)
    features = keras.layers.GlobalAveragePooling2D()(upper_part(first.output.shape[1:], CUT)(first.output))
    keras_model, lungs = keras.Model(first.input, keras.layers.Dense(1)(features)), lung_network()

    def score(film: Grey) -> float:
        mask = lungs.predict(mask_input(film)[None], verbose=0)[0, ..., 0]
        logit = keras_model.predict(to_lung_input(film, mask, SIZE)[None], verbose=0)[0, 0]
        return float(1 / (1 + np.exp(-logit)))

    return score
