"""Conversion of stored words to the film's units and to brightness, by the :class:`GreyRules` of a DICOM film.

The order of the operations and their float64 arithmetic are those of pydicom 3.0 (``apply_modality_lut`` and
``apply_voi_lut``): the shipped models were evaluated on films decoded by it, so no grey level may move.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from ml.arrays import Float32Array, Float64Array
from ml.decoding.grey_levels import BLOCK_PIXELS
from ml.decoding.grey_rules import LINEAR, SIGMOID, GreyRules
from ml.decoding.lookup_tables import LookupTable
from ml.decoding.stored_words import Words, extract_values

Values = NDArray[Any]  # of any numeric type and any shape


def is_padding(rules: GreyRules, words: Words) -> NDArray[np.bool_]:
    """Return which stored words are padding: bool of their shape."""
    if rules.padding is None:
        return np.zeros(words.shape, dtype=np.bool_)
    values = words if rules.padding.of_words else extract_values(words, rules.field)
    return np.asarray((values >= rules.padding.low) & (values <= rules.padding.high))


def to_units(rules: GreyRules, values: Values) -> Values:
    """Apply the modality LUT or the rescale: values of the bit field to the film's own units, of the same shape."""
    if rules.modality_table is not None:
        return _look_up(values, rules.modality_table)
    if rules.rescale is not None:
        return values.astype(np.float64) * rules.rescale.slope + rules.rescale.intercept
    return values


def apply_voi(rules: GreyRules, units: Values) -> Float64Array:
    """Apply the VOI LUT, else the first window: the film's own units to brightness before inversion.

    Args:
        rules: of the film.
        units: of any shape, as :func:`to_units` gives them.
    """
    if rules.voi_table is not None:
        return _look_up(units, rules.voi_table).astype(np.float64)
    if rules.windows:
        return _apply_window(rules, units.astype(np.float64))
    return units.astype(np.float64)


def to_brightness(rules: GreyRules, words: Words, occurs: NDArray[np.bool_]) -> Float32Array:
    """Apply all rules: stored words to brightness.

    Args:
        rules: of the film.
        words: of any shape.
        occurs: of the same shape; whether a word occurs in the film. Only these determine minimum and maximum.

    Returns:
        float32 of the same shape. Padding is as dark as the darkest value of the film.
    """
    with np.errstate(invalid="ignore", over="ignore"):  # words that do not occur in the film may be out of range
        shown = apply_voi(rules, to_units(rules, extract_values(words, rules.field)))
    if rules.inverted:
        shown = shown[occurs].max() - shown
    outside = is_padding(rules, words)
    if outside.any() and (inside := occurs & ~outside).any():
        shown = np.where(outside, shown[inside].min(), shown)
    return shown.astype(np.float32)


def _look_up(values: Values, table: LookupTable) -> Values:
    """Replace values by entries of a table; values beyond an end get the entry at that end."""
    flat = values.reshape(-1)
    out = np.empty(flat.size, dtype=table.entries.dtype)
    for start in range(0, flat.size, BLOCK_PIXELS):
        places = flat[start : start + BLOCK_PIXELS].astype(np.float64) - table.first
        entries = table.entries[places.clip(0, len(table.entries) - 1).astype(np.intp)]
        out[start : start + BLOCK_PIXELS] = entries
    return out.reshape(values.shape)


def _apply_window(rules: GreyRules, units: Float64Array) -> Float64Array:
    """Apply the first window (PS3.3 C.11.2.1.2 and C.11.2.1.3)."""
    low, high = _output_range(rules)
    window = rules.windows[0]
    centre, width = window.centre, window.width
    if rules.voi_function == SIGMOID:
        return np.asarray((high - low) / (1 + np.exp(-4 * (units - centre) / width)) + low)
    if rules.voi_function == LINEAR:
        centre, width = centre - 0.5, width - 1
    below, above = units <= centre - width / 2, units > centre + width / 2
    between = ~below & ~above
    shown = np.where(above, high, low)
    shown[between] = ((units[between] - centre) / width + 0.5) * (high - low) + low
    return shown


def _output_range(rules: GreyRules) -> tuple[float, float]:
    """Return the brightness of the darkest and of the brightest end of a window.

    pydicom exchanges the two where the slope is negative; the window applies after the rescale, so they are in order.
    """
    if rules.modality_table is not None:
        return 0.0, float((1 << rules.modality_table.bits) - 1)  # unsigned, PS3.3 C.11.1.1.1
    ends = (float(rules.field.low), float(rules.field.high))
    if rules.rescale is None:
        return ends
    low, high = sorted(end * rules.rescale.slope + rules.rescale.intercept for end in ends)
    return low, high
