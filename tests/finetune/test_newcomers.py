"""The guess at items that nobody has wanted yet: by what they are like, and nothing where nothing is known."""

from dataclasses import replace

import torch

from finetune.newcomers import fit_newcomers
from finetune.tower_fit import all_item_vectors
from retrieval.two_towers import Content, TowerSettings, TwoTowers
from tests.finetune.tower_worlds import ITEMS, kind_of, world

SETTINGS = TowerSettings(fusion="mean", width=8)
COLD = 6


def fitted() -> tuple[TwoTowers, Content, torch.Tensor]:
    """Towers in which the items of a kind have a vector of their own; the last six items, one of each kind, are new."""
    data = world(cold=COLD)
    torch.manual_seed(0)
    network = TwoTowers(SETTINGS, data.wanted, 12, 12).eval()
    kinds = torch.randn(6, SETTINGS.width)
    with torch.no_grad():
        for parameter in network.item.fusion.parameters():
            parameter.zero_()
        network.item.ids.weight.copy_(kinds[[kind_of(row) for row in range(data.wanted)]])
    fit_newcomers(network, data, data.sequences)
    return network, data.content, kinds


def test_new_item_is_guessed_to_be_as_those_like_it() -> None:
    network, content, kinds = fitted()
    guesses = network.item.guess(content.of(torch.arange(ITEMS - COLD, ITEMS)))
    nearest = torch.cdist(guesses, kinds).argmin(dim=1).tolist()
    assert nearest == [kind_of(row) for row in range(ITEMS - COLD, ITEMS)]


def test_all_vectors_are_trained_ones_and_guesses() -> None:
    network, content, kinds = fitted()
    vectors = all_item_vectors(network, world(cold=COLD))
    assert torch.allclose(vectors[0], kinds[kind_of(0)])
    assert torch.allclose(vectors[-1], network.item.guess(content)[-1])


def test_of_what_has_neither_text_nor_picture_nothing_is_guessed() -> None:
    network, content, _ = fitted()
    bare = replace(content, present=torch.zeros_like(content.present))
    assert not network.item.guess(bare).any()


def test_what_is_absent_is_not_read() -> None:
    network, content, _ = fitted()
    assert torch.equal(network.item.guess(content), network.item.guess(replace(content, image=content.image + 7)))
