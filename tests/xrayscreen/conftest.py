from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.xrayscreen.server import TOKEN, Server, running
from xrayscreen import Client, Retry

HASTY = Retry(times=4, first=0.001, longest=0.002)


@pytest.fixture(autouse=True)
def _own_state(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    for name in ("XRAYSCREEN_SERVER", "XRAYSCREEN_TOKEN"):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture
def server() -> Iterator[Server]:
    with running() as one:
        yield one


@pytest.fixture
def client(server: Server) -> Client:
    return Client(server.url, TOKEN, HASTY)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Nested folders, a copy in another folder, and a file that is no film."""
    root = tmp_path / "Ward 3"
    (root / "deep" / "er").mkdir(parents=True)
    for number in range(12):
        (root / "deep" / f"{number:02}.bin").write_bytes(bytes([number]) * 1000)
    (root / "a.bin").write_bytes(b"a")
    (root / "deep" / "er" / "a.bin").write_bytes(b"a")
    (root / "notes.txt").write_text("hello")
    (root / ".hidden").write_text("x")
    return root
