"""Lists of the drawn shop, judged by simulated shoppers."""

from __future__ import annotations

import math
import random

import numpy as np
import pytest

from agent.models.base import Picture
from agent.prompts import LETTERS, Detail
from finetune.builtin.drawing.look import random_look
from finetune.builtin.gallery import Gallery
from finetune.builtin.taste_lists import Shelves, TasteTask, make_taste_list, value_of


@pytest.fixture(scope="module")
def shelves() -> Shelves:
    rng = random.Random(3)
    return Shelves.of(Gallery.of([random_look(rng) for _ in range(1500)]).looks, seed=1)


def task(**changed: object) -> TasteTask:
    settings: dict[str, object] = {"candidates": 20, "pictures": True, "request": False, "detail": Detail()}
    return TasteTask(**(settings | changed))  # type: ignore[arg-type]


def test_chances_follow_what_can_be_expected(shelves: Shelves) -> None:
    rng = random.Random(1)
    for _ in range(20):
        example = make_taste_list(rng, shelves, task())
        assert sum(example.chances) == pytest.approx(1)
        order = np.argsort(example.expected)
        assert np.diff(np.array(example.chances)[order]).min() > -1e-9
        assert np.diff(np.array(example.relevance)[order]).min() > -1e-9
        assert 0 < min(example.relevance) <= max(example.relevance) < 1


def test_what_is_expected_is_what_the_planted_liking_comes_to(shelves: Shelves) -> None:
    """Fit liking to what the history has often, anew: a point expected is a point found, and nothing is left over."""
    rng = random.Random(6)
    slopes, apart = [], []
    for _ in range(400):
        example = make_taste_list(rng, shelves, task(pictures=False))
        expected = np.array(example.expected) - np.mean(example.expected)
        liking = np.array(example.liking) - np.mean(example.liking)
        slopes.append((expected @ liking, expected @ expected))
        apart.append(np.corrcoef(expected, liking)[0, 1])
    found, whole = np.sum(slopes, axis=0)
    assert found / whole == pytest.approx(1, abs=0.15)
    assert np.mean(apart) > 0.33


def test_what_a_history_has_is_met_by_its_share(shelves: Shelves) -> None:
    """Counted in the prompt's own text, where it shows the whole history."""
    rng = random.Random(8)
    counted = 0
    for _ in range(40):
        example = make_taste_list(rng, shelves, task(detail=Detail(400, 400), pictures=False))
        past = "".join(p for p in example.prompt[1].parts if isinstance(p, str)).split("Candidates:\n")[0]
        liked = [line for line in past.splitlines() if line.startswith("- ")]
        for (name, value), share in example.met.items():
            if len(liked) < 8 and name in ("category", "colour", "material", "style"):
                times = sum(f"; {name} {value};" in f"{line[:-1]};" for line in liked)
                assert share == pytest.approx(times / len(liked))
                counted += 1
        assert all(0 <= share <= 1 for share in example.seen)
    assert counted > 50


def test_candidates_say_what_they_have_in_common_with_all_that_was_liked(shelves: Shelves) -> None:
    """Also with what the prompt no longer shows: the tenths are those of the whole history."""
    rng = random.Random(9)
    for _ in range(20):
        example = make_taste_list(rng, shelves, task(detail=Detail(400, 400), pictures=False))
        told = "".join(p for p in example.prompt[1].parts if isinstance(p, str)).split("Candidates:\n")[1]
        for (name, value), share in example.met.items():
            for line in told.splitlines():
                if name in ("colour", "style") and f"; {name} {value}" in line:
                    assert f"; {name} {value} |{math.ceil(10 * share - 1e-9)};" in f"{line[:-1]};"


def test_pictures_say_how_many_liked_ones_they_are_like() -> None:
    rng = random.Random(3)
    looks = Gallery.of([random_look(rng) for _ in range(400)]).looks
    vectors = np.random.default_rng(1).normal(size=(400, 8)).astype(np.float32)
    shelves = Shelves.of(looks, seed=1, vectors_of=lambda rows: vectors[list(rows)])
    for pictures in (True, False):
        parts = make_taste_list(rng, shelves, task(pictures=pictures)).prompt[1].parts
        assert any(isinstance(part, str) and part.startswith("|") for part in parts) == pictures


def test_the_history_tells_the_taste(shelves: Shelves) -> None:
    """The best candidate has a colour that was liked more often than the others have one."""
    rng = random.Random(2)
    shares: dict[bool, list[bool]] = {True: [], False: []}
    for _ in range(150):
        example = make_taste_list(rng, shelves, task())
        past, told = "".join(p for p in example.prompt[1].parts if isinstance(p, str)).split("Candidates:\n")
        liked = {line.split("; colour ")[1].split(";")[0] for line in past.splitlines() if "; colour " in line}
        for line, relevance in zip(told.splitlines(), example.relevance, strict=False):
            shares[relevance == max(example.relevance)].append(
                line.split("; colour ")[1].split(";")[0].split(" |")[0] in liked
            )
    assert np.mean(shares[True]) > np.mean(shares[False]) + 0.1


def test_candidates_are_often_of_a_category_that_was_liked(shelves: Shelves) -> None:
    rng = random.Random(7)
    kinds = []
    for _ in range(100):
        example = make_taste_list(rng, shelves, task(pictures=False))
        told = "".join(p for p in example.prompt[1].parts if isinstance(p, str)).split("Candidates:\n")[1]
        kinds.append(len({line.split("; category ")[1].split(";")[0] for line in told.splitlines() if "; c" in line}))
    assert kinds.count(1) > 20
    assert max(kinds) > 3


def test_what_was_asked_for_raises_the_chances(shelves: Shelves) -> None:
    """The best candidate mostly has the category of the request, often by another word; the others less often."""
    rng = random.Random(4)
    met: dict[bool, list[bool]] = {True: [], False: []}
    for _ in range(200):
        example = make_taste_list(rng, shelves, task(request=True))
        past, told = "".join(p for p in example.prompt[1].parts if isinstance(p, str)).split("Candidates:\n")
        request = past.split("Request: ")[1]
        assert "anything" not in request
        for line, relevance in zip(told.splitlines(), example.relevance, strict=False):
            met[relevance == max(example.relevance)].append(
                line.split("; category ")[1].split(";")[0].split(" |")[0] in request
            )
    assert np.mean(met[True]) > 0.5
    assert np.mean(met[True]) > np.mean(met[False]) + 0.15


def test_a_list_has_as_many_pictures_as_items_or_none(shelves: Shelves) -> None:
    rng = random.Random(5)
    for pictures in (True, False):
        example = make_taste_list(rng, shelves, task(pictures=pictures, candidates=6))
        shown = [part for part in example.prompt[1].parts if isinstance(part, Picture)]
        lines = str(example.prompt[1].parts).count("; category ")
        assert len(shown) == (lines if pictures else 0)
        assert set(example.letters) <= set(LETTERS)
        assert len(example.letters) == len(example.chances) == 6


def test_shelves_are_filled_by_what_is_drawn(shelves: Shelves) -> None:
    looks = [product.look for product in shelves.products]
    assert sorted(place for held in shelves.by_category.values() for place in held) == list(range(len(looks)))
    for name, held in shelves.by_category.items():
        assert {looks[place].category for place in held} <= {name}
    product = shelves.products[0]
    assert value_of(product, "material") == product.material
    assert value_of(product, product.place_kind) == product.place
    assert value_of(product, "pattern") == product.look.pattern
