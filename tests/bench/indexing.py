"""How fast a real catalogue goes in: MovieLens, 1,682 films with 1,647 posters, pictures decoded and all."""

from __future__ import annotations

import sys
import tempfile
import time
from pathlib import Path

from retrieval.encoders import open_encoder
from retrieval.indexing import index_catalog
from retrieval.workspace import Workspace
from tests.bench.results import Figure, save
from tests.datasets import DATA


def main() -> None:
    catalog = DATA / "movielens" / "items.jsonl"
    if not catalog.exists():
        sys.exit(f"{catalog} is not there: this benchmark needs the MovieLens folder")
    with tempfile.TemporaryDirectory() as folder, Workspace.create(Path(folder) / "films") as workspace:
        start = time.perf_counter()
        report = index_catalog(workspace, catalog, encoder=open_encoder())
        first_s = time.perf_counter() - start
        start = time.perf_counter()
        again = index_catalog(workspace, catalog, encoder=open_encoder())
        second_s = time.perf_counter() - start
        start = time.perf_counter()
        logged = workspace.log.import_file(DATA / "movielens" / "interactions.csv")
        log_s = time.perf_counter() - start
    items = report.added
    save(
        "indexing",
        [
            Figure("MovieLens, first time, all included", round(items / first_s, 1), "items/s", items),
            Figure(
                "MovieLens, again, nothing changed", round(again.unchanged / second_s, 1), "items/s", again.unchanged
            ),
            Figure("MovieLens ratings into the log", round(logged.new / log_s, 1), "events/s", logged.new),
        ],
    )


if __name__ == "__main__":
    main()
