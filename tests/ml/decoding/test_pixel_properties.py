"""Films with random legal headers: the working picture is what the standard says, and what DCMTK shows.

``PROPERTY_DRAWS=1000`` draws a thousand films instead of some; ``make property`` does.
"""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import numpy as np
import pydicom
import pytest
from numpy.typing import NDArray
from pydicom import uid

from ml.decoding.dicom_pixels import decode_dicom
from tests.ml.drawn_headers import LOSSY, DrawnFilm, draw_film

DRAWS = int(os.environ.get("PROPERTY_DRAWS", "150"))
GROUPS = 10  # tests that share the draws
MIDDLE = 98  # percent of the pixels, those that differ most left out
ROUNDING = 0.51  # grey levels
REFERENCE_BOUND = 1.0
LOSSY_BOUND = 6.0  # the median of lossy streams against the film before it was encoded
MIN_SPAN = 400  # units between black and white; DCMTK rounds units to integers
READ_BY_DCMTK = (uid.JPEGExtended12Bit, uid.JPEGLossless, uid.JPEGLosslessSV1, uid.RLELossless)
TOOLS = ("dcmj2pnm", "gdcmconv")

needs_tools = pytest.mark.skipif(
    not all(shutil.which(tool) for tool in TOOLS), reason="dcmj2pnm (dcmtk) or gdcmconv (libgdcm-tools) not installed"
)


def seeds(group: int) -> range:
    return range(group, DRAWS, GROUPS)


def differences(film: DrawnFilm, found: NDArray[np.uint8], expected: NDArray[np.float64]) -> float:
    difference = np.abs(found.astype(float) - expected)[film.inside]
    return float(np.percentile(difference, MIDDLE))


@pytest.mark.parametrize("group", range(GROUPS))
def test_the_working_picture_is_what_the_standard_says(group: int) -> None:
    for seed in seeds(group):
        film = draw_film(seed)
        decoded = decode_dicom(film.data)
        lossy = film.header["syntax"] in {syntax.name for syntax in map(uid.UID, LOSSY)}
        difference = np.abs(decoded.grey - film.expected)
        if lossy:  # how far a pixel may be off depends on the window
            assert np.median(difference) <= LOSSY_BOUND, (seed, film.header)
        else:
            assert difference.max() <= ROUNDING, (seed, film.header)
        assert decoded.notes == (), (seed, film.header)


@needs_tools
@pytest.mark.parametrize("group", range(GROUPS))
def test_the_working_picture_is_what_dcmtk_shows(group: int, tmp_path: Path) -> None:
    """Only the film itself is compared, spread anew: DCMTK shows padding as film, against C.7.5.1.1.2.

    Not compared are films whose units DCMTK rounds too coarsely: it keeps the result of a rescale, which C.11.1
    does not bound to integers, in integers.
    """
    for seed in seeds(group):
        film = draw_film(seed)
        if film.span < MIN_SPAN and not np.array_equal(film.units, np.floor(film.units)):
            continue
        shown = reference_picture(film, tmp_path)
        low, high = shown[film.inside].min(), shown[film.inside].max()
        expected = (shown - low) * (255 / (high - low))
        found = decode_dicom(film.data).grey
        assert differences(film, found, expected) <= REFERENCE_BOUND, (seed, film.header)


def reference_picture(film: DrawnFilm, folder: Path) -> NDArray[np.float64]:
    """Return what ``dcmj2pnm`` shows, with 16 bits. GDCM decodes the syntaxes that DCMTK does not read."""
    source, picture = folder / "film.dcm", folder / "film.pgm"
    source.write_bytes(film.data)
    syntax = pydicom.dcmread(source, stop_before_pixels=True).file_meta.TransferSyntaxUID
    if syntax.is_encapsulated and syntax not in READ_BY_DCMTK:
        subprocess.run(["gdcmconv", "--raw", source, folder / "raw.dcm"], check=True, capture_output=True)
        source = folder / "raw.dcm"
    subprocess.run(
        ["dcmj2pnm", *film.reference_options, "+opw", source, picture], check=True, capture_output=True, timeout=60
    )
    tokens = [
        token for line in picture.read_text().splitlines() if not line.startswith("#") for token in line.split()
    ]
    width, height = int(tokens[1]), int(tokens[2])
    return np.array(tokens[4:], dtype=np.float64).reshape(height, width)
