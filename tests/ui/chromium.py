"""Which browser the tests drive. Needs nothing but Python, so that make can ask too: python tests/ui/chromium.py."""

from __future__ import annotations

import os
import shutil
import sys

NAMES = ("chromium", "chromium-browser", "google-chrome")


def find_chromium() -> str | None:
    """The program that CHROMIUM names, else the first of the usual names on the PATH; None when there is none."""
    named = os.environ.get("CHROMIUM")
    return next(filter(None, map(shutil.which, [named] if named else NAMES)), None)


if __name__ == "__main__":
    sys.exit(0 if find_chromium() else f"no {', '.join(NAMES)} on the PATH, and CHROMIUM names none")
