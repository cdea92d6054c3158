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
    "half-width Japanese": (["胸部/ﾜﾀﾅﾍﾞ ｹﾝｼﾞ.png", "胸部/ﾅｶﾑﾗ.png", "ﾚﾝﾄｹﾞﾝ/ｺﾊﾞﾔｼ ﾕﾐ_2.dcm"], ["cp932"]),
    "half-width Japanese alone": (["ｲﾄｳ ｱｷﾗ.png", "ｶﾄｳ ﾖｼｺ.png", "ｷｮｳﾌﾞ/ﾊｯﾄﾘ.dcm"], ["cp932"]),
    "wide Latin letters": (["胸部Ｘ線/高田.png", "ＣＴ検査/森.png", "小川　ＰＡ.dcm"], ["cp932"]),
    "Swedish": (
        ["Lungröntgen/Håkan Öberg.png", "Sjögren å Björk.dcm", "Växjö/Åke.png"],
        ["cp437", "cp850", "cp1252"],
    ),
    "Danish": (["Brystkasse/Søren Kjær.png", "Ærø/Bjørn.dcm", "Hæge Øst.png"], ["cp850", "cp1252"]),
    "typographic": (["Film – Kopie.png", "“alt” 3.png", "Chef d’étage — fin.dcm", "‘neu’/12–14.png"], ["cp1252"]),
    "Russian of Windows": (["Рентген/Волков.png", "Грудь прямая.dcm", "Лебедева Ольга.png"], ["cp1251"]),
    "Polish": (["Płuca/Łucja Żurawska.png", "Zdjęcie/Śliwiński.dcm", "źródło.png"], ["cp852", "cp1250"]),
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


@pytest.mark.parametrize(
    ("name", "encoding"),
    [
        ("胸部/ﾔﾏｸﾞﾁ ﾏﾅﾌﾞ.png", "cp932"),
        ("ﾚﾝﾄｹﾞﾝ.dcm", "cp932"),
        ("胸部ﾚﾝﾄｹﾞﾝ.dcm", "cp932"),
        ("①Ⅲ㈱.png", "cp932"),
        ("Thorax – Kopie (2).png", "cp1252"),
        ("Film “old”.png", "cp1252"),
        ("Film „alt“.png", "cp1252"),
        ("‘new’_film.png", "cp1252"),
        ("Doctor’s film.png", "cp1252"),
        ("L’image.png", "cp1252"),
        ("12–14 kg.png", "cp1252"),
        ("Thorax • PA.png", "cp1252"),
        ("肺.png", "gbk"),
        ("Août.png", "cp437"),
        ("ônibus à noite.png", "cp850"),
        ("LÆGE.png", "cp850"),
        ("å ö.png", "cp437"),
        ("CORAÇÃO.png", "cp850"),
        ("ÄÖÜ.png", "cp1252"),
    ],
)
def test_a_single_name_with_rare_signs_is_decoded(name: str, encoding: str) -> None:
    assert decode_name(name.encode(encoding)) == name


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
