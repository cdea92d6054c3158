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
from ml.note_codes import LOOKUP_TABLE_IGNORED, PADDING_IGNORED, WINDOW_OUTSIDE_FILM

SAMPLE_PIXELS = 1 << 14
# A rule is left out if less than this share of the film is neither black nor white by it. Windows that a reader sets
# on purpose, for lungs or bones, leave 30 % and more.
MIN_SHARE = 0.02


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
    hidden = False
    plain = replace(rules, voi_table=None)
    for index, window in enumerate(rules.windows):
        if kept and not all_windows:
            return _with_windows(rules, (*kept, *rules.windows[index:]), hidden)
        if not _hides_film(replace(plain, windows=(window,)), sample):
            kept.append(window)
        elif not kept:
            hidden = True
    return _with_windows(rules, tuple(kept), hidden)


def _with_windows(rules: GreyRules, windows: tuple[Window, ...], hidden: bool) -> GreyRules:
    fitted = replace(rules, windows=windows)
    return _with_notes(fitted, WINDOW_OUTSIDE_FILM) if hidden and rules.voi_table is None else fitted


def _hides_film(rules: GreyRules, sample: Words) -> bool:
    """Return whether VOI LUT or window leave out almost all of a film that its full range shows."""
    return _hides(rules, _full_range(rules), sample)


def _hides(rules: GreyRules, other: GreyRules, sample: Words) -> bool:
    if (share := _shown_share(rules, sample)) >= MIN_SHARE:
        return False
    reference = _shown_share(other, sample)
    return reference >= MIN_SHARE or (share < 0 <= reference)


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
