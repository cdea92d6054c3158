"""A whole system in a network namespace of its own: prints what it asked the network for, as JSON.

Run as ``unshare --net --mount python -m tests.offline FOLDER``. Names are looked up at a resolver that notes them and
knows none; a packet to an outside address has no route, which the kernel counts.
"""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
import threading
import time
from pathlib import Path

from ml.phantom.film import PhantomSpec, png_bytes
from screening.runtime.stack import running_stack
from xrayscreen import Client, Upload

FILMS = 60
LISTEN = 20  # seconds after the last film; telemetry is sent in the first ten
NO_SUCH_NAME = b"\x81\x83"  # flags of an answer: response, recursion available, NXDOMAIN (RFC 1035, 4.1.1)
SERVER_COUNTERS = Path("/proc/net/snmp")


def resolve_nothing(asked: list[str]) -> None:
    """Answer look-ups of this namespace, and note their names."""
    server = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    server.bind(("127.0.0.1", 53))

    def answer() -> None:
        while True:
            query, client = server.recvfrom(4096)
            asked.append(_name(query))
            server.sendto(query[:2] + NO_SUCH_NAME + query[4:], client)

    threading.Thread(target=answer, daemon=True).start()


def _name(query: bytes) -> str:
    labels, at = [], 12
    while query[at]:
        labels.append(query[at + 1 : at + 1 + query[at]].decode("ascii", "replace"))
        at += 1 + query[at]
    return ".".join(labels)


def packets_without_route() -> int:
    """Return how many packets of this namespace had no way out."""
    names, values = (line.split() for line in SERVER_COUNTERS.read_text().splitlines() if line.startswith("Ip:"))
    return int(values[names.index("OutNoRoutes")])


def close_the_network(folder: Path) -> None:
    """Leave the loopback interface and our resolver."""
    subprocess.run(["ip", "link", "set", "lo", "up"], check=True)
    settings = folder / "resolv.conf"
    settings.write_text("nameserver 127.0.0.1\n")
    subprocess.run(["mount", "--bind", str(settings), "/etc/resolv.conf"], check=True)


def screen(folder: Path) -> dict[str, int]:
    """Run a batch through the system; returns its films by state."""
    with running_stack(folder / "instance", fast=True, quiet=True) as stack:
        token = json.loads(stack.run_management_command("service_user", "offline"))["token"]
        client = Client(stack.base_url, token)
        batch = client.create_batch("offline")
        films = [Upload(f"{n}.png", png_bytes(PhantomSpec(256, 256, seed=n))) for n in range(FILMS)]
        client.add_all(batch, films, lambda _film: None)
        client.submit(batch)
        while client.status(batch)["state"] != "done":
            time.sleep(0.5)
        time.sleep(LISTEN)
        states: dict[str, int] = client.status(batch)["progress"]["states"]
        return states


def main() -> None:
    """Do all of that in the folder that is named."""
    folder = Path(sys.argv[1])
    asked: list[str] = []
    close_the_network(folder)
    resolve_nothing(asked)
    for name in ("DATABASE_URL", "REDIS_URL", "SCREENING_DATA_DIR"):
        os.environ.pop(name, None)
    states = screen(folder)
    print(json.dumps({"states": states, "asked": asked, "packets_without_route": packets_without_route()}))


if __name__ == "__main__":
    main()
