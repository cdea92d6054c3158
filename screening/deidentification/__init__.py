"""What identifies a person is taken out of a file at the door, before anything is stored.

Pure Python: no Django, no pixel is decoded. Every kind of file is taken apart and put together again from what an
allow-list names, so that a place nobody thought of cannot pass. What is kept and why: docs/de-identification.md.
"""

from __future__ import annotations

from collections.abc import Callable

from ml.decoding.limits import MAX_PIXELS
from screening.deidentification import dicom, jpeg, png, tiff, webp
from screening.deidentification.cleaned import Cleaned

__all__ = ["Cleaned", "clean"]

PICTURES: dict[str, Callable[[bytes], Cleaned]] = {
    "png": png.clean,
    "jpeg": jpeg.clean,
    "tiff": tiff.clean,
    "webp": webp.clean,
}


def clean(data: bytes, kind: str, key: bytes, max_pixels: int = MAX_PIXELS) -> Cleaned:
    """Take out of a file what identifies a person; what its pixels decode to stays the same to the bit.

    Text burnt into the pixels stays, as does what lies inside a compressed pixel stream.

    Args:
        data: the file as it was sent, of which :func:`ml.decoding.headers.read_header` has read the header.
        kind: ``png``, ``jpeg``, ``tiff``, ``webp`` or ``dicom``, as that found it.
        key: of the deployment; the same key gives the same pseudonyms. Cleaning a cleaned DICOM file
            pseudonymises its pseudonyms again, and removes nothing more.
        max_pixels: the most a film may have, for what a deflated file may become.

    Raises:
        FilmError: ``damaged_header`` where the file cannot be taken apart, ``unsupported_compression`` for
            a TIFF compressed in the retired way of JPEG.
        ValueError: for another kind.
    """
    if kind == "dicom":
        return dicom.clean(data, key, max_pixels)
    if kind not in PICTURES:
        raise ValueError(f"no file of kind {kind!r} can be de-identified")
    return PICTURES[kind](data)
