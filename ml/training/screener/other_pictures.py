"""Pictures that are no ordinary films of the training hospitals, to test the note on films unlike the training's."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from io import BytesIO

import numpy as np
from PIL import Image, ImageFilter

from ml.data.datasets import require_data_dir
from ml.decoding.preprocess import Grey
from ml.inference.gate import CT, LATERAL
from ml.phantom.film import PhantomSpec, chest
from ml.training.gate.data import laterals_and_ct_slices

COUNT = 100  # of each generated kind
THUMBNAIL, BLUR, NOISE, JPEG_QUALITY = 32, 8, 60, 3  # pixels, pixels, grey levels, PIL's quality
Picture = tuple[Grey, str]  # with its group: patient, or number


def other_pictures(films: Sequence[Grey]) -> Iterator[tuple[str, list[Picture]]]:
    """Yield kinds of pictures by name.

    Args:
        films: frontal films that the model was not trained on; some kinds are made of them.
    """
    samples = list(laterals_and_ct_slices(require_data_dir()))
    for name, kind in (("Lateral films", LATERAL), ("CT slices", CT)):
        yield name, [(sample.pixels, sample.group) for sample in samples if sample.kind == kind]
    chosen = films[:COUNT]
    rng = np.random.default_rng(0)
    yield "Synthetic phantoms", _numbered([_phantom(seed) for seed in range(COUNT)])
    yield "Noise", _numbered([rng.integers(0, 256, (512, 448)).astype(np.uint8) for _ in range(COUNT)])
    yield "Films reduced to 32 pixels", _numbered([shrink(film) for film in chosen])
    yield "Films blurred over 8 pixels", _numbered([blur(film) for film in chosen])
    yield "Films with heavy noise", _numbered([add_noise(film, rng) for film in chosen])
    yield "Films at JPEG quality 3", _numbered([compress(film) for film in chosen])


def shrink(film: Grey) -> Grey:
    """Reduce a film to a thumbnail and enlarge it to its size again."""
    picture = Image.fromarray(film)
    return np.asarray(picture.resize((THUMBNAIL, THUMBNAIL), Image.Resampling.BOX).resize(picture.size))


def blur(film: Grey) -> Grey:
    """Blur a film by a Gaussian."""
    return np.asarray(Image.fromarray(film).filter(ImageFilter.GaussianBlur(BLUR)))


def add_noise(film: Grey, rng: np.random.Generator) -> Grey:
    """Add Gaussian noise to a film."""
    return np.asarray((film + rng.normal(0, NOISE, film.shape)).clip(0, 255).astype(np.uint8))


def compress(film: Grey) -> Grey:
    """Compress a film as JPEG at a very low quality."""
    buffer = BytesIO()
    Image.fromarray(film).save(buffer, "JPEG", quality=JPEG_QUALITY)
    return np.asarray(Image.open(buffer))


def _phantom(seed: int) -> Grey:
    return chest(PhantomSpec(height=448, width=420, seed=seed)).astype(np.uint8)


def _numbered(pictures: Sequence[Grey]) -> list[Picture]:
    return [(picture, str(number)) for number, picture in enumerate(pictures)]
