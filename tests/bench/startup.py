"""From the command to a page that answers: the demo's first start, and its second."""

from __future__ import annotations

import re
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import httpx

from tests.bench.results import Figure, save

LIMIT_S = 600


def seconds_to_page(folder: Path) -> float:
    """Start the demo on the folder, wait until its page answers, stop it."""
    start = time.perf_counter()
    with subprocess.Popen(
        [sys.executable, "-u", "-m", "ui.cli", "demo", "--workspace", str(folder)], stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        for line in process.stdout:
            if address := re.search(r"http://127\.0\.0\.1:\d+", line):
                httpx.get(address.group(), timeout=LIMIT_S).raise_for_status()
                break
        elapsed = time.perf_counter() - start
        process.terminate()
        process.communicate(timeout=60)
    return elapsed


def main() -> None:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name) / "demo"
        first = seconds_to_page(folder)
        again = [seconds_to_page(folder) for _ in range(3)]
    save(
        "startup",
        [
            Figure("demo, first start to a page that answers", round(first, 1), "s", 1),
            Figure("demo, second start to a page that answers", round(sorted(again)[1], 1), "s", len(again)),
        ],
    )


if __name__ == "__main__":
    main()
