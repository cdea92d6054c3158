"""Helper files of operating systems, storage devices and editors, which are no films and are skipped.

This is the only list: the client, the server (uploads and ZIP archives) and the upload page read it. A path is
skipped by a name of its folders or of the file itself, never by a part of a name: ``thumbs.db.png`` is sent.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable

FOLDERS = (
    # macOS
    "__MACOSX", ".Spotlight-V100", ".fseventsd", ".Trashes", ".TemporaryItems", ".AppleDouble",
    ".DocumentRevisions-V100", "Network Trash Folder", "Temporary Items",
    # Windows
    "$RECYCLE.BIN", "RECYCLE.BIN", "Recycle Bin", "RECYCLER", "RECYCLED", "System Volume Information",
    # Synology
    "@eaDir", "#recycle", "#snapshot", "@tmp", "@sharebin", "@sharesnap", ".SynologyWorkingDirectory",
    # QNAP
    ".@__thumb", "@__thumb", "@Recycle", "@Recently-Snapshot", ".@qsys", ".streams",
    # NetApp, ZFS, Samba
    ".snapshot", "~snapshot", ".zfs", "_recycle", ".recycle",
    # Nextcloud, ownCloud
    "files_trashbin", "files_versions",
    # Linux
    ".thumbnails", "lost+found", ".Trash",
)  # fmt: skip
FILES = (
    # macOS
    ".DS_Store", ".DS_Store?", ".localized", ".apdisk", ".VolumeIcon.icns", "Desktop DB", "Desktop DF",
    "Icon\r", "Icon%0D",  # the latter as browsers send it
    # Windows
    "Thumbs.db", "Thumbs.db:encryptable", "ehthumbs.db", "ehthumbs_vista.db", "desktop.ini", "iconcache.db",
    # Picasa, ZoomBrowser, PaintShop Pro, Adobe Bridge
    "Picasa.ini", ".picasa.ini", "ZbThumbnail.info", "pspbrwse.jbf", ".BridgeSort", ".BridgeLabelsAndRatings",
    # Linux
    ".directory",
)  # fmt: skip
# Beginnings of names of files and folders, and their name in a summary.
PREFIXES = {
    "._": "._ files",  # macOS: attributes of the file of the same name
    "~$": "~$ files",  # Office: a document is open
    ".~lock.": ".~lock files",  # LibreOffice: the same
    ".nfs": ".nfs files",  # NFS: deleted while it was open
    ".fuse_hidden": ".fuse_hidden files",  # FUSE: the same
    ".Trash-": ".Trash folders",  # Linux
}
# Ends of names, likewise; what stands before it is the name of a file.
SUFFIXES = {
    "@SynoEAStream": "@SynoEAStream",  # Synology: attributes of the file of the same name
    "@SynoResource": "@SynoResource",
    ":Zone.Identifier": "Zone.Identifier",  # Windows: where the file was downloaded from
    "\uf03aZone.Identifier": "Zone.Identifier",  # WSL: a private character stands for the colon
    "%3AZone.Identifier": "Zone.Identifier",  # as some programs write the colon
}
HIDDEN = "hidden"  # every other name that begins with a dot
# Films without a name, as export programs write them: nothing but an extension. They are sent.
NAMELESS = (
    ".dcm", ".dicom", ".dic", ".ima", ".img", ".acr", ".png", ".jpg", ".jpeg", ".jpe", ".tif", ".tiff", ".webp",
    ".zip",
)  # fmt: skip


def helper_file_kind(path: str) -> str:
    """Return which helper file a path names, as it is counted: ``@eaDir``; empty for a file of the user.

    Args:
        path: a file's path; its folders are separated by ``/`` or by a backslash.
    """
    *folders, name = path.replace("\\", "/").split("/")
    kinds = [*(_kind_of(folder, _FOLDER_KINDS) for folder in folders), _kind_of(name, _FILE_KINDS)]
    return next((kind for kind in kinds if kind), "")


def count_kinds(kinds: Iterable[str]) -> tuple[str, ...]:
    """Return how often each kind occurs, as text in the order of the kinds: ``("2 × @eaDir", "1 × Thumbs.db")``."""
    return tuple(f"{number:,} × {kind}" for kind, number in sorted(Counter(kinds).items()))


def script_settings() -> dict[str, object]:
    """Return the list for the script of the upload page, all names in lower case."""
    return {
        "folders": _FOLDER_KINDS,
        "files": _FILE_KINDS,
        "prefixes": list(_PREFIX_KINDS.items()),
        "suffixes": list(_SUFFIX_KINDS.items()),
        "hidden": HIDDEN,
    }


def _kind_of(name: str, known: dict[str, str]) -> str:
    lower = name.lower()
    if lower in known:
        return known[lower]
    kind = next((kind for prefix, kind in _PREFIX_KINDS.items() if lower.startswith(prefix)), "")
    kind = kind or next((kind for suffix, kind in _SUFFIX_KINDS.items() if lower.endswith(suffix)), "")
    return kind or (HIDDEN if name.startswith(".") and name.strip(".") else "")


_FOLDER_KINDS = {name.lower(): name for name in FOLDERS}
_FILE_KINDS = {name.lower(): "Icon" if name.startswith("Icon") else name for name in FILES} | dict.fromkeys(
    NAMELESS, ""
)
_PREFIX_KINDS = {prefix.lower(): kind for prefix, kind in PREFIXES.items()}
_SUFFIX_KINDS = {suffix.lower(): kind for suffix, kind in SUFFIXES.items()}
