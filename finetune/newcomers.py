"""Items that nobody has wanted yet: how their content stands for what users would make of them."""

from __future__ import annotations

import numpy as np
import torch

from finetune.tower_data import Sequences, TowerData
from retrieval.two_towers import TwoTowers

PENALTY = 0.01
"""Of the ridge regression, for each item, on inputs of length 1 and weights of mean 1."""


@torch.inference_mode()
def fit_newcomers(network: TwoTowers, data: TowerData, train: Sequences) -> None:
    """Teach the item tower to guess an item's vector from its text and picture alone, by those of the wanted items.

    A ridge regression from content to the trained vectors (after Gantner et al. 2010, who fit such a map by gradient
    descent), where an item counts with the root of how many events it has. What training on clicks makes of content
    knows the items by heart; this generalises, and so it says more of an item that training has not seen.
    train: what the network was trained on.
    """
    tower = network.item
    if tower.newcomer is None:
        return
    rows = torch.arange(data.wanted)
    content = data.content.of(rows)
    place = tower.newcomer.weight.device
    vectors = tower(content.to(place), rows.to(place), torch.ones(1, dtype=torch.bool, device=place)).cpu()
    counts = np.bincount(np.concatenate(train.rows), minlength=data.wanted)
    weights = torch.from_numpy(np.sqrt(counts)).float()
    weights = (weights / weights.mean().clamp(min=1e-9))[:, None]
    told = torch.cat([content.text, content.image], dim=1)
    there = content.present.repeat_interleave(torch.tensor([content.text.shape[1], content.image.shape[1]]), dim=1)
    middle = (told * there).sum(0) / there.sum(0).clamp(min=1)
    inputs = (told - middle) * there
    mean = (weights * vectors).sum(0) / weights.sum()
    gram = inputs.T @ (weights * inputs) + PENALTY * data.wanted * torch.eye(inputs.shape[1])
    slopes = torch.linalg.solve(gram, inputs.T @ (weights * (vectors - mean)))
    tower.middle.copy_(middle.to(place))
    tower.newcomer.weight.copy_(slopes.T.to(place))
    tower.newcomer.bias.copy_(mean.to(place))
