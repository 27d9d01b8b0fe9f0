"""What is said beside wishes is done in a conversation, and leaves nothing half done."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from agent.conversation import Conversation
from agent.dialogue_state import DialogueState
from agent.models.scripted import ScriptedModel
from agent.recommender import Recommender
from agent.replies import known_of
from agent.settings import RecommenderSettings
from retrieval.candidates import CandidateFinder
from retrieval.encoders import open_encoder
from retrieval.errors import StoreError
from retrieval.indexing import index_catalog
from retrieval.store import open_store
from retrieval.workspace import Workspace
from tests.conftest import TinyShop


@pytest.fixture(scope="module")
def recommender(tiny_shop: TinyShop, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Recommender]:
    encoder, model = open_encoder(), ScriptedModel()
    with Workspace.create(tmp_path_factory.mktemp("remarks") / "shop") as workspace:
        index_catalog(workspace, tiny_shop.catalog, encoder=encoder)
        with open_store(workspace) as store:
            finder = CandidateFinder(workspace, store, encoder)
            with Recommender(workspace, finder, store, lambda: model, RecommenderSettings()) as made:
                yield made


def test_undo_and_a_new_beginning_can_be_said(recommender: Recommender) -> None:
    talk = Conversation(recommender)
    talk.reply("a red lamp")
    talk.reply("in blue instead")
    assert talk.reply("undo that").state.want["colour"] == ("red",)
    assert talk.reply("start over").state == DialogueState()
    assert talk.reply("undo").state.want["colour"] == ("red",)


def test_a_habit_is_not_kept_where_the_search_fails(recommender: Recommender, monkeypatch: pytest.MonkeyPatch) -> None:
    talk = Conversation(recommender)
    talk.reply("a lamp")

    def fails(*_: object, **__: object) -> None:
        raise StoreError("the store is gone")

    monkeypatch.setattr(recommender, "recommend", fails)
    assert "the store is gone" in talk.reply("I never want green").text
    assert "know nothing" in talk.reply("what do you know about me?").text


def test_one_liked_thing_is_one_thing() -> None:
    assert "you liked 1 thing, lately A" in known_of(1, ["A"], [])
