"""Choice of the rules that fit a film: those of the header that its values contradict are left out, with a note.

A window in other units, a table of another film or a padding range that covers every pixel would show a blank
picture. The choice looks at a sample of the film, the same for the working picture and for the viewer, and costs the
same for a film of any size.
"""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from ml.decoding.grey_rules import GreyRules, Window
from ml.decoding.grey_transforms import is_padding, to_brightness
from ml.decoding.stored_words import Words, check_bit_field
from ml.errors import NoteCode
from ml.note_codes import LOOKUP_TABLE_IGNORED, PADDING_IGNORED, WINDOW_OF_8_BITS, WINDOW_OUTSIDE_FILM

SAMPLE_PIXELS = 1 << 12
# A rule is left out if less than this share of the film is neither black nor white by it. Windows that a reader sets
# on purpose, for lungs or bones, leave 30 % and more.
MIN_SHARE = 0.02
# The same for the window of all 8-bit values, which programs write beside deeper pixels that they never looked at.
MIN_SHARE_OF_BYTES = 0.5
BYTE, BYTE_CENTRES, BYTE_WIDTHS = 8, (127.0, 128.0), (255.0, 256.0)


def fit_rules(rules: GreyRules, words: Words, low: int, high: int, all_windows: bool = False) -> GreyRules:
    """Return the rules without those that contradict the film, and with a note for each of them.

    Args:
        rules: by the header.
        words: stored words, [H, W].
        low: the smallest word; of integers only.
        high: the largest word; of integers only.
        all_windows: check every window, for a viewer that offers them, and not only those before the first that fits.
    """
    if words.dtype.kind in "ui":
        field, notes = check_bit_field(rules.field, words, low, high)
        rules = _with_notes(replace(rules, field=field), *notes)
    sample = sample_pixels(words)
    rules = _fit_padding(rules, sample)
    rules = _fit_modality_table(rules, sample)
    if rules.voi_table is not None and _hides_film(rules, sample):
        rules = _with_notes(replace(rules, voi_table=None), LOOKUP_TABLE_IGNORED)
    return _fit_windows(rules, sample, all_windows)


def sample_pixels(words: Words) -> Words:
    """Return pixels of a film in a regular grid; all of a small one."""
    step = max(1, math.isqrt(words.size // SAMPLE_PIXELS))
    return words[::step, ::step]


def _fit_padding(rules: GreyRules, sample: Words) -> GreyRules:
    if rules.padding is None or (~is_padding(rules, sample)).mean() >= MIN_SHARE:
        return rules
    return _with_notes(replace(rules, padding=None), PADDING_IGNORED)


def _fit_modality_table(rules: GreyRules, sample: Words) -> GreyRules:
    full = _full_range(rules)
    if rules.modality_table is None or not _hides(full, replace(full, modality_table=None), sample):
        return rules
    return _with_notes(replace(rules, modality_table=None), LOOKUP_TABLE_IGNORED)


def _fit_windows(rules: GreyRules, sample: Words, all_windows: bool) -> GreyRules:
    kept: list[Window] = []
    notes: list[NoteCode] = []
    for index, window in enumerate(rules.windows):
        if kept and not all_windows:
            kept += rules.windows[index:]
            break
        problem = _find_problem(replace(rules, voi_table=None, windows=(window,)), sample)
        if problem is None:
            kept.append(window)
        elif not kept and rules.voi_table is None:
            notes.append(problem)
    return _with_notes(replace(rules, windows=tuple(kept)), *notes)


def _find_problem(rules: GreyRules, sample: Words) -> NoteCode | None:
    """Return why the first window is to be ignored, or ``None``."""
    if _is_byte_window(rules) and _hides(rules, _full_range(rules), sample, MIN_SHARE_OF_BYTES):
        return WINDOW_OF_8_BITS
    return WINDOW_OUTSIDE_FILM if _hides_film(rules, sample) else None


def _is_byte_window(rules: GreyRules) -> bool:
    """Return whether the first window is that of all 8-bit values, and the film is a deeper one in its own units."""
    window, rescale = rules.windows[0], rules.rescale
    has_own_units = rules.modality_table is None and (rescale is None or (rescale.slope, rescale.intercept) == (1, 0))
    is_deep = rules.field.bits > BYTE and not rules.field.signed
    return has_own_units and is_deep and _within(window.centre, BYTE_CENTRES) and _within(window.width, BYTE_WIDTHS)


def _within(number: float, ends: tuple[float, float]) -> bool:
    return ends[0] <= number <= ends[1]


def _hides_film(rules: GreyRules, sample: Words) -> bool:
    """Return whether VOI LUT or window leave out almost all of a film that its full range shows."""
    return _hides(rules, _full_range(rules), sample)


def _hides(rules: GreyRules, other: GreyRules, sample: Words, min_share: float = MIN_SHARE) -> bool:
    if (share := _shown_share(rules, sample)) >= min_share:
        return False
    reference = _shown_share(other, sample)
    return reference >= min_share or (share < 0 <= reference)


def _full_range(rules: GreyRules) -> GreyRules:
    return replace(rules, voi_table=None, windows=())


def _shown_share(rules: GreyRules, sample: Words) -> float:
    """Return the share of the film that is neither black nor white; -1 if it is blank."""
    outside = is_padding(rules, sample)
    levels = to_brightness(rules, sample, np.ones(sample.shape, dtype=np.bool_))
    inside: NDArray[np.float32] = levels[~outside] if outside.any() else levels
    if not inside.size:
        return -1
    low, high = inside.min(), inside.max()
    return float(((inside > low) & (inside < high)).mean()) if high > low else -1


def _with_notes(rules: GreyRules, *notes: NoteCode) -> GreyRules:
    return replace(rules, notes=tuple(dict.fromkeys((*rules.notes, *notes))))
