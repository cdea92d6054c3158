"""The one bridge from the domain to the networks: a classifier a process, loaded when first needed."""

from __future__ import annotations

import time
from dataclasses import dataclass
from functools import lru_cache
from io import BytesIO
from typing import TYPE_CHECKING

import numpy as np
from PIL import Image

from ml.bundle import find
from ml.decision import decide
from ml.errors import BundleError, FilmError
from ml.preprocess import Grey, load, to_input

if TYPE_CHECKING:
    from ml.classifier import Classifier

THUMBNAIL_SIDE = 256  # pixels
JPEG_QUALITY = 88


@dataclass(frozen=True)
class Pictures:
    """What people see of a film, as JPEG bytes."""

    display: bytes
    thumbnail: bytes


@dataclass(frozen=True)
class Screened:
    """One film's result.

    Attributes:
        score: P(COVID-19).
        decision: ``negative``, ``uncertain`` or ``positive``.
        seconds: this film's share of decoding and network.
        pictures: for people.
    """

    score: float
    decision: str
    seconds: float
    pictures: Pictures


def screen(films: list[bytes], model: str, digest: str) -> list[Screened | FilmError]:
    """Screen a chunk of films: decode each, run the network once over all that decode.

    Args:
        films: the files' bytes.
        model: the bundle's name.
        digest: sha256 of the weights the batch was promised.

    Returns:
        one result a film, in order; a film that cannot be scored gives its reason instead.

    Raises:
        BundleError: when this worker does not have those weights.
    """
    classifier = classifier_for(model, digest)
    started = time.perf_counter()
    pictures = [_load(data) for data in films]
    usable = [picture for picture in pictures if not isinstance(picture, FilmError)]
    if not usable:
        return [picture for picture in pictures if isinstance(picture, FilmError)]
    bundle = classifier.bundle
    output = classifier.predict(np.stack([to_input(picture, bundle.input) for picture in usable]))
    seconds = (time.perf_counter() - started) / len(usable)
    scores = iter(output.scores.astype(float).tolist())
    results: list[Screened | FilmError] = []
    for picture in pictures:
        if isinstance(picture, FilmError):
            results.append(picture)
            continue
        score = next(scores)
        results.append(Screened(score, decide(score, bundle.low, bundle.high), seconds, pictures_of(picture)))
    return results


@lru_cache(maxsize=2)
def classifier_for(model: str, digest: str) -> Classifier:
    """The network of one model version, loaded once a process.

    Raises:
        BundleError: when the files here are another version's.
    """
    from ml.classifier import Classifier  # starts threads: only in the process that runs the network

    bundle = find(model)
    if bundle.digest != digest:
        raise BundleError(
            f"This worker has {model} {bundle.digest[:8]}, the batch asks for {digest[:8]}; "
            "deploy the same release everywhere."
        )
    return Classifier(bundle)


def pictures_of(picture: Grey) -> Pictures:
    """Encode a working picture (uint8 [H, W]) for the browser."""
    image = Image.fromarray(picture)
    display = _jpeg(image)
    image.thumbnail((THUMBNAIL_SIDE, THUMBNAIL_SIDE), Image.Resampling.BILINEAR, reducing_gap=2.0)
    return Pictures(display, _jpeg(image))


def _load(data: bytes) -> Grey | FilmError:
    try:
        return load(data)
    except FilmError as error:
        return error


def _jpeg(image: Image.Image) -> bytes:
    buffer = BytesIO()
    image.save(buffer, "JPEG", quality=JPEG_QUALITY)
    return buffer.getvalue()
