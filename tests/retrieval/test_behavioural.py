"""The learned retriever on towers whose answers are planted, in a store that others write to."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import pytest

from retrieval.behavioural import BehaviouralRetriever, towers_folder
from retrieval.candidates import CandidateFinder, CandidateSettings
from retrieval.errors import WeightsError
from retrieval.indexing import index_catalog
from retrieval.retrievers import Query
from retrieval.store import VectorStore, open_store
from retrieval.types import Candidate, Event, EventType, Found
from retrieval.workspace import Workspace
from tests.conftest import TinyShop
from tests.retrieval.planted import publish
from tests.retrieval.words import WordEncoder

START = datetime(2026, 6, 1, tzinfo=UTC)
FRIENDS = {"red-mug": "leather", "blue-scarf": "leather", "green-lamp": "warm"}
"""Who wants the red mug wants the blue scarf, which no text says."""


@dataclass(frozen=True)
class Shop:
    workspace: Workspace
    store: VectorStore
    encoder: WordEncoder

    @property
    def retriever(self) -> BehaviouralRetriever:
        return BehaviouralRetriever(self.store, towers_folder(self.workspace))


@pytest.fixture
def shop(empty_workspace: Workspace, tiny_shop: TinyShop) -> Iterator[Shop]:
    encoder = WordEncoder()
    with open_store(empty_workspace, serve=True) as store:
        index_catalog(empty_workspace, tiny_shop.catalog, encoder=encoder)
        yield Shop(empty_workspace, store, encoder)


def wanted(*item_ids: str) -> Query:
    events = (Event("zoe", each, EventType.LIKE, START + timedelta(hours=n)) for n, each in enumerate(item_ids))
    return Query(user_id="zoe", history=tuple(events))


def ids(retriever: BehaviouralRetriever, query: Query, k: int = 100) -> list[str]:
    return [hit.item_id for hit in retriever.search(query, k)]


def test_it_finds_what_is_wanted_next(shop: Shop) -> None:
    publish(shop.workspace, shop.store, shop.encoder, FRIENDS)
    assert ids(shop.retriever, wanted("red-mug"), 1) == ["blue-scarf"]
    assert ids(shop.retriever, wanted("blue-scarf"), 1) == ["red-mug"]


def test_the_last_click_counts(shop: Shop) -> None:
    publish(shop.workspace, shop.store, shop.encoder, FRIENDS)
    retriever = shop.retriever
    assert ids(retriever, wanted("red-mug", "red-clock"), 1) != ["blue-scarf"]
    assert ids(retriever, wanted("red-clock", "red-mug"), 1) == ["blue-scarf"]


def test_what_was_wanted_is_not_proposed_again(shop: Shop) -> None:
    publish(shop.workspace, shop.store, shop.encoder, FRIENDS)
    found = ids(shop.retriever, wanted("red-mug", "blue-scarf"))
    assert len(found) == 10
    assert not {"red-mug", "blue-scarf"} & set(found)


def test_it_says_through_which_item_of_the_history(shop: Shop) -> None:
    publish(shop.workspace, shop.store, shop.encoder, FRIENDS)
    query = wanted("red-mug", "green-clock")
    assert shop.retriever.explain(query, "blue-scarf") == "red-mug"
    assert shop.retriever.explain(query, "green-scarf") == "green-clock"
    assert shop.retriever.explain(query, "unheard of") is None
    assert shop.retriever.explain(Query(), "blue-scarf") is None


def test_without_towers_it_says_nothing(shop: Shop) -> None:
    assert shop.retriever.search(wanted("red-mug"), 5) == []
    assert shop.retriever.explain(wanted("red-mug"), "blue-scarf") is None


def test_a_history_that_it_does_not_know_says_nothing(shop: Shop) -> None:
    publish(shop.workspace, shop.store, shop.encoder, FRIENDS)
    assert shop.retriever.search(wanted("unheard of"), 5) == []


def test_towers_that_another_process_publishes_count_at_the_next_request(shop: Shop) -> None:
    first = publish(shop.workspace, shop.store, shop.encoder, FRIENDS)
    retriever = shop.retriever
    assert ids(retriever, wanted("red-mug"), 1) == ["blue-scarf"]
    with Workspace.open(shop.workspace.path) as workspace, open_store(workspace) as other:
        second = publish(workspace, other, shop.encoder, {"red-mug": "warm", "green-lamp": "warm"})
    assert first != second == shop.store.towers
    assert ids(retriever, wanted("red-mug"), 1) == ["green-lamp"]


def test_a_publish_amid_a_search_is_searched_anew(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    publish(shop.workspace, shop.store, shop.encoder, FRIENDS)
    search = shop.store.search
    rivals = [{"red-mug": "warm", "green-lamp": "warm"}]

    def slow(*args: object, **options: object) -> object:
        if rivals:
            publish(shop.workspace, shop.store, shop.encoder, rivals.pop())
        return search(*args, **options)  # type: ignore[arg-type]

    monkeypatch.setattr(shop.store, "search", slow)
    assert ids(shop.retriever, wanted("red-mug"), 1) == ["green-lamp"]


def test_missing_and_damaged_weights_are_told(shop: Shop) -> None:
    record = publish(shop.workspace, shop.store, shop.encoder, FRIENDS)
    weights = towers_folder(shop.workspace) / f"{record.version}.safetensors"
    whole = weights.read_bytes()
    weights.write_bytes(whole[:-4] + b"\0\0\0\1")
    with pytest.raises(WeightsError, match=r"damaged.*finetune towers"):
        shop.retriever.search(wanted("red-mug"), 5)
    weights.unlink()
    with pytest.raises(WeightsError, match="finetune towers"):
        shop.retriever.search(wanted("red-mug"), 5)
    assert shop.retriever.search(Query(text="a lamp"), 5) == [], "nobody needs them"
    weights.write_bytes(whole)
    assert ids(shop.retriever, wanted("red-mug"), 1) == ["blue-scarf"]


def test_a_finder_asks_it_and_says_through_what(shop: Shop) -> None:
    publish(shop.workspace, shop.store, shop.encoder, FRIENDS)
    shop.workspace.log.add(wanted("red-mug").history)
    finder = CandidateFinder(shop.workspace, shop.store, shop.encoder)
    query = finder.query(user_id="zoe")
    scarf = next(each for each in finder.search(query, 12) if each.item_id == "blue-scarf")
    assert scarf.retrievers[0] == "behavioural"
    assert finder.explain(query, scarf)["behavioural"] == "red-mug"
    assert "co-occurrence" not in finder.explain(query, scarf), "nobody wants both"


def test_what_people_did_stands_behind_what_the_towers_found(shop: Shop, tiny_shop: TinyShop) -> None:
    shop.workspace.log.import_file(tiny_shop.interactions)
    publish(shop.workspace, shop.store, shop.encoder, FRIENDS)
    finder = CandidateFinder(shop.workspace, shop.store, shop.encoder)
    learned = Candidate("red-lamp", 1.0, (Found("behavioural", 0, 1.0),))
    query = wanted("blue-clock", "red-mug")
    assert finder.explain(query, learned)["co-occurrence"] == "red-mug"


def test_another_encoder_makes_towers_void_until_they_are_trained_again(shop: Shop, tiny_shop: TinyShop) -> None:
    publish(shop.workspace, shop.store, shop.encoder, FRIENDS)
    wide = WordEncoder("wide", extra=3)
    report = index_catalog(shop.workspace, tiny_shop.catalog, encoder=wide, rebuild=True)
    assert "trained with another encoder" in report.warnings[0]
    assert f"tastemaker finetune towers --workspace {shop.workspace.path}" in report.warnings[0]
    assert shop.store.towers is None
    assert shop.retriever.search(wanted("red-mug"), 5) == []
    assert index_catalog(shop.workspace, tiny_shop.catalog, encoder=wide).warnings == ()
    publish(shop.workspace, shop.store, wide, FRIENDS)
    assert ids(shop.retriever, wanted("red-mug"), 1) == ["blue-scarf"]


def test_the_same_encoder_rebuilt_keeps_towers(shop: Shop, tiny_shop: TinyShop) -> None:
    record = publish(shop.workspace, shop.store, shop.encoder, FRIENDS)
    before = shop.store.get("behaviour", shop.workspace.items.ids())
    assert index_catalog(shop.workspace, tiny_shop.catalog, encoder=shop.encoder, rebuild=True).warnings == ()
    assert shop.store.towers == record
    after = shop.store.get("behaviour", shop.workspace.items.ids())
    assert all(np.array_equal(before[key], after[key]) for key in before)


def test_a_workspace_of_a_log_alone_has_towers_too(tmp_path: Path) -> None:
    tastes = {"a": "leather", "b": "warm", "c": "leather"}
    with Workspace.create(tmp_path / "w") as workspace, open_store(workspace) as store:
        workspace.log.add(wanted("a", "b", "c").history, create_items=True)
        publish(workspace, store, WordEncoder(), tastes, reads=False)
        assert ids(BehaviouralRetriever(store, towers_folder(workspace)), wanted("a"), 1) == ["c"]


def test_last_places_go_to_what_nobody_had_a_chance_to_want(empty_workspace: Workspace, tmp_path: Path) -> None:
    """A list of ten ends with the new item that suits; a short one, and an answer to a request, have no such place."""
    rows = [{"id": f"lamp-{n}", "title": f"lamp red {n}"} for n in range(14)]
    fresh = [{"id": "new-lamp", "title": "lamp red 99"}, {"id": "new-mug", "title": "mug blue 99"}]
    catalog = tmp_path / "items.jsonl"
    catalog.write_text("".join(json.dumps(row) + "\n" for row in [*rows, *fresh]))
    encoder = WordEncoder()
    with open_store(empty_workspace, serve=True) as store:
        index_catalog(empty_workspace, catalog, encoder=encoder)
        publish(empty_workspace, store, encoder, {str(row["id"]): "lamp" for row in rows})
        empty_workspace.log.add([Event("zoe", "lamp-0", EventType.LIKE, datetime(2026, 6, 1, tzinfo=UTC))])
        finder = CandidateFinder(empty_workspace, store, encoder)
        found = finder.find(user_id="zoe", k=10)
        assert found[-1].item_id == "new-lamp"
        assert found[-1].retrievers == ("newcomers",)
        assert found[-1].score == found[-2].score
        assert finder.explain(finder.query(user_id="zoe"), found[-1]) == {"newcomers": "lamp-0"}
        assert all(each.item_id.startswith("lamp") for each in [*found[:-1], *finder.find(user_id="zoe", k=5)])
        assert "newcomers" not in {
            name for each in finder.find(user_id="zoe", text="lamp", k=10) for name in each.retrievers
        }
        without = CandidateFinder(empty_workspace, store, encoder, CandidateSettings(newcomers=0))
        assert "new-lamp" not in [each.item_id for each in without.find(user_id="zoe", k=10)]
        filtered = finder.find(user_id="zoe", where="title contains 'mug'", k=10)
        assert [each.item_id for each in filtered] == ["new-mug"]
