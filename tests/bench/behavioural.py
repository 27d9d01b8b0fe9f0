"""Query time with towers: 100,000 items, from a user's history to fused candidates, and recall beside exact search."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import torch

from retrieval.behavioural import towers_folder
from retrieval.candidates import CandidateFinder
from retrieval.publishing import publish_towers
from retrieval.retrievers import Query
from retrieval.store import VectorStore, open_store
from retrieval.towers import TowerFacts, Towers, augmented, save_towers
from retrieval.two_towers import TowerSettings, TwoTowers
from retrieval.types import Event, EventType, Item
from retrieval.vectors import Vector, Vectors
from retrieval.workspace import Workspace
from tests.bench.results import Figure, quantiles, save
from tests.retrieval.words import WordEncoder

ITEMS = 100_000
DIMENSIONS = 64
CLUSTERS = 200
USERS = 5_000
EVENTS_EACH = 40
QUERIES = 300
WARM_UP = 20
K = 100
START = datetime(2026, 1, 1, tzinfo=UTC)


def clustered(chance: np.random.Generator) -> tuple[Vectors, np.ndarray]:
    """Item vectors and the cluster of each, (n_items,); lengths spread as those of towers trained on MovieLens."""
    centres = chance.normal(size=(CLUSTERS, DIMENSIONS))
    clusters = chance.integers(CLUSTERS, size=ITEMS)
    vectors = centres[clusters] + 0.8 * chance.normal(size=(ITEMS, DIMENSIONS))
    lengths = np.minimum(chance.lognormal(sigma=0.45, size=(ITEMS, 1)), 2.6)  # of the median's
    return (lengths * vectors / np.linalg.norm(vectors, axis=1, keepdims=True)).astype(np.float32), clusters


def grown(vectors: Vectors) -> Towers:
    """Towers of that size with these id vectors; what the user tower makes of a history is as it is before training."""
    torch.manual_seed(0)
    settings = TowerSettings(fusion="none", width=DIMENSIONS)
    network = TwoTowers(settings, ITEMS, 1, 1)
    with torch.no_grad():
        network.item.ids.weight.copy_(torch.from_numpy(vectors))
    longest = float(np.linalg.norm(vectors, axis=1).max())
    return Towers(network, TowerFacts(settings, tuple(map(str, range(ITEMS))), None, 1, longest, {}))


def histories(clusters: np.ndarray, chance: np.random.Generator) -> Iterator[Event]:
    """Each user wants items of three clusters, some of them far more often than others."""
    by_cluster = [np.flatnonzero(clusters == cluster) for cluster in range(CLUSTERS)]
    for user in range(USERS):
        tastes = chance.integers(CLUSTERS, size=3)
        for place in range(EVENTS_EACH):
            members = by_cluster[tastes[chance.integers(3)]]
            row = members[int(len(members) * chance.random() ** 3)]
            yield Event(f"u{user}", str(row), EventType.LIKE, START + timedelta(minutes=place))


def fill(workspace: Workspace, store: VectorStore, chance: np.random.Generator) -> tuple[Towers, Vectors]:
    vectors, clusters = clustered(chance)
    workspace.items.upsert(Item(str(row), str(row)) for row in range(ITEMS))
    workspace.log.add(histories(clusters, chance))
    towers = grown(vectors)
    publish_towers(workspace, store, towers, save_towers(towers, towers_folder(workspace)))
    return towers, augmented(vectors, towers.facts.scale)


def user_vector(store: VectorStore, towers: Towers, query: Query) -> Vector:
    """As the retriever makes it."""
    known = [event.item_id for event in query.history]
    vector = towers.user_vector(query.history, store.get("behaviour", known))
    assert vector is not None
    return vector


def recall(found: list[str], items: Vectors, vector: Vector, exclude: frozenset[str]) -> float:
    """The share of the exact K nearest that was found; equal scores count as found."""
    scores = items @ vector
    scores[[int(item_id) for item_id in exclude]] = -np.inf
    least = np.partition(scores, -K)[-K]
    return float((scores[[int(item_id) for item_id in found]] >= least - 1e-6).sum()) / K


def requests(finder: CandidateFinder, users: range) -> list[Figure]:
    """Whole requests of users whose items nobody has asked for before."""
    read, answered = [], []
    for user in users:
        start = time.perf_counter()
        query = finder.query(user_id=f"u{user}")
        middle = time.perf_counter()
        finder.search(query, K)
        read.append(middle - start)
        answered.append(time.perf_counter() - middle)
    return [
        *quantiles("the history from the log", read[WARM_UP:]),
        *quantiles("user vector, Chroma's top 100, the other retrievers and fusion", answered[WARM_UP:]),
    ]


def parts(finder: CandidateFinder, store: VectorStore, towers: Towers, items: Vectors, users: range) -> list[Figure]:
    """Its learned parts, and how near Chroma comes to exact search."""
    made, searched, shares = [], [], []
    for user in users:
        query = finder.query(user_id=f"u{user}")
        start = time.perf_counter()
        vector = user_vector(store, towers, query)
        middle = time.perf_counter()
        hits = store.search("behaviour", vector, K, exclude=query.exclude)
        made.append(middle - start)
        searched.append(time.perf_counter() - middle)
        shares.append(recall([hit.item_id for hit in hits], items, vector, query.exclude))
    return [
        *quantiles("user vector from the history", made[WARM_UP:]),
        *quantiles("Chroma's top 100", searched[WARM_UP:]),
        Figure(f"recall@{K} against exact search", round(float(np.mean(shares)), 4), "", len(shares)),
        Figure(f"recall@{K} against exact search, the worst query", round(min(shares), 4), "", 1),
    ]


def main() -> None:
    chance = np.random.default_rng(0)
    with (
        tempfile.TemporaryDirectory() as folder,
        Workspace.create(Path(folder) / "w") as workspace,
        open_store(workspace) as store,
    ):
        towers, items = fill(workspace, store, chance)
        finder, asked = CandidateFinder(workspace, store, WordEncoder()), WARM_UP + QUERIES
        whole = requests(finder, range(asked))
        learned = parts(finder, store, towers, items, range(asked, 2 * asked))
    save("behavioural", [*learned, *whole])


if __name__ == "__main__":
    main()
