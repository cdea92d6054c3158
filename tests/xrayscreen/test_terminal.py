"""The command line on a terminal: bars, and Ctrl-C in the middle of it."""

from __future__ import annotations

import os
import pty
import signal
import struct
import subprocess
import sys
import time
from collections.abc import Callable
from fcntl import ioctl
from pathlib import Path
from termios import TIOCSWINSZ

import pytest

from tests.xrayscreen.server import TOKEN, Server

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def large(tmp_path: Path) -> Path:
    folder = tmp_path / "large"
    folder.mkdir()
    for number in range(40):
        (folder / f"{number:02}.bin").write_bytes(bytes([number]) * 300_000)
    return folder


def on_a_terminal(server: Server, folder: Path, enough: Callable[[], bool]) -> tuple[str, int]:
    """What the command writes on a terminal of 100 columns, and its exit status.

    Args:
        server: where to.
        folder: what.
        enough: when to press Ctrl-C.
    """
    outer, inner = pty.openpty()
    ioctl(inner, TIOCSWINSZ, struct.pack("HHHH", 24, 100, 0, 0))
    command = [sys.executable, "-m", "xrayscreen", "screen", str(folder), "--out", str(folder.parent / "out.csv")]
    environment = {**os.environ, "XRAYSCREEN_SERVER": server.url, "XRAYSCREEN_TOKEN": TOKEN}
    written = b""
    with subprocess.Popen(command, cwd=ROOT, env=environment, stdin=inner, stdout=inner, stderr=inner) as process:
        os.close(inner)
        try:
            while piece := os.read(outer, 4096):
                written += piece
                if enough():
                    process.send_signal(signal.SIGINT)
        except OSError:  # the other end is closed
            pass
    os.close(outer)
    return written.decode(), process.returncode


def test_ctrl_c_ends_at_once_and_the_same_command_goes_on(server: Server, large: Path) -> None:
    server.arriving = lambda _name: time.sleep(0.1)
    pressed: list[int] = []

    def enough() -> bool:
        if not pressed and server.films and len(server.films[next(iter(server.films))]) >= 8:
            pressed.append(server.count("/files"))
            return True
        return False

    text, status = on_a_terminal(server, large, enough)
    assert status == 130, text
    assert text.rstrip().endswith("Stopped. Run the same command again to go on.")
    assert "Traceback" not in text
    assert server.count("/files") <= pressed[0] + 4, "only what was in the lanes"
    (batch,) = server.films
    assert 8 <= len(server.films[batch]) < 40

    text, status = on_a_terminal(server, large, lambda: False)
    assert status == 0
    for title in ("hashing: 100%", "uploading: 100%", "screening: 100%", "12.0M/12.0M", "40/40"):
        assert title in text
    assert [len(films) for films in server.films.values()] == [40]
