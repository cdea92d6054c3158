"""``python -m screening.demo demo`` and ``python -m screening.demo screen FOLDER``."""

from __future__ import annotations

import sys

from screening.demo import demo, screen

COMMANDS = {"demo": demo.main, "screen": screen.main}

if __name__ == "__main__":
    name, *arguments = sys.argv[1:] or [""]
    if name not in COMMANDS:
        sys.exit(f"usage: python -m screening.demo {{{','.join(COMMANDS)}}} …")
    try:
        sys.exit(COMMANDS[name](arguments))
    except KeyboardInterrupt:  # what was started is stopped by then
        sys.exit("\nStopped.")
