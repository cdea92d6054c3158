"""Encoding of file names that reach the system as bytes without a declaration.

All names of one archive were written by one program, so they are guessed together. A single name is too short for a
library of encodings: with charset-normalizer 3.5 alone, 51 of 84 drawn names came out right. So the texts are first
compared by what names do not have (symbols inside words, scripts that do not occur together, rare characters), and
the library decides among those that are equally likely. A single short name may still come out wrong, because
the same bytes are a name in two languages; three names of an archive are seldom wrong.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence

import charset_normalizer

# Encodings that ZIP programs and browsers write, most frequent first: DOS, Western Europe, Cyrillic (DOS), Japanese,
# simplified Chinese, traditional Chinese, Korean, and Windows of Western Europe, Russia and Central Europe.
ENCODINGS = ("cp437", "cp850", "cp866", "cp932", "gbk", "big5", "cp949", "cp1252", "cp1251", "cp852", "cp1250")
# Encodings of Central Europe and those of Western Europe that share most letters with them. A letter that differs has
# a penalty, so that a text that is likely in the Western encoding is taken as that.
WESTERN = {"cp852": "cp850", "cp1250": "cp1252"}
# First bytes of the frequent characters of an East Asian encoding, and the least second byte.
FREQUENT = {"gbk": (0xB0, 0xD7, 0xA1), "big5": (0xA4, 0xC6, 0), "cp949": (0xB0, 0xC8, 0xA1), "cp932": (0x88, 0x97, 0)}
NAME_SYMBOLS = frozenset("№«»–—’·…°ºª（）【】「」『』・、。〜～！＋－＆：；，＿＃￣々ー〇〈〉《》\u3000｡｢｣､･㈱㈲㈹")
# Signs in the words for chest, lung, X-ray film, image, and patient, which decide between equally likely texts.
FIELD_SIGNS = frozenset("胸肺片影像患흉폐")
MAX_GUESSED_BYTES = 4_000  # of the names of an archive; more do not change the guess

CONTROL, RARE, SYMBOL, ODD_WORD = 5.0, 1.0, 1.5, 2.0  # penalties of one character
SMALL = 0.25  # what occurs, but seldom
NOT_WESTERN = 0.3  # one letter of Central Europe
HALF_WIDTH = 0.1  # one character in a word of half-width katakana

# Half-width katakana of JIS X 0201: a word begins with a whole kana, and a voice mark follows a kana that has one.
HALF_WIDTH_RUN = re.compile("[\uff66-\uff9f]{2,}")
HALF_WIDTH_WORD = re.compile("(?:(?:[ｳｶ-ﾄﾊ-ﾎ]ﾞ|[ﾊ-ﾎ]ﾟ|[ｱ-ﾜｦ])[ｧ-ｯｰﾝ]*)+")
# Dashes and bullets between spaces or digits, and quotes around words, which are as likely as ASCII characters.
SPACED_MARK = re.compile(r"(?<=[ \d])[–—•](?=[ \d])")
QUOTED = re.compile(r"(?<![^\W_])(?:“(\w[^“”\n]*)”|„(\w[^„“\n]*)“|‘(\w[^‘’\n]*)’)(?![^\W_])")
# What the same quotes and the apostrophe of cp1252 are in cp437 and cp850.
QUOTED_IN_DOS = re.compile(r"(?<![^\W_])(?:ô\w[^\n]*?ö|ä\w[^\n]*?ô|æ\w[^\n]*?Æ)(?![^\W_])|(?<=[A-Za-z])Æ(?=[a-z])")
ACCENTED = "[À-ÖØ-öø-\u024f]"
ACCENTED_RUN = re.compile(ACCENTED + "{3,}")
LONE_LETTER = re.compile(rf"(?<![^\W\d_])(?:(?![àÀéÉáÁóÓèÈåÅöÖ]){ACCENTED}|[Ѐ-ӿ])(?![^\W\d_])")
CYRILLIC_WORD = re.compile("[Ѐ-ӿ]{2,}")
CYRILLIC_VOWELS = frozenset("аеёиоуыэюяіїє")
# Of cp1251: words in capital letters have the bytes of half-width katakana, and some letters are not Russian.
CAPITAL_IN_WORD = re.compile("(?<=[А-ЯЁІЇЄ])[А-ЯЁІЇЄ]|[іїєґўІЇЄҐЎ]")
SERBIAN = re.compile("[Ђ-ЅЈ-Ќ\u040fђ-ѕј-ќ\u045f]")
MISPLACED_NUMBER = re.compile(rf"[¹²³¼½¾](?=[^\W\d_])|(?<={ACCENTED}{{2}})[ºª¹²³]")

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
    signs = {encoding: sum(sign in FIELD_SIGNS for sign in texts[encoding]) for encoding in likely}
    likely = [encoding for encoding in likely if signs[encoding] == max(signs.values())]
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
    text = QUOTED.sub(r"'\1\2\3'", SPACED_MARK.sub("-", text))
    total, previous, script = _pattern_penalty(text, encoding), "", ""
    for index, character in enumerate(text):
        following = text[index + 1 : index + 2]
        current = _script(character) if character.isalpha() else ""
        if not character.isascii():
            total += _character_penalty(character, current, encoding)
            if _is_symbol_in_word(previous, character, following):
                total += RARE
            if _is_mark(character) and not (previous.isalpha() or (previous and _is_mark(previous))):
                total += ODD_WORD
        if current and script:
            total += _joint_penalty(previous, script, character, current)
        previous, script = character, current
    return round(total, 3)


def _pattern_penalty(text: str, encoding: str) -> float:
    """Return the penalty for sequences of characters; half-width katakana in words lower it."""
    total = SMALL * len(LONE_LETTER.findall(text))
    total += RARE * (len(QUOTED_IN_DOS.findall(text)) + len(MISPLACED_NUMBER.findall(text)))
    total += sum(SMALL + RARE * (len(run) - 3) for run in ACCENTED_RUN.findall(text))
    total += sum(2 * SMALL for word in CYRILLIC_WORD.findall(text) if not CYRILLIC_VOWELS & set(word.lower()))
    if encoding == "cp1251":
        total += SMALL * len(CAPITAL_IN_WORD.findall(text)) + RARE * len(SERBIAN.findall(text))
    return total - sum(
        (RARE - HALF_WIDTH) * len(run) for run in HALF_WIDTH_RUN.findall(text) if HALF_WIDTH_WORD.fullmatch(run)
    )


def _is_symbol_in_word(previous: str, character: str, following: str) -> bool:
    """Return whether a character is a symbol between two letters; apostrophes and dashes may stand there."""
    if character.isalnum() or _is_mark(character) or not (previous.isalpha() and following.isalpha()):
        return False
    return character != "’" and not (character in "–—" and following.isupper())


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
    if encoding in WESTERN and character != character.encode(encoding, "replace").decode(
        WESTERN[encoding], "replace"
    ):
        return NOT_WESTERN
    return 0.0 if script != "east" or _is_frequent(character, encoding) else RARE


def _joint_penalty(previous: str, script: str, character: str, current: str) -> float:
    """Return the penalty of two letters next to each other."""
    if script == current:
        is_odd = previous.islower() and character.isupper() and not (previous + character).isascii()
        return RARE if is_odd else 0.0
    if {script, current} == {"LATIN", "east"}:
        latin = previous if script == "LATIN" else character
        return SMALL if latin.isascii() and latin.isupper() else ODD_WORD
    if {script, current} == {"half-width", "east"}:
        return SMALL
    return ODD_WORD


def _is_frequent(character: str, encoding: str) -> bool:
    """Return whether an East Asian character is in the part of its encoding that has the frequent ones."""
    if encoding not in FREQUENT or "\u3040" <= character <= "\u30ff" or "\uff21" <= character <= "\uff5a":
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
    if first == "FULLWIDTH":  # Latin letters of an East Asian encoding
        return "east"
    if first == "HALFWIDTH":
        return "half-width"
    return first if first in {"LATIN", "GREEK", "CYRILLIC"} else "other"
