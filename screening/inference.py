"""The one bridge from the domain to the networks: a classifier a process, loaded when first needed."""

from __future__ import annotations

import time
from dataclasses import dataclass
from functools import lru_cache
from io import BytesIO
from typing import TYPE_CHECKING

from PIL import Image

from ml.bundle import Bundle, find
from ml.decision import decide
from ml.errors import BundleError, FilmError, NotScoredError
from ml.preprocess import Grey, load

if TYPE_CHECKING:
    from ml.classifier import Classifier, Finding

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

    reason: NotScoredError
    pictures: Pictures


Result = Screened | Unscored | FilmError


def screen(films: list[bytes], model: str, digest: str) -> list[Result]:
    """Screen a chunk of films: decode each, run the network once over all that decode.

    Args:
        films: the files' bytes.
        model: the bundle's name.
        digest: sha256 of the weights the batch was promised.

    Returns:
        one result a film, in order; a film that cannot be decoded gives its reason instead.

    Raises:
        BundleError: when this worker does not have those weights.
    """
    classifier = classifier_for(model, digest)
    started = time.perf_counter()
    loaded = [_load(data) for data in films]
    usable = [picture for picture in loaded if not isinstance(picture, FilmError)]
    findings = iter(classifier.classify(usable))
    seconds = (time.perf_counter() - started) / max(1, len(usable))
    return [
        picture if isinstance(picture, FilmError) else _result(picture, next(findings), classifier.bundle, seconds)
        for picture in loaded
    ]


def _result(picture: Grey, finding: Finding | NotScoredError, bundle: Bundle, seconds: float) -> Result:
    pictures = pictures_of(picture)
    if isinstance(finding, NotScoredError):
        return Unscored(finding, pictures)
    decision = decide(finding.score, bundle.low, bundle.high)
    return Screened(finding.score, decision, seconds, pictures, finding.overlay, finding.notes)


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
