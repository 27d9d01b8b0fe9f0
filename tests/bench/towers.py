"""What the trainer of towers costs beside a bare PyTorch loop of the same model, per step, on one synthetic log.

Both train a one-block SASRec of 64 dimensions by sampled softmax over 2,000 of 12,000 items, in turns, so that both
meet the same machine. The bare loop has its batches ready and keeps nothing.
"""

from __future__ import annotations

import time

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from finetune.tower_data import Batch, Sequences, TowerData, training_batches
from finetune.tower_fit import TowerFit, TowerTraining
from retrieval.two_towers import Content, TowerSettings
from tests.bench.results import Figure, save

ITEMS, USERS, NEGATIVES, WIDTH, LENGTH = 12_000, 4_000, 2_000, 64, 50
ROUNDS = 5


class Bare(nn.Module):
    """Ids, places, one transformer block."""

    def __init__(self) -> None:
        super().__init__()
        self.items, self.places = nn.Embedding(ITEMS, WIDTH), nn.Embedding(LENGTH, WIDTH)
        self.block = nn.TransformerEncoderLayer(
            WIDTH, 1, 4 * WIDTH, 0.4, functional.gelu, batch_first=True, norm_first=True
        )
        self.norm, self.dropout = nn.LayerNorm(WIDTH), nn.Dropout(0.4)

    def forward(self, rows: Tensor) -> Tensor:
        length = rows.shape[1]
        hidden = self.dropout(self.items(rows) * WIDTH**0.5 + self.places.weight[:length])
        future = torch.ones(length, length, dtype=torch.bool).triu(1)
        return self.norm(self.block(hidden, src_mask=future, is_causal=True))


def log() -> TowerData:
    rng = np.random.default_rng(0)
    rows = tuple(rng.integers(0, ITEMS, max(3, int(rng.lognormal(2, 0.6)))) for _ in range(USERS))
    nothing = tuple(np.zeros(len(each), dtype=np.int64) for each in rows)
    weights = tuple(np.ones(len(each), dtype=np.float32) for each in rows)
    content = Content(torch.zeros(ITEMS, 1), torch.zeros(ITEMS, 1), torch.zeros(ITEMS, 2, dtype=torch.bool))
    return TowerData(tuple(map(str, range(ITEMS))), ITEMS, Sequences(rows, nothing, nothing, weights), content)


def bare_epoch(network: Bare, optimizer: torch.optim.Optimizer, batches: list[Batch]) -> None:
    for batch in batches:
        wanted = batch.targets >= 0
        targets, users = batch.targets[wanted], network(batch.rows)[wanted]
        negatives = torch.randint(0, ITEMS, (NEGATIVES,))
        with torch.autocast("cpu", torch.bfloat16):
            positive = (users * network.items(targets)).sum(1, keepdim=True)
            others = users @ network.items(negatives).T
        others = (others.float() + float(np.log(ITEMS / NEGATIVES))).masked_fill(
            negatives == targets[:, None], -torch.inf
        )
        loss = functional.cross_entropy(torch.cat([positive.float(), others], 1), torch.zeros_like(targets))
        optimizer.zero_grad(set_to_none=True)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(network.parameters(), 5.0)
        optimizer.step()


def main() -> None:
    data = log()
    training = TowerTraining(epochs=ROUNDS + 1, negatives=NEGATIVES)
    fit = TowerFit(
        "validation", data, TowerSettings(fusion="none", width=WIDTH), training, 0, torch.device("cpu"), None
    )
    ours = fit.run(data.sequences, None, ROUNDS + 1, None)
    bare = Bare()
    optimizer = torch.optim.AdamW(bare.parameters(), lr=3e-3, fused=True)
    ratios, steps = [], []
    for round_ in range(ROUNDS + 1):
        batches = training_batches(
            data.sequences, length=LENGTH, positions=training.positions, generator=np.random.default_rng([0, round_])
        )
        start = time.perf_counter()
        bare_epoch(bare, optimizer, batches)
        middle = time.perf_counter()
        next(ours)
        end = time.perf_counter()
        if round_:  # the first warms up
            ratios.append((end - middle) / (middle - start))
            steps.append((end - middle) / len(batches))
    save(
        "towers",
        [
            Figure("epoch of the trainer over one of a bare loop", round(float(np.median(ratios)), 3), "x", ROUNDS),
            Figure("step of about 1,024 events", round(float(np.median(steps)) * 1000, 1), "ms", ROUNDS),
        ],
    )


if __name__ == "__main__":
    main()
