"""Choice and checks of TCP ports."""

from __future__ import annotations

import errno
import socket

from screening.runtime import codes
from screening.runtime.errors import StartupError

_LOOPBACK = "127.0.0.1"
_MAX_PORT = 65535


def _try_to_listen(host: str, port: int) -> int:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family, socket.SOCK_STREAM) as probe:
        # The servers set this too: connections that linger after a restart do not occupy the port.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        probe.bind((host, port))
        probe.listen(1)
        return int(probe.getsockname()[1])


def port_is_free(port: int, host: str = _LOOPBACK) -> bool:
    """Tell whether a server could listen on ``host:port`` at this moment."""
    try:
        _try_to_listen(host, port)
    except OSError:
        return False
    return True


def choose_port(preferred: int | None = None, host: str = _LOOPBACK) -> int:
    """Return ``preferred`` when it is free, otherwise a free port that the system picks."""
    if preferred is not None and port_is_free(preferred, host):
        return preferred
    return _try_to_listen(host, 0)


def check_web_port(host: str, port: int) -> None:
    """Make sure that the web server can listen on ``host:port``.

    Raises StartupError: ``port-in-use``, ``port-forbidden`` or ``host-invalid``.
    """
    try:
        _try_to_listen(host, port)
    except PermissionError as error:
        raise StartupError(codes.PORT_FORBIDDEN, port=port, other=_other_port(8000)) from error
    except OSError as error:
        if error.errno == errno.EADDRINUSE:
            raise StartupError(codes.PORT_IN_USE, port=port, other=_other_port(port)) from error
        raise StartupError(codes.HOST_INVALID, host=host) from error


def _other_port(port: int) -> int:
    candidates = range(port + 1, min(port + 50, _MAX_PORT))
    return next((candidate for candidate in candidates if port_is_free(candidate)), port + 1)
