"""A turn over a shop that was really indexed: real store, real retrievers, planted likes."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime

import pytest

from agent.models.scripted import ScriptedModel
from agent.recommender import Recommender
from agent.settings import RecommenderSettings
from agent.traces import Tracer
from retrieval.candidates import CandidateFinder
from retrieval.errors import FilterError
from retrieval.indexing import index_catalog
from retrieval.store import VectorStore, open_store
from retrieval.types import Event, EventType, ReasonSource
from retrieval.workspace import Workspace
from tests.conftest import TinyShop, draw_product
from tests.retrieval.planted import publish
from tests.retrieval.words import WordEncoder


@pytest.fixture
def store(empty_workspace: Workspace, tiny_shop: TinyShop) -> Iterator[VectorStore]:
    with open_store(empty_workspace, serve=True) as opened:
        index_catalog(empty_workspace, tiny_shop.catalog, encoder=WordEncoder())
        empty_workspace.log.import_file(tiny_shop.interactions)
        empty_workspace.log.add([Event("zoe", "red-mug", EventType.LIKE, datetime(2026, 6, 1, tzinfo=UTC))])
        yield opened


@pytest.fixture
def finder(empty_workspace: Workspace, store: VectorStore) -> CandidateFinder:
    return CandidateFinder(empty_workspace, store, WordEncoder())


@pytest.fixture
def recommender(empty_workspace: Workspace, store: VectorStore, finder: CandidateFinder) -> Iterator[Recommender]:
    with Recommender(empty_workspace, finder, store, ScriptedModel, RecommenderSettings()) as made:
        yield made


def traced(finder: CandidateFinder, store: VectorStore, workspace: Workspace, **wish: object) -> dict[str, list[tuple]]:
    query = finder.query(**wish)  # type: ignore[arg-type]
    history = list(workspace.items.get_many([event.item_id for event in query.history]).values())
    tracer = Tracer(finder, store, query, history, catalogue_size=12)
    return {
        candidate.item_id: [(trace.kind, trace.item and trace.item.item_id) for trace in tracer.traces(candidate)]
        for candidate in finder.search(query, 12)
    }


def test_people_and_looks_lead_through_the_liked_item(
    finder: CandidateFinder, store: VectorStore, empty_workspace: Workspace
) -> None:
    traces = traced(finder, store, empty_workspace, user_id="zoe")
    assert ("people", "red-mug") in traces["red-lamp"], "who liked the mug liked the lamp"
    assert ("people", "red-mug") not in traces["blue-scarf"]
    alike = [item_id for item_id, found in traces.items() if ("look", "red-mug") in found]
    assert len(alike) == 1
    assert alike[0].startswith("red-")


def test_what_only_the_towers_found_is_said_of_the_liked_item_and_of_no_people(
    finder: CandidateFinder, store: VectorStore, empty_workspace: Workspace
) -> None:
    publish(empty_workspace, store, WordEncoder(), {"red-mug": "leather", "blue-scarf": "leather", "red-lamp": "warm"})
    traces = traced(finder, store, empty_workspace, user_id="zoe")
    assert traces["blue-scarf"] == [("past", "red-mug")], "nobody wants both"
    assert ("people", "red-mug") in traces["red-lamp"]


def test_a_picture_leads_to_what_looks_like_it(
    finder: CandidateFinder, store: VectorStore, empty_workspace: Workspace
) -> None:
    traces = traced(finder, store, empty_workspace, image=draw_product("lamp", "green"))
    alike = [item_id for item_id, found in traces.items() if ("look", None) in found]
    assert len(alike) == 1
    assert alike[0].startswith("green-")


def test_only_the_top_is_popular(finder: CandidateFinder, store: VectorStore, empty_workspace: Workspace) -> None:
    traces = traced(finder, store, empty_workspace)
    assert [item_id for item_id, found in traces.items() if ("popular", None) in found] == ["red-mug"]


def test_a_turn_from_words_to_a_reason(recommender: Recommender) -> None:
    found = recommender.recommend(user_id="zoe", query="a blue clock", where="price > 20", k=3)
    assert found[0].item.item_id == "blue-clock"
    assert found[0].reason == "It matches the request: clock (kind)."
    assert found[0].source is ReasonSource.MODEL
    assert "semantic" in found[0].retrievers
    assert all(entry.item.attributes["colour"] != "red" for entry in found)


def test_a_like_counts_in_the_next_turn(recommender: Recommender) -> None:
    before = recommender.recommend(user_id="new", k=12)
    recommender.feedback("new", "red-mug", "like", before.request_id)
    after = recommender.recommend(user_id="new", k=12)
    assert "red-mug" not in [entry.item.item_id for entry in after]
    lamp = next(entry for entry in after if entry.item.item_id == "red-lamp")
    assert "people who liked Red mug liked it too" in [fact.text for fact in lamp.evidence]


def test_an_unknown_attribute_in_a_filter_is_the_callers_to_repair(recommender: Recommender) -> None:
    with pytest.raises(FilterError, match="size"):
        recommender.recommend(where="size = 3")
