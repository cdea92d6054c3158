"""Soft tissue of the numerical chest phantom: the patient, and the path length of the beam in each part.

Everything is measured in centimetres of a standard adult: x to the right of the image (the patient's
left), y downwards, z from back to front, origin on the midline at mid lung height. All maps are made on
one canonical grid whose size does not depend on the film asked for, so that a seed gives the same
picture at every size.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ml.arrays import Float32Array, Float64Array

CANONICAL_SIDE = 720  # pixels on the long side of the working grid
FILM_CM = 40.0  # what the short side of the film covers
APEX_CM = 4.4  # distance of the top of the lung from the midline


@dataclass(frozen=True)
class Patient:
    """A patient and an exposure, drawn from a seed; lengths in cm, angles in radians."""

    size: float
    girth: float
    tilt: float
    turn: float
    shift: tuple[float, float]
    heart: float
    heart_axis: float
    rib_gap: float
    rib_drop: float
    lung_width: float
    dome: float
    breast: float
    bubble: float
    exposure: float
    contrast: float

    @classmethod
    def draw(cls, seed: int) -> Patient:
        """Draw the patient of a seed; the same seed is the same patient whatever else is asked for."""
        rng = stream(seed, "patient")
        return cls(
            size=rng.uniform(0.93, 1.07),
            girth=rng.uniform(0.9, 1.13),
            tilt=np.deg2rad(rng.normal(0, 1.2)),
            turn=np.deg2rad(np.clip(rng.normal(0, 2.2), -5, 5)),
            shift=(rng.normal(0, 0.5), rng.normal(0.4, 0.6)),
            heart=rng.uniform(0.88, 1.15),
            heart_axis=np.deg2rad(rng.uniform(28, 46)),
            rib_gap=rng.uniform(2.25, 2.55),
            rib_drop=rng.uniform(0.85, 1.2),
            lung_width=rng.uniform(12.7, 13.9),
            dome=rng.uniform(7.0, 9.2),
            breast=max(0.0, rng.uniform(-1.0, 2.6)),
            bubble=rng.uniform(0.0, 1.0),
            exposure=rng.normal(0, 0.035),
            contrast=rng.uniform(0.92, 1.12),
        )


@dataclass(frozen=True)
class Grid:
    """The canonical grid: coordinates [rows, cols] in the patient's cm and the way back to pixels."""

    x: Float32Array
    y: Float32Array
    per_cm: float
    patient: Patient

    @classmethod
    def of(cls, height: int, width: int, patient: Patient) -> Grid:
        """Lay the grid over a film of this shape; only the ratio of the sides matters."""
        longest = max(height, width)
        rows, cols = (max(1, round(CANONICAL_SIDE * side / longest)) for side in (height, width))
        per_cm = min(rows, cols) / FILM_CM
        v, u = np.meshgrid(
            (np.arange(rows) - (rows - 1) / 2) / per_cm,
            (np.arange(cols) - (cols - 1) / 2) / per_cm,
            indexing="ij",
        )
        cos, sin = np.cos(patient.tilt), np.sin(patient.tilt)
        u, v = u - patient.shift[0], v - patient.shift[1]
        x, y = (u * cos + v * sin) / patient.size, (v * cos - u * sin) / patient.size
        return cls(x.astype(np.float32), y.astype(np.float32), per_cm, patient)

    def pixels(self, points: Float64Array) -> tuple[Float64Array, Float64Array]:
        """Project points [n, 3] (cm) along the beam; fractional rows [n] and columns [n]."""
        who = self.patient
        x = points[:, 0] * np.cos(who.turn) + points[:, 2] * np.sin(who.turn)
        y = points[:, 1]
        cos, sin = np.cos(who.tilt), np.sin(who.tilt)
        u = (x * cos - y * sin) * who.size + who.shift[0]
        v = (x * sin + y * cos) * who.size + who.shift[1]
        rows, cols = self.x.shape
        return v * self.per_cm + (rows - 1) / 2, u * self.per_cm + (cols - 1) / 2


@dataclass(frozen=True)
class SoftTissue:
    """Path lengths through soft tissue and air in cm, each [rows, cols].

    Attributes:
        body: the whole body.
        room: the space inside the ribs.
        lung: the lung inside that space, without heart and diaphragm.
        air: air in windpipe and stomach.
    """

    body: Float32Array
    room: Float32Array
    lung: Float32Array
    air: Float32Array


def stream(seed: int, name: str) -> np.random.Generator:
    """Return the random generator of one part, so that adding opacities does not change the anatomy."""
    return np.random.default_rng([seed, *name.encode()])


def chord(x: Float32Array, y: Float32Array, depth: float) -> Float32Array:
    """Return the path length through an ellipsoid of half depth `depth`; x and y in units of its semi-axes."""
    return np.asarray(2 * depth * np.sqrt(np.clip(1 - x * x - y * y, 0, None)), dtype=np.float32)


def ramp(value: Float32Array, low: float, high: float) -> Float32Array:
    """Smooth step from 0 at `low` to 1 at `high`."""
    t = np.clip((value - low) / (high - low), 0, 1)
    return np.asarray(t * t * (3 - 2 * t), dtype=np.float32)


def capsule(grid: Grid, start: tuple[float, float], end: tuple[float, float], radius: float) -> Float32Array:
    """Return the path length through a round-ended rod between two points of the image plane."""
    dx, dy = end[0] - start[0], end[1] - start[1]
    along = ((grid.x - start[0]) * dx + (grid.y - start[1]) * dy) / (dx * dx + dy * dy)
    along = np.clip(along, 0, 1)
    away = (grid.x - start[0] - along * dx) ** 2 + (grid.y - start[1] - along * dy) ** 2
    return np.asarray(2 * np.sqrt(np.clip(radius * radius - away, 0, None)), dtype=np.float32)


def outer_edge(y: Float32Array, patient: Patient) -> Float32Array:
    """Return the distance of the lung's lateral edge from the midline at height y; the ribs follow it too."""
    h = (y + 14.4) / 28.0
    swell = 1 - np.clip(1 - h / 0.66, 0, 1) ** 2.3
    return np.asarray(APEX_CM + (patient.lung_width - APEX_CM) * np.clip(swell, 0, None) ** 0.75, np.float32)


def outer_edge_at(y: float, patient: Patient) -> float:
    """Return `outer_edge` at one height."""
    return float(outer_edge(np.array([y], dtype=np.float32), patient)[0])


def _lung(grid: Grid, side: int) -> Float32Array:
    """Return the depth of one lung, without subtracting heart, great vessels and diaphragm."""
    h = (grid.y + 14.4) / 28.0
    outer = outer_edge(grid.y, grid.patient)
    inner = APEX_CM - (APEX_CM - 0.9) * np.sqrt(1 - np.square(np.clip(1 - h / 0.16, 0, 1)))
    half = np.maximum((outer - inner) / 2, 1e-3)
    s = np.abs((side * grid.x - (outer + inner) / 2) / half)
    depth = 15.5 * np.clip(h / 0.55, 0.0, 1) ** 0.6 * (1 - ramp(h, 0.78, 1.06))
    return np.asarray(depth * np.sqrt(np.clip(1 - s**2.6, 0, None)) * (outer > inner), dtype=np.float32)


def _dome(grid: Grid, side: int) -> Float32Array:
    """Return the path length through one half of the diaphragm and the organs below it.

    The liver lifts the half on the left of the image.
    """
    top = grid.patient.dome + (1.1 if side > 0 else 0.0)
    drop = np.minimum(grid.y - top - 6.0, 0)
    return chord((side * grid.x - 6.0) / 8.6, drop / 6.0, 9.5)


def _central(grid: Grid) -> Float32Array:
    """Return the path length through heart, great vessels and mediastinal fat, where the largest counts."""
    who = grid.patient
    cos, sin = np.cos(who.heart_axis), np.sin(who.heart_axis)
    dx, dy = grid.x - 2.2 * who.heart, grid.y - (who.dome - 3.7)
    heart = chord((dx * cos + dy * sin) / (7.3 * who.heart), (dy * cos - dx * sin) / (5.2 * who.heart), 6.2)
    # The heart rests on the diaphragm: its underside is flat and not seen through the dome.
    heart *= 1 - ramp(grid.y, who.dome + 1.0, who.dome + 3.0)
    waist = 3.1 + 0.35 * np.cos(0.42 * (grid.y + 14.5)) + 0.8 * ramp(grid.y, -2, 6)
    band = 11 * np.clip(1 - (grid.x / waist) ** 2, 0, None) * ramp(grid.y, -20, -10)
    cava = capsule(grid, (-0.9, -10.5), (-2.0, 3.0), 1.3) * 2.4
    knob = capsule(grid, (1.6, -6.4), (1.9, -5.6), 1.9) * 2.2
    trunk = capsule(grid, (1.4, -3.6), (2.6, -0.8), 2.1) * 2.0
    # A p-norm instead of the maximum rounds the seams where the shadows meet.
    fourth = sum(np.square(np.square(part)) for part in (heart, band, cava, knob, trunk))
    return np.asarray(np.sqrt(np.sqrt(fourth)), dtype=np.float32)


def _body(grid: Grid) -> Float32Array:
    """Return the path length through trunk, neck, shoulders and upper arms, without clothes and table."""
    x, y, who = np.abs(grid.x), grid.y, grid.patient
    flank = who.lung_width + 2.5 + 0.9 * who.girth * ramp(-np.abs(y + 3), -9, 2) + 0.5 * ramp(y, 8, 20)
    trunk = 21 * who.girth * np.sqrt(np.clip(1 - np.square(np.square(x / flank)), 0, None))
    trunk *= 0.35 + 0.65 * ramp(y, -18.5, -8)
    slope = 5.4 + 2.3 * np.exp(np.clip((y + 15.6) / 1.5, -9, 2.2))
    upper = 14.5 * np.sqrt(np.clip(1 - (x / slope) ** 2.4, 0, None)) * (1 - ramp(y, -10.5, -3))
    trunk *= np.sqrt(np.clip(1 - (x / slope) ** 3, 0, None))
    arms = capsule(grid, (17.0, -9.0), (29.0, 5.0), 4.6) + capsule(grid, (-17.0, -9.0), (-29.0, 5.0), 4.6)
    breast = sum(chord((grid.x - s * 7.5) / 6.3, (y - 5.5) / 5.2, who.breast / 2) for s in (-1, 1))
    return np.asarray(np.maximum(np.maximum(trunk, upper), arms) + breast, dtype=np.float32)


def _air(grid: Grid) -> Float32Array:
    """Return the path length through windpipe, main bronchi and, in some patients, gas in the stomach."""
    who = grid.patient
    pipe = capsule(grid, (0.0, -24.0), (0.35, -4.6), 0.85) * 0.9
    bronchi = np.maximum(capsule(grid, (0.3, -4.6), (-2.6, -2.2), 0.55), capsule(grid, (0.3, -4.6), (3.6, -2.6), 0.5))
    bubble = chord((grid.x - 6.2) / 2.9, (grid.y - who.dome - 4.2) / (0.8 + 0.9 * who.bubble), 2.6)
    # Gas rises: the lower edge of the bubble is a soft level, the upper one follows the stomach wall.
    bubble *= 1 - 0.6 * ramp(grid.y, who.dome + 4.0, who.dome + 6.0)
    return np.asarray(np.maximum(pipe, bronchi) + bubble * ramp_scalar(who.bubble, 0.35, 0.8), np.float32)


def ramp_scalar(value: float, low: float, high: float) -> float:
    """Return `ramp` for one number."""
    return float(ramp(np.array([value], dtype=np.float32), low, high)[0])


def soft_tissue(grid: Grid) -> SoftTissue:
    """Compute the path lengths of the patient's soft parts on the grid."""
    body = _body(grid)
    room, lung = np.zeros_like(body), np.zeros_like(body)
    for side in (-1, 1):
        half = _lung(grid, side)
        room += half
        lung += np.clip(half - _dome(grid, side), 0, None)
    lung = np.clip(np.minimum(lung, body - 3.0) - _central(grid), 0, None)
    return SoftTissue(body=body, room=room, lung=lung, air=_air(grid))
