"""What is said beside wishes is done in a conversation, and leaves nothing half done."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest

from agent.conversation import Conversation, Reply
from agent.dialogue_state import DialogueState
from agent.models.base import FREE, Form, OnText, Prompt
from agent.models.scripted import ScriptedModel
from agent.recommender import Recommender
from agent.replies import known_of
from agent.settings import RecommenderSettings
from retrieval.candidates import CandidateFinder
from retrieval.encoders import open_encoder
from retrieval.errors import StoreError
from retrieval.indexing import index_catalog
from retrieval.store import open_store
from retrieval.workspace import Workspace
from tests.conftest import TinyShop


@pytest.fixture(scope="module")
def recommender(tiny_shop: TinyShop, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Recommender]:
    encoder, model = open_encoder(), ScriptedModel()
    with Workspace.create(tmp_path_factory.mktemp("remarks") / "shop") as workspace:
        index_catalog(workspace, tiny_shop.catalog, encoder=encoder)
        with open_store(workspace) as store:
            finder = CandidateFinder(workspace, store, encoder)
            with Recommender(workspace, finder, store, lambda: model, RecommenderSettings()) as made:
                yield made


def test_undo_and_a_new_beginning_can_be_said(recommender: Recommender) -> None:
    talk = Conversation(recommender)
    talk.reply("a red lamp")
    talk.reply("in blue instead")
    assert talk.reply("undo that").state.want["colour"] == ("red",)
    assert talk.reply("start over").state == DialogueState()
    assert talk.reply("undo").state.want["colour"] == ("red",)


def test_a_habit_is_not_kept_where_the_search_fails(recommender: Recommender, monkeypatch: pytest.MonkeyPatch) -> None:
    talk = Conversation(recommender)
    talk.reply("a lamp")

    def fails(*_: object, **__: object) -> None:
        raise StoreError("the store is gone")

    monkeypatch.setattr(recommender, "recommend", fails)
    assert "the store is gone" in talk.reply("I never want green").text
    assert "know nothing" in talk.reply("what do you know about me?").text


def test_one_liked_thing_is_one_thing() -> None:
    assert "you liked 1 thing, lately A" in known_of(1, ["A"], [])


def found(reply: Reply) -> set[str]:
    return set() if reply.recommendations is None else {entry.item.item_id for entry in reply.recommendations}


# --- what was said for good, taken back ----------------------------------------------------------------------------


@pytest.mark.parametrize("message", ["I do like green after all", "forget that I never want green", "green is fine"])
def test_what_was_said_for_good_can_be_taken_back_in_words(recommender: Recommender, message: str) -> None:
    talk = Conversation(recommender, k=12)
    talk.reply("a mug")
    assert found(talk.reply("I never want green")) == {"red-mug", "blue-mug"}
    reply = talk.reply(message)
    assert "Taken back: never colour green." in reply.text
    assert found(reply) == {"red-mug", "blue-mug", "green-mug"}
    assert "know nothing" in talk.reply("what do you know about me?").text
    assert "never colour green" in [chip.label for chip in talk.undo().chips], "undo brings back what was taken back"


def test_somebody_known_takes_back_what_is_kept_of_them(recommender: Recommender) -> None:
    Conversation(recommender, "fay").reply("I never want green")
    Conversation(recommender, "fay").reply("I no longer hate green")
    assert recommender.workspace.preferences.of("fay") == ()


def test_a_habit_that_cannot_be_searched_with_is_not_lost(
    recommender: Recommender, monkeypatch: pytest.MonkeyPatch
) -> None:
    talk = Conversation(recommender)
    talk.reply("a lamp")
    talk.reply("I never want green")

    def fails(*_: object, **__: object) -> None:
        raise StoreError("the store is gone")

    monkeypatch.setattr(recommender, "recommend", fails)
    assert "the store is gone" in talk.reply("I do like green after all").text
    assert "never colour green" in talk.reply("what do you know about me?").text


# --- wishes that nothing fits ---------------------------------------------------------------------------------------


def test_after_a_wish_that_nothing_fits_the_next_one_is_not_stuck(recommender: Recommender) -> None:
    talk = Conversation(recommender, k=12)
    assert found(talk.reply("a red mug under 1 euro")) == set()
    reply = talk.reply("a blue one then")
    assert "Left out, since nothing fits all of it: price at most 1" in reply.text
    assert found(reply) == {"blue-mug"}


def test_a_wish_that_nothing_fits_however_it_is_read_is_asked_about(recommender: Recommender) -> None:
    talk = Conversation(recommender)
    talk.reply("a red mug under 1 euro")
    reply = talk.reply("under 2 euros")
    assert found(reply) == set()
    assert "Nothing fits" in reply.text
    assert reply.offers


def test_a_question_that_nothing_answers_changes_nothing(recommender: Recommender) -> None:
    talk = Conversation(recommender)
    before = talk.reply("a mug under 25 euros")
    reply = talk.reply("do you have blue?")
    assert reply.text == "No, not with all that you asked for; by itself, 4 things fit colour blue."
    assert reply.state == before.state
    assert found(talk.reply("show me more")) | found(before) <= {"red-mug", "green-mug"}


# --- ends, services, references -------------------------------------------------------------------------------------


def test_the_cheapest_are_found_among_all_that_fits(recommender: Recommender) -> None:
    talk = Conversation(recommender, k=1)
    reply = talk.reply("the cheapest mug")
    assert (found(reply), "lowest price" in reply.text) == ({"red-mug"}, True)
    assert found(talk.reply("more")) == {"green-mug"}
    assert found(talk.reply("the most expensive")) == {"blue-mug"}
    assert talk.reply("under 35 euros").state.extremes == {}


@pytest.mark.parametrize("message", ["do you ship to Canada?", "what is your refund policy?", "how long is delivery?"])
def test_of_services_it_says_that_it_knows_nothing(recommender: Recommender, message: str) -> None:
    talk = Conversation(recommender)
    before = talk.reply("a mug").state
    reply = talk.reply(message)
    assert "Of delivery, returns and paying it says nothing" in reply.text
    assert (found(reply), reply.state) == (set(), before)


def test_a_wish_beside_a_question_of_services_is_answered(recommender: Recommender) -> None:
    reply = Conversation(recommender).reply("I need a red lamp. Do you deliver to Spain?")
    assert (found(reply), reply.state.query) == ({"red-lamp"}, "")
    assert reply.note is not None
    assert "delivery" in reply.note


def test_the_cheapest_come_first_and_that_is_why_they_stand_there(recommender: Recommender) -> None:
    talk = Conversation(recommender, k=3)
    reply = talk.reply("the cheapest mugs")
    assert [entry.item.item_id for entry in reply.recommendations or ()] == ["red-mug", "green-mug", "blue-mug"]
    assert "that of the lowest price first" in talk.reply("why the third?").text
    dearest = talk.reply("the most expensive").recommendations
    assert [entry.item.item_id for entry in dearest or ()] == ["blue-mug", "green-mug", "red-mug"]


def test_which_of_the_shown_have_something_is_told(recommender: Recommender) -> None:
    talk = Conversation(recommender, k=12)
    before = talk.reply("a mug").state
    assert talk.reply("which of these are red?").text == "Of those shown, “Red mug”: colour red."
    two = talk.reply("which ones are red or green?").text
    assert two in {
        f"Of those shown, “{one}” and “{other}”: colour red, colour green."
        for one, other in (("Red mug", "Green mug"), ("Green mug", "Red mug"))
    }
    reply = talk.reply("is one of them a lamp?")
    assert (reply.text, reply.state) == ("The catalogue says of none of those shown: kind lamp.", before)


@pytest.mark.parametrize("message", ["which of them is cheapest?", "the cheapest of those", "which is cheaper?"])
def test_which_end_of_the_shown_list_is_told(recommender: Recommender, message: str) -> None:
    talk = Conversation(recommender, k=12)
    before = talk.reply("a mug").state
    reply = talk.reply(message)
    assert (reply.text, reply.state) == ("“Red mug”: price 12.50 EUR, the lowest of them.", before)


def test_it_is_the_one_that_was_spoken_of_last(recommender: Recommender) -> None:
    talk = Conversation(recommender, k=12)
    talk.reply("a mug")
    talk.reply("tell me about the blue one")
    assert talk.reply("how much does it cost?").text == "The catalogue says of “Blue mug”: price 55.00 EUR."
    assert talk.reply("I'll take it").text == "Noted: you like “Blue mug”."


def test_cheaper_than_a_shown_one_is_cheaper_than_that_one(recommender: Recommender) -> None:
    talk = Conversation(recommender, k=12)
    talk.reply("a mug")
    assert found(talk.reply("is there something cheaper than the blue one?")) == {"red-mug", "green-mug"}


def test_a_step_back_lifts_what_the_steps_before_had_set(recommender: Recommender) -> None:
    talk = Conversation(recommender, k=12)
    talk.reply("a mug")
    assert found(talk.reply("cheaper")) == {"red-mug"}
    assert found(talk.reply("sorry, I meant more expensive")) == {"green-mug", "blue-mug"}


@pytest.mark.parametrize("message", ["I don't want green", "I do not want green", "get rid of the green ones"])
def test_what_one_does_not_want_is_not_shown(recommender: Recommender, message: str) -> None:
    talk = Conversation(recommender, k=12)
    talk.reply("a mug")
    assert found(talk.reply(message)) == {"red-mug", "blue-mug"}


def test_what_is_said_for_good_and_what_is_wanted_now_are_both_heard(recommender: Recommender) -> None:
    talk = Conversation(recommender, k=12)
    reply = talk.reply("I never want green. Show me a mug")
    assert found(reply) == {"red-mug", "blue-mug"}
    assert "Noted: never colour green." in reply.text
    talk.undo()
    assert "know nothing" in talk.reply("what do you know about me?").text


def test_a_button_is_no_yes_to_being_forgotten(recommender: Recommender) -> None:
    recommender.feedback("kim", "red-mug", "like")
    talk = Conversation(recommender, "kim")
    chip = talk.reply("a mug").chips[0]
    assert "Shall I erase" in talk.reply("forget me").text
    talk.remove(chip.key)
    talk.reply("yes")
    assert recommender.workspace.log.positives("kim")
    talk.reply("forget me")
    assert "You are forgotten" in talk.reply("yes").text
    assert not recommender.workspace.log.positives("kim")


def test_said_twice_and_undone_once_still_counts(recommender: Recommender) -> None:
    for user_id in (None, "lou"):
        talk = Conversation(recommender, user_id)
        talk.reply("I never want green")
        assert talk.reply("I never want green").text.count("never colour green") == 1
        talk.undo()
        assert "never colour green" in talk.reply("what do you know about me?").text


def test_a_claim_is_only_made_of_what_was_found(recommender: Recommender) -> None:
    reply = Conversation(recommender).reply("do you have a mug with a USB port?")
    assert "Yes" not in reply.text
    assert "Nothing that I found has “usb”" in reply.text


def test_undo_that_fails_undoes_nothing(recommender: Recommender, monkeypatch: pytest.MonkeyPatch) -> None:
    talk = Conversation(recommender, "mia", k=12)
    talk.reply("a mug")
    talk.reply("I like the red one")

    def fails(*_: object) -> int:
        raise StoreError("the disk is full")

    with monkeypatch.context() as broken:
        broken.setattr(recommender, "take_back", fails)
        assert "the disk is full" in talk.undo().text
    assert "you judged 1 of them" in talk.undo().text
    assert not recommender.workspace.log.positives("mia")


@pytest.mark.parametrize("message", ["the red one", "tell me about the red one"])
def test_who_only_names_a_shown_thing_is_told_of_it(recommender: Recommender, message: str) -> None:
    talk = Conversation(recommender, k=12)
    talk.reply("a mug")
    text = talk.reply(message).text
    assert text.startswith("The catalogue says of “Red mug”: kind mug; colour red;")
    assert "A plain mug, all red." in text


# --- who reads a message --------------------------------------------------------------------------------------------


class Reader(ScriptedModel):
    """Answers everything that is asked within a schema with the same text."""

    def __init__(self, answer: str) -> None:
        super().__init__()
        self._answer = answer

    def generate(
        self, prompts: Sequence[Prompt], *, max_tokens: int, form: Form = FREE, on_text: OnText | None = None
    ) -> list[str]:
        if form.schema is not None:
            return [self._answer for _ in prompts]
        return super().generate(prompts, max_tokens=max_tokens, form=form, on_text=on_text)


def reading(answer: str, tiny_shop: TinyShop, folder: Path, how: str) -> Reply:
    """What "hmm, gift for gran" becomes where a model that answers this reads it."""
    encoder, model = open_encoder(), Reader(answer)
    with Workspace.create(folder / "shop") as workspace:
        index_catalog(workspace, tiny_shop.catalog, encoder=encoder)
        with open_store(workspace) as store:
            finder = CandidateFinder(workspace, store, encoder)
            settings = RecommenderSettings(understanding=how)  # type: ignore[arg-type]
            with Recommender(workspace, finder, store, lambda: model, settings) as made:
                return Conversation(made).reply("hmm, gift for gran")


def test_a_model_may_read_the_messages(tiny_shop: TinyShop, tmp_path: Path) -> None:
    reply = reading('{"action":"search","want":{"kind":["scarf"]}}', tiny_shop, tmp_path, "model")
    assert found(reply) == {"red-scarf", "blue-scarf", "green-scarf"}
    assert reply.state.want == {"kind": ("scarf",)}


@pytest.mark.parametrize(
    ("answer", "how"),
    [("I think they want a scarf", "model"), ('{"action":"search","want":{"kind":["scarf"]}}', "auto")],
)
def test_rules_read_them_where_it_cannot_or_is_not_known_for_it(
    tiny_shop: TinyShop, tmp_path: Path, answer: str, how: str
) -> None:
    reply = reading(answer, tiny_shop, tmp_path, how)
    assert reply.state.want == {}
    assert "gift for gran" in reply.state.query
    assert found(reply)


@pytest.mark.parametrize("message", ["I love this one", "I don't like it", "is it washable?"])
def test_where_it_is_not_clear_which_one_is_meant_it_asks(recommender: Recommender, message: str) -> None:
    talk = Conversation(recommender, k=12)
    before = talk.reply("a mug").state
    reply = talk.reply(message)
    assert (reply.text, reply.state) == ("Which one do you mean? Say its number, or a word of its title.", before)


@pytest.mark.parametrize("rest", ["Show me a mug", "How are you?"])
def test_what_is_said_for_good_beside_something_is_undone_after_many_steps_too(
    recommender: Recommender, rest: str
) -> None:
    talk = Conversation(recommender, k=1)
    for place in range(32):
        talk.reply("a mug" if place % 2 else "a lamp")
    talk.reply(f"I never want green. {rest}")
    assert "never colour green" in talk.reply("what do you know about me?").text
    talk.undo()
    assert "know nothing" in talk.reply("what do you know about me?").text


def test_what_is_said_for_good_beside_a_wish_that_fails_is_not_kept(
    recommender: Recommender, monkeypatch: pytest.MonkeyPatch
) -> None:
    talk = Conversation(recommender)

    def fails(*_: object, **__: object) -> None:
        raise StoreError("the store is gone")

    monkeypatch.setattr(recommender, "recommend", fails)
    assert "the store is gone" in talk.reply("I never want green. Show me a mug").text
    assert "know nothing" in talk.reply("what do you know about me?").text


def test_a_yes_or_no_question_of_a_shown_thing_gets_its_yes_or_no(recommender: Recommender) -> None:
    talk = Conversation(recommender)
    shown = talk.reply("a red lamp").recommendations
    assert shown is not None
    assert shown[0].item.item_id == "red-lamp"
    assert talk.reply("is the first blue?").text.startswith("No. The catalogue says of “Red lamp”: colour red")
    green = talk.reply("is it green?")
    assert green.text.startswith("No. "), "it is the one spoken of last, and nobody wants green now"
    assert green.state.want["colour"] == ("red",)
    assert talk.reply("is it red?").text.startswith("Yes. ")
    assert talk.reply("is it red or blue?").text.startswith("The catalogue says"), "which of two is no yes or no"


def test_what_is_too_expensive_is_the_measure_of_what_comes_next(recommender: Recommender) -> None:
    talk = Conversation(recommender)
    shown = talk.reply("a mug").recommendations
    assert shown is not None
    place = [entry.item.item_id for entry in shown].index("green-mug") + 1
    cheaper = talk.reply(f"number {place} is too expensive").recommendations
    assert cheaper is not None
    assert [entry.item.item_id for entry in cheaper] == ["red-mug"]


def test_the_first_and_the_last_one_are_compared(recommender: Recommender) -> None:
    talk = Conversation(recommender)
    shown = talk.reply("a mug").recommendations
    assert shown is not None
    text = talk.reply("compare the first with the last one").text
    assert f"“{shown[0].item.title}” and “{shown[-1].item.title}” differ in" in text


@pytest.mark.parametrize("message", ["a zeppelin", "a red zeppelin", "is there a zeppelin?"])
def test_what_nothing_is_called_is_said(recommender: Recommender, message: str) -> None:
    assert "Nothing that I found has “zeppelin”" in Conversation(recommender).reply(message).text


@pytest.mark.parametrize("message", ["a lamp", "something cosy", "a present for my grandmother"])
def test_what_is_no_thing_by_name_need_not_be_called_so(recommender: Recommender, message: str) -> None:
    assert "Nothing that I found" not in Conversation(recommender).reply(message).text


@pytest.mark.parametrize(
    "message", ["is it ok if we look at blue ones instead?", "does it have to be blue?", "is there one in blue?"]
)
def test_a_wish_in_a_question_is_a_wish(recommender: Recommender, message: str) -> None:
    talk = Conversation(recommender)
    talk.reply("a red lamp")
    talk.reply("tell me about the first")
    assert talk.reply(message).state.want["colour"] == ("blue",)


def test_no_verdict_on_what_the_catalogue_does_not_tell(recommender: Recommender) -> None:
    talk = Conversation(recommender)
    talk.reply("a red lamp")
    assert talk.reply("is the first red lamp cheap?").text.startswith("The catalogue says of “Red lamp”: price")


@pytest.mark.parametrize("message", ["is the first too expensive?", "the first is not too expensive"])
def test_what_is_asked_about_or_is_not_so_is_no_bound(recommender: Recommender, message: str) -> None:
    talk = Conversation(recommender)
    talk.reply("a mug")
    assert talk.reply(message).state.at_most == {}
