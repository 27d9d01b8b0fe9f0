"""Towers whose answers are known: an item means what its text says and what its taste says, a user the last item."""

from collections.abc import Mapping
from pathlib import Path

import torch

from retrieval.behavioural import towers_folder
from retrieval.publishing import publish_towers
from retrieval.store import VectorStore
from retrieval.store_state import TowersRecord
from retrieval.towers import TowerFacts, Towers, load_towers, save_towers
from retrieval.two_towers import TowerSettings, TwoTowers
from retrieval.workspace import Workspace
from tests.retrieval.words import WordEncoder

TASTE = 3.0
"""How much more than an item's text its taste counts."""


def plant_towers(folder: Path, encoder: WordEncoder, tastes: Mapping[str, str], *, reads: bool) -> str:
    """Save towers that know the items of `tastes`, each with a word for what those want who want it; their version.

    reads: whether text counts at all.
    """
    settings = TowerSettings(fusion="text" if reads else "none", width=encoder.dimensions, dropout=0.0)
    network = TwoTowers(settings, len(tastes), encoder.dimensions, encoder.dimensions)
    with torch.no_grad():
        for layer in (network.item.fusion.text[0], network.item.fusion.out) if reads else ():
            layer.weight.copy_(torch.eye(encoder.dimensions))
            layer.bias.zero_()
        if network.item.newcomer is not None:
            scale, dimensions = encoder.dimensions**0.5, encoder.dimensions
            network.item.newcomer.weight.copy_(torch.eye(dimensions, 2 * dimensions) * scale)
            network.item.newcomer.bias.zero_()
        meant = torch.from_numpy(encoder.embed_text(list(tastes.values())))
        network.item.ids.weight.copy_(TASTE * torch.nn.functional.layer_norm(meant, (encoder.dimensions,)))
        network.user.places.weight.zero_()
        for block in network.user.blocks:  # nothing but what it is given
            for layer in (block.self_attn.out_proj, block.linear2):
                layer.weight.zero_()
                layer.bias.zero_()
    longest = (1 + TASTE) * encoder.dimensions**0.5
    made_with = encoder.fingerprint if reads else None
    facts = TowerFacts(settings, tuple(tastes), made_with, encoder.dimensions, longest, {})
    return save_towers(Towers(network, facts), folder)


def publish(
    workspace: Workspace, store: VectorStore, encoder: WordEncoder, tastes: Mapping[str, str], *, reads: bool = True
) -> TowersRecord:
    """Plant towers in the workspace and publish them."""
    folder = towers_folder(workspace)
    version = plant_towers(folder, encoder, tastes, reads=reads)
    return publish_towers(workspace, store, load_towers(folder, version), version)
