"""A warm request on the built-in shop, in process: 5 of 20 reranked candidates, with reasons."""

from __future__ import annotations

import tempfile
import time
from collections import Counter
from pathlib import Path

from agent.recommender import Recommender
from tests.bench.results import Figure, quantiles, save
from ui.demo import prepare_demo

REQUESTS = 60
WARM_UP = 3
WISHES = (
    "a warm blanket for the sofa",
    "something blue for the kitchen",
    "a striped bag for a trip",
    None,
    "a present",
)


def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        shop = Path(folder) / "shop"
        prepare_demo(shop)
        with Recommender.open(shop) as recommender:
            users = sorted(recommender.users())[: REQUESTS + WARM_UP]
            seconds: list[float] = []
            stages: Counter[str] = Counter()
            reasons: Counter[str] = Counter()
            for number, user in enumerate(users):
                start = time.perf_counter()
                found = recommender.recommend(user_id=user, query=WISHES[number % len(WISHES)], k=5)
                if number < WARM_UP:
                    continue
                seconds.append(time.perf_counter() - start)
                stages.update({stage: ms for stage, ms in found.timings_ms.items() if stage != "total"})
                reasons.update(rec.source.value for rec in found)
    total = sum(stages.values())
    save(
        "recommend",
        [
            *quantiles("recommend 5 of 20 with reasons, warm", seconds),
            *(
                Figure(f"share of {stage}", round(100 * ms / total, 1), "%", len(seconds))
                for stage, ms in stages.most_common()
            ),
            Figure("reasons by the model", round(100 * reasons["model"] / reasons.total(), 1), "%", reasons.total()),
        ],
    )


if __name__ == "__main__":
    main()
