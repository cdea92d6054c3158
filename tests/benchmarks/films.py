"""Films for the benchmarks: phantoms, every one with bytes of its own, half JPEG, a quarter PNG and DICOM each."""

from __future__ import annotations

from io import BytesIO
from pathlib import Path

import pydicom
from PIL import Image

from ml.phantom import PhantomSpec, dicom_bytes, jpeg_bytes, png_bytes

SIDE = 1024  # pixels
BASES = 8  # rendered pictures; the films are these with other bytes
KINDS = ("jpg", "png", "jpg", "dcm")


def films(folder: Path, count: int) -> list[Path]:
    """Make ``count`` films in a folder, or find them there from an earlier run."""
    folder.mkdir(parents=True, exist_ok=True)
    bases = [_base(index, KINDS[index % len(KINDS)]) for index in range(BASES)]
    paths = [folder / f"{number:05}.{KINDS[number % len(KINDS)]}" for number in range(count)]
    for number, path in enumerate(paths):
        if not path.exists():
            path.write_bytes(_own(bases[number % BASES], path.suffix, number))
    return paths


def _base(seed: int, kind: str) -> bytes:
    bits = 12 if kind == "dcm" else 8
    spec = PhantomSpec(height=SIDE, width=SIDE, seed=seed, opacities=seed % 4, bits=bits)
    return {"jpg": jpeg_bytes, "png": png_bytes, "dcm": dicom_bytes}[kind](spec)


def _own(data: bytes, suffix: str, number: int) -> bytes:
    """The same picture under other bytes, or the batch would hold it only once."""
    if suffix == ".jpg":  # a comment segment after the start marker
        note = str(number).encode()
        return data[:2] + b"\xff\xfe" + (len(note) + 2).to_bytes(2, "big") + note + data[2:]
    out = BytesIO()
    if suffix == ".png":
        with Image.open(BytesIO(data)) as picture:
            picture.putpixel((number % SIDE, number // SIDE), 1)
            picture.save(out, "PNG", compress_level=6)
    else:
        dataset = pydicom.dcmread(BytesIO(data))
        dataset.InstanceNumber = number
        dataset.save_as(out)
    return out.getvalue()
