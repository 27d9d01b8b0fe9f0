"""A chat finds nothing beyond the page's filter, however it asks."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from agent.conversation import Conversation, Reply
from agent.models.scripted import ScriptedModel
from agent.recommender import Recommender
from agent.settings import RecommenderSettings
from retrieval.candidates import CandidateFinder
from retrieval.encoders import open_encoder
from retrieval.indexing import index_catalog
from retrieval.store import open_store
from retrieval.workspace import Workspace
from tests.conftest import TinyShop
from ui.within import Within


@pytest.fixture(scope="module")
def recommender(tiny_shop: TinyShop, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Recommender]:
    encoder, model = open_encoder(), ScriptedModel()
    with Workspace.create(tmp_path_factory.mktemp("within") / "shop") as workspace:
        index_catalog(workspace, tiny_shop.catalog, encoder=encoder)
        with open_store(workspace) as store:
            finder = CandidateFinder(workspace, store, encoder)
            with Recommender(workspace, finder, store, lambda: model, RecommenderSettings()) as made:
                yield made


def talk(recommender: Recommender, where: str, k: int = 12) -> Conversation:
    within = Within(recommender)
    within.where = where
    return Conversation(within, k=k)  # type: ignore[arg-type]


def found(reply: Reply) -> set[str]:
    return set() if reply.recommendations is None else {entry.item.item_id for entry in reply.recommendations}


@pytest.mark.parametrize(
    ("message", "ids"),
    [
        ("a mug", {"green-mug", "blue-mug"}),
        ("something nice", {f"{colour}-{kind}" for colour in ("green", "blue") for kind in ("mug", "lamp")}),
        ("a red lamp", set[str]()),
    ],
)
def test_what_is_found_passes_the_filter(recommender: Recommender, message: str, ids: set[str]) -> None:
    reply = talk(recommender, "price > 20 and kind in ('mug', 'lamp')").reply(message)
    assert found(reply) == ids


def test_the_cheapest_is_the_cheapest_that_passes_the_filter(recommender: Recommender) -> None:
    assert found(talk(recommender, "price > 20", k=1).reply("the cheapest mug")) == {"green-mug"}


def test_what_a_place_hangs_on_is_tried_out_within_the_filter(recommender: Recommender) -> None:
    conversation = talk(recommender, "price > 20 and kind = 'mug'")
    conversation.reply("green")
    text = conversation.reply("why the first?").text
    assert "would be number 2 instead of 1" in text, "no more than two pass, whatever is taken away"


def test_a_filter_that_stands_in_the_way_is_known(recommender: Recommender) -> None:
    within = Within(recommender)
    within.where = "colour = 'red'"
    chat = Conversation(within, k=3)  # type: ignore[arg-type]
    assert found(chat.reply("a red lamp"))
    assert not within.blocks
    assert not found(chat.reply("a blue lamp"))
    assert within.blocks, "there is one"


def test_values_are_counted_within_the_filter(recommender: Recommender) -> None:
    told = talk(recommender, "kind = 'mug' and price < 20").reply("what colours are there?").text
    assert told.endswith("1 value of colour: red (1).")
