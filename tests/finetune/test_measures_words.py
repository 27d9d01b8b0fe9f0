"""What is said of items: true, seen, and by whom; with models that are known to tell the truth or not."""

from __future__ import annotations

import random
from collections.abc import Sequence

import pytest
from PIL import Image

from agent.models.base import FREE, Form, OnText, Picture, Prompt
from agent.models.scripted import ScriptedModel
from agent.prompts import Shown
from finetune.builtin.drawing.look import PATTERNS, Look, random_look
from finetune.builtin.measures_look import Seen, measure_captions, measure_swapped, said_of
from finetune.builtin.measures_reasons import measure_source, measure_true, measure_true_unseen, measure_variety
from finetune.builtin.named import named_in
from finetune.builtin.phrases import caption
from finetune.builtin.told_reasons import Overheard, Told, told_reasons
from finetune.builtin.truth import Truth, load_truth
from retrieval.builtin import SHOP_FOLDER
from retrieval.candidates import CandidateFinder
from retrieval.encoders import open_encoder
from retrieval.store import open_store
from retrieval.types import Evidence, EvidenceKind, Item
from retrieval.workspace import Workspace

COLOURS = ("red", "blue", "green")


def named(text: str, **given: object) -> tuple[int, int, tuple[str, ...]]:
    told = {"values": COLOURS, "own": ("red",), "said": ["colour", "Zorb oak lamp"], "titles": ("Zorb", "Blue Monday")}
    found = named_in(text, **(told | given))  # type: ignore[arg-type]
    return found.named, found.true, found.false


def test_values_are_true_or_not() -> None:
    assert named("It shares the colour red with Zorb.") == (1, 1, ())
    assert named("Its colour is blue, and it is red.") == (2, 1, ("blue",))


def test_a_title_is_no_claim() -> None:
    assert named("Like Blue Monday, it has the colour red.") == (1, 1, ())
    assert named("Like Blue Monday, it is blue.") == (1, 0, ("blue",))


def test_a_word_that_nobody_told_counts_as_false() -> None:
    assert named("It is a velvet lamp.") == (1, 0, ("velvet",))
    assert named("It is an oak lamp, as you asked.") == (0, 0, ())


def test_of_two_values_the_longer_is_read() -> None:
    assert named("It is dark red.", values=("dark red", "red"), own=("dark red",)) == (1, 1, ())
    assert named("It is dark red.", values=("dark red", "red"), own=("red",)) == (1, 0, ("dark red",))


def test_a_value_that_is_no_more_than_a_word_of_a_sentence_is_not_looked_for() -> None:
    assert named("It is red, as you asked.", values=("red", "asked", "you")) == (1, 1, ())


@pytest.fixture(scope="module")
def truth() -> Truth:
    return load_truth(SHOP_FOLDER)


def told_of(truth: Truth, says: str, *, by_model: bool = True) -> list[Told]:
    """Something said of forty products; in `says` stand names of their looks, or other words."""
    found = []
    for row, (item_id, offer) in enumerate(list(truth.offers.items())[:40]):
        look, product = offer.product.look, offer.product
        item = Item(item_id, product.title, {"category": look.category, "colour": look.colour})
        wrong = next(pattern for pattern in PATTERNS if pattern != look.pattern)
        text = says.format(colour=look.colour, pattern=look.pattern, wrong=wrong, title=product.title, row=row)
        fact = Evidence(EvidenceKind.HISTORY, f"shares colour {look.colour} with Zorb", title="Zorb")
        found.append(Told(f"u{row // 5}", item, (fact,), text, text, by_model))
    return found


@pytest.mark.parametrize(
    ("says", "share"),
    [
        ("It shares the colour {colour} with Zorb.", 1.0),
        ("Like Zorb, it has {pattern} in its pattern, and it is {colour}.", 1.0),  # what only the picture shows is true
        ("Like Zorb, it has the pattern {wrong}.", 0.0),
        ("It is {colour}, and its pattern is {wrong}.", 0.5),
    ],
)
def test_reasons_are_held_against_how_items_are(truth: Truth, says: str, share: float) -> None:
    told = told_of(truth, says)
    (figure,) = measure_true(told, [entry.item for entry in told], truth)
    assert figure.value == share
    assert figure.n == 40


def test_reasons_on_unseen_catalogues() -> None:
    """Who repeats the evidence is right; who makes up a word, or tells an attribute of another item, is not."""
    (repeats,) = measure_true_unseen(ScriptedModel(), count=30)
    assert repeats.value == 1.0
    (invents,) = measure_true_unseen(ScriptedModel(text_rule=lambda _: "It has a blurfy handle."), count=30)
    assert invents.value == 0.0


def test_whose_the_reasons_are_and_how_much_they_differ(truth: Truth) -> None:
    """Half by the model; the model's all alike, the others all different."""
    told = told_of(truth, "Many people like it.") + told_of(truth, "It is number {row} of {title}.", by_model=False)
    (source,) = measure_source(told, "the shop", floor=0.85, aim=0.97)
    assert source.value == 0.5
    assert source.verdict == "below"
    assert source.low == source.high == 0.5  # every user got as many of each
    (variety,) = measure_variety(told)
    assert variety.value == pytest.approx((1 + 40) / 80)
    assert measure_variety(told_of(truth, "It is number {row}."))[0].value == 1.0


def test_what_the_model_wrote_is_heard_before_it_is_checked(shop_workspace: Workspace) -> None:
    """A model that claims what no evidence says is heard, and what is shown is plain evidence."""
    encoder = open_encoder(shop_workspace.settings.encoder)
    with open_store(shop_workspace) as store:
        finder = CandidateFinder(shop_workspace, store, encoder)
        honest = told_reasons(ScriptedModel(), shop_workspace, finder, store, {"ann": "a red scarf"})
        lying = ScriptedModel(text_rule=lambda _: "It is a velvet throne.")
        heard = told_reasons(lying, shop_workspace, finder, store, {"ben": "a red scarf"})
    assert honest
    assert [entry.written for entry in honest if entry.by_model] == [entry.reason for entry in honest if entry.by_model]
    assert {entry.written for entry in heard if entry.evidence} == {"It is a velvet throne."}
    assert not any(entry.by_model or "velvet" in entry.reason for entry in heard)
    assert Overheard(lying).info == lying.info


class Eyes(ScriptedModel):
    """Says of each prompt's picture how it looks: its key names the look."""

    def __init__(self, looks: Sequence[Look], *, blind: bool = False) -> None:
        super().__init__()
        self._looks, self._blind = looks, blind

    def generate(
        self, prompts: Sequence[Prompt], *, max_tokens: int, form: Form = FREE, on_text: OnText | None = None
    ) -> list[str]:
        texts = []
        for prompt in prompts:
            parts = [part for message in prompt for part in message.parts]
            look = self._looks[next(int(part.key) for part in parts if isinstance(part, Picture))]
            told = "".join(part for part in parts if isinstance(part, str))
            name = next(
                (each for each in ("accent", "pattern", "colour") if each in told.lower().split("question")[-1]), ""
            )
            if "Question" not in told:
                texts.append("a red lamp, plain, accent red" if self._blind else caption(look))
            elif self._blind:
                texts.append(f"Its {name} is {told.partition(f'{name} ')[2].split(';')[0].split('»')[0]}.")
            else:
                texts.append(f"Its {name} is {getattr(look, name)}.")
        return texts


@pytest.fixture(scope="module")
def seen() -> list[Seen]:
    """Sixty looks, whose items tell them."""
    rng = random.Random(4)
    found = []
    for row in range(60):
        look = random_look(rng)
        item = Item(f"i{row}", f"Zorb {row}", {"colour": look.colour, "pattern": look.pattern, "accent": look.accent})
        found.append(Seen(Shown(item, Picture(Image.new("RGB", (2, 2)), str(row))), look))
    return found


def test_phrases_are_read() -> None:
    assert said_of("a red mug, with stripes, accent blue") == {"colour": "red", "pattern": "stripes", "accent": "blue"}
    assert said_of("a striped mug in red with white accents") == {
        "colour": "red",
        "pattern": "stripes",
        "accent": "white",
    }
    assert said_of("a red mug, plain") == {"colour": "red", "pattern": "plain"}
    assert said_of("a red mug with flowers, accent red")["accent"] == "red"
    assert said_of("nothing") == {}


def test_captions_of_one_who_sees_and_of_one_who_guesses(seen: list[Seen]) -> None:
    looks = [entry.look for entry in seen]
    (sees,) = measure_captions(Eyes(looks), seen)
    assert sees.value == 1.0
    (guesses,) = measure_captions(Eyes(looks, blind=True), seen)
    right = [(look.pattern == "plain") + (look.accent == "red") for look in looks]
    assert guesses.value == pytest.approx(sum(right) / 120)


def test_words_that_follow_the_picture_and_words_that_follow_the_text(seen: list[Seen]) -> None:
    looks = [entry.look for entry in seen]
    follows, of_captions = measure_swapped(Eyes(looks), seen, count=60)
    assert follows.value == of_captions.value == 1.0
    reads, _ = measure_swapped(Eyes(looks, blind=True), seen, count=60)
    assert reads.value == 0.0
    assert "follow the text 1.000" in reads.note
