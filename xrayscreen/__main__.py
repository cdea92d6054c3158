"""``python -m xrayscreen``."""

import sys

from xrayscreen.commands import main

if __name__ == "__main__":
    sys.exit(main())
