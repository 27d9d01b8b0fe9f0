"""Run every benchmark, one after the other, each in a process of its own."""

import subprocess
import sys

BENCHMARKS = ("recall", "filtered_search", "indexing", "recommend", "startup", "conversation")

for benchmark in BENCHMARKS:
    subprocess.run([sys.executable, "-m", f"tests.bench.{benchmark}"], check=True)
