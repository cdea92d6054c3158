"""DICOM films at intake: refused with a reason that quotes nothing of the file, or stored cleaned."""

from __future__ import annotations

import numpy as np
import pytest
from django.core.files.storage import default_storage
from pydicom import uid

from ml.decoding.preprocess import load
from ml.phantom.film import PhantomSpec, chest
from screening.intake.services import add_file
from screening.models import Batch, Film
from tests.ml.compressed import explicit
from tests.ml.helpers import dicom_with
from tests.ml.streams import encapsulated, frame_of, native

pytestmark = [pytest.mark.django_db, pytest.mark.filterwarnings("ignore:Invalid value for VR CS")]

FILM = chest(PhantomSpec(120, 100, bits=12, seed=5, opacities=1))
LOSSLESS = frame_of(FILM, uid.JPEGLosslessSV1, 12)
REFUSED: dict[str, tuple[bytes, str]] = {
    "another part": (dicom_with(BodyPartExamined="RODILLA JANE"), "not_a_chest"),
    "another examination": (dicom_with(Modality="CT JANE"), "not_a_radiograph"),
    "a lateral view": (dicom_with(ViewPosition="L LAT JANE"), "lateral_view"),
    "video": (encapsulated(explicit(FILM), [b"\x11" * 300], "1.2.840.10008.1.2.4.102"), "unsupported_compression"),
    "a private syntax": (encapsulated(explicit(FILM), [b"\x11" * 300], "1.2.3.4"), "unsupported_compression"),
    "no rows": (native(FILM, 12, uid.ExplicitVRLittleEndian, Rows=None), "attribute_missing"),
}
STORED: dict[str, bytes] = {
    "words for the chest": dicom_with(BodyPartExamined="2- TORAX JANE"),
    "unknown words": dicom_with(BodyPartExamined="JANE", Modality="JANE", ViewPosition="JANE"),
    "a wrong label": encapsulated(explicit(FILM), [LOSSLESS + b"JANE"], uid.JPEG2000),
    "a wrong offset table": encapsulated(explicit(FILM), [LOSSLESS], uid.JPEGLosslessSV1, b"JANEJANE"),
    "no samples per pixel": native(FILM, 12, uid.ExplicitVRLittleEndian, SamplesPerPixel=None),
}


@pytest.mark.parametrize("name", REFUSED)
def test_a_refusal_quotes_nothing_of_the_file(batch: Batch, name: str) -> None:
    data, code = REFUSED[name]
    film, _ = add_file(batch=batch, name="a.dcm", data=data)
    assert (film.state, film.code) == (Film.State.REJECTED, code)
    assert "JANE" not in str(Film.objects.filter(pk=film.pk).values().get())


@pytest.mark.parametrize("name", STORED)
def test_a_stored_film_is_the_same_film(batch: Batch, name: str) -> None:
    film, _ = add_file(batch=batch, name="a.dcm", data=STORED[name])
    assert film.state == Film.State.QUEUED
    with default_storage.open(film.storage_name("original")) as file:
        stored = file.read()
    assert b"JANE" not in stored
    assert np.array_equal(load(stored).pixels, load(STORED[name]).pixels)
    assert film.intake_notes == (["compression_corrected"] if name == "a wrong label" else [])
