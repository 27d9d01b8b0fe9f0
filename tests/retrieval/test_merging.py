"""Lists of retrievers as one list of candidates: by rank, by a fitted blend, and both beside a request."""

import math

import pytest

from retrieval.blend import Blend, save_blend
from retrieval.candidates import CandidateFinder
from retrieval.indexing import index_catalog
from retrieval.merging import fuse, fuse_request, fuse_taste
from retrieval.store import Hit, open_store
from retrieval.types import Candidate, Found
from retrieval.workspace import Workspace
from tests.conftest import TinyShop
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


def test_blend_gives_probabilities_that_go_with_the_ranks() -> None:
    blend = Blend({"people": 2.0, "look": 1.0}, depth=10)
    fused = fuse_taste({"people": hits("a", "b"), "look": hits("c", "b")}, blend, 9)
    told = {candidate.item_id: candidate.score for candidate in fused}
    assert sum(told.values()) == pytest.approx(1)
    assert told["b"] / told["a"] == pytest.approx((2 / 1) ** -2.0 * (2 / 11) ** -1.0)
    assert told["c"] / told["a"] == pytest.approx((11 / 1) ** -2.0 * (1 / 11) ** -1.0)
    assert fused[0].item_id == "b"
    assert fused[0].retrievers == ("people", "look")


def test_what_weighs_nothing_comes_behind_and_says_who_found_it() -> None:
    fused = fuse_taste({"people": hits("a"), "popular": hits("z", "a")}, Blend({"people": 1.0, "popular": 0.0}, 5), 9)
    assert ids(fused) == ["a", "z"]
    assert fused[1].retrievers == ("popular",)
    assert 0 < fused[1].score < fused[0].score


def test_deeper_than_the_blend_was_fitted_says_nothing() -> None:
    fused = fuse_taste({"people": hits("a", "b", "c")}, Blend({"people": 1.0}, depth=2), 9)
    assert ids(fused) == ["a", "b", "c"]
    assert fused[2].score == pytest.approx(fused[0].score * (3 / 1) ** -1.0)


def test_taste_speaks_with_one_voice_beside_a_request() -> None:
    blend = Blend({"people": 1.0, "look": 0.2}, depth=10)
    lists = {"semantic": hits("s", "a"), "people": hits("b", "a"), "look": hits("c", "b")}
    fused = fuse_request(lists, {"semantic": 3.0, "people": 1.0, "look": 1.0}, blend, 2.0, 9)
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
        before = finder.find(user_id=user, k=5)
        assert sum(candidate.score for candidate in before) < 1
        weights = {"behavioural": 1.0, "history": 0.0, "co-occurrence": 0.0, "popular": 2.0}
        save_blend(Blend(weights, 100), empty_workspace.path)
        query = finder.query(user_id=user)
        popular = [hit.item_id for hit in finder.lists(query)["popular"]]
        after = finder.search(query, 50)
        assert ids(after)[: len(popular)] == popular
        assert math.isclose(sum(c.score for c in after if c.retrievers != ("newest",)), 1, rel_tol=1e-6)
        stranger = finder.find(k=5)
        assert ids(stranger) == ids(finder.find(user_id="nobody", k=5)), "of strangers no blend knows anything"
        assert min(c.score for c in after if c.retrievers != ("newest",)) > max(
            [c.score for c in after if c.retrievers == ("newest",)], default=0
        )
