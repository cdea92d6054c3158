"""An independent decoder of DICOM: DCMTK's ``dcmj2pnm``, with GDCM for the syntaxes that it does not read."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import numpy as np
import pydicom
import pytest
from numpy.typing import NDArray
from pydicom import uid

from tests.ml.drawn_headers import DrawnFilm

READ_BY_DCMTK = (uid.JPEGExtended12Bit, uid.JPEGLossless, uid.JPEGLosslessSV1, uid.RLELossless)
MIN_SPAN = 400  # units between black and white
TOOLS = ("dcmj2pnm", "gdcmconv")

needs_tools = pytest.mark.skipif(
    not all(shutil.which(tool) for tool in TOOLS), reason="dcmj2pnm (dcmtk) or gdcmconv (libgdcm-tools) not installed"
)


def is_comparable(film: DrawnFilm) -> bool:
    """Return whether DCMTK shows a film finely enough.

    It keeps the result of a rescale in integers, to which PS3.3 C.11.1 does not bound it; so a film of few units that
    are fractions loses grey levels.
    """
    return film.span >= MIN_SPAN or np.array_equal(film.units, np.floor(film.units))


def reference_picture(film: DrawnFilm, folder: Path) -> NDArray[np.float64]:
    """Return what ``dcmj2pnm`` shows, 0 to 65,535; padding is film for it, against PS3.3 C.7.5.1.1.2."""
    return _run(film.data, film.reference_options, folder)


def reference_shape(data: bytes, options: list[str], folder: Path) -> tuple[int, int]:
    """Return height and width of the picture that ``dcmj2pnm`` makes with these options."""
    height, width = _run(data, options, folder).shape
    return height, width


def _run(data: bytes, options: list[str], folder: Path) -> NDArray[np.float64]:
    source, picture = folder / "film.dcm", folder / "film.pgm"
    source.write_bytes(data)
    syntax = pydicom.dcmread(source, stop_before_pixels=True).file_meta.TransferSyntaxUID
    if syntax.is_encapsulated and syntax not in READ_BY_DCMTK:
        subprocess.run(["gdcmconv", "--raw", source, folder / "raw.dcm"], check=True, capture_output=True)
        source = folder / "raw.dcm"
    subprocess.run(["dcmj2pnm", *options, "+opw", source, picture], check=True, capture_output=True, timeout=60)
    tokens = [
        token for line in picture.read_text().splitlines() if not line.startswith("#") for token in line.split()
    ]
    width, height = int(tokens[1]), int(tokens[2])
    return np.array(tokens[4:], dtype=np.float64).reshape(height, width)
