"""Small phantoms, every one with bytes of its own, some of which do something to the process that decodes them."""

from __future__ import annotations

from functools import lru_cache

from ml.phantom.film import PhantomSpec, jpeg_bytes
from xrayscreen import Upload

SIDE = 256  # pixels
BASES = 4  # rendered pictures; the films are these with other bytes
TABLE = 64  # bytes
MARK = b"CHAOS:"  # what follows up to a semicolon is an order to tests/chaos/injected


@lru_cache
def _base(seed: int) -> bytes:
    return jpeg_bytes(PhantomSpec(height=SIDE, width=SIDE, seed=seed, opacities=seed % 3))


def film(number: int, order: str = "") -> Upload:
    """One film. ``order`` is carried out by a system that has the injected module, and by no other."""
    data = _base(number % BASES)
    note = f"{number} ".encode() + (MARK + order.encode() + b";" if order else b"")
    # Comments do not get past the door; a quantization table that no component uses does (ITU-T T.81 B.2.4.1).
    assert len(note) <= TABLE
    data = data[:2] + b"\xff\xdb" + (TABLE + 3).to_bytes(2, "big") + b"\x03" + note.ljust(TABLE) + data[2:]
    return Upload(f"{number:05}{'-' + order.split('=')[0] if order else ''}.jpg", data)


def films(count: int, order: str = "", first: int = 0) -> list[Upload]:
    """Films of a batch."""
    return [film(number, order) for number in range(first, first + count)]
