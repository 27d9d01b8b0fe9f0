"""The contract of every retriever, and what each is for. A new one registers itself in RETRIEVERS."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import sqlalchemy as sa
from PIL import Image

from retrieval.behaviour import Behaviour
from retrieval.behavioural import BehaviouralRetriever, towers_folder
from retrieval.database import EVENTS
from retrieval.embedding import ItemEmbedder
from retrieval.encoders import record_of
from retrieval.lexical import LexicalRetriever
from retrieval.retrievers import (
    CoOccurrenceRetriever,
    HistoryRetriever,
    NewestRetriever,
    PopularRetriever,
    Query,
    Retriever,
    SemanticRetriever,
    VisualRetriever,
    recency,
)
from retrieval.shelf import Shelf
from retrieval.store import VectorStore, open_store
from retrieval.types import Event, EventType, Item
from retrieval.workspace import Workspace
from tests.retrieval.planted import publish
from tests.retrieval.words import COLOURS, WordEncoder

THINGS = ("shoe", "lamp", "bag", "mug")
START = datetime(2026, 1, 1, tzinfo=UTC)


@dataclass(frozen=True)
class Shop:
    workspace: Workspace
    store: VectorStore
    encoder: WordEncoder
    behaviour: Behaviour
    shelf: Shelf


RETRIEVERS: dict[str, Callable[[Shop], Retriever]] = {
    "semantic": lambda shop: SemanticRetriever(shop.store, shop.encoder),
    "lexical": lambda shop: LexicalRetriever(shop.workspace.items),
    "behavioural": lambda shop: BehaviouralRetriever(shop.store, towers_folder(shop.workspace)),
    "visual": lambda shop: VisualRetriever(shop.store, shop.encoder),
    "history": lambda shop: HistoryRetriever(shop.store),
    "co-occurrence": lambda shop: CoOccurrenceRetriever(shop.behaviour, shop.shelf),
    "popular": lambda shop: PopularRetriever(shop.behaviour, shop.shelf),
    "newest": lambda shop: NewestRetriever(shop.shelf),
}


def likes(user_id: str, *item_ids: str, start: int = 0) -> list[Event]:
    """One like a minute."""
    return [
        Event(user_id, item_id, EventType.LIKE, START + timedelta(minutes=start + minute))
        for minute, item_id in enumerate(item_ids)
    ]


def fill(workspace: Workspace, store: VectorStore, encoder: WordEncoder) -> None:
    """Every thing in every colour; the red shoe is liked most, and lamps and mugs by the same people."""
    from concurrent.futures import ThreadPoolExecutor
    from io import BytesIO

    items = []
    for colour in COLOURS:
        buffer = BytesIO()
        Image.new("RGB", (32, 32), colour).save(buffer, "PNG")
        sha = workspace.media.add_bytes(buffer.getvalue())
        items += [Item(f"{colour}-{thing}", f"{colour} {thing}", images=(sha,)) for thing in THINGS]
    workspace.items.upsert([*items, Item("bare", "bare")])
    workspace.log.add([event for user in "abcd" for event in likes(user, "red-shoe", "blue-bag")])
    workspace.log.add([event for user in "efg" for event in likes(user, "green-lamp", "green-mug", "white-mug")])
    with ThreadPoolExecutor(1) as pool:
        present: dict[str, frozenset[str]] = {"text": frozenset(), "image": frozenset(), "content": frozenset()}
        ItemEmbedder(workspace.items, workspace.media, encoder, store, store.state, present, pool).write(items)
    store.claim(record_of(encoder))
    publish(workspace, store, encoder, {"red-shoe": "leather", "green-bag": "leather"})


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shop]:
    encoder = WordEncoder()
    with Workspace.create(tmp_path_factory.mktemp("shop") / "w") as workspace, open_store(workspace) as store:
        fill(workspace, store, encoder)
        yield Shop(workspace, store, encoder, Behaviour(workspace.log), Shelf(workspace.items))


@pytest.fixture(params=list(RETRIEVERS))
def retriever(request: pytest.FixtureRequest, shop: Shop) -> Retriever:
    return RETRIEVERS[request.param](shop)


def everything() -> Query:
    """A query that each retriever has something to say to."""
    history = tuple(likes("someone", "red-shoe", "green-lamp"))
    return Query("a warm blue bag", Image.new("RGB", (8, 8), "blue"), "someone", history)


def ids(retriever: Retriever, query: Query, k: int = 100) -> list[str]:
    return [hit.item_id for hit in retriever.search(query, k)]


def test_it_is_a_retriever(retriever: Retriever) -> None:
    assert isinstance(retriever, Retriever)
    assert retriever.name in RETRIEVERS


def test_it_finds_different_items_best_first(retriever: Retriever, shop: Shop) -> None:
    hits = retriever.search(everything(), 100)
    assert hits
    assert len({hit.item_id for hit in hits}) == len(hits)
    assert [hit.score for hit in hits] == sorted((hit.score for hit in hits), reverse=True)
    assert {hit.item_id for hit in hits} <= set(shop.workspace.items.ids())


def test_it_gives_at_most_k_and_as_good_ones(retriever: Retriever) -> None:
    whole = retriever.search(everything(), 100)
    first = retriever.search(everything(), 2)
    assert [hit.score for hit in first] == pytest.approx([hit.score for hit in whole[:2]])
    assert ids(retriever, everything(), 0) == []


def test_it_keeps_to_the_allowed_items(retriever: Retriever) -> None:
    whole = ids(retriever, everything())
    allowed = frozenset([whole[-1], "bare", "unheard of"])
    kept = [item_id for item_id in whole if item_id in allowed]
    assert kept[-1] == whole[-1]
    assert ids(retriever, replace(everything(), allowed=allowed)) == kept
    assert ids(retriever, replace(everything(), allowed=frozenset())) == []


def test_it_leaves_out_the_excluded_items(retriever: Retriever) -> None:
    whole = ids(retriever, everything())
    assert ids(retriever, replace(everything(), exclude=frozenset(whole[:1]))) == whole[1:]


def test_it_answers_the_same_twice(retriever: Retriever) -> None:
    assert retriever.search(everything(), 9) == retriever.search(everything(), 9)


@pytest.mark.parametrize("name", [name for name in RETRIEVERS if name not in ("popular", "newest")])
def test_with_nothing_to_go_by_it_says_nothing(name: str, shop: Shop) -> None:
    assert RETRIEVERS[name](shop).search(Query(), 5) == []
    assert RETRIEVERS[name](shop).search(Query(text="  ", user_id="nobody"), 5) == []


def test_semantic_finds_what_the_words_mean(shop: Shop) -> None:
    assert ids(SemanticRetriever(shop.store, shop.encoder), Query("a green mug"), 1) == ["green-mug"]


def test_visual_finds_what_looks_alike(shop: Shop) -> None:
    found = ids(VisualRetriever(shop.store, shop.encoder), Query(image=Image.new("L", (9, 9), 255)), 4)
    assert sorted(found) == ["white-bag", "white-lamp", "white-mug", "white-shoe"]


def test_visual_says_nothing_when_the_encoder_is_blind(shop: Shop) -> None:
    blind = WordEncoder()
    blind.sees = False
    assert VisualRetriever(shop.store, blind).search(everything(), 5) == []


def test_history_finds_what_is_like_the_latest_wants(shop: Shop) -> None:
    retriever = HistoryRetriever(shop.store)
    query = Query(history=tuple(likes("x", "blue-mug", "red-shoe", "red-lamp", "red-bag")))
    assert ids(retriever, query, 1) == ["red-mug"]
    assert retriever.explain(query, "green-bag") == "red-bag"
    assert retriever.explain(query, "blue-shoe") == "blue-mug"
    assert retriever.explain(query, "bare") is None
    older = Query(history=tuple(likes("x", "red-shoe", "red-lamp", "red-bag", "blue-mug", "blue-bag", "blue-lamp")))
    assert ids(retriever, older, 1) == ["blue-shoe"], "the latest count most"


def test_history_never_proposes_itself(shop: Shop) -> None:
    assert "red-shoe" not in ids(HistoryRetriever(shop.store), everything())


def test_co_occurrence_finds_what_the_same_people_want(shop: Shop) -> None:
    retriever = CoOccurrenceRetriever(shop.behaviour, shop.shelf)
    query = Query(history=tuple(likes("x", "green-lamp")))
    hits = retriever.search(query, 9)
    assert [(hit.item_id, round(hit.score, 6)) for hit in hits] == [("green-mug", 1.0), ("white-mug", 1.0)]
    assert retriever.explain(query, "green-mug") == "green-lamp"
    assert retriever.explain(query, "red-shoe") is None
    mixed = Query(history=tuple(likes("x", "red-shoe", "green-lamp")))
    assert retriever.explain(mixed, "blue-bag") == "red-shoe"


def test_popular_counts_users_and_breaks_ties_by_id(shop: Shop) -> None:
    hits = PopularRetriever(shop.behaviour, shop.shelf).search(Query(), 9)
    assert [(hit.item_id, hit.score) for hit in hits] == [
        ("blue-bag", 4),
        ("red-shoe", 4),
        ("green-lamp", 3),
        ("green-mug", 3),
        ("white-mug", 3),
    ]


@pytest.mark.parametrize("had", [0, 30, 290])
def test_popular_is_complete_where_most_items_may_not_be_shown(empty: Workspace, had: int) -> None:
    names = [f"i{number:03}" for number in range(300)]
    empty.log.add([event for users, name in enumerate(names) for event in _crowd(name, users % 5)], create_items=True)
    retriever = PopularRetriever(Behaviour(empty.log), Shelf(empty.items))
    order = sorted((name for name in names if int(name[1:]) % 5), key=lambda name: (-(int(name[1:]) % 5), name))
    assert ids(retriever, Query(), 300) == order
    assert ids(retriever, Query(exclude=frozenset(order[:had])), 7) == order[had : had + 7]
    assert ids(retriever, Query(allowed=frozenset(order[had:])), 7) == order[had : had + 7]
    empty.items.withdraw(order[:had])
    assert ids(retriever, Query(), 7) == order[had : had + 7]


def _crowd(item_id: str, users: int) -> list[Event]:
    return [Event(f"u{user}", item_id, EventType.LIKE, START) for user in range(users)]


def test_newest_come_first_and_an_item_that_comes_back_keeps_its_place(empty: Workspace) -> None:
    retriever = NewestRetriever(Shelf(empty.items))
    assert ids(retriever, Query()) == ["c", "b", "a"]
    empty.items.upsert([Item("a", "changed"), Item("d", "d")])
    empty.items.withdraw(["b"])
    assert ids(retriever, Query()) == ["d", "c", "a"]
    empty.items.upsert([Item("b", "b")])
    assert ids(retriever, Query(), 3) == ["d", "c", "b"]
    assert ids(NewestRetriever(Shelf(empty.items)), Query()) == ["d", "c", "b", "a"]


def test_recent_wants_weigh_more() -> None:
    weights = recency(tuple(likes("x", "old", "new", "old", "newest")))
    assert list(weights) == ["newest", "old", "new"]
    assert sum(weights.values()) == pytest.approx(1)
    assert weights["newest"] > weights["old"] > weights["new"]


@pytest.fixture
def empty(tmp_path: Path) -> Iterator[Workspace]:
    with Workspace.create(tmp_path / "w") as workspace:
        workspace.items.upsert([Item(name, name) for name in ("a", "b", "c")])
        yield workspace


def test_a_new_like_counts_at_the_next_request(empty: Workspace) -> None:
    retriever = CoOccurrenceRetriever(Behaviour(empty.log), Shelf(empty.items))
    query = Query(history=tuple(likes("x", "a")))
    assert ids(retriever, query) == []
    empty.log.add(likes("y", "a", "b"))
    assert ids(retriever, query) == ["b"]
    empty.log.add(likes("z", "a", "c", start=9))
    empty.log.add(likes("w", "a", "c", start=20))
    assert ids(retriever, query) == ["c", "b"]


def test_a_taken_back_like_no_longer_counts(empty: Workspace) -> None:
    retriever = PopularRetriever(Behaviour(empty.log), Shelf(empty.items))
    empty.log.add([*likes("y", "a", "b"), *likes("z", "b")])
    assert ids(retriever, Query()) == ["b", "a"]
    later = START + timedelta(days=1)
    empty.log.add([Event(user, "b", EventType.DISLIKE, later) for user in "yz"])
    assert ids(retriever, Query()) == ["a"]


def test_what_is_only_shown_changes_nothing(empty: Workspace) -> None:
    behaviour = Behaviour(empty.log)
    empty.log.add(likes("y", "a"))
    behaviour.refresh()
    empty.log.add([Event("y", "b", EventType.IMPRESSION, START)])
    behaviour.refresh()
    assert behaviour.popularity().item_ids == ("a",)


def test_a_request_reads_only_what_the_log_has_got_since(empty: Workspace) -> None:
    behaviour = Behaviour(empty.log)
    empty.log.add(likes("y", "a", "b", "a", "c"))
    behaviour.refresh()
    empty.log.add([Event("y", item_id, EventType.IMPRESSION, START) for item_id in "abc"])
    statements: list[str] = []
    with empty.database.read() as connection:
        engine = connection.engine
    sa.event.listen(engine, "before_cursor_execute", lambda *call: statements.append(call[2]))
    behaviour.refresh()
    told = [statement for statement in statements if "FROM events" in statement]
    assert len(told) == 2
    assert all("events.event_row > " in statement for statement in told)
    behaviour.refresh()
    assert len([statement for statement in statements if "FROM events" in statement]) == 2, "nothing new"


def test_events_that_are_committed_out_of_turn_count_too(empty: Workspace) -> None:
    behaviour = Behaviour(empty.log)
    empty.log.add([*likes("y", "a"), *likes("z", "b"), *likes("y", "c", start=9)])
    with empty.database.write() as connection:  # a writer that has its rows and has not committed yet
        late = connection.execute(sa.select(EVENTS).where(EVENTS.c.item_id == "b")).mappings().one()
        connection.execute(EVENTS.delete().where(EVENTS.c.item_id == "b"))
        empty.database.bump(connection, "events", by=-1)
    behaviour.refresh()
    assert sorted(behaviour.popularity().item_ids) == ["a", "c"]
    empty.log.add(likes("x", "a"))
    with empty.database.write() as connection:
        connection.execute(EVENTS.insert(), dict(late))
        empty.database.bump(connection, "events")
    behaviour.refresh()
    popular = behaviour.popularity()
    assert dict(zip(popular.item_ids, popular.scores, strict=True)) == {"a": 2, "b": 1, "c": 1}


def test_step_by_step_behaviour_is_what_a_fresh_one_reads(empty: Workspace) -> None:
    import random

    chance = random.Random(5)
    behaviour = Behaviour(empty.log)
    for step in range(40):
        kind = chance.choice([EventType.LIKE, EventType.DISLIKE, EventType.VIEW, EventType.IMPRESSION])
        when = START + timedelta(minutes=chance.randrange(1_000), seconds=step)
        empty.log.add([Event(chance.choice("uvw"), chance.choice("abc"), kind, when)])
        behaviour.refresh()
        fresh = Behaviour(empty.log)
        fresh.refresh()
        for scored in (Behaviour.popularity, lambda each: each.related({"a": 0.7, "b": 0.3})):
            seen = [dict(zip(s.item_ids, s.scores, strict=True)) for s in (scored(behaviour), scored(fresh))]
            assert {k: v for k, v in seen[0].items() if v} == pytest.approx({k: v for k, v in seen[1].items() if v})


def test_withdrawn_items_leave_the_shelf_and_come_back(empty: Workspace) -> None:
    shelf = Shelf(empty.items)
    retriever = PopularRetriever(Behaviour(empty.log), shelf)
    empty.log.add(likes("y", "a", "b"))
    assert ids(retriever, Query()) == ["a", "b"]
    empty.items.withdraw(["a"])
    assert ids(retriever, Query()) == ["b"]
    empty.items.upsert([Item("a", "a")])
    assert ids(retriever, Query()) == ["a", "b"]
