"""Lists of retrievers as one list of candidates: by rank, by a fitted blend, and both beside a request."""

import math

import pytest

from retrieval.behavioural import towers_folder
from retrieval.blend import Blend, save_blend
from retrieval.candidates import CandidateFinder
from retrieval.indexing import index_catalog
from retrieval.merging import fuse, fuse_blended
from retrieval.store import Hit, open_store
from retrieval.types import Candidate, Found
from retrieval.workspace import Workspace
from tests.conftest import TinyShop
from tests.retrieval.planted import publish
from tests.retrieval.words import WordEncoder


def hits(*item_ids: str) -> list[Hit]:
    return [Hit(item_id, 1 / rank) for rank, item_id in enumerate(item_ids, 1)]


def ids(found: list[Candidate]) -> list[str]:
    return [candidate.item_id for candidate in found]


def test_fusion_adds_weight_over_rank() -> None:
    found = {"one": [Hit("a", 9.0), Hit("b", 8.0)], "two": [Hit("b", 0.5), Hit("c", 0.4)]}
    fused = fuse(found, {"one": 1.0, "two": 2.0}, 9)
    assert ids(fused) == ["b", "c", "a"]
    assert [candidate.score for candidate in fused] == pytest.approx([1 / 62 + 2 / 61, 2 / 62, 1 / 61])
    assert fused[0].found == (Found("two", 0, 0.5), Found("one", 1, 8.0))
    assert fuse(found, {"one": 1.0, "two": 2.0}, 2) == fused[:2]


WEIGHTS = {"semantic": 3.0, "people": 1.0, "look": 1.0, "popular": 0.02}


def test_blend_orders_by_the_product_of_the_ranks() -> None:
    blend = Blend({"people": 2.0, "look": 1.0}, depth=10)
    fused = fuse_blended({"people": hits("a", "b"), "look": hits("c", "b")}, WEIGHTS, blend, 2.0, 9)
    logs = {"a": -2 * math.log(1) - math.log(11), "b": -2 * math.log(2) - math.log(2), "c": -2 * math.log(11)}
    assert ids(fused) == sorted(logs, key=lambda item_id: -logs[item_id]) == ["b", "a", "c"]
    assert [candidate.score for candidate in fused] == pytest.approx([2 / 61, 2 / 62, 2 / 63])
    assert fused[0].retrievers == ("people", "look")


def test_what_weighs_nothing_comes_behind_and_says_who_found_it() -> None:
    """Also behind what the request found."""
    blend = Blend({"people": 1.0, "popular": 0.0}, 5)
    lists = {"semantic": hits(*"mnopq"), "people": hits("a"), "popular": hits("z", "a")}
    fused = fuse_blended(lists, WEIGHTS, blend, 2.0, 9)
    assert ids(fused) == ["m", "n", "o", "p", "q", "a", "z"]
    assert fused[-1].retrievers == ("popular",)
    assert fused[-1].score == 0


def test_deeper_than_the_blend_was_fitted_says_nothing() -> None:
    fused = fuse_blended({"people": hits("a", "b", "c")}, WEIGHTS, Blend({"people": 1.0}, depth=2), 2.0, 9)
    assert ids(fused) == ["a", "b", "c"]
    assert fused[2].score == 0


def test_taste_speaks_with_one_voice_beside_a_request() -> None:
    blend = Blend({"people": 1.0, "look": 0.2}, depth=10)
    lists = {"semantic": hits("s", "a"), "people": hits("b", "a"), "look": hits("c", "b")}
    fused = fuse_blended(lists, WEIGHTS, blend, 2.0, 9)
    told = {candidate.item_id: candidate.score for candidate in fused}
    assert told["s"] == pytest.approx(3 / 61)
    assert told["b"] == pytest.approx(2 / 61)
    assert told["a"] == pytest.approx(3 / 62 + 2 / 62)
    assert told["c"] == pytest.approx(2 / 63)
    assert ids(fused)[0] == "a"


def test_finder_takes_up_a_blend_as_soon_as_it_is_there(empty_workspace: Workspace, tiny_shop: TinyShop) -> None:
    with open_store(empty_workspace, serve=True) as store:
        index_catalog(empty_workspace, tiny_shop.catalog, encoder=WordEncoder())
        empty_workspace.log.import_file(tiny_shop.interactions)
        finder = CandidateFinder(empty_workspace, store, WordEncoder())
        user = next(user for user in empty_workspace.log.users() if empty_workspace.log.positives(user))
        weights = {"behavioural": 1.0, "history": 0.0, "co-occurrence": 0.0, "popular": 2.0}
        save_blend(Blend(weights, 100), empty_workspace.path)
        query = finder.query(user_id=user)
        popular = [hit.item_id for hit in finder.lists(query)["popular"]]
        after = finder.search(query, 50)
        assert ids(after)[: len(popular)] == popular
        stranger = finder.find(k=5)
        assert ids(stranger) == ids(finder.find(user_id="nobody", k=5)), "of strangers no blend knows anything"


def test_weights_that_cannot_be_read_silence_one_retriever_only(
    empty_workspace: Workspace, tiny_shop: TinyShop, caplog: pytest.LogCaptureFixture
) -> None:
    with open_store(empty_workspace, serve=True) as store:
        encoder = WordEncoder()
        index_catalog(empty_workspace, tiny_shop.catalog, encoder=encoder)
        empty_workspace.log.import_file(tiny_shop.interactions)
        finder = CandidateFinder(empty_workspace, store, encoder)
        user = next(user for user in empty_workspace.log.users() if empty_workspace.log.positives(user))
        publish(empty_workspace, store, encoder, {"red-mug": "shoe"}, reads=True)
        assert finder.lists(finder.query(user_id=user))["behavioural"]
        fresh = CandidateFinder(empty_workspace, store, encoder)
        for path in towers_folder(empty_workspace).glob("*.safetensors"):
            path.write_bytes(b"")
        assert fresh.find(user_id=user, k=5)
        assert "behavioural finds nothing" in caplog.text
        assert "run tastemaker finetune towers again" in caplog.text
