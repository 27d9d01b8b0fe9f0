"""What the model's order is worth on the built-in shop: the retriever's order, and the reranked one, on test shoppers.

Each shopper's last new positive item is the target, and nothing from that moment on is in the log. alpha, the weight of
the retriever's prior, is chosen on shoppers that are not the test shoppers. One list by taste alone, and one with a
request in words (colour and category of the target).
"""

from __future__ import annotations

import csv
import json
import tempfile
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from agent.models import open_model
from agent.rerank import Contender, rerank
from agent.settings import RerankSettings
from agent.showing import Showcase
from retrieval.builtin import SHOP_FOLDER
from retrieval.candidates import CandidateFinder
from retrieval.encoders import open_encoder
from retrieval.indexing import index_catalog
from retrieval.store import open_store
from retrieval.types import EventType
from retrieval.workspace import Workspace
from tests.bench.results import Figure, save

SHOPPERS = 150
LIST = 20
ALPHAS = (0.5, 1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 64.0, 128.0, 256.0)
POSITIVE = {EventType.LIKE, EventType.BUY, EventType.CLICK}
LEAST_EVENTS = 5


@dataclass(frozen=True, slots=True)
class Case:
    """One list: log priors and log-probabilities by candidate, and where the target is (-1: not among them)."""

    priors: NDArray[np.float64]
    log_probs: NDArray[np.float64]
    target: int

    def ndcg(self, alpha: float | None) -> float:
        """NDCG@10 of one relevant item; alpha None is the retriever's order."""
        if self.target < 0:
            return 0.0
        scores = self.priors if alpha is None else self.log_probs + alpha * self.priors
        rank = int(np.sum(scores > scores[self.target]))
        return float(1 / np.log2(rank + 2)) if rank < 10 else 0.0

    def changed(self, alpha: float) -> bool:
        return not np.array_equal(np.argsort(-self.priors), np.argsort(-(self.log_probs + alpha * self.priors)))


def split_log(folder: Path) -> dict[str, str]:
    """Write the log without each shopper's last new positive item and what came after; returns the targets."""
    with (SHOP_FOLDER / "interactions.csv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    by_user: dict[str, list[dict[str, str]]] = defaultdict(list)
    for row in rows:
        by_user[row["user_id"]].append(row)
    targets: dict[str, str] = {}
    kept: list[dict[str, str]] = []
    for user, events in by_user.items():
        events.sort(key=lambda event: event["timestamp"])
        first = {event["item_id"]: place for place, event in reversed(list(enumerate(events)))}
        last = next((e["item_id"] for e in reversed(events) if e["type"] in POSITIVE), None)
        if last is None or first[last] < LEAST_EVENTS:
            kept += events
            continue
        targets[user] = last
        kept += events[: first[last]]
    with (folder / "log.csv").open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, fieldnames=list(rows[0]))
        writer.writeheader()
        writer.writerows(kept)
    return targets


def relative(cases: list[Case], alpha: float, seed: int = 0) -> tuple[float, float, float]:
    """Reranked over retriever order, NDCG@10, in percent, with a bootstrap 95% interval over shoppers."""
    before = np.array([case.ndcg(None) for case in cases])
    after = np.array([case.ndcg(alpha) for case in cases])
    rng = np.random.default_rng(seed)
    picks = rng.integers(0, len(cases), (2000, len(cases)))
    gains = 100 * (after[picks].mean(1) / np.maximum(before[picks].mean(1), 1e-9) - 1)
    low, high = np.percentile(gains, (2.5, 97.5))
    return 100 * gain(cases, alpha), float(low), float(high)


def gain(cases: list[Case], alpha: float) -> float:
    """Reranked over retriever order, NDCG@10, relative."""
    before = sum(case.ndcg(None) for case in cases)
    return sum(case.ndcg(alpha) for case in cases) / max(before, 1e-9) - 1


def figures_of(kind: str, cases: list[Case], alpha: float) -> list[Figure]:
    """What is to be told of one kind of list."""
    n = len(cases)
    by_percent, low, high = relative(cases, alpha)

    def mean(values: Iterable[float]) -> float:
        return round(float(np.mean(list(values))), 4)

    return [
        Figure(f"{kind}: target among {LIST}", mean(c.target >= 0 for c in cases), "share", n),
        Figure(f"{kind}: retriever NDCG@10", mean(c.ndcg(None) for c in cases), "", n),
        Figure(f"{kind}: reranked NDCG@10", mean(c.ndcg(alpha) for c in cases), "", n),
        Figure(f"{kind}: model alone NDCG@10", mean(c.ndcg(0) for c in cases), "", n),
        Figure(f"{kind}: reranked over retriever", round(by_percent, 1), "%", n, round(low, 1), round(high, 1)),
        Figure(f"{kind}: lists changed", mean(c.changed(alpha) for c in cases), "share", n),
    ]


def main() -> None:
    truth = json.loads((SHOP_FOLDER / "truth.json").read_text(encoding="utf-8"))
    items = [json.loads(line) for line in (SHOP_FOLDER / "items.jsonl").read_text(encoding="utf-8").splitlines()]
    requests = {item["id"]: f"a {item['colour']} {item['category']}" for item in items}
    figures: list[Figure] = []
    with tempfile.TemporaryDirectory() as name, Workspace.create(Path(name) / "shop") as workspace:
        targets = split_log(Path(name))
        encoder = open_encoder()
        index_catalog(workspace, SHOP_FOLDER / "items.jsonl", encoder=encoder)
        workspace.log.import_file(Path(name) / "log.csv")
        test = [user for user in truth["test_shoppers"] if user in targets][:SHOPPERS]
        tuned = [user for user in sorted(targets) if user not in set(truth["test_shoppers"])][:SHOPPERS]
        model, showcase = open_model(), Showcase(workspace)
        with open_store(workspace) as store:
            finder = CandidateFinder(workspace, store, encoder)

            def case(user: str, request: str | None) -> Case:
                found = finder.find(text=request, user_id=user, k=LIST)
                shown = [showcase.shown(item, model.info.image_px) for item in showcase.items(c.item_id for c in found)]
                liked = showcase.items(event.item_id for event in workspace.log.positives(user, limit=6))
                ranked = rerank(
                    model,
                    [showcase.shown(item, model.info.image_px) for item in liked],
                    request,
                    [Contender(c, s) for c, s in zip(found, shown, strict=True)],
                    settings=RerankSettings(alpha=0),
                )
                log_prob = {entry.candidate.item_id: entry.log_prob for entry in ranked}
                ids = [candidate.item_id for candidate in found]
                return Case(
                    np.log([candidate.score for candidate in found]),
                    np.array([log_prob[item_id] for item_id in ids]),
                    ids.index(targets[user]) if targets[user] in ids else -1,
                )

            kinds = {"by taste": dict.fromkeys(targets), "by request": {u: requests[t] for u, t in targets.items()}}
            fitted = {kind: [case(user, asked[user]) for user in tuned] for kind, asked in kinds.items()}
            alpha = max(ALPHAS, key=lambda a: (sum(gain(cases, a) for cases in fitted.values()), a))
            figures.append(Figure("alpha chosen on other shoppers", alpha, "", 2 * len(tuned)))
            for kind, asked in kinds.items():
                figures += figures_of(kind, [case(user, asked[user]) for user in test], alpha)
    save("quality", figures)


if __name__ == "__main__":
    main()
