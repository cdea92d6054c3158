"""The list of helper files, and what the client does with them."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.xrayscreen.server import TOKEN, Server
from xrayscreen import Client, ClientError, screen_folder
from xrayscreen.files import find_files
from xrayscreen.helper_files import FILES, FOLDERS, PREFIXES, SUFFIXES, count_kinds, helper_file_kind

SKIPPED = {
    "__MACOSX/study/._a.png": "__MACOSX", "a/.DS_Store": ".DS_Store", "a/._b.dcm": "._ files",
    "disk/.Spotlight-V100/Store-V2/x": ".Spotlight-V100", ".fseventsd/000": ".fseventsd",
    ".Trashes/501/a.png": ".Trashes",
    "a/.AppleDouble/film.png": ".AppleDouble", "a/Icon\r": "Icon", ".TemporaryItems/x": ".TemporaryItems",
    "a/THUMBS.DB": "Thumbs.db", "ehthumbs.db": "ehthumbs.db", "a\\Desktop.ini": "desktop.ini",
    "$Recycle.Bin/S-1-5/a.png": "$RECYCLE.BIN", "RECYCLER\\S-1\\a.png": "RECYCLER",
    "System Volume Information/x": "System Volume Information",
    "a/@eaDir/film.png/SYNOPHOTO_THUMB_M.jpg": "@eaDir", "#recycle/a.png": "#recycle", "@tmp/a": "@tmp",
    "#snapshot/GMT/a.png": "#snapshot", "a/.@__thumb/s100film.png": ".@__thumb", "@Recycle/a.png": "@Recycle",
    "@Recently-Snapshot/a.png": "@Recently-Snapshot", ".Trash-1000/files/a.png": ".Trash folders",
    "a/.thumbnails/x.png": ".thumbnails", "lost+found/#1": "lost+found", "a/.directory": ".directory",
    "a/.nfs00000000001": ".nfs files", "~$report.docx": "~$ files", ".~lock.films.ods#": ".~lock files",
    "a/film.png@SynoEAStream": "@SynoEAStream", "film.dcm@synoresource": "@SynoResource",
    "a/@SynoEAStream/film.png": "@SynoEAStream", "@SynoResource": "@SynoResource",
    "a/@__thumb/default_film.png": "@__thumb", "~snapshot/daily.0/film.png": "~snapshot",
    "a/.snapshot/film.png": ".snapshot", ".zfs/snapshot/x/film.png": ".zfs", "Recycle Bin/film.png": "Recycle Bin",
    "Recycle.bin/film.png": "RECYCLE.BIN", "a/_recycle/film.png": "_recycle", "#Recycle/film.png": "#recycle",
    "anna/files_trashbin/files/film.png.d1": "files_trashbin", "anna/files_versions/film.png.v1": "files_versions",
    "a/film.png:Zone.Identifier": "Zone.Identifier", "a/film.png\uf03aZone.Identifier": "Zone.Identifier",
    "Picasa.ini": "Picasa.ini", "a/.picasa.ini": ".picasa.ini", "a/ZbThumbnail.info": "ZbThumbnail.info",
    "a/pspbrwse.jbf": "pspbrwse.jbf", "a/IconCache.db": "iconcache.db", "Desktop DB": "Desktop DB",
    "a/Desktop DF": "Desktop DF", "Thumbs.db:encryptable": "Thumbs.db:encryptable", "a/.BridgeSort": ".BridgeSort",
    "a/.DS_Store?": ".DS_Store?", "a/.Trash/film.png": ".Trash",
    ".git/config": "hidden", "a/.hidden.png": "hidden", ".png/a.png": "hidden", "...x": "hidden",
}  # fmt: skip
SENT = [
    "a.png", "Thumbs.db.png", "my @eaDir.png", "@eaDir", "a/recycler", "a/@eaDir2/film.png", "desktop.ini/film.png",
    "Icon.png", "icon", "../a.png", "./a.png", "a/..", "a~$b.png", "x.nfs", "lost+found.png", "a.DS_Store", "", "/a",
    ".png", "a/.DCM", "a/.jpeg", "Recycled films/a.png", "constructor", "__proto__",
    "film @SynoEAStream.png", "Zone.Identifier", "Zone.Identifier.png", "a Zone.Identifier", "Trash/film.png",
    "recycle/film.png", "snapshot/film.png", "my files_versions/film.png", "files_trashbin.png", "Picasa.ini.png",
    "@__thumb.png", "zfs/film.png", "Desktop DB/film.png", "AlbumArt.jpg",
    "toString/a.png",
]  # fmt: skip
PATHS = [*SKIPPED, *SENT]


@pytest.mark.parametrize("path", PATHS)
def test_a_path_is_skipped_by_a_whole_name_only(path: str) -> None:
    assert helper_file_kind(path) == SKIPPED.get(path, "")


def test_every_name_of_the_list_is_skipped_in_any_case() -> None:
    for name in (*FOLDERS, *FILES, *(f"{prefix}x" for prefix in PREFIXES), *(f"x{end}" for end in SUFFIXES)):
        path = f"study/{name}/film.png" if name in FOLDERS else f"study/{name}"
        assert helper_file_kind(path)
        assert helper_file_kind(path.upper()) == helper_file_kind(path)
        assert not helper_file_kind(f"study/film {name}.png")


def test_kinds_are_counted_in_order() -> None:
    assert count_kinds(["Thumbs.db", "@eaDir", "@eaDir"]) == ("2 × @eaDir", "1 × Thumbs.db")


def test_the_client_skips_and_counts_them(server: Server, tmp_path: Path) -> None:
    ward = tmp_path / "ward"
    for path in ("film.bin", "@eaDir/film.bin/M.jpg", "@eaDir/film.bin/S.jpg", "deep/Thumbs.db", ".cache/x"):
        (ward / path).parent.mkdir(parents=True, exist_ok=True)
        (ward / path).write_text(path)
    outcome = screen_folder(Client(server.url, TOKEN), ward, state=tmp_path / "state")
    assert (outcome.found, outcome.sent, outcome.not_sent) == (1, 1, [])
    assert outcome.skipped == ("2 × @eaDir", "1 × Thumbs.db", "1 × hidden")
    (films,) = server.films.values()
    assert [film.file for film in films] == ["film.bin"]


def test_a_folder_of_helper_files_only_is_said(tmp_path: Path) -> None:
    (tmp_path / "Thumbs.db").write_text("x")
    with pytest.raises(ClientError, match="only helper files or hidden files"):
        find_files([tmp_path])
