"""Outputs of the frozen part for every view of every film, on disk: computed once for all folds and seeds."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import keras
import numpy as np
from numpy.typing import NDArray

from ml.arrays import Float32Array
from ml.errors import BundleError
from ml.inference.lung_crop import LungBox, lung_box, mask_input
from ml.inference.onnx_runtime import onnxruntime
from ml.training.screener.augment import film_view
from ml.training.screener.films import Films
from ml.training.screener.network import CUT, SIZE, trained_part

CACHE = Path("var/cache/screener")
VIEWS = 8  # the film as served, and seven augmented ones
BATCH = 32
RECIPE = 1  # raise it with any change to the views or to the frozen part
POOLED_VIEWS = 4  # of the views; enough to fit the head that training starts from
Features = NDArray[np.float16]


@dataclass(frozen=True)
class Cache:
    """The cached features.

    Attributes:
        views: for each view the frozen part's output, float16 [N, 14, 14, 112], mapped from disk.
        pooled: for every second view the features that ImageNet's upper part makes of it, float32 [N, 1280].
    """

    views: list[Features]
    pooled: list[Float32Array]


def cache_folder(films: Films, root: Path = CACHE) -> Path:
    """Return the folder for exactly these films and this recipe; other films get another folder."""
    names = "\n".join(f"{film.source}/{film.path.name}" for film in films.records)
    key = hashlib.sha256(f"{RECIPE} {SIZE} {CUT}\n{names}".encode()).hexdigest()[:12]
    return root / key


def boxes_of(films: Films, lungs: Path) -> list[LungBox]:
    """Return the lung box of each film.

    Args:
        films: every film.
        lungs: the network of lung fields as an ONNX graph, as it serves.

    Raises:
        BundleError: when there is no such file.
    """
    if not lungs.is_file():
        raise BundleError(f"{lungs} is missing: run `python -m ml.training.lung_fields --masks FILE.zip` first.")
    session = onnxruntime.InferenceSession(lungs, providers=["CPUExecutionProvider"])
    boxes = []
    for start in range(0, len(films.pixels), BATCH):
        part = films.pixels[start : start + BATCH]
        masks = session.run(None, {session.get_inputs()[0].name: np.stack([mask_input(film) for film in part])})[0]
        boxes += [
            lung_box(mask, (film.shape[0], film.shape[1])) for mask, film in zip(masks[..., 0], part, strict=True)
        ]
    return boxes


def fill_cache(films: Films, lungs: Path, frozen: keras.Model, root: Path = CACHE) -> Cache:
    """Compute the views that are missing and open the cache, with progress on standard output.

    A view is written under another name and renamed when it is complete, so an interrupted run continues at the
    view where it stopped.

    Returns:
        the cache; about 126 MB a view for 2,900 films.

    Raises:
        BundleError: when the network of lung fields or the package with the ImageNet weights is missing.
    """
    folder = cache_folder(films, root)
    folder.mkdir(parents=True, exist_ok=True)
    missing = [number for number in range(VIEWS) if not _path(folder, number).exists()]
    boxes = boxes_of(films, lungs) if missing else []
    started = time.monotonic()
    for done, number in enumerate(missing, start=1):
        unfinished = folder / "unfinished.npy"
        np.save(unfinished, _compute_view(films, boxes, frozen, number))
        unfinished.rename(_path(folder, number))
        left = (time.monotonic() - started) / done * (len(missing) - done)
        print(f"view {number}: {done} of {len(missing)}, about {left / 60:.1f} min left", flush=True)
    views = [np.load(_path(folder, number), mmap_mode="r") for number in range(VIEWS)]
    return Cache(views, _pooled(folder, views))


def _pooled(folder: Path, views: list[Features]) -> list[Float32Array]:
    path = folder / "pooled.npz"
    if not path.exists():
        untrained = trained_part()
        pool = keras.Model(untrained.input, untrained.get_layer("pool").output)
        chosen = views[:: VIEWS // POOLED_VIEWS]
        pooled = [np.concatenate([_forward(pool, batch) for batch in _batches(view)]) for view in chosen]
        np.savez(folder / "unfinished.npz", *pooled)
        (folder / "unfinished.npz").rename(path)
    with np.load(path) as saved:
        return [saved[name] for name in saved.files]


def _forward(network: keras.Model, batch: Float32Array) -> Float32Array:
    return np.asarray(network(batch, training=False))


def _batches(view: Features) -> Iterator[Float32Array]:
    for start in range(0, len(view), BATCH):
        yield view[start : start + BATCH].astype(np.float32)


def _path(folder: Path, number: int) -> Path:
    return folder / f"view{number}.npy"


def _compute_view(films: Films, boxes: list[LungBox], frozen: keras.Model, number: int) -> Features:
    out = np.zeros((len(boxes), *frozen.output.shape[1:]), np.float16)
    for start in range(0, len(boxes), BATCH):
        part = range(start, min(start + BATCH, len(boxes)))
        views = np.stack([film_view(films.pixels[i], boxes[i], SIZE, number, i) for i in part])
        out[part.start : part.stop] = np.asarray(frozen(views, training=False))
    return out
