"""Meaning of the words in Modality, Body Part Examined and View Position of a DICOM file.

These attributes are Code Strings with terms of the standard. In practice they hold words of any language and
encoding, with letters that a system lost. Here they become terms of the standard, or nothing: an unknown word
says nothing, and the gate of the model decides by the picture. No character of the file is returned.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Iterator
from functools import cache

from ml.decoding.body_part_words import (
    AMBIGUOUS_WORDS,
    CHEST_ADJECTIVES,
    CHEST_SIGNS,
    CHEST_STEMS,
    CHEST_TERMS,
    CHEST_WORDS,
    COMPANION_WORDS,
    OTHER_MEANINGS,
    OTHER_PARTS,
    OTHER_SIGNS,
    SPINE_STEMS,
    word_set,
)

MAX_VALUE_BYTES = 256  # of a value that is looked at; a Code String has 16 characters
# Encodings of the field besides ASCII. A word that is found in one of them is not found in another by chance.
ENCODINGS = (
    *(
        "utf-8",
        "latin-1",
        "cp1252",
        "cp1250",
        "cp1254",
        "cp437",
        "cp850",
        "cp1251",
        "koi8-r",
        "iso8859-5",
        "iso8859-7",
    ),
    *("iso8859-6", "cp1255", "gb18030", "shift_jis", "euc-jp", "iso2022_jp", "euc-kr", "cp874"),
)
LOST = "?"  # stands for letters that a system could not write
LOST_LETTER = "\u01c0"  # a letter that occurs in no word here, in the place of ``LOST`` where words are divided
LOST_CHARACTERS = "?\ufffd\x1a¿"
MIN_KNOWN_LETTERS = 3  # of a word with lost letters
PLAIN_LETTERS = str.maketrans({"Ł": "L", "Ø": "O", "Ð": "D", "Đ": "D", "İ": "I", "ß": "SS", "Æ": "AE", "Œ": "OE"})
ASCII_LETTERS = re.compile(r"[A-Z]")

# PS3.3 C.7.3.1.1.1, and two that the standard retired.
MODALITIES = word_set(
    "AR ASMT AU BDUS BI BMD CFM CR CT CTPROTOCOL DG DMS DOC DX ECG EEG EMG EOG EPS ES FID GM HC HD IO IOL IVOCT IVUS "
    "KER KO LEN LS MG MR M3D NM OAM OCT OP OPM OPT OPTBSV OPTENF OPV OSS OT PA PLAN POS PR PT PX REG RESP RF RG "
    "RTDOSE RTIMAGE RTINTENT RTPLAN RTRAD RTRECORD RTSEGANN RTSTRUCT RWV SEG SM SMR SR SRF STAIN TEXTUREMAP TG US "
    "VA XA XAPROTOCOL XC"
)
# Projection radiography; all others but OT are other examinations.
RADIOGRAPH_MODALITIES = frozenset({"CR", "DX", "RG"})
# How systems write it: DR is the retired name of DX.
RADIOGRAPH_WORDS = frozenset({"DR", "XR", "CXR", "RX", "XRAY", "DXR", "RTG", "RAD", "RADIOGRAPHY", "RADIOGRAPH"})
UNSPECIFIC_MODALITY = "OT"

FRONTAL_TERMS = ("PA", "AP")  # PS3.3 C.8.11.5 and C.8.1.1
LATERAL_TERMS = ("LL", "RL", "LLD", "RLD", "LATERAL")  # the last one is not in the standard, but often found
OBLIQUE_TERMS = ("RLO", "LLO")
LATERAL_WORDS = word_set(
    "LAT LATL LATR LLAT RLAT LATERALE LATERALES LATERALL LATERALR LATERO PERFIL PROFIL PROFILE SEITLICH SEITE SEITL "
    "LATEROLATERAL ZIJ BOCZNE BOCNI БОКОВАЯ БОКОВОИ БОК"
)
LATERAL_SIGNS = re.compile("側面|侧位|側位|측면")


def find_modality(value: bytes | str) -> str:
    """Return the term of the standard that Modality means, or an empty string if it says nothing.

    All words for projection radiography are found (DR, XR …); DX stands for those that are not terms.
    """
    values: list[list[str]] = [
        re.findall(r"[A-Z0-9]+", part) for part in _plain(value).replace("X-RAY", "XRAY").split("\\")
    ]
    words = [word for part in values for word in part]
    for word in words:
        if word in RADIOGRAPH_MODALITIES:
            return word
    if RADIOGRAPH_WORDS & set(words):
        return "DX"
    return next((part[0] for part in values if part and part[0] in MODALITIES), "")


def find_view(value: bytes | str) -> str:
    """Return the term that View Position means (PA, AP, LL, LATERAL …), or an empty string if it says nothing.

    A value with a frontal and a lateral word says nothing.
    """
    found: dict[str, str] = {}
    for text in _readings(value):
        words = set(_words(fold(text)))
        for terms, kind in ((LATERAL_TERMS, "lateral"), (FRONTAL_TERMS, "frontal"), (OBLIQUE_TERMS, "oblique")):
            for term in terms:
                if term in words:
                    found.setdefault(kind, term)
        if words & LATERAL_WORDS or LATERAL_SIGNS.search(text):
            found.setdefault("lateral", "LATERAL")
    return next(iter(found.values())) if len(found) == 1 else ""


def find_body_part(value: bytes | str) -> str:
    """Return the term of PS3.16 annex L that Body Part Examined means, or an empty string if it says nothing.

    The chest is found in any language, and beside other parts: CHEST ABDOMEN is CHEST. Terms of what lies in the
    chest are returned as they are (``CHEST_TERMS``).
    """
    readings = [fold(text) for text in _readings(value)]
    exact = readings[0].strip() if readings else ""
    if exact in CHEST_TERMS:
        return exact
    if any(_names_chest(text) for text in readings):
        return "CHEST"
    for text in readings:
        if part := _find_other_part(text):
            return part
    return "CHEST" if any(_has_adjective(text) for text in readings) else ""


def name_body_part(term: str) -> str:
    """Return the name in a sentence of a term that :func:`find_body_part` returned."""
    return next((name for known, name, _ in OTHER_PARTS if known == term), term.lower())


def fold(text: str) -> str:
    """Return a text in capital letters without accents; lost letters are ``?``."""
    text = text.translate(PLAIN_LETTERS).upper().translate(PLAIN_LETTERS)
    plain = "".join(mark for mark in unicodedata.normalize("NFKD", text) if not unicodedata.combining(mark))
    composed = unicodedata.normalize("NFC", plain)  # Hangul is taken apart by NFKD
    return "".join(LOST if mark in LOST_CHARACTERS else mark for mark in composed)


def _plain(value: bytes | str) -> str:
    text = value if isinstance(value, str) else bytes(value[:MAX_VALUE_BYTES]).decode("latin-1")
    return text[:MAX_VALUE_BYTES].upper()


def _readings(value: bytes | str) -> list[str]:
    """Return a value as text in every encoding in which it is valid; one text for plain ASCII."""
    if isinstance(value, str):
        return [value[:MAX_VALUE_BYTES]]
    data = bytes(value[:MAX_VALUE_BYTES]).strip(b" \0")
    if data.isascii() and b"\x1b" not in data:
        return [data.decode("ascii")]
    texts = [text for encoding in ENCODINGS if (text := _decode(data, encoding)) is not None]
    texts += [again for text in texts[:4] if (again := _undo_wrong_decoding(text))]
    # Every character that is not ASCII may stand for a lost letter.
    return [*texts, re.sub(rb"[^\x20-\x7e]+", LOST.encode(), data).decode("ascii")]


def _decode(data: bytes, encoding: str) -> str | None:
    try:
        return data.decode(encoding)
    except UnicodeDecodeError:
        return None


def _undo_wrong_decoding(text: str) -> str | None:
    """Return what a text was if UTF-8 was read as one of the Western encodings and written again."""
    for encoding in ("latin-1", "cp1252"):
        try:
            return text.encode(encoding).decode("utf-8")
        except UnicodeError:
            continue
    return None


def _words(text: str) -> Iterator[str]:
    """Yield the words of a folded text: letters and lost letters; all else separates."""
    for word in re.findall(r"[^\W\d_]+", text.replace(LOST, LOST_LETTER)):
        known = word.replace(LOST_LETTER, LOST)
        yield known
        if known.strip(LOST) != known:  # a question mark may be one
            yield known.strip(LOST)


def _names_chest(text: str) -> bool:
    if re.search(CHEST_SIGNS, text):
        return True
    for word in _words(text):
        if word in CHEST_WORDS or any(stem in word for stem in CHEST_STEMS):
            return True
        if LOST in word and _fits(word, _chest_vocabulary()):
            return True
    return False


def _has_adjective(text: str) -> bool:
    return any(word.startswith(CHEST_ADJECTIVES) for word in _words(text))


def _find_other_part(text: str) -> str:
    words = list(_words(re.sub(OTHER_MEANINGS, " ", text.replace("_", " "))))
    for word in words:
        if any(stem in word for stem in SPINE_STEMS):
            return "SPINE"
    parts = _other_words()
    for word in words:
        if word in parts and (word not in AMBIGUOUS_WORDS or _stands_alone(words)):
            return parts[word]
    for term, signs in OTHER_SIGNS:
        if re.search(signs, text.strip()):
            return term
    for word in words:
        if LOST in word and (match := _fits(word, parts)):
            return parts[match]
    return ""


def _stands_alone(words: Iterable[str]) -> bool:
    """Return whether all words name parts of the body, sides, views or the examination."""
    return all(word in COMPANION_WORDS or word in _other_words() for word in words)


def _fits(word: str, vocabulary: Iterable[str]) -> str:
    """Return the known word that a word with lost letters fits, or an empty string.

    A run of lost letters stands for at most as many characters, and for one at least.
    """
    if sum(mark.isalpha() for mark in word) < MIN_KNOWN_LETTERS:
        return ""
    pattern = re.compile("".join(_lost_letters(part) if part[0] == LOST else part for part in _runs(word)))
    return next((known for known in vocabulary if pattern.fullmatch(known)), "")


def _runs(word: str) -> list[str]:
    return re.findall(r"\?+|[^?]+", word)


def _lost_letters(run: str) -> str:
    return rf"\w{{1,{len(run)}}}"


@cache
def _chest_vocabulary() -> tuple[str, ...]:
    return (*sorted(CHEST_WORDS), *CHEST_STEMS)


@cache
def _other_words() -> dict[str, str]:
    return {word: term for term, _, words in OTHER_PARTS for word in (*words.split(), term)}
