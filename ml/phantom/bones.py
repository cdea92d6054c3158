"""Bones, lung vessels and opacities of the numerical chest phantom.

Tubes (ribs, collar bones, vessels) are laid out in space and projected by depositing small parcels of
volume on the grid. This shows ribs as on real films: densest where they turn along the beam at the side of
the chest, with edges brighter than their middle.
"""

from __future__ import annotations

import numpy as np
from PIL import Image

from ml.arrays import Float32Array, Float64Array
from ml.phantom.anatomy import Grid, chord, outer_edge_at, ramp, stream

Points = Float64Array

GOLDEN = np.pi * (3 - np.sqrt(5))


def deposit(grid: Grid, points: Points, volume: Points) -> Float32Array:
    """Spread parcels [n, 3] of `volume` [n] cm³ over their four nearest pixels; path length in cm."""
    rows, cols = grid.x.shape
    v, u = grid.pixels(points)
    keep = (v >= 0) & (v < rows - 1) & (u >= 0) & (u < cols - 1)
    v, u, volume = v[keep], u[keep], volume[keep]
    top, left = v.astype(np.intp), u.astype(np.intp)
    fv, fu = v - top, u - left
    flat = top * cols + left
    total = np.zeros(rows * cols)
    for step, weight in (
        (0, (1 - fv) * (1 - fu)),
        (1, (1 - fv) * fu),
        (cols, fv * (1 - fu)),
        (cols + 1, fv * fu),
    ):
        total += np.bincount(flat + step, weights=volume * weight, minlength=rows * cols)
    area = 1 / (grid.per_cm * grid.patient.size) ** 2
    return np.asarray((total / area).reshape(rows, cols), dtype=np.float32)


def soften(image: Float32Array, passes: int) -> Float32Array:
    """Blur with the 1-2-1 kernel both ways, `passes` times."""
    for _ in range(passes):
        for axis in (0, 1):
            ahead, behind = np.roll(image, 1, axis), np.roll(image, -1, axis)
            image = np.asarray(0.5 * image + 0.25 * (ahead + behind), dtype=np.float32)
    return image


def tube(
    path: Points, across: Points, upright: Points, rings: int, wall: float, weight: Points
) -> tuple[Points, Points]:
    """Fill tubes along paths [..., n, 3] with parcels; returns their places [m, 3] and volumes [m].

    `across` and `upright` [..., n] are the half axes of the section in cm, `wall` how much denser the
    shell is than the core, `weight` [..., n] a density along the tube, `rings` the parcels per section.
    """
    step = np.gradient(path, axis=-2)
    length = np.sqrt((step * step).sum(axis=-1))
    ahead = step / np.maximum(length, 1e-9)[..., None]
    up = np.array([0.0, 1.0, 1e-3]) - ahead * (ahead[..., 1] + 1e-3 * ahead[..., 2])[..., None]
    up /= np.maximum(np.sqrt((up * up).sum(axis=-1)), 1e-6)[..., None]
    out = np.cross(ahead, up)
    index = np.arange(rings)
    radius = np.sqrt((index + 0.5) / rings)
    # Sections are turned against each other, or the parcels would line up into streaks along the bone.
    angle = GOLDEN * index + 0.7548 * np.arange(path.shape[-2])[:, None]
    place = path[..., None, :] + (np.cos(angle) * radius * across[..., None])[..., None] * out[..., None, :]
    place += (np.sin(angle) * radius * upright[..., None])[..., None] * up[..., None, :]
    shell = 1 + wall * (radius > 0.8)
    volume = (np.pi * across * upright * length * weight / rings)[..., None] * shell
    return place.reshape(-1, 3), volume.reshape(-1)


def _rib(grid: Grid, number: int, side: int, rng: np.random.Generator) -> tuple[Points, Points]:
    """Return the parcels of one rib, from the spine round the side to the front end of its bony part."""
    who = grid.patient
    start = -14.2 + who.rib_gap * number + rng.normal(0, 0.08)
    drop = who.rib_drop * (4.6 + 6.8 * np.tanh(number / 3.0)) * rng.uniform(0.96, 1.04)
    phi = np.linspace(np.deg2rad(9), np.deg2rad(min(118 + 18 * number, 150 - 4.5 * number)), 360)
    # The side of the rib lies half way down its slope; there it must touch the edge of the lung.
    wide = outer_edge_at(start + 0.42 * drop, who) + 0.35
    wide = max(wide, 5.2)
    y = start + drop * ((1 - np.cos(phi)) / 2) ** 1.15 - 0.5 * np.sin(np.minimum(phi * 2.2, np.pi))
    x = side * (wide * np.sin(phi) ** 0.92 + 0.3)
    path = np.stack([x, y, -8.0 * np.cos(phi)], axis=1)
    grow = 0.75 + 0.25 * np.sin(phi)
    fade = 1.0 - 0.42 * (phi / np.pi) ** 1.5
    return tube(path, 0.30 * grow, 0.60 * grow, 48, 1.5, fade)


def _clavicle(side: int, rng: np.random.Generator) -> tuple[Points, Points]:
    """Return the parcels of one clavicle: an S from the sternum up and out to the shoulder."""
    t = np.linspace(0, 1, 260)
    lift = rng.uniform(2.2, 4.2)
    y = -9.9 + rng.normal(0, 0.15) - lift * t**0.8 + 0.55 * np.sin(2 * np.pi * t)
    path = np.stack([side * (1.9 + 14.2 * t), y, 6 - 7 * t - 2 * np.sin(2 * np.pi * t)], axis=1)
    thick = 0.52 + 0.28 * np.exp(-t / 0.07) + 0.12 * t
    return tube(path, thick * 0.9, thick, 48, 1.3, np.full(t.size, 0.85))


def _shoulders(grid: Grid) -> Float32Array:
    """Return the path length through scapulae and the heads of the humeri, mostly beside the lungs."""
    total = np.zeros_like(grid.x)
    for side in (-1, 1):
        x, y = side * grid.x, grid.y
        total += 0.7 * chord((x - 18.0) / 2.5, (y + 10.8) / 2.7, 1.2)
        shaft = (x - 18.3) * 0.77 - (y + 11.0) * 0.64
        total += 1.2 * np.sqrt(np.clip(1 - (shaft / 1.3) ** 2, 0, None)) * ramp(y, -11, -8.5)
        # The blade is a thin triangle with a thick outer border.
        lean = x - 14.4 - 0.16 * (-3.0 - y)
        blade = ramp(lean, -1.9, -1.6) * (1 - ramp(lean, 0.9, 1.2)) * ramp(y, -13, -11) * (1 - ramp(y, -3, 0.5))
        border = np.exp(-(((lean - 0.9) / 0.35) ** 2)) * ramp(y, -11, -9) * (1 - ramp(y, -3, 0))
        total += 0.14 * blade + 0.4 * border
    return np.asarray(total, dtype=np.float32)


def _spine(grid: Grid) -> Float32Array:
    """Return the path length through vertebral bodies, pedicles, spinous and transverse processes."""
    who = grid.patient
    x = np.abs(grid.x + 8.0 * np.sin(who.turn))
    near = (x < 4).any(axis=0)  # the few columns it lies in; the rest of the film stays empty
    x, y = x[:, near], grid.y[:, near]
    beat = (y + 13.6) / who.rib_gap
    phase = beat - np.round(beat)
    away = np.abs(phase)
    wide = 1.55 + 0.02 * (y + 14) + 2.0 * away * away * away
    across = np.sqrt(np.clip(1 - np.square(np.square(x / wide)), 0, None))
    body = across * (1 - 0.5 * ramp(away, 0.36, 0.48))
    rim = across * np.exp(-np.square((away - 0.36) / 0.035))
    eyes = np.exp(-np.square((x - 1.05) / 0.22) - np.square((phase + 0.12) * who.rib_gap / 0.4))
    thorn = np.exp(-np.square(x / 0.22) - np.square((phase - 0.3) * who.rib_gap / 0.5))
    wings = np.exp(-np.square(np.square((x - 2.4) / 0.9)) - np.square((phase + 0.05) * who.rib_gap / 0.42))
    total = np.zeros_like(grid.x)
    total[:, near] = 1.4 * body + 0.2 * rim + 0.9 * eyes + 0.8 * thorn + 0.6 * wings
    return np.asarray(total * (0.6 + 0.4 * ramp(grid.y, -17, -12)), dtype=np.float32)


def bones(grid: Grid, seed: int) -> Float32Array:
    """Return the path length through bone in cm, [rows, cols]."""
    rng = stream(seed, "bones")
    parts = [_rib(grid, number, side, rng) for number in range(10) for side in (-1, 1)]
    parts += [_clavicle(side, rng) for side in (-1, 1)]
    places, volumes = (np.concatenate(column) for column in zip(*parts, strict=True))
    return np.asarray(soften(deposit(grid, places, volumes), 2) + _spine(grid) + _shoulders(grid), np.float32)


def _branches(side: int, rng: np.random.Generator) -> list[tuple[Points, Points]]:
    """Grow one lung's vessel tree from its hilum, every generation at once."""
    count = 11
    at = np.array([[side * 3.4, -1.6 - 0.8 * (side > 0), 0.0]]) + rng.normal(0, 0.45, (count, 3))
    angle = np.linspace(-1.35, 1.45, count) + rng.normal(0, 0.09, count)
    heading = np.stack([side * np.cos(angle), np.sin(angle), rng.normal(0, 0.45, count)], axis=1)
    # Standing, the lower vessels carry more blood than the upper ones.
    radius = 0.40 + 0.12 * np.clip(np.sin(angle), -0.5, 1)
    parts = []
    t = np.linspace(0, 1, 36)[:, None]
    for generation in range(6):
        heading /= np.linalg.norm(heading, axis=1, keepdims=True)
        length = (3.0 * 0.84**generation) * rng.uniform(0.7, 1.25, (len(at), 1, 1))
        bend = rng.normal(0, 0.16, heading.shape)
        path = at[:, None] + (heading[:, None] * t + bend[:, None] * t * t) * length
        size = radius[:, None] * np.exp(-0.25 * t[:, 0])
        parts.append(tube(path, size, size, 12, 0.0, np.ones_like(size)))
        at = np.repeat(path[:, -1], 2, axis=0)
        spread = rng.normal(0, 0.42, at.shape)
        spread[1::2] = -spread[::2] * rng.uniform(0.5, 1.2, (len(at) // 2, 1))
        heading = np.repeat(heading + 2 * bend, 2, axis=0) + spread
        radius = np.repeat(radius * 0.78, 2) * rng.uniform(0.75, 1.05, len(at))
    return parts


def vessels(grid: Grid, lung: Float32Array, seed: int) -> Float32Array:
    """Return the path length through lung vessels in cm, [rows, cols], limited to where there is `lung`."""
    rng = stream(seed, "vessels")
    parts = _branches(-1, rng) + _branches(1, rng)
    places, volumes = (np.concatenate(column) for column in zip(*parts, strict=True))
    hila = sum(chord((grid.x - s * 3.7) / 1.5, (grid.y + 0.9 + 0.8 * (s > 0)) / 2.4, 0.7) for s in (-1, 1))
    return np.asarray((soften(deposit(grid, places, volumes), 2) + hila) * ramp(lung, 0.3, 7.0), np.float32)


def cloud(grid: Grid, rng: np.random.Generator, scale: float) -> Float32Array:
    """Return a smooth random field of mean 0 and deviation about 1, with grains of `scale` cm."""
    rows, cols = grid.x.shape
    high, wide = rows / grid.per_cm / scale, cols / grid.per_cm / scale
    knots = rng.standard_normal((int(high) + 3, int(wide) + 3), dtype=np.float32)
    field = Image.fromarray(knots).resize((cols, rows), Image.Resampling.BICUBIC, box=(1, 1, 1 + wide, 1 + high))
    return np.asarray(field, dtype=np.float32) * np.float32(1.4)


def opacities(grid: Grid, lung: Float32Array, count: int, severity: float, seed: int) -> Float32Array:
    """Return the water-like path length in cm of `count` ground-glass patches, alternating between the lungs.

    Patches prefer the outer and lower zones, as viral pneumonia does; `severity` 0..1 is their depth.
    """
    if count == 0 or severity == 0:
        return np.zeros_like(lung)
    rng = stream(seed, "opacities")
    first = 1 if rng.random() < 0.5 else -1
    total = np.zeros_like(lung)
    for index in range(count):
        side = first * (-1) ** index
        y0 = float(np.clip(rng.normal(3.0, 4.0), -8.0, grid.patient.dome + 0.5))
        x0 = side * outer_edge_at(y0, grid.patient) * rng.uniform(0.62, 0.86)
        a, b, lean = rng.uniform(1.6, 3.6), rng.uniform(1.6, 3.8), rng.uniform(-0.5, 0.5)
        dx, dy = grid.x - x0, grid.y - y0
        near = ((dx + lean * dy) / a) ** 2 + ((dy - lean * dx) / b) ** 2
        total += rng.uniform(0.7, 1.2) * np.exp(-0.5 * near**1.25)
    rough = 0.5 * cloud(grid, rng, 1.6) + 0.35 * cloud(grid, rng, 0.6)
    depth = 7.0 * severity * np.tanh(total) * np.clip(1 + 0.35 * rough, 0.3, None)
    return np.asarray(depth * ramp(lung, 0.3, 6.0), dtype=np.float32)
