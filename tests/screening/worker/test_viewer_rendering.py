"""Rendering for the viewer: asked for, made once, refused with a reason, kept for a while."""

from __future__ import annotations

import gzip
import json
import os
import struct
import time
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from unittest.mock import patch

import numpy as np
import pytest
from celery.exceptions import SoftTimeLimitExceeded
from django.conf import settings
from django.core.files.storage import default_storage
from kombu.exceptions import OperationalError

from ml.codes import DAMAGED_PIXELS
from ml.decoding.grey_rules import Window
from ml.decoding.viewer_pixels import FilmValues, decode_values
from ml.errors import FilmError
from screening import tasks
from screening.config.limits import time_limits
from screening.errors import ScreeningError
from screening.models import Batch, Film
from screening.storage import local as storage
from screening.worker import viewer_rendering
from tests.screening.factories import done


@pytest.fixture(autouse=True)
def asked() -> Iterator[Any]:
    """What is asked of the workers goes nowhere."""
    viewer_rendering._requested_at.clear()
    with patch("screening.worker.viewer_rendering.app.send_task") as sent:
        yield sent


@pytest.fixture
def film(batch: Batch, dicom: bytes) -> Film:
    film = done(batch, kind="dicom")
    storage.put_file(film.storage_name("original"), dicom)
    return film


def unpacked(data: bytes) -> tuple[dict[str, Any], bytes]:
    raw = gzip.decompress(data)
    (length,) = struct.unpack("<I", raw[:4])
    assert (4 + length) % 4 == 0  # or the browser could not look at 16-bit codes in place
    return json.loads(raw[4 : 4 + length]), raw[4 + length :]


def found(film: Film) -> bytes:
    file = viewer_rendering.find_rendering(film.pk)
    assert file is not None
    with file:
        return bytes(file.read())


def refusal(film: Film) -> ScreeningError:
    with pytest.raises(ScreeningError) as caught:
        viewer_rendering.find_rendering(film.pk)
    return caught.value


def note_of(film: Film) -> Path:
    return Path(default_storage.path(f"rendered/{film.pk.hex[:2]}/{film.pk.hex}.json"))


def test_who_looks_first_asks_a_worker_and_who_looks_later_finds_it(film: Film, dicom: bytes, asked: Any) -> None:
    assert viewer_rendering.find_rendering(film.pk) is None
    asked.assert_called_once_with("screening.tasks.render_pixels", args=[str(film.pk)], queue="small")
    tasks.render_pixels(*asked.call_args.kwargs["args"])
    about, rest = unpacked(found(film))
    expected = decode_values(dicom, "dicom")
    assert np.array_equal(np.frombuffer(rest, "<u2").reshape(about["height"], about["width"]), expected.codes)
    assert about["windows"] == [{"name": "", "centre": 2048.0, "width": 4096.0}]
    assert (about["bits"], about["sample_bytes"], about["curve"]) == (12, 2, 0)
    assert not note_of(film).exists()


def test_nobody_is_asked_twice_within_a_few_seconds(film: Film, asked: Any) -> None:
    viewer_rendering.find_rendering(film.pk)
    viewer_rendering.find_rendering(film.pk)
    assert asked.call_count == 1
    with patch("screening.worker.viewer_rendering.time.monotonic", return_value=time.monotonic() + 6):
        viewer_rendering.find_rendering(film.pk)
    assert asked.call_count == 2


def test_a_broker_that_is_away_costs_only_time(film: Film, asked: Any) -> None:
    asked.side_effect = OperationalError("away")
    assert viewer_rendering.find_rendering(film.pk) is None


def test_the_task_has_the_name_that_is_published() -> None:
    assert tasks.render_pixels.name == viewer_rendering.RENDER_TASK


def test_what_is_there_is_not_rendered_again(film: Film) -> None:
    viewer_rendering.render_film(film.pk)
    with patch("ml.decoding.viewer_pixels.decode_values", side_effect=AssertionError):
        viewer_rendering.render_film(film.pk)


def test_a_film_without_pictures_is_not_rendered(batch: Batch) -> None:
    film = done(batch, pictured=False)
    viewer_rendering.render_film(film.pk)
    viewer_rendering.render_film(uuid.uuid4())
    assert not default_storage.exists("rendered")


def test_curve_and_bytes_are_packed_as_they_are_said_to_be() -> None:
    curve = np.arange(4, dtype=np.uint8) * 80
    codes = np.array([[0, 1, 2], [3, 3, 3]], dtype=np.uint8)
    film = FilmValues(codes, 0.5, -3.0, inverted=True, padding=3, windows=(Window("A", 1.0, 2.0),), curve=curve)
    about, rest = unpacked(viewer_rendering.pack_values(film))
    assert rest == codes.tobytes() + curve.tobytes()
    assert {"slope": 0.5, "intercept": -3.0, "inverted": True, "padding": 3, "curve": 4}.items() <= about.items()


def test_a_refusal_is_remembered_with_its_reason(film: Film, asked: Any) -> None:
    with patch("ml.decoding.viewer_pixels.decode_values", side_effect=FilmError(DAMAGED_PIXELS)) as decoding:
        viewer_rendering.render_film(film.pk)
        viewer_rendering.render_film(film.pk)
    assert decoding.call_count == 1
    error = refusal(film)
    assert (error.code, error.detail, error.status) == ("damaged_pixels", DAMAGED_PIXELS.sentence, 422)
    asked.assert_not_called()


def test_a_film_that_takes_too_long_is_refused_also_from_within_a_decoder(film: Film) -> None:
    disguised = FilmError(DAMAGED_PIXELS)
    disguised.__cause__ = SoftTimeLimitExceeded()
    for error in (SoftTimeLimitExceeded(), disguised):
        with patch("ml.decoding.viewer_pixels.decode_values", side_effect=error):
            viewer_rendering.render_film(film.pk)
        assert refusal(film).code == "took_too_long"
        note_of(film).unlink()


def test_an_error_of_the_surroundings_is_no_refusal(film: Film) -> None:
    with (
        patch("ml.decoding.viewer_pixels.decode_values", side_effect=OSError("disk")),
        pytest.raises(OSError, match="disk"),
    ):
        viewer_rendering.render_film(film.pk)
    viewer_rendering.render_film(film.pk)
    assert found(film)


def test_a_film_that_kills_its_process_is_given_up(film: Film, asked: Any) -> None:
    """Nothing is left of such an attempt but its note."""
    with (
        patch("ml.decoding.viewer_pixels.decode_values", side_effect=KeyboardInterrupt),
        patch.object(settings, "MAX_ATTEMPTS", 2),
    ):
        with pytest.raises(KeyboardInterrupt):
            viewer_rendering.render_film(film.pk)
        viewer_rendering.render_film(film.pk)  # another message, while the first may still be at it
        assert viewer_rendering.find_rendering(film.pk) is None
        asked.assert_not_called()
        later = time.time() + time_limits(settings.CHUNK_SECONDS).lease + 1
        with patch("screening.worker.viewer_rendering.time.time", return_value=later):
            assert viewer_rendering.find_rendering(film.pk) is None
            asked.assert_called_once()
            with pytest.raises(KeyboardInterrupt):
                viewer_rendering.render_film(film.pk)
        with patch("screening.worker.viewer_rendering.time.time", return_value=2 * later):
            viewer_rendering.render_film(film.pk)
    assert refusal(film).code == "rendering_lost"


def test_values_do_not_count_while_a_note_lies_beside_them(film: Film) -> None:
    """They may be half written."""
    viewer_rendering.render_film(film.pk)
    note_of(film).write_text(json.dumps({"attempts": 1, "since": time.time()}))
    assert viewer_rendering.find_rendering(film.pk) is None


@pytest.mark.parametrize("content", ["", "{", '{"since": 0, "surprise": 1}'])
def test_a_torn_note_holds_nobody_up(film: Film, content: str) -> None:
    viewer_rendering.render_film(film.pk)
    note_of(film).write_text(content)
    assert viewer_rendering.find_rendering(film.pk) is None
    viewer_rendering.render_film(film.pk)
    assert found(film)


def test_old_values_go_when_new_ones_come(film: Film) -> None:
    viewer_rendering.render_film(film.pk)
    shard = note_of(film).parent
    for number in range(viewer_rendering.MAX_FILMS_PER_SHARD + 3):
        (shard / f"{number:032x}.bin").write_bytes(b"x")
        os.utime(shard / f"{number:032x}.bin", (time.time() - 60 - number,) * 2)
    os.utime(shard / f"{0:032x}.bin", (time.time() - 90_000,) * 2)
    note_of(film).with_suffix(".bin").unlink()
    viewer_rendering.render_film(film.pk)
    left = {path.name for path in shard.iterdir()}
    assert len(left) == viewer_rendering.MAX_FILMS_PER_SHARD
    assert f"{film.pk.hex}.bin" in left
    assert f"{0:032x}.bin" not in left
