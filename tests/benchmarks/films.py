"""Films for the benchmarks, in the sizes hospitals send: few rendered pictures, each film with bytes of its own.

What lies on disk are the pictures (about 70 MB). A film is a picture and a number; the sender stamps its bytes where
every decoder passes over them, so that thousands of films differ by sha256 without gigabytes being made first.
The bare loop reads the pictures as they are; that spares it a slow disk and never helps the system beside it.
"""

from __future__ import annotations

import random
import struct
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from io import BytesIO
from itertools import cycle
from pathlib import Path

import pydicom
from pydicom.uid import JPEG2000Lossless, RLELossless

from ml.data.datasets import SOURCES, data_dir, load_source
from ml.decoding.headers import read_header, refuse_unfit
from ml.errors import DataSetError, FilmError
from ml.phantom.film import PhantomSpec, dicom_bytes, jpeg_bytes, png_bytes

FOLDER = Path("var/bench/pictures")
DETECTOR = (2500, 2048)  # rows and columns, a 35 x 43 cm detector of 0.17 mm


@dataclass(frozen=True)
class Picture:
    """How one of the rendered pictures is made."""

    suffix: str
    height: int
    width: int
    way: str = "plain"

    def render(self, seed: int) -> bytes:
        """The file's bytes."""
        bits = 12 if self.suffix == ".dcm" else 8
        spec = PhantomSpec(self.height, self.width, bits=bits, opacities=seed % 4, seed=seed)
        if self.suffix == ".dcm":
            return _compressed(dicom_bytes(spec, monochrome1=self.way == "inverted"), self.way)
        return jpeg_bytes(spec) if self.suffix == ".jpg" else png_bytes(spec)


PICTURES = {
    "JPEG": [
        Picture(".jpg", *DETECTOR),
        Picture(".jpg", 2048, 2048),
        Picture(".jpg", *DETECTOR),
        Picture(".jpg", 1024, 1024),
    ],
    "PNG": [
        Picture(".png", 1024, 1024),
        Picture(".png", 2048, 2048),
        Picture(".png", 1024, 1024),
        Picture(".png", 2048, 1760),
    ],
    # Uncompressed is what most archives send; of eight, one is run-length encoded and one JPEG 2000 (both lossless).
    "DICOM": [
        Picture(".dcm", *DETECTOR),
        Picture(".dcm", *DETECTOR, "inverted"),
        Picture(".dcm", *DETECTOR),
        Picture(".dcm", *DETECTOR, "rle"),
        Picture(".dcm", *DETECTOR),
        Picture(".dcm", *DETECTOR, "inverted"),
        Picture(".dcm", 2048, 2048),
        Picture(".dcm", *DETECTOR, "jpeg2000"),
    ],
    # For runs of thousands: the server keeps every film, and 10,000 of the others would be 26 GB.
    "light JPEG": [Picture(".jpg", 1024, 1024), Picture(".jpg", *DETECTOR)],
    "light PNG": [Picture(".png", 1024, 1024)],
    "light DICOM": [Picture(".dcm", 1024, 1024)],
}
MIXES = {
    "mix": ("JPEG", "PNG", "JPEG", "DICOM"),
    "light mix": ("light JPEG", "light PNG", "light JPEG", "light DICOM"),
}
KINDS = ("JPEG", "PNG", "DICOM", "mix")
REAL = "real films"
NO_FILMS = "skipped: XRAY_DATA_DIR names no films"  # of that kind


@dataclass(frozen=True)
class Film:
    """A film to be sent: a picture on disk and its number; ``stamped`` gives it bytes of its own."""

    path: Path
    number: int
    stamped: bool = True

    @property
    def name(self) -> str:
        """What its sender calls it."""
        return f"{self.number:06}{self.path.suffix}"

    def data(self, batch: str) -> bytes:
        """The bytes as they are sent in this batch, unlike any that were sent before."""
        if not self.stamped:
            return self.path.read_bytes()
        return _stamped(_picture(self.path), self.path.suffix, f"{batch} {self.number}".encode())


def films(kind: str, count: int) -> list[Film]:
    """This many films of a kind, ``mix`` or ``light mix``; renders the pictures where there are none yet.

    Of ``REAL`` up to this many. Fewer films of a kind are the first of more.
    """
    if kind == REAL:
        return _real_films(count)
    pattern = MIXES.get(kind, (kind,))
    pictures = {part: cycle(_rendered(part)) for part in dict.fromkeys(pattern)}
    return [Film(next(pictures[pattern[number % len(pattern)]]), number) for number in range(count)]


def _real_films(count: int) -> list[Film]:
    """Up to this many distinct films of the data sets in ``XRAY_DATA_DIR``, as they are, in a fixed random order."""
    paths = list(_real_paths())
    random.Random(0).shuffle(paths)
    chosen: dict[int, Film] = {}
    for path in paths:
        if len(chosen) == count:
            break
        data = path.read_bytes()
        if _let_in(data):  # a refused or repeated film would cost the system nothing
            chosen.setdefault(hash(data), Film(path, len(chosen), stamped=False))
    return list(chosen.values())


def _real_paths() -> Iterator[Path]:
    root = data_dir()
    for source in SOURCES if root else ():
        try:
            yield from (record.path for record in load_source(source, root or Path()))
        except DataSetError:
            continue  # not every set has to be there


def _let_in(data: bytes) -> bool:
    try:
        refuse_unfit(read_header(data))
    except FilmError:
        return False
    return True


def _rendered(kind: str) -> list[Path]:
    FOLDER.mkdir(parents=True, exist_ok=True)
    paths = []
    for index, picture in enumerate(PICTURES[kind]):
        way = f"{picture.height}x{picture.width}-{picture.way}"
        path = FOLDER / f"{kind.lower().replace(' ', '-')}-{index}-{way}{picture.suffix}"
        if not path.exists():
            scratch = path.with_suffix(".part")  # an interrupted run must leave no half picture behind
            scratch.write_bytes(picture.render(seed=100 + index))
            scratch.replace(path)
        paths.append(path)
    return paths


def _compressed(data: bytes, way: str) -> bytes:
    syntax = {"rle": RLELossless, "jpeg2000": JPEG2000Lossless}.get(way)
    if syntax is None:
        return data
    dataset, out = pydicom.dcmread(BytesIO(data)), BytesIO()
    dataset.compress(syntax)
    dataset.save_as(out)
    return out.getvalue()


@lru_cache(maxsize=64)
def _picture(path: Path) -> bytes:
    return path.read_bytes()


def _stamped(data: bytes, suffix: str, note: bytes) -> bytes:
    """The same picture under other bytes, by what each format has for the purpose."""
    if suffix == ".jpg":  # a comment segment behind the start marker
        return data[:2] + b"\xff\xfe" + struct.pack(">H", len(note) + 2) + note + data[2:]
    if suffix == ".png":  # a text chunk ahead of the end
        body = b"tEXtComment\0" + note
        chunk = struct.pack(">I", len(body) - 4) + body + struct.pack(">I", zlib.crc32(body))
        return data[:-12] + chunk + data[-12:]
    note += b" " * (len(note) % 2)  # Data Set Trailing Padding, DICOM PS3.10 section 7.2
    return data + b"\xfc\xff\xfc\xffOB\0\0" + struct.pack("<I", len(note)) + note
