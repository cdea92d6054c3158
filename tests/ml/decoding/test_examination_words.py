"""Words of Modality, Body Part Examined and View Position, as systems write them."""

from __future__ import annotations

import pytest

from ml.decoding.body_part_words import OTHER_PARTS
from ml.decoding.examination_words import find_body_part, find_modality, find_view, fold, name_body_part

CHEST = (
    "CHEST PA", "Chest", "chest_ap", "CHEST-AP", "PORT CHEST", "CHESTPA", "XRCHEST", "THORAX", "Thorax pa",
    "TORAX", "TÓRAX", "Tórax AP",
    "2- TORAX", "T?RAX", "T??RAX", "TORAKS", "PECHO", "PEITO", "PETTO", "POUMON", "POUMONS", "PULMÃO", "PULMONES",
    "LUNGS", "LUNGE", "BRUSTKORB", "TORACE", "CAGE THORACIQUE", "CAJA TORACICA", "KLATKA PIERSIOWA", "HRUDNÍK",
    "PŁUCA", "GÖĞÜS", "BORSTKAS", "BRÖST", "ГРУДНАЯ КЛЕТКА", "грудная клетка", "ОГК", "Лёгкие", "胸部",
    "胸部正位", "흉부", "צדר",
    "CHEST ABDOMEN", "ABDOMEN\\CHEST", "CHEST\\KNEE", "CHESTABDPELVIS", "PORTABLE CHEST 1 VIEW SUPINE", "RIBS",
)  # fmt: skip
NOTHING = (
    *("", " ", "UNKNOWN", "OTHER", "NONE", "None", "***", "?", "??", "-", "0", "123456", "1.2.3", "X", "N/A"),
    *(
        "MAIN CAMPUS",
        "MAIN HOSPITAL PORTABLE",
        "HEAD OF BED",
        "HEAD END UP",
        "BED HEAD 30",
        "COLUMN STAND",
        "BARK RIVER",
        "HEAD_OF_BED",
    ),
    *("C-ARM", "HAS BEEN READ", "FACE DEBOUT", "FOOT OF BED", "RIM ROAD CLINIC", "HAND INJECTED", "HEAD NURSE"),
    *("COLUMN 2 BUCKY", "MAIN\\ER", "KARIN SMITH", "FOOTHILLS", "HEADQUARTERS"),
    *("WHOLEBODY", "BABYGRAM", "TRUNK", "WURSTHAUT", "JANE DOE", "PORTABLE", "\\", "T?", "[]"),
)
OTHERS = {
    "MAIN": "HAND", "MAIN D": "HAND", "Main gauche": "HAND", "MAIN PA": "HAND", "MAINS": "HAND", "HEAD": "SKULL",
    "HEAD AP": "SKULL", "CT HEAD W/O CONTRAST": "SKULL", "HEAD AND NECK": "SKULL", "HEAD_NECK": "SKULL",
    "HEAD SCAN": "SKULL", "FACE BONES": "FACE", "MAIN 2 INCIDENCES": "HAND", "MAIN ET POIGNET": "HAND",
    "CRANE SANS INJECTION": "SKULL", "COLON ENEMA": "COLON", "PIE EN CARGA": "FOOT",
    "ARM C": "ARM", "FOOT X": "FOOT", "COLUMN": "SPINE",
    "SPINAL COLUMN": "SPINE", "BARK L": "SHOULDER", "LEFT ARM": "ARM", "R FOOT 3 VIEWS": "FOOT", "LOWER LEG": "LEG",
    "ABDOMEN": "ABDOMEN", "ABD SUPINE": "ABDOMEN", "abdomen_ap": "ABDOMEN", "ABD?MEN": "ABDOMEN",
    "BAUCH": "ABDOMEN", "HAND": "HAND", "MANO": "HAND",
    "Hände": "HAND", "KNEE": "KNEE", "RODILLA": "KNEE", "GENOU DROIT": "KNEE", "KNEE\\FOOT": "KNEE", "SKULL": "SKULL",
    "CRÂNE": "SKULL", "SCHÄDEL": "SKULL", "SPINE": "SPINE", "L-SPINE": "SPINE", "LSPINE": "SPINE", "T SPINE": "SPINE",
    "TSPINE": "SPINE", "THORACIC SPINE": "SPINE", "THORACOLUMBAR": "SPINE", "WIRBELSÄULE": "SPINE",
    "BRUSTWIRBELSÄULE": "SPINE", "COLUMNA TORÁCICA": "SPINE", "COLUNA DORSAL": "SPINE", "胸椎": "SPINE",
    "腰椎": "SPINE", "PELVIS": "PELVIS", "BECKEN": "PELVIS", "骨盤": "PELVIS", "HÜFTE": "HIP",
    "FOOT": "FOOT", "FUß": "FOOT", "MUÑECA": "WRIST",
    "КОЛЕНО": "KNEE", "ЧЕРЕП": "SKULL", "ПОЗВОНОЧНИК": "SPINE", "ГРУДНОЙ ОТДЕЛ ПОЗВОНОЧНИКА": "SPINE",
    "膝": "KNEE", "STERNUM": "STERNUM",
    "CLAVICLE": "CLAVICLE", "SHOULDER R": "SHOULDER", "EXTREMITY": "EXTREMITY", "BREAST": "BREAST", "JAW": "JAW",
}  # fmt: skip
ENCODINGS = (
    *("utf-8", "latin-1", "cp1252", "cp1250", "cp1254", "cp850", "cp1251", "koi8-r", "iso8859-5", "shift_jis"),
    *("gb18030", "euc-jp", "iso2022_jp", "euc-kr", "cp1255"),
)


def encodings_of(text: str) -> list[bytes]:
    """The text in every encoding that has its letters."""
    found = set()
    for encoding in ENCODINGS:
        try:
            found.add(text.encode(encoding))
        except UnicodeEncodeError:
            continue
    return sorted(found)


@pytest.mark.parametrize("text", CHEST)
def test_the_chest_is_found_in_every_encoding(text: str) -> None:
    for value in encodings_of(text):
        assert find_body_part(value) == "CHEST", value
        assert find_body_part(value + b" ") == "CHEST", value


@pytest.mark.parametrize("text", ["TÓRAX", "ГРУДНАЯ КЛЕТКА", "胸部", "HRUDNÍK"])
def test_the_chest_is_found_where_utf_8_was_encoded_again(text: str) -> None:
    assert find_body_part(text.encode().decode("latin-1").encode()) == "CHEST"


@pytest.mark.parametrize("lost", ["?", "??", "\ufffd", "¿", "\x1a"])
@pytest.mark.parametrize("text", ["T{}RAX", "P{}CHO", "POUM{}N", "TH{}RAX", "LUN{}E"])
def test_a_lost_letter_is_guessed(text: str, lost: str) -> None:
    assert find_body_part(text.format(lost).encode()) == "CHEST"


@pytest.mark.parametrize("text", NOTHING)
def test_what_is_not_known_says_nothing(text: str) -> None:
    assert find_body_part(text.encode()) == ""


@pytest.mark.parametrize("text", OTHERS)
def test_another_part_is_found_in_every_encoding(text: str) -> None:
    for value in encodings_of(text):
        assert find_body_part(value) == OTHERS[text], value


def test_a_term_stands_for_itself() -> None:
    """The worker reads the term that cleaning wrote, and must come to the same decision."""
    for value in (*CHEST, *NOTHING, *OTHERS, "LUNG", "HEART", "RIB", "MEDIASTINUM"):
        term = find_body_part(value.encode())
        assert find_body_part(term.encode()) == term
        assert term.isascii()


def test_words_of_parts_are_folded_and_belong_to_one_part() -> None:
    seen: dict[str, str] = {}
    for term, _, words in OTHER_PARTS:
        for word in words.split():
            assert fold(word) == word
            assert seen.setdefault(word, term) == term
            assert find_body_part(word.encode()) == term, word


def test_names_for_a_sentence() -> None:
    assert name_body_part("SPINE") == "spine"
    assert all(name.islower() for _, name, _ in OTHER_PARTS)


def test_long_values_cost_little() -> None:
    assert find_body_part(b"?A" * 1_000_000 + b" CHEST") == ""
    assert find_modality(b"\\" * 1_000_000) == ""
    assert find_view(b"?" * 1_000_000) == ""


@pytest.mark.parametrize(
    ("text", "term"),
    [
        *((term, term) for term in ("CR", "DX", "RG", "CT", "MR", "US", "MG", "OT", "PX", "RF")),
        *(("dx ", "DX"), ("DR", "DX"), ("XR", "DX"), ("X-RAY", "DX"), ("CXR", "DX"), ("RX TORAX", "DX")),
        *(("DX\\OT", "DX"), ("OT\\CR", "CR"), ("MR\\CT", "MR"), ("CT CHEST", "CT")),
        *(("", ""), ("SC", ""), ("UNKNOWN", ""), ("D?", ""), ("NONE", ""), ("***", ""), ("A CT", "")),
    ],
)
def test_modalities(text: str, term: str) -> None:
    assert find_modality(text.encode()) == term
    assert find_modality(term.encode()) == term


@pytest.mark.parametrize(
    ("text", "term"),
    [
        *((term, term) for term in ("LL", "RL", "LLD", "RLD", "LATERAL", "PA", "AP", "LLO", "RLO")),
        *(
            (text, "LATERAL")
            for text in ("lat", "LATERAL_L", "БОКОВОЙ", "L LAT", "LAT-R", "PERFIL", "profil", "Seitlich", "側面")
        ),
        *(("ll", "LL"), ("pa", "PA"), ("AP_SUPINE", "AP"), ("AP ERECT", "AP"), ("PA\\", "PA"), ("RL LATERAL", "RL")),
        *((text, "") for text in ("", "?", "NONE", "L", "BILATERAL", "PA LAT", "AP\\LL", "OBLIQUE", "***")),
    ],
)
def test_views(text: str, term: str) -> None:
    assert find_view(text.encode()) == term
    assert find_view(term.encode()) == term
