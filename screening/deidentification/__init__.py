"""De-identification: removal of what identifies a person from an uploaded file, before anything is stored.

Pure Python without Django; no pixel is decoded. Every kind of file is parsed and written again from the parts that an
allow-list names, so that an unknown part is never copied. docs/de-identification.md lists what is kept, and why.
"""

from __future__ import annotations

from collections.abc import Callable

from ml.decoding.limits import MAX_PIXELS
from screening.deidentification import dicom, jpeg, png, tiff, webp
from screening.deidentification.cleaned import CleanedFile

__all__ = ["CleanedFile", "clean_file"]

PICTURES: dict[str, Callable[[bytes], CleanedFile]] = {
    "png": png.clean_file,
    "jpeg": jpeg.clean_file,
    "tiff": tiff.clean_file,
    "webp": webp.clean_file,
}


def clean_file(data: bytes, kind: str, key: bytes, max_pixels: int = MAX_PIXELS) -> CleanedFile:
    """Remove from a file what identifies a person. The pixels decode to exactly the same values as before.

    Text that is part of the picture stays, as do comments inside the coded pixels of a compressed stream.

    Args:
        data: the file as it was sent; :func:`ml.decoding.headers.read_header` has read its header.
        kind: ``png``, ``jpeg``, ``tiff``, ``webp`` or ``dicom``, as found by that function.
        key: the deployment's key; the same key gives the same pseudonyms. Cleaning a cleaned DICOM file
            pseudonymises its pseudonyms again and removes nothing more.
        max_pixels: pixels that a film may have; limits the size of an inflated file.

    Raises:
        FilmError: ``damaged_header`` where the file cannot be parsed, ``unsupported_compression`` for a TIFF with
            the retired JPEG compression; :func:`ml.decoding.headers.read_header` refuses others.
        ValueError: the kind is unknown.
    """
    if kind == "dicom":
        return dicom.clean_file(data, key, max_pixels)
    if kind not in PICTURES:
        raise ValueError(f"no file of kind {kind!r} can be de-identified")
    return PICTURES[kind](data)
