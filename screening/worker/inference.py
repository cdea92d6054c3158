"""The one bridge from the domain to the networks: a classifier a process, loaded when first needed."""

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
from ml.errors import BundleError, Reason
from ml.inference.bundle import Bundle, find_bundle
from ml.inference.decision import decide

if TYPE_CHECKING:
    from ml.inference.classifier import Classifier, FilmResult

THUMBNAIL_SIDE = 256  # pixels; the longer side at most
SHRINK_WHOLE = 4  # from so many times on by a whole number: a third of the time, and at least 192 pixels remain
JPEG_QUALITY = 88


@dataclass(frozen=True)
class Pictures:
    """What people see of a film, as JPEG bytes."""

    display: bytes
    thumbnail: bytes


@dataclass(frozen=True)
class Decoded:
    """A film ready for the network.

    Attributes:
        picture: the working picture, uint8 [H, W].
        pictures: for people, made in the same decode.
        seconds: what decoding took.
    """

    picture: Grey
    pictures: Pictures
    seconds: float


@dataclass(frozen=True)
class Screened:
    """One film's result.

    Attributes:
        score: P(COVID-19).
        decision: ``negative``, ``uncertain`` or ``positive``.
        seconds: this film's decoding and its share of the network's pass.
        pictures: for people.
        overlay: the class activation map as a PNG, or ``None`` where the model has none.
        notes: what was put right before scoring, by stable code.
    """

    score: float
    decision: str
    seconds: float
    pictures: Pictures
    overlay: bytes | None = None
    notes: tuple[str, ...] = ()


@dataclass(frozen=True)
class Unscored:
    """A film that the model's gate did not let through: why, and what people see of it."""

    reason: Reason
    pictures: Pictures


def decode(data: bytes) -> Decoded:
    """Decode a film and make its pictures.

    Args:
        data: the file's bytes.

    Raises:
        FilmError: when it cannot be decoded.
    """
    started = time.perf_counter()
    picture = load(data, settings.MAX_MEGAPIXELS * MEGAPIXEL)
    pictures = pictures_of(picture)
    return Decoded(picture, pictures, time.perf_counter() - started)


def judge(films: Sequence[Decoded], model: str, digest: str) -> list[Screened | Unscored]:
    """Run a model once over all films.

    Args:
        films: decoded films.
        model: the bundle's name.
        digest: sha256 of the weights the batch was promised.

    Returns:
        one result a film, in order.

    Raises:
        BundleError: when this worker does not have those weights.
    """
    classifier = classifier_for(model, digest)
    started = time.perf_counter()
    findings = classifier.classify([film.picture for film in films])
    seconds = (time.perf_counter() - started) / max(1, len(films))
    return [_result(film, finding, classifier.bundle, seconds) for film, finding in zip(films, findings, strict=True)]


def _result(film: Decoded, finding: FilmResult | Reason, bundle: Bundle, seconds: float) -> Screened | Unscored:
    if isinstance(finding, Reason):
        return Unscored(finding, film.pictures)
    decision = decide(finding.score, bundle.low, bundle.high)
    total = film.seconds + seconds
    return Screened(finding.score, decision, total, film.pictures, finding.overlay, finding.notes)


@lru_cache(maxsize=2)
def classifier_for(model: str, digest: str) -> Classifier:
    """The network of one model version, loaded once a process.

    Raises:
        BundleError: when the files here are another version's.
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
    """Load the default model before anybody asks for it.

    Raises:
        BundleError: when it is not there or damaged.
    """
    classifier_for(settings.DEFAULT_MODEL, find_bundle(settings.DEFAULT_MODEL).digest)


def pictures_of(picture: Grey) -> Pictures:
    """Encode a working picture (uint8 [H, W]) for the browser."""
    image = Image.fromarray(picture)
    return Pictures(_jpeg(image), _jpeg(_thumbnail(image)))


def _thumbnail(image: Image.Image) -> Image.Image:
    times = math.ceil(max(image.size) / THUMBNAIL_SIDE)
    if times >= SHRINK_WHOLE:
        return image.reduce(times)
    small = image.copy()
    small.thumbnail((THUMBNAIL_SIDE, THUMBNAIL_SIDE), Image.Resampling.BILINEAR)
    return small


def _jpeg(image: Image.Image) -> bytes:
    buffer = BytesIO()
    image.save(buffer, "JPEG", quality=JPEG_QUALITY)
    return buffer.getvalue()
