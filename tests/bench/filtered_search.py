"""Filtered search beside Chroma's own `where`: the top 100 of 100,000 vectors, by how many pass the filter."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np

from retrieval.store import VectorStore, open_store
from retrieval.vectors import Vectors
from retrieval.workspace import Workspace
from tests.bench.results import Figure, save

ITEMS = 100_000
DIMENSIONS = 384
CLUSTERS = 200
K = 100
QUERIES = 20
PERCENTS = (1, 5, 10, 20, 50, 95)


def clustered(chance: np.random.Generator) -> Vectors:
    centres = chance.normal(size=(CLUSTERS, DIMENSIONS))
    vectors = centres[chance.integers(CLUSTERS, size=ITEMS)] + 0.8 * chance.normal(size=(ITEMS, DIMENSIONS))
    return (vectors / np.linalg.norm(vectors, axis=1, keepdims=True)).astype(np.float32)


def fill(store: VectorStore, vectors: Vectors, percentile: np.ndarray) -> None:
    """The vectors, with a number beside each that Chroma's `where` can filter by."""
    store.upsert("text", ["0"], vectors[:1])
    collection = chroma_collection(store)
    for start in range(0, ITEMS, 5_000):
        rows = range(start, start + 5_000)
        collection.upsert(
            ids=[str(row) for row in rows],
            embeddings=vectors[start : start + 5_000],
            metadatas=[{"percentile": int(percentile[row])} for row in rows],
        )


def chroma_collection(store: VectorStore):  # type: ignore[no-untyped-def]
    client = store._access.client
    return client.get_collection(store.state.collection("text"), embedding_function=None)


def median_ms(call: Callable[[int], object]) -> float:
    times = []
    for number in range(QUERIES):
        start = time.perf_counter()
        call(number)
        times.append(time.perf_counter() - start)
    return float(np.median(times)) * 1000


def measure(store: VectorStore, vectors: Vectors, percentile: np.ndarray, queries: Vectors) -> list[Figure]:
    collection = chroma_collection(store)
    start = time.perf_counter()
    store.warm("text")
    figures = [
        Figure("reading 100,000 vectors into memory, once a process", round(time.perf_counter() - start, 2), "s", 1)
    ]
    for percent in PERCENTS:
        rows = np.flatnonzero(percentile < percent)
        allowed = frozenset(str(row) for row in rows)
        fresh = [frozenset(list(allowed)) for _ in range(QUERIES)]  # as a request brings it
        where = {"percentile": {"$lt": percent}}
        ours = median_ms(lambda number, fresh=fresh: store.search("text", queries[number], K, allowed=fresh[number]))
        theirs = median_ms(
            lambda number, where=where: collection.query(
                query_embeddings=queries[number : number + 1], n_results=K, where=where, include=["distances"]
            )
        )
        same = 0
        for query in queries:
            exact = {str(row) for row in rows[np.argsort(-(vectors[rows] @ query), kind="stable")[:K]]}
            same += len(exact & {hit.item_id for hit in store.search("text", query, K, allowed=allowed)})
        figures += [
            Figure(f"{percent}% pass: this store", round(ours, 2), "ms", QUERIES),
            Figure(f"{percent}% pass: Chroma's where", round(theirs, 2), "ms", QUERIES),
            Figure(f"{percent}% pass: times faster", round(theirs / ours, 1), "x", QUERIES),
            Figure(f"{percent}% pass: share of the exact answer", round(same / K / QUERIES, 4), "", QUERIES),
        ]
    return figures


def main() -> None:
    chance = np.random.default_rng(0)
    vectors = clustered(chance)
    percentile = chance.integers(100, size=ITEMS)
    queries = vectors[chance.choice(ITEMS, QUERIES, replace=False)]
    with (
        tempfile.TemporaryDirectory() as folder,
        Workspace.create(Path(folder) / "w") as workspace,
        open_store(workspace) as store,
    ):
        fill(store, vectors, percentile)
        figures = measure(store, vectors, percentile, queries)
    save("filtered_search", figures)


if __name__ == "__main__":
    main()
