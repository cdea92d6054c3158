"""Image formation of the numerical chest phantom: from path lengths to grey values.

No patient is involved: anatomy is analytic (`ml.phantom.anatomy`, `ml.phantom.bones`), the picture comes
from the Beer-Lambert law, I = I0 * exp(-sum(mu * t)), with scatter, quantum noise and a film-like
response. Use it through `ml.phantom.film`, which also writes files.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

from ml.arrays import Float32Array
from ml.phantom.anatomy import Grid, Patient, SoftTissue, soft_tissue, stream
from ml.phantom.bones import bones, cloud, opacities, vessels

Picture = NDArray[np.uint8] | NDArray[np.uint16]

MIN_SIDE, MAX_SIDE, MAX_RATIO = 32, 4096, 4

# Linear attenuation in 1/cm near 70 keV, the effective energy of a 120 kV chest exposure: mass
# coefficients of NIST XCOM / NISTIR 5632 (water 0.194 cm²/g, cortical bone 0.26 cm²/g) times density
# (water 1.0, inflated lung 0.26, bone 1.92 g/cm³, thinned here because ribs are half marrow).
MU_WATER, MU_LUNG, MU_BONE = 0.194, 0.050, 0.46


@dataclass(frozen=True)
class PhantomSpec:
    """Specification of a phantom; the same specification always gives the same bytes.

    height, width: pixels, 32..4096, sides at most 4:1. bits: depth of the grey values, 8..16.
    opacities: number of ground-glass patches, 0 for a clear chest; severity: their depth, 0..1.
    noise: relative deviation of the detector signal behind the lung in a pixel of a 1024 film (smaller
    pixels catch fewer quanta and are noisier); 0 for none. marker: whether a side letter is on the film.
    Raises ValueError when a value is out of range.
    """

    height: int = 1024
    width: int = 1024
    bits: int = 8
    opacities: int = 0
    severity: float = 0.6
    noise: float = 0.01
    seed: int = 0
    marker: bool = True

    def __post_init__(self) -> None:
        low, high = sorted((self.height, self.width))
        if low < MIN_SIDE or high > MAX_SIDE:
            raise ValueError(
                f"phantom size must be {MIN_SIDE}..{MAX_SIDE} px a side, not {self.height} x {self.width}"
            )
        if high > MAX_RATIO * low:
            raise ValueError(f"phantom sides must not differ more than {MAX_RATIO}:1")
        if not 8 <= self.bits <= 16:
            raise ValueError(f"phantom bits must be 8..16, not {self.bits}")
        if self.opacities < 0 or not 0 <= self.severity <= 1:
            raise ValueError("phantom opacities must be 0 or more and severity 0..1")
        if not self.noise >= 0 or self.seed < 0:
            raise ValueError("phantom noise and seed must not be negative")


def _resize(image: Float32Array, spec: PhantomSpec) -> Float32Array:
    """Bring a canonical map to the size of the film; Pillow widens the kernel when it shrinks."""
    film = Image.fromarray(image).resize((spec.width, spec.height), Image.Resampling.BICUBIC)
    return np.asarray(film, dtype=np.float32)


def _blur_matrix(size: int, sigma: float) -> Float32Array:
    """Return the Gaussian blur of one axis as a matrix, with normalised rows, so that edges keep their level."""
    gap = np.subtract.outer(np.arange(size), np.arange(size)) / sigma
    kernel = np.exp(-0.5 * gap * gap)
    return np.asarray(kernel / kernel.sum(axis=1, keepdims=True), dtype=np.float32)


def _scatter(primary: Float32Array, line: Float32Array, per_cm: float) -> Float32Array:
    """Return the scattered radiation behind the grid: a wide blur of the radiation that the body absorbs."""
    small = (max(1, primary.shape[1] // 8), max(1, primary.shape[0] // 8))
    coarse = np.asarray(Image.fromarray(primary * line).resize(small, Image.Resampling.BOX))
    sigma = 3.5 * per_cm * small[0] / primary.shape[1]
    spread = _blur_matrix(small[1], sigma) @ coarse @ _blur_matrix(small[0], sigma).T
    back = Image.fromarray(spread).resize(primary.shape[::-1], Image.Resampling.BICUBIC)
    return np.asarray(0.22 * np.asarray(back), dtype=np.float32)


def _line_integral(spec: PhantomSpec, grid: Grid, soft: SoftTissue) -> Float32Array:
    """Sum of mu * t along each ray (dimensionless) on the canonical grid, opacities left out."""
    rng = stream(spec.seed, "texture")
    blood = vessels(grid, soft.lung, spec.seed)
    solid = np.clip(soft.body - soft.lung - soft.air, 0, None)
    total = MU_WATER * solid + MU_LUNG * soft.lung
    total += (MU_WATER - MU_LUNG) * blood
    total += (MU_BONE - MU_WATER) * bones(grid, spec.seed) * (soft.body > 0)
    # Fat planes and muscle make tissue uneven; fine lung structure makes the lung grainy.
    total += 0.0022 * solid * cloud(grid, rng, 2.6) + 0.0022 * soft.lung * cloud(grid, rng, 0.28)
    return np.asarray(total, dtype=np.float32)


def _stamp(spec: PhantomSpec, shape: tuple[int, ...]) -> tuple[Float32Array, Float32Array]:
    """Return the collimated field (1 inside, 0 outside) and the side letter (lead, 0..1), both [H, W]."""
    rng = stream(spec.seed, "stamp")
    rows, cols = shape
    short = min(shape)
    edge = np.clip(rng.normal(0.012, 0.012, 4), 0, 0.04) * short
    field, letter = Image.new("L", (cols, rows), 0), Image.new("L", (cols, rows), 0)
    ImageDraw.Draw(field).rectangle((edge[0], edge[1], cols - 1 - edge[2], rows - 1 - edge[3]), fill=255)
    left = bool(rng.random() < 0.5)
    where = (cols * (0.93 if left else 0.07), rows * rng.uniform(0.08, 0.14))
    if spec.marker:
        font = ImageFont.load_default(size=max(8.0, 0.05 * short))
        ImageDraw.Draw(letter).text(where, "L" if left else "R", fill=255, font=font, anchor="mm")
    return _full(field, spec), _full(letter, spec)


def _full(stamp: Image.Image, spec: PhantomSpec) -> Float32Array:
    """Enlarge an 8 bit stamp to the film, 0..1."""
    film = stamp.resize((spec.width, spec.height), Image.Resampling.BILINEAR)
    return np.asarray(film, dtype=np.float32) / np.float32(255)


def _respond(density: Float32Array, patient: Patient, levels: tuple[float, float]) -> Float32Array:
    """Apply a film-like S curve from -ln(exposure) to brightness 0..1.

    `levels` are those of lung and mediastinum.
    """
    low, high = levels
    middle = low + (0.37 + patient.exposure) * (high - low)
    steep = 2.9 * patient.contrast / (high - low)
    bright = 1 / (1 + np.exp(-steep * (density - middle)))
    return np.asarray(np.clip((bright - 0.02) / 0.96, 0, 1), dtype=np.float32)


def _density(line: Float32Array, per_cm: float) -> Float32Array:
    """Return the density -ln(I / I0) behind the line integral, by Beer-Lambert with scatter."""
    primary = np.exp(-line)
    return np.asarray(-np.log(primary + _scatter(primary, line, per_cm)), dtype=np.float32)


def _film(spec: PhantomSpec) -> tuple[Float32Array, Patient, tuple[float, float]]:
    """Return the canonical density -ln(I / I0) before noise, the patient, and the levels of lung and mediastinum."""
    patient = Patient.draw(spec.seed)
    grid = Grid.of(spec.height, spec.width, patient)
    soft = soft_tissue(grid)
    line = _line_integral(spec, grid, soft)
    density = _density(line, grid.per_cm)
    # The levels are those of the clear chest, or disease would darken the healthy rest of the film.
    inside, solid = soft.lung > 8, (soft.lung <= 0) & (soft.body > 15)
    levels = (float(np.median(density[inside])), float(np.median(density[solid])))
    if spec.opacities > 0:
        patches = opacities(grid, soft.lung, spec.opacities, spec.severity, spec.seed)
        density = _density(line + np.float32(MU_WATER - MU_LUNG) * patches, grid.per_cm)
    return density, patient, levels


def chest(spec: PhantomSpec) -> Picture:
    """Render the phantom: [H, W], 0..2**bits-1, MONOCHROME2 (bone bright, lung dark).

    uint8 for 8 bits, uint16 above. The same seed gives the same patient at every size.
    """
    density, patient, levels = _film(spec)
    field, letter = _stamp(spec, density.shape)
    film = _resize(density, spec)
    if spec.noise > 0:
        # Quanta are counted, so the relative deviation grows as 1/sqrt(exposure * pixel area).
        pixel = 1024 / min(spec.height, spec.width)
        grain = stream(spec.seed, "quanta").standard_normal(film.shape, dtype=np.float32)
        film = film + grain * (spec.noise / pixel) * np.exp(0.5 * (film - levels[0]))
    bright = _respond(film, patient, levels)
    bright = np.maximum(bright, 0.97 * letter) * field
    top = 2**spec.bits - 1
    grey: Float32Array = np.clip(bright * top + 0.5, 0, top)
    return grey.astype(np.uint8) if spec.bits == 8 else grey.astype(np.uint16)


def lung_mask(spec: PhantomSpec) -> NDArray[np.bool_]:
    """Return the lung fields of the same spec as a reader would outline them: [H, W].

    True where lung fills over half the depth open to it and at least 1.5 cm, so lung hidden behind the
    heart or below the domes is left out. Opacities do not change it.
    """
    soft = soft_tissue(Grid.of(spec.height, spec.width, Patient.draw(spec.seed)))
    field = (soft.lung > 1.5) & (soft.lung > 0.55 * soft.room)
    return _resize(field.astype(np.float32), spec) > 0.5
