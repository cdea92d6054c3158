"""Small phantoms, every one with bytes of its own, some of which do something to the process that decodes them."""

from __future__ import annotations

from functools import lru_cache

from ml.phantom import PhantomSpec, jpeg_bytes
from screening.client.rest import Upload

SIDE = 256  # pixels
BASES = 4  # rendered pictures; the films are these with other bytes
MARK = b"CHAOS:"  # what follows up to a semicolon is an order to tests/chaos/injected


@lru_cache
def _base(seed: int) -> bytes:
    return jpeg_bytes(PhantomSpec(height=SIDE, width=SIDE, seed=seed, opacities=seed % 3))


def film(number: int, order: str = "") -> Upload:
    """One film. ``order`` is carried out by a system that has the injected module, and by no other."""
    data = _base(number % BASES)
    note = f"{number} ".encode() + (MARK + order.encode() + b";" if order else b"")
    # A comment segment after the start marker (JPEG, ITU T.81 B.2.4.5).
    data = data[:2] + b"\xff\xfe" + (len(note) + 2).to_bytes(2, "big") + note + data[2:]
    return Upload(f"{number:05}{'-' + order.split('=')[0] if order else ''}.jpg", data)


def films(count: int, order: str = "", first: int = 0) -> list[Upload]:
    """Films of a batch."""
    return [film(number, order) for number in range(first, first + count)]
