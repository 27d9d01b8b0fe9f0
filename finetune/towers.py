"""Training the towers on a log: cross-entropy of softmax(f(x) . g(y)) over items, and the best epoch by validation."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

import torch

from finetune.tower_data import TowerData
from finetune.tower_fit import EpochReport, Progress, TowerFit, TowerTraining, all_item_vectors, plain
from retrieval.errors import InteractionError
from retrieval.towers import TowerFacts, Towers
from retrieval.two_towers import TowerSettings, TwoTowers

__all__ = ["EpochReport", "Progress", "TowerTraining", "Trained", "fit_towers"]


@dataclass(frozen=True, slots=True)
class Trained:
    """Towers, and how they came about. ndcg: on each validation user's last event. epochs: the best number of them."""

    towers: Towers
    network: TwoTowers
    ndcg: float
    epochs: int
    history: tuple[EpochReport, ...]


def fit_towers(
    data: TowerData,
    *,
    settings: TowerSettings | None = None,
    training: TowerTraining | None = None,
    encoder: str | None = None,
    device: str = "cpu",
    seed: int = 0,
    checkpoint: Path | None = None,
    progress: Progress | None = None,
) -> Trained:
    """Towers for these items and users; nothing is written but the checkpoint.

    checkpoint: a folder that keeps each finished epoch; a run that was cut off goes on from there, and ends with the
    same weights. Raises InteractionError when nobody has two events, ModelError when the loss is not finite.
    """
    settings, training = settings or TowerSettings(), training or TowerTraining()
    if not data.has_content and settings.fusion != "none":
        settings = replace(settings, fusion="none", ids=True)
    seasoned = data.sequences.longer_than(1)
    if not len(seasoned):
        raise InteractionError(
            f"nobody of the {len(data.sequences)} users in the log wants two items or more, so there is no next item "
            "to learn; log more events first"
        )
    first = TowerFit("validation", data, settings, training, seed, torch.device(device), checkpoint)
    history = list(first.run(seasoned.without_last(), seasoned, training.epochs, progress))
    best = max(history, key=lambda report: report.ndcg or 0.0)
    network = first.best
    if training.refit:
        again = TowerFit("refit", data, settings, training, seed, torch.device(device), checkpoint)
        history += again.run(seasoned, None, best.epoch, progress)
        network = again.network
    network = network.to("cpu").eval()
    facts = TowerFacts(
        settings,
        data.item_ids,
        encoder,
        data.content.text.shape[1],
        _longest(network, data),
        {"seed": seed, "data": data.hash, "epochs": best.epoch, "ndcg": best.ndcg, **plain(training)},
    )
    return Trained(Towers(network, facts), network, best.ndcg or 0.0, best.epoch, tuple(history))


def _longest(network: TwoTowers, data: TowerData) -> float:
    return float(all_item_vectors(network, data).norm(dim=1).max())
