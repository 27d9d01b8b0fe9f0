"""Measures of lists, time, pictures and messages, with models whose answer is known."""

from __future__ import annotations

import hashlib
import random
import re
from collections.abc import Callable, Sequence

import numpy as np
import pytest
from PIL import Image

from agent.dialogue import Facet, update_text
from agent.models.base import FREE, Form, OnText, Picture, Prompt
from agent.models.scripted import ScriptedModel, table
from agent.prompts import LETTERS, Shown
from finetune.builtin import measures_safety, things
from finetune.builtin.drawing.look import random_look
from finetune.builtin.free_utterances import free_cases
from finetune.builtin.gallery import Gallery
from finetune.builtin.measures_dialogue import measure_free, measure_unseen
from finetune.builtin.measures_images import measure_neighbours, measure_recall
from finetune.builtin.measures_look import Seen
from finetune.builtin.measures_position import measure_positions
from finetune.builtin.measures_safety import harmless_text, measure_injections, random_lists
from finetune.builtin.measures_speed import measure_agreement, measure_speed, ranking_prompts
from finetune.builtin.updates import make_update
from retrieval.types import Item
from retrieval.vectors import Vectors


@pytest.fixture(scope="module")
def gallery() -> Gallery:
    rng = random.Random(3)
    return Gallery.of([random_look(rng) for _ in range(400)])


def paint(row: int) -> Image.Image:
    return Image.new("RGB", (2, 2), (row % 256, 0, 0))


def by_text(text: str, choices: Sequence[str]) -> list[float]:
    """Points by what stands in a line, wherever the line stands."""
    lines = {line[0]: line[1:] for line in text.partition("Candidates:")[2].splitlines() if re.match(r"[A-Z] ", line)}
    return [int.from_bytes(hashlib.sha256(lines[choice].encode()).digest()[:4]) / 2**28 for choice in choices]


def test_a_model_that_likes_the_first_place_is_biased(gallery: Gallery) -> None:
    first = ScriptedModel(lambda _, choices: [-float(place) for place in range(len(choices))])
    for figure in measure_positions(first, gallery, paint, lists=6):
        assert figure.value == 100
        assert figure.verdict == "below"


def test_a_model_that_goes_by_the_text_is_not(gallery: Gallery) -> None:
    for figure in measure_positions(ScriptedModel(by_text), gallery, paint, lists=12):
        assert figure.value == 0
        assert figure.verdict == "aim"


@pytest.fixture(scope="module")
def seen() -> list[Seen]:
    rng = random.Random(5)
    looks = [random_look(rng) for _ in range(60)]
    picture = Picture(paint(1), "one")
    return [
        Seen(
            Shown(Item(f"i{row}", f"Zorb{row:02d}", {"category": look.category, "colour": look.colour}), picture), look
        )
        for row, look in enumerate(looks)
    ]


def obeying(text: str, choices: Sequence[str]) -> list[float]:
    """Whoever an order names has won; else the first."""
    orders = [re.escape(order).replace(re.escape("{letter}"), "([A-T])") for order in measures_safety.INJECTIONS]
    orders = [order.replace("»", '"').replace("«", '"') for order in orders]
    named = [found.group(1) for order in orders if (found := re.search(order, text))]
    return [1.0 if choice in named else -0.01 * place for place, choice in enumerate(choices)]


def test_a_model_that_obeys_titles_is_found_out(seen: list[Seen]) -> None:
    lists = random_lists(seen, count=20)
    (figure,) = measure_injections(ScriptedModel(obeying), lists)
    assert figure.value == 20
    assert figure.verdict == "below"
    assert "won 20" in figure.note


def test_a_model_that_ranks_by_titles_or_by_length_is_not_one_that_obeys(seen: list[Seen]) -> None:
    """A longer title may change the winner: but an order then changes it no more often than harmless words."""
    lists = random_lists(seen, count=20)
    points = {entry.shown.item.title: float(row) for row, entry in enumerate(seen)}
    (calm,) = measure_injections(ScriptedModel(table(points)), lists)
    assert (calm.value, calm.verdict) == (0, "aim")

    def longest(text: str, choices: Sequence[str]) -> list[float]:
        lines = {line[0]: line for line in text.partition("Candidates:")[2].splitlines() if line}
        return [len(lines[choice]) / 10 for choice in choices]

    (long,) = measure_injections(ScriptedModel(longest), lists)
    assert long.value == 0
    assert "changed by the harmless title 18" in long.note


def test_harmless_titles_are_as_long_and_training_has_other_orders() -> None:
    rng = random.Random(1)
    for length in range(5, 60):
        text = harmless_text(rng, length)
        assert len(text) == length == len(text.strip())
    assert not set(measures_safety.INJECTIONS) & set(things._JUNK)


def ticking(step: float) -> Callable[[], float]:
    """A clock that goes on by a step whenever it is read."""
    now = iter(np.arange(1e6) * step)
    return lambda: float(next(now))


def test_medians_in_milliseconds(seen: list[Seen]) -> None:
    lists = random_lists(seen, count=4)
    figures = measure_speed(ScriptedModel(), lists, ranking_prompts(lists) * 5, clock=ticking(0.25), note="1 thread")
    assert [figure.value for figure in figures] == pytest.approx([250] * 4)
    assert [figure.n for figure in figures] == [3, 3, 19, 3]
    assert [figure.verdict for figure in figures] == ["floor", "reported", "below", "floor"]


def test_engines_that_agree_and_engines_that_do_not(seen: list[Seen]) -> None:
    prompts = ranking_prompts(random_lists(seen, count=8))
    one = ScriptedModel(by_text)
    other = ScriptedModel(lambda text, choices: [-points for points in by_text(text, choices)])
    (same,) = measure_agreement(one, ScriptedModel(by_text), prompts)
    assert (same.value, same.verdict) == (1.0, "floor")
    (different,) = measure_agreement(one, other, prompts)
    assert different.value == 0.0
    assert len(LETTERS) == 20


def test_recall_of_captions_that_fit_and_of_captions_that_do_not() -> None:
    vectors = np.eye(1000)
    (right,) = measure_recall(vectors, vectors, "x")
    assert (right.value, right.n, right.verdict) == (1.0, 1000, "aim")
    (wrong,) = measure_recall(np.roll(vectors, 1, axis=1) - vectors, vectors, "x")
    assert wrong.value == 0.0
    (few,) = measure_recall(np.eye(30), np.eye(30), "x")
    assert few.name == "text-to-picture Recall@10 among 30, x"
    assert few.verdict == "reported"


def test_neighbours_of_the_same_colour() -> None:
    """Vectors that know the category alone: its neighbours share that, and the colour by chance."""
    rng = random.Random(2)
    looks = [random_look(rng) for _ in range(300)]
    names = sorted({look.category for look in looks})
    vectors = np.eye(len(names))[[names.index(look.category) for look in looks]]
    category, colour, _ = measure_neighbours(vectors, looks, vectors, looks, "x")
    assert category.value == 1.0
    assert colour.value < 0.4


def embed(texts: Sequence[str]) -> Vectors:
    """Texts as directions of their own."""
    rows = [np.random.default_rng(list(text.encode())).normal(size=64) for text in texts]
    return np.array([row / np.linalg.norm(row) for row in rows], dtype=np.float32)


class Knowing(ScriptedModel):
    """Answers messages that it knows with the update it knows for them."""

    def __init__(self, known: dict[str, str]) -> None:
        super().__init__()
        self._known = known

    def generate(
        self, prompts: Sequence[Prompt], *, max_tokens: int, form: Form = FREE, on_text: OnText | None = None
    ) -> list[str]:
        texts = ["".join(part for part in prompt[-1].parts if isinstance(part, str)) for prompt in prompts]
        messages = [text.rpartition("Message: «")[2].partition("»\n")[0] for text in texts]
        return [self._known.get(message, '{"action":"chat"}') for message in messages]


def test_messages_that_are_understood_and_messages_that_are_not() -> None:
    def narrow(facet: Facet) -> bool:
        return len(facet.values) <= 8

    cases = [case for case in free_cases() if all(map(narrow, case.facets))][:20]
    assert len(cases) == 20
    knowing = Knowing({case.message: update_text(case.update) for case in cases})
    model, linker = measure_free(knowing, embed, cases=cases)
    assert model.value > 0.95
    assert 0 < linker.value <= 1
    chats, again = measure_free(Knowing({}), embed, cases=cases)
    assert chats.value < 0.3
    assert again == linker


def test_unseen_messages(monkeypatch: pytest.MonkeyPatch) -> None:
    """A model that knows the unseen phrasings alone is right on those, and seldom on the others."""
    from finetune.builtin import measures_talk

    known: dict[str, str] = {}

    def remembered(*given: object, **options: object) -> object:
        example = make_update(*given, **options)  # type: ignore[arg-type]
        if options["held_out_phrasings"]:
            known[example.message] = example.text
        return example

    monkeypatch.setattr(measures_talk, "make_update", remembered)
    measured = measure_unseen(Knowing(known), embed, count=25)
    figures = {figure.name.removeprefix("dialogue state, exact match, "): figure for figure in measured}
    assert figures["unseen phrasing families"].value > 0.9
    assert figures["unseen phrasing families"].verdict == "aim"
    assert figures["unseen slot combinations"].value < 0.5
    assert figures["phrasings of the training"].verdict == "reported"
    assert figures["unseen phrasing families, linker"].value < 0.9
