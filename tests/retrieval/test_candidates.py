from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime

import pytest
from PIL import Image

from retrieval.candidates import WEIGHTS, CandidateFinder, CandidateSettings
from retrieval.errors import EncoderMismatchError, FilterError, RequestError, SettingsError
from retrieval.indexing import index_catalog
from retrieval.retrievers import Query
from retrieval.store import VectorStore, open_store
from retrieval.types import Candidate, Event, EventType, Found, Item
from retrieval.workspace import Workspace
from tests.conftest import TinyShop, draw_product
from tests.retrieval.words import WordEncoder


@dataclass(frozen=True)
class Shop:
    workspace: Workspace
    store: VectorStore
    finder: CandidateFinder


@pytest.fixture
def shop(empty_workspace: Workspace, tiny_shop: TinyShop) -> Iterator[Shop]:
    encoder = WordEncoder()
    with open_store(empty_workspace, serve=True) as store:
        index_catalog(empty_workspace, tiny_shop.catalog, encoder=encoder)
        empty_workspace.log.import_file(tiny_shop.interactions)
        yield Shop(empty_workspace, store, CandidateFinder(empty_workspace, store, encoder))


def ids(found: list[Candidate]) -> list[str]:
    return [candidate.item_id for candidate in found]


def like(user_id: str, item_id: str) -> Event:
    return Event(user_id, item_id, EventType.LIKE, datetime(2026, 6, 1, tzinfo=UTC))


def test_a_rebuild_with_another_encoder_ends_the_searches_of_an_open_finder(shop: Shop, tiny_shop: TinyShop) -> None:
    index_catalog(shop.workspace, tiny_shop.catalog, encoder=WordEncoder("wide", extra=1), rebuild=True)
    for request in ({"text": "a blue clock"}, {"image": draw_product("lamp", "green")}, {"user_id": "ann"}):
        with pytest.raises(EncoderMismatchError, match=r"indexed anew with wide.*restart"):
            shop.finder.find(k=3, **request)  # type: ignore[arg-type]
    with pytest.raises(EncoderMismatchError, match="was indexed with wide"):
        CandidateFinder(shop.workspace, shop.store, WordEncoder())
    assert CandidateFinder(shop.workspace, shop.store, WordEncoder("wide")).find(text="a blue clock", k=1)


def test_a_request_in_words_comes_first(shop: Shop) -> None:
    found = shop.finder.find(text="a blue clock", user_id="nobody", k=3)
    assert found[0].item_id == "blue-clock"
    assert found[0].retrievers == ("semantic", "lexical")


def test_a_picture_finds_what_looks_like_it(shop: Shop) -> None:
    found = shop.finder.find(image=draw_product("lamp", "green"), k=4)
    assert {item_id.split("-")[0] for item_id in ids(found)} == {"green"}
    assert found[0].retrievers[0] == "visual"


def test_words_and_a_picture_together(shop: Shop) -> None:
    found = shop.finder.find(text="a clock", image=Image.new("RGB", (20, 20), "red"), k=1)
    assert ids(found) == ["red-clock"]
    assert set(found[0].retrievers) == {"semantic", "lexical", "visual"}


def test_a_stranger_gets_what_is_popular(shop: Shop) -> None:
    for user_id in (None, "never seen"):
        found = shop.finder.find(user_id=user_id, k=3)
        assert ids(found) == ["red-lamp", "red-mug", "blue-scarf"]
        assert found[0].found == (Found("popular", 0, 3.0),)


def test_the_page_of_a_shop_without_a_log_shows_what_is_new(empty_workspace: Workspace, tiny_shop: TinyShop) -> None:
    with open_store(empty_workspace, serve=True) as store:
        encoder = WordEncoder()
        index_catalog(empty_workspace, tiny_shop.catalog, encoder=encoder)
        finder = CandidateFinder(empty_workspace, store, encoder)
        newest = empty_workspace.items.ids()[::-1]
        for user_id in (None, "nobody"):
            assert ids(finder.find(user_id=user_id, k=5)) == newest[:5]
        assert finder.find(k=1)[0].retrievers == ("newest",)
        assert ids(finder.find(where="colour = 'red'", k=9)) == [each for each in newest if each.startswith("red")]
        assert finder.explain(Query(), finder.find(k=1)[0]) == {}
        empty_workspace.log.add([like("zoe", "red-lamp")])
        assert ids(finder.find(k=3)) == ["red-lamp", *newest[:2]], "what somebody liked goes before"
        assert "red-lamp" not in ids(finder.find(user_id="zoe", k=99)), "seen is seen"


def test_a_known_user_gets_what_suits_and_nothing_seen(shop: Shop) -> None:
    shop.workspace.log.add([like("zoe", "red-mug")])
    found = shop.finder.find(user_id="zoe", k=20)
    assert found[0].item_id == "red-lamp", "like the red mug, and wanted by those who want it"
    assert set(found[0].retrievers) == {"history", "co-occurrence", "popular"}
    assert "red-mug" not in ids(found)
    assert "blue-clock" not in ids(shop.finder.find(text="blue clock", user_id="ben", k=20)), "viewed is seen"


def test_a_new_like_counts_at_once(shop: Shop) -> None:
    assert ids(shop.finder.find(user_id="zoe", k=1)) == ["red-lamp"]
    shop.workspace.log.add([like("zoe", "blue-clock")])
    first = shop.finder.find(user_id="zoe", k=1)[0]
    assert first.item_id.startswith("blue")
    assert "history" in first.retrievers


def test_it_says_through_what_an_item_was_found(shop: Shop) -> None:
    shop.workspace.log.add([like("zoe", "red-mug"), like("zoe", "green-scarf")])
    query = shop.finder.query(user_id="zoe")
    lamp = next(candidate for candidate in shop.finder.search(query, 20) if candidate.item_id == "red-lamp")
    assert shop.finder.explain(query, lamp) == {"history": "red-mug", "co-occurrence": "red-mug"}
    assert shop.finder.explain(Query(text="lamp"), Candidate("red-lamp", 1.0, (Found("semantic", 0, 1.0),))) == {}


def test_a_filter_keeps_to_what_passes_it(shop: Shop) -> None:
    found = shop.finder.find(text="a red lamp", where="price > 40 and kind = 'lamp'", k=9)
    assert ids(found) == ["blue-lamp"]
    assert shop.finder.find(text="lamp", where="price > 1000", k=9) == []
    assert len(shop.finder.find(where="  ", k=99)) == 12


def test_a_filter_sees_a_changed_item(shop: Shop) -> None:
    assert ids(shop.finder.find(text="lamp", where="kind = 'lantern'", k=9)) == []
    shop.workspace.items.upsert([Item("red-lamp", "Red lamp", {"kind": "lantern"})])
    assert ids(shop.finder.find(text="lamp", where="kind = 'lantern'", k=9)) == ["red-lamp"]


def test_an_unknown_attribute_is_named(shop: Shop) -> None:
    with pytest.raises(FilterError, match=r"weight.*price"):
        shop.finder.find(text="lamp", where="weight < 3", k=5)


def test_withdrawn_items_are_not_found(shop: Shop) -> None:
    shop.workspace.items.withdraw(["red-lamp"])
    assert "red-lamp" not in ids(shop.finder.find(text="red lamp", user_id="zoe", k=20))


def test_cold_items_are_found_by_their_content(shop: Shop) -> None:
    shop.workspace.log.add([like("zoe", "red-scarf")])
    assert "red-clock" in ids(shop.finder.find(user_id="zoe", k=4)), "nobody ever touched it"


def test_items_without_content_are_found_by_behaviour(shop: Shop) -> None:
    events = [like(user, item_id) for user in ("u", "v") for item_id in ("bare-1", "bare-2")]
    shop.workspace.log.add([*events, like("zoe", "bare-1")], create_items=True)
    assert ids(shop.finder.find(user_id="zoe", k=1)) == ["bare-2"]


def test_k_beyond_the_catalogue_gives_all_there_is(shop: Shop) -> None:
    assert len(shop.finder.find(text="red", k=5_000)) == 12


@pytest.mark.parametrize("k", [0, -1])
def test_k_must_be_at_least_one(shop: Shop, k: int) -> None:
    with pytest.raises(RequestError, match="expected 1 or more"):
        shop.finder.find(text="lamp", k=k)


def test_an_empty_workspace_has_no_candidates(empty_workspace: Workspace) -> None:
    with open_store(empty_workspace) as store:
        finder = CandidateFinder(empty_workspace, store, WordEncoder())
        assert finder.find(text="lamp", user_id="zoe", k=5) == []


def test_a_weight_of_zero_leaves_a_retriever_out(shop: Shop) -> None:
    settings = CandidateSettings(weights={**WEIGHTS, "popular": 0})
    found = CandidateFinder(shop.workspace, shop.store, WordEncoder(), settings).find(k=5)
    assert {candidate.retrievers for candidate in found} == {("newest",)}


def test_settings_are_checked(shop: Shop) -> None:
    with pytest.raises(SettingsError, match="depth is 0"):
        CandidateSettings(depth=0)
    with pytest.raises(SettingsError, match="no weight for semantic"):
        CandidateFinder(shop.workspace, shop.store, WordEncoder(), CandidateSettings(weights={"popular": 1.0}))
