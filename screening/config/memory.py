"""How much memory a worker process may have: a decoder that a hostile file leads to ask for more fails, alone."""

from __future__ import annotations

import logging
import resource

log = logging.getLogger(__name__)

MIB = 1024 * 1024


def bound(megabytes: int) -> None:
    """Limit this process's own memory (``RLIMIT_DATA``: heap and private mappings); 0 leaves it unlimited.

    Beyond it an allocation fails with ``MemoryError`` or ends this process, not its neighbours, which is what the
    kernel's out-of-memory killer would choose. Files that are mapped, such as a network's weights, do not count.

    Args:
        megabytes: the limit.
    """
    if not megabytes:
        return
    _, hard = resource.getrlimit(resource.RLIMIT_DATA)
    wanted = megabytes * MIB
    if hard != resource.RLIM_INFINITY:
        wanted = min(wanted, hard)
    try:
        resource.setrlimit(resource.RLIMIT_DATA, (wanted, hard))
    except (ValueError, OSError) as error:  # some systems do not have it; the container's limit remains
        log.warning("this system does not limit a worker's memory: %s", error)
