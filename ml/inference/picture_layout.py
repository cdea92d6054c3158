"""Layout of a whole picture: edges, flat areas, grey levels and printed text, as numbers for the gate.

The lung crop hides the outside of the lungs, and the lung network sees 128 pixels a side. User interfaces and
documents show in straight edges along the axes, areas of one exact level, and rows with many strong steps. NumPy
only: the worker runs this, in a small part of the time of the networks.
"""

from __future__ import annotations

import numpy as np

from ml.arrays import Float32Array
from ml.decoding.preprocess import Grey
from ml.inference.lung_crop import MASK_INPUT

EDGE = 14 / 255  # step between neighbours in the reduced picture that counts as an edge
FLAT = 0.6 / 255  # smaller steps count as none
DARK, BRIGHT = 8 / 255, 247 / 255
TEXT_STEP = 48  # grey levels between neighbours in the full picture, as at the outline of a letter
ROWS = 40  # rows of the full picture that are searched for text
EDGE_LINES = 6  # longest edges that are counted along each axis
GRID = 8  # blocks per side
LAYOUT_FEATURES = 2 * (EDGE_LINES + 2) + 3 + 16 + 4 + 7 + 8 + 1 + 8


def layout_features(film: Grey, reduced: Float32Array) -> Float32Array:
    """Measure the layout of a picture.

    Args:
        film: the working picture, uint8 [H, W].
        reduced: :func:`ml.inference.lung_crop.mask_input` of it, [MASK_INPUT, MASK_INPUT, 1] in 0..1.

    Returns:
        float32 [LAYOUT_FEATURES], each about 0..1.
    """
    height, width = film.shape
    factor = MASK_INPUT / max(height, width)
    rows, columns = max(2, round(height * factor)), max(2, round(width * factor))
    top, left = (MASK_INPUT - rows) // 2, (MASK_INPUT - columns) // 2
    small = reduced[top : top + rows, left : left + columns, 0]
    across, down = np.abs(small[:, 1:] - small[:, :-1]), np.abs(small[1:] - small[:-1])
    return np.concatenate([
        _edge_lines(across > EDGE, 0),
        _edge_lines(down > EDGE, 1),
        _flat_areas(small, across, down),
        _grey_levels(small),
        _busy_blocks(across[:-1], down[:, :-1]),
        _borders(small),
        [np.log2(width / height) / 2],
        _text_rows(film),
    ]).astype(np.float32)  # fmt: skip


def _edge_lines(edges: np.ndarray, axis: int) -> Float32Array:
    """Return the shares of the longest straight edges, sorted, and mean and deviation over all lines."""
    shares = edges.mean(axis=axis, dtype=np.float32)
    longest = np.zeros(EDGE_LINES, dtype=np.float32)
    found = np.sort(shares)[::-1][:EDGE_LINES]
    longest[: len(found)] = found
    return np.append(longest, (4 * shares.mean(), 4 * shares.std()))


def _flat_areas(small: Float32Array, across: Float32Array, down: Float32Array) -> list[float]:
    """Return the shares of the picture that are flat and dark, flat and bright, flat and of a level between."""
    flat = (across[:-1] < FLAT) & (down[:, :-1] < FLAT)
    level = small[:-1, :-1]
    dark, bright = flat & (level < DARK), flat & (level > BRIGHT)
    size = max(1, flat.size)
    counts = [int(np.count_nonzero(part)) / size for part in (dark, bright, flat)]
    return [counts[0], counts[1], counts[2] - counts[0] - counts[1]]


def _grey_levels(small: Float32Array) -> Float32Array:
    """Return a histogram of 16 bins, and the shares of the four most frequent of 256 levels."""
    counts = np.bincount((small * 255 + 0.5).astype(np.uint8).ravel(), minlength=256) / small.size
    return np.append(counts.reshape(16, 16).sum(axis=1), np.sort(counts)[:-5:-1]).astype(np.float32)


def _busy_blocks(across: Float32Array, down: Float32Array) -> Float32Array:
    """Return how edges are spread over the picture: sorted means of blocks, their deviation, and the mean."""
    steps = np.minimum(across + down, 0.25)
    rows, columns = max(1, steps.shape[0] // GRID), max(1, steps.shape[1] // GRID)
    used = steps[: rows * GRID, : columns * GRID]
    if used.shape != (rows * GRID, columns * GRID):  # a very narrow picture
        return np.zeros(7, dtype=np.float32)
    means = np.sort(used.reshape(GRID, rows, GRID, columns).mean(axis=(1, 3), dtype=np.float32).ravel())
    return np.append(means[[0, 16, 32, 48, 63]], (means.std(), means.mean())) * 5


def _borders(small: Float32Array) -> list[float]:
    """Return mean and deviation of a narrow strip along each side."""
    strips = (small[:3], small[-3:], small[:, :3], small[:, -3:])
    return [float(value) for strip in strips for value in (strip.mean(), strip.std() * 2)]


def _text_rows(film: Grey) -> Float32Array:
    """Return how many strong steps some rows of the full picture have, and how many pixels equal their neighbour."""
    rows = film[:: max(1, len(film) // ROWS)].astype(np.int16)
    steps = np.abs(rows[:, 1:] - rows[:, :-1])
    strong = np.sort((steps > TEXT_STEP).mean(axis=1, dtype=np.float32))
    places = [int(share * (len(strong) - 1)) for share in (0.25, 0.5, 0.75, 0.9, 1.0)]
    between = (rows[:, 1:] > 8) & (rows[:, 1:] < 247)
    same = (steps == 0) & between
    per_row = same.mean(axis=1, dtype=np.float32)
    equal = (float(per_row.mean()), float(per_row.max()), float(between.mean()))
    return np.append(10 * strong[places], equal).astype(np.float32)
