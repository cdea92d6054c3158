from __future__ import annotations

import pytest

from screening.name_encoding import ENCODINGS, decode_name, decode_names

# Names as hospitals and people write them, in the encodings of their systems.
NAMES = {
    "german": (["Brüche/Jäger.png", "Lungenödem/Käthe Möller.dcm", "Rücken groß.png"], ["cp437", "cp850", "cp1252"]),
    "french": (["Côté gauche/Hélène.png", "Pièce à conviction.dcm", "Août/reçu.png"], ["cp437", "cp850", "cp1252"]),
    "spanish": (["Señora Ibáñez.png", "Corazón/examen mañana.dcm", "Pérez/año.png"], ["cp437", "cp850", "cp1252"]),
    "portuguese": (["Pulmões/Antônio.png", "Inspeção/João.dcm", "Irmã.png"], ["cp850", "cp1252"]),
    "russian": (["Грудная клетка/Смирнов.png", "Лёгкие прямая.dcm", "Кузнецова Анна.png"], ["cp866"]),
    "japanese": (["胸部レントゲン/佐藤.png", "表ソ十.png", "患者一覧/鈴木B.dcm"], ["cp932"]),
    "simplified Chinese": (["胸部正位片/刘洋.png", "门诊病人/赵敏.dcm", "新建文件夹 (2)/影像.png"], ["gbk"]),
    "traditional Chinese": (["胸腔正面/林志明.png", "許功蓋/門診.dcm", "張家豪.png"], ["big5"]),
    "Korean": (["흉부 정면/최민수.png", "환자 목록/정수빈.dcm", "새 폴더 (2)/사진.png"], ["cp949"]),
}
CASES = [
    pytest.param(names, encoding, id=f"{language} {encoding}")
    for language, (names, encodings) in NAMES.items()
    for encoding in encodings
]


@pytest.mark.parametrize(("names", "encoding"), CASES)
def test_names_of_one_archive_are_decoded_in_their_encoding(names: list[str], encoding: str) -> None:
    ascii_names = [b"folder/", b"0001.dcm"]
    data = [*ascii_names, *(name.encode(encoding) for name in names)]
    assert decode_names(data) == ["folder/", "0001.dcm", *names]


def test_most_single_names_are_decoded_in_their_encoding() -> None:
    pairs = [
        (name, name.encode(encoding)) for names, all_of in NAMES.values() for name in names for encoding in all_of
    ]
    wrong = [(name, decode_name(data)) for name, data in pairs if decode_name(data) != name]
    assert len(wrong) <= len(pairs) // 10, wrong


def test_valid_utf_8_is_taken_as_such_beside_other_names() -> None:
    assert decode_names(["Müller.png".encode(), "胸部.png".encode(), "Röntgen.png".encode("cp437")]) == [
        "Müller.png", "胸部.png", "Röntgen.png",
    ]  # fmt: skip
    assert decode_name("😀 Ångström.png".encode()) == "😀 Ångström.png"


def test_any_bytes_become_text_the_same_way_each_time() -> None:
    for data in (bytes(range(128, 256)), b"\xff\xfe\xfd", b"\x81", b"a\0b\xff", b""):
        assert decode_name(data) == decode_name(data)
    assert decode_name(b"") == ""
    assert set(ENCODINGS) >= {"cp437", "cp932", "gbk", "cp1252"}
