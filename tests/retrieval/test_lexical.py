from collections.abc import Iterator
from pathlib import Path

import pytest

from retrieval.lexical import LexicalRetriever, words
from retrieval.retrievers import Query
from retrieval.types import Item
from retrieval.workspace import Workspace

FILMS = (
    Item("toys", "Toy Story", {"plot": "A cowboy doll is jealous of a spaceman.", "director": "John Lasseter"}),
    Item("xmas", "Jingle All the Way", {"plot": "A father hunts for a toy; a story of shops and toys."}),
    Item("heat", "Heat", {"plot": "A thief plans a heist.", "genres": ("Crime", "Drama"), "director": "Michael Mann"}),
    Item("sun", "Sunshine", {"plot": "The heat of the sun is fading.", "director": "Danny Boyle"}),
    Item("jazz", "Amélie's Café", {"plot": "Jazz in Paris.", "actors": ("Michael Caine",), "year": 1995}),
)


@pytest.fixture
def workspace(tmp_path: Path) -> Iterator[Workspace]:
    with Workspace.create(tmp_path / "w") as made:
        made.items.upsert(FILMS)
        yield made


def found(retriever: LexicalRetriever, text: str) -> list[str]:
    return [hit.item_id for hit in retriever.search(Query(text), 9)]


@pytest.mark.parametrize(
    ("text", "first"),
    [
        ("Toy Story", "toys"),
        ("toy stories", "toys"),
        ("show me something like HEAT", "heat"),
        ("heists", "heat"),
        ("films by Michael Mann", "heat"),
        ("amelie cafe", "jazz"),
        ("jazz", "jazz"),
        ("drama", "heat"),
        ("1995", "jazz"),
    ],
)
def test_the_very_words_find_their_item(workspace: Workspace, text: str, first: str) -> None:
    assert found(LexicalRetriever(workspace.items), text)[0] == first


@pytest.mark.parametrize("text", ["", "  ", "something for me, please", "zeppelin", "?!"])
def test_words_that_say_nothing_find_nothing(workspace: Workspace, text: str) -> None:
    assert found(LexicalRetriever(workspace.items), text) == []


def test_items_with_only_the_commoner_words_of_a_request_are_left_out(workspace: Workspace) -> None:
    workspace.items.upsert([Item(f"{row}", "Common", {"plot": f"film {row}"}) for row in range(20)])
    assert found(LexicalRetriever(workspace.items), "a jazz film") == ["jazz"]


def test_it_follows_the_item_table_and_reads_only_what_changed(workspace: Workspace) -> None:
    retriever = LexicalRetriever(workspace.items)
    assert found(retriever, "jazz") == ["jazz"]
    workspace.items.withdraw(["jazz"])
    assert found(retriever, "jazz") == []
    workspace.items.upsert([Item("new", "All That Jazz"), FILMS[4]])
    assert found(retriever, "jazz") == ["new", "jazz"]
    workspace.items.upsert([Item("new", "All That")])
    assert found(retriever, "jazz") == ["jazz"]
    assert found(LexicalRetriever(workspace.items), "jazz") == ["jazz"]
    workspace.items.withdraw([*(film.item_id for film in FILMS), "new"])
    assert found(retriever, "jazz") == []


def test_an_empty_workspace_has_no_words(tmp_path: Path) -> None:
    with Workspace.create(tmp_path / "w") as empty:
        assert found(LexicalRetriever(empty.items), "jazz") == []
        empty.items.upsert([Item("mute", "?")])
        assert found(LexicalRetriever(empty.items), "jazz") == []


def test_words_are_told_apart_by_more_than_case_accents_and_the_plural() -> None:
    assert words("It's a film about Amélie’s heists, stories; bus, class & ties") == [
        *("film", "amelie", "heist", "story", "bus", "class", "tie")
    ]
