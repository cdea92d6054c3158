"""The only bridge from the domain to the networks: one classifier in each process, loaded when first needed."""

from __future__ import annotations

import math
import time
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from io import BytesIO
from typing import TYPE_CHECKING

from django.conf import settings
from PIL import Image

from ml.decoding.limits import MEGAPIXEL
from ml.decoding.preprocess import Grey, load
from ml.errors import BundleError, NoteCode, Reason
from ml.inference.bundle import Bundle, find_bundle
from ml.inference.decision import decide

if TYPE_CHECKING:
    from ml.inference.classifier import Classifier, FilmResult

THUMBNAIL_SIDE = 256  # pixels; the longer side at most
MIN_REDUCTION = 4  # from this factor on by a whole number: a third of the time, and at least 192 pixels remain
JPEG_QUALITY = 88


@dataclass(frozen=True)
class Pictures:
    """A film's pictures for display, as JPEG bytes."""

    display: bytes
    thumbnail: bytes


@dataclass(frozen=True)
class Decoded:
    """A film ready for the network.

    Attributes:
        picture: the working picture, uint8 [H, W].
        pictures: for display, made from the same decoded film.
        seconds: the time of decoding.
        notes: what was put right while it was decoded.
    """

    picture: Grey
    pictures: Pictures
    seconds: float
    notes: tuple[NoteCode, ...] = ()


@dataclass(frozen=True)
class Screened:
    """One film's result.

    Attributes:
        score: P(COVID-19).
        decision: ``negative``, ``uncertain`` or ``positive``.
        seconds: the time of decoding and the film's share of the network's pass.
        pictures: for display.
        overlay: the class activation map as a PNG, or ``None`` where the model has none.
        notes: what was put right before scoring.
    """

    score: float
    decision: str
    seconds: float
    pictures: Pictures
    overlay: bytes | None = None
    notes: tuple[NoteCode, ...] = ()


@dataclass(frozen=True)
class Unscored:
    """A film that the model's gate rejected: the reason, its pictures, and notes on its decoding."""

    reason: Reason
    pictures: Pictures
    notes: tuple[NoteCode, ...] = ()


def decode_film(data: bytes) -> Decoded:
    """Decode a film and make its pictures.

    Args:
        data: the file's bytes.

    Raises:
        FilmError: the film cannot be decoded.
    """
    started = time.perf_counter()
    film = load(data, settings.MAX_MEGAPIXELS * MEGAPIXEL)
    pictures = encode_pictures(film.pixels)
    return Decoded(film.pixels, pictures, time.perf_counter() - started, film.notes)


def score_films(films: Sequence[Decoded], model: str, digest: str) -> list[Screened | Unscored]:
    """Run a model once over all films.

    Args:
        films: decoded films.
        model: the bundle's name.
        digest: sha256 of the weights that the batch was created with.

    Returns:
        one result for each film, in order.

    Raises:
        BundleError: this worker has other weights.
    """
    classifier = classifier_for(model, digest)
    started = time.perf_counter()
    results = classifier.classify([film.picture for film in films])
    seconds = (time.perf_counter() - started) / max(1, len(films))
    return [
        _film_result(film, result, classifier.bundle, seconds) for film, result in zip(films, results, strict=True)
    ]


def _film_result(film: Decoded, result: FilmResult | Reason, bundle: Bundle, seconds: float) -> Screened | Unscored:
    if isinstance(result, Reason):
        return Unscored(result, film.pictures, film.notes)
    decision = decide(result.score, bundle.low, bundle.high)
    total = film.seconds + seconds
    notes = (*film.notes, *result.notes)
    return Screened(result.score, decision, total, film.pictures, result.overlay, notes)


@lru_cache(maxsize=2)
def classifier_for(model: str, digest: str) -> Classifier:
    """Return the network of a model version, loaded once in each process.

    Raises:
        BundleError: the files on this machine are of another version.
    """
    from ml.inference.classifier import Classifier  # starts threads: only in the process that runs the network

    bundle = find_bundle(model)
    if bundle.digest != digest:
        raise BundleError(
            f"This worker has {model} {bundle.digest[:8]}, the batch asks for {digest[:8]}; "
            "deploy the same release everywhere."
        )
    return Classifier(bundle, threads=settings.WORKER_THREADS)


def load_default() -> None:
    """Load the default model before the first film needs it.

    Raises:
        BundleError: the bundle is missing or damaged.
    """
    classifier_for(settings.DEFAULT_MODEL, find_bundle(settings.DEFAULT_MODEL).digest)


def encode_pictures(picture: Grey) -> Pictures:
    """Encode a working picture (uint8 [H, W]) for the browser."""
    image = Image.fromarray(picture)
    return Pictures(_jpeg(image), _jpeg(_thumbnail(image)))


def _thumbnail(image: Image.Image) -> Image.Image:
    factor = math.ceil(max(image.size) / THUMBNAIL_SIDE)
    if factor >= MIN_REDUCTION:
        return image.reduce(factor)
    small = image.copy()
    small.thumbnail((THUMBNAIL_SIDE, THUMBNAIL_SIDE), Image.Resampling.BILINEAR)
    return small


def _jpeg(image: Image.Image) -> bytes:
    buffer = BytesIO()
    image.save(buffer, "JPEG", quality=JPEG_QUALITY)
    return buffer.getvalue()
