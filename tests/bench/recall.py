"""How much of exact search Chroma's graph finds, on the text embeddings of two real catalogues."""

from __future__ import annotations

import json
import sys
import tempfile
from pathlib import Path

import numpy as np

from retrieval.encoders import Encoder, open_encoder
from retrieval.passages import passage
from retrieval.store import open_store
from retrieval.types import Item
from retrieval.vectors import Vectors
from retrieval.workspace import Workspace
from tests.bench.results import Figure, save
from tests.datasets import DATA

K = 100
ITEM_QUERIES = 200
TYPED = (
    "a slow-burn heist film",
    "red summer dress",
    "black leather shoes for men",
    "funny animated film for children",
    "casual blue shirt",
    "space war",
    "romantic comedy in Paris",
    "watch with a steel bracelet",
    "sports shoes for running",
    "grey winter jacket",
    "courtroom drama",
    "horror in a small town",
    "a present for my mother",
    "handbag",
    "sunglasses",
    "a film about jazz",
    "documentary about a war",
    "western with a lonely gunman",
    "cricket jersey",
    "perfume",
)


def passages(catalog: Path) -> list[str]:
    """The texts that indexing would embed, straight from the rows."""
    rows = [json.loads(line) for line in catalog.read_text(encoding="utf-8").splitlines()]
    return [passage(Item(row["id"], row["title"], _attributes(row))) for row in rows]


def _attributes(row: dict[str, object]) -> dict[str, str | float | tuple[str, ...]]:
    kept = {name: value for name, value in row.items() if name not in ("id", "title", "image") and value is not None}
    return {name: tuple(value) if isinstance(value, list) else value for name, value in kept.items()}  # type: ignore[misc]


def recall(vectors: Vectors, queries: Vectors) -> list[float]:
    """Per query the share of the exact K nearest that the store finds; equal scores count as found."""
    item_ids = [str(row) for row in range(len(vectors))]
    shares = []
    with (
        tempfile.TemporaryDirectory() as folder,
        Workspace.create(Path(folder) / "w") as workspace,
        open_store(workspace) as store,
    ):
        store.upsert("text", item_ids, vectors)
        for query in queries:
            scores = vectors @ query
            least = np.sort(scores)[-K]
            found = [int(hit.item_id) for hit in store.search("text", query, K)]
            shares.append(float((scores[found] >= least - 1e-6).sum()) / K)
    return shares


def measure(name: str, encoder: Encoder) -> list[Figure]:
    vectors = encoder.embed_text(passages(DATA / name / "items.jsonl"))
    chance = np.random.default_rng(0)
    asked = {
        "typed requests": encoder.embed_text(TYPED),
        "items": vectors[chance.choice(len(vectors), ITEM_QUERIES, replace=False)],
    }
    figures = []
    for kind, queries in asked.items():
        shares = recall(vectors, queries)
        title = f"{name}, {len(vectors):,} items, {kind} as queries: recall@{K}"
        figures.append(Figure(title, round(float(np.mean(shares)), 4), "", len(shares)))
        figures.append(Figure(f"{title}, the worst query", round(min(shares), 4), "", 1))
    return figures


def main() -> None:
    if not DATA.exists():
        sys.exit(f"{DATA} is not there: it needs the folders movielens and fashion; name it with TASTEMAKER_DATA")
    encoder = open_encoder()
    save("recall", [figure for name in ("movielens", "fashion") for figure in measure(name, encoder)])


if __name__ == "__main__":
    main()
