"""Whole conversations over a real workspace, whose right answers are planted in the tiny shop."""

from __future__ import annotations

import asyncio
import io
import random
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from PIL import Image

from agent.conversation import CardsReady, Conversation, ReasonGrows, Replied, Reply, StageBegun
from agent.dialogue_state import DialogueState
from agent.feedback import ANONYMOUS
from agent.models.scripted import ScriptedModel
from agent.recommender import Recommender
from agent.settings import RecommenderSettings
from retrieval.candidates import CandidateFinder
from retrieval.encoders import open_encoder
from retrieval.errors import FilterError, StoreError
from retrieval.indexing import index_catalog
from retrieval.store import open_store
from retrieval.types import EventType
from retrieval.workspace import Workspace
from tests.conftest import TinyShop, draw_product

COLOURS = {"red", "green", "blue"}
Talk = Callable[..., Conversation]


@pytest.fixture(scope="module")
def recommender(tiny_shop: TinyShop, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Recommender]:
    encoder, model = open_encoder(), ScriptedModel()
    with Workspace.create(tmp_path_factory.mktemp("talk") / "shop") as workspace:
        index_catalog(workspace, tiny_shop.catalog, encoder=encoder)
        workspace.log.import_file(tiny_shop.interactions)
        with open_store(workspace) as store:
            finder = CandidateFinder(workspace, store, encoder)
            with Recommender(workspace, finder, store, lambda: model, RecommenderSettings()) as made:
                yield made


@pytest.fixture
def talk(recommender: Recommender) -> Talk:
    """A new conversation, after these messages."""

    def talk(*messages: str, user_id: str | None = None, k: int = 3) -> Conversation:
        conversation = Conversation(recommender, user_id, k=k)
        for message in messages:
            conversation.reply(message)
        return conversation

    return talk


def found(reply: Reply) -> list[str]:
    return [] if reply.recommendations is None else [rec.item.item_id for rec in reply.recommendations]


def labels(reply: Reply) -> list[str]:
    return [chip.label for chip in reply.chips]


# --- wishes ---------------------------------------------------------------------------------------------------------


def test_a_first_wish_is_filtered_by_what_it_names(talk: Talk) -> None:
    reply = talk().reply("a mug under 40 euros")
    assert set(found(reply)) == {"red-mug", "green-mug"}
    assert labels(reply) == ["kind mug", "price at most 40"]
    assert "kind mug" in reply.text
    assert reply.note is None


def test_cheaper_keeps_the_kind(talk: Talk) -> None:
    conversation = talk("a mug")
    reply = conversation.reply("something cheaper please")
    assert found(reply) == ["red-mug"]
    assert labels(reply) == ["kind mug", "price at most 29.99"]


def test_a_refused_value_is_not_shown_again(talk: Talk) -> None:
    reply = talk("a lamp").reply("not green")
    assert set(found(reply)) == {"red-lamp", "blue-lamp"}
    assert labels(reply) == ["kind lamp", "not colour green"]


def test_another_value_takes_the_first_ones_place(talk: Talk) -> None:
    conversation = talk("a red lamp")
    assert found(conversation.reply("in blue instead")) == ["blue-lamp"]
    assert set(found(conversation.reply("any colour is fine"))) == {"red-lamp", "green-lamp", "blue-lamp"}


def test_one_of_those_shown_in_another_colour(talk: Talk) -> None:
    conversation = talk("green scarf", k=1)
    reply = conversation.reply("the first one but in blue")
    assert found(reply) == ["blue-scarf"]
    assert "like Green scarf" in labels(reply)


def test_more_like_one_of_those_shown_leaves_that_one_out(talk: Talk) -> None:
    conversation = talk()
    first = conversation.reply("mugs")
    place = found(first).index("green-mug") + 1
    reply = conversation.reply(f"more like number {place}")
    assert reply.state.like == "green-mug"
    assert set(found(reply)) == {"red-mug", "blue-mug"}


def test_a_new_wish_forgets_the_old_one(talk: Talk) -> None:
    reply = talk("a red lamp under 40 euros").reply("I need a scarf now")
    assert labels(reply) == ["kind scarf"]
    assert set(found(reply)) == {f"{colour}-scarf" for colour in COLOURS}


def test_a_number_of_items_is_kept_to(talk: Talk) -> None:
    assert len(found(talk().reply("show me 2 lamps"))) == 2


def test_what_no_attribute_covers_is_searched_for_by_meaning(talk: Talk) -> None:
    reply = talk().reply("a plain lamp")
    assert (reply.state.query, labels(reply)) == ("plain", ["kind lamp", "plain"])
    assert set(found(reply)) == {f"{colour}-lamp" for colour in COLOURS}
    assert talk().reply("something plain").state == DialogueState(query="plain")


def test_a_picture_is_asked_with_and_stays_for_the_next_message(talk: Talk) -> None:
    conversation = talk(k=1)
    assert found(conversation.reply("", image=draw_product("clock", "green"))) == ["green-clock"]
    reply = conversation.reply("not green")
    assert found(reply)[0].endswith("-clock")
    assert labels(reply) == ["not colour green", "your picture"]
    assert labels(conversation.remove("picture")) == ["not colour green"]


# --- when nothing fits ----------------------------------------------------------------------------------------------


def offered(reply: Reply) -> list[str]:
    return [offer.label for offer in reply.offers]


def test_of_what_empties_the_list_the_reply_offers_to_leave_one_part_out(talk: Talk) -> None:
    conversation = talk("a mug under 20 euros")
    reply = conversation.reply("in blue instead")
    assert reply.text == "Nothing fits all of that. Shall I look for it without colour blue (1)?"
    assert (found(reply), labels(reply)) == ([], ["kind mug", "colour blue", "price at most 20"])
    assert offered(reply) == ["without colour blue (1)", "without price at most 20 (1)"]
    reply = conversation.choose(reply.offers[1].key)
    assert (found(reply), labels(reply)) == (["blue-mug"], ["kind mug", "colour blue"])


@pytest.mark.parametrize("yes", ["yes please", "Sure!", "ok", "go ahead"])
def test_a_yes_takes_the_first_offer(talk: Talk, yes: str) -> None:
    reply = talk("a mug under 20 euros", "in blue instead").reply(yes)
    assert (found(reply), labels(reply)) == (["red-mug"], ["kind mug", "price at most 20"])


def test_a_no_leaves_the_wish_as_it_is(talk: Talk) -> None:
    conversation = talk("a mug under 20 euros", "in blue instead")
    assert conversation.reply("no thanks").text.startswith("As you like")
    assert labels(conversation.reply("yes")) == ["kind mug", "colour blue", "price at most 20"]


def test_what_things_are_is_offered_last(talk: Talk) -> None:
    reply = talk("a red lamp for the bedroom").reply("a clock for the bedroom")
    assert offered(reply) == ["without rooms bedroom (3)", "without kind clock (6)"]


def test_where_no_single_part_is_to_blame_what_comes_near_is_offered(talk: Talk) -> None:
    conversation = talk()
    reply = conversation.reply("a blue mug for the bedroom under 20 euros")
    assert (found(reply), offered(reply)) == ([], ["what comes near"])
    reply = conversation.choose(reply.offers[0].key)
    assert reply.state.where() is None
    assert "blue-mug" in found(reply)


# --- others ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "more",
    ["show me more", "anything else?", "more please", "what else do you have", "Any others?", "next", "two more"],
)
def test_more_is_others_for_the_same_wish_until_there_are_none(talk: Talk, more: str) -> None:
    conversation = talk(k=2)
    first = conversation.reply("something for the bedroom")
    seen = found(first)
    for _ in range(2):
        reply = conversation.reply(more)
        assert len(found(reply)) == 2
        assert not set(found(reply)) & set(seen)
        assert labels(reply)[:1] == ["rooms bedroom"]
        seen += found(reply)
    assert all(item_id.endswith(("-lamp", "-scarf")) for item_id in seen)
    last = conversation.reply(more)
    assert last.text.startswith("That is all there is for this. Shall I look for it without rooms bedroom")
    assert set(found(conversation.reply("yes"))) <= {
        f"{colour}-{kind}" for colour in COLOURS for kind in ("mug", "clock")
    }


def test_a_refinement_shows_what_is_new_first(talk: Talk) -> None:
    conversation = talk(k=2)
    first = found(conversation.reply("something for the bedroom"))
    again = found(conversation.reply("under 100 euros"))
    assert len(again) == 2
    assert not set(first) & set(again)
    assert len(found(conversation.reply("a lamp under 40 euros"))) == 2


# --- a wish that says too little ------------------------------------------------------------------------------------


def test_a_wish_that_is_too_wide_is_asked_about_once(talk: Talk) -> None:
    conversation = talk()
    reply = conversation.reply("something nice")
    assert reply.text.endswith("Which kind do you have in mind: mug, lamp, scarf, clock, another?")
    assert found(reply)
    assert offered(reply) == ["mug", "lamp", "scarf", "clock"]
    assert "?" not in conversation.reply("I need something").text


def test_the_answer_to_the_question_can_be_chosen_or_said(talk: Talk) -> None:
    assert set(found(talk("something nice").reply("a lamp"))) == {f"{colour}-lamp" for colour in COLOURS}
    conversation = talk()
    offers = conversation.reply("something nice").offers
    assert set(found(conversation.choose(offers[2].key))) == {f"{colour}-scarf" for colour in COLOURS}


def test_whom_something_is_known_of_and_who_wants_a_surprise_is_not_asked(talk: Talk) -> None:
    assert "?" not in talk(user_id="ann").reply("something nice").text
    assert "?" not in talk().reply("surprise me").text


# --- what is known of a person --------------------------------------------------------------------------------------


def test_undo_takes_a_like_out_of_the_log_again(talk: Talk, recommender: Recommender) -> None:
    log, conversation = recommender.workspace.log, talk(user_id="undoer")
    conversation.reply("a clock")
    conversation.reply("I like the first one")
    assert len(log.positives("undoer")) == 1
    assert "Taken back: you judged 1 of them" in conversation.undo().text
    assert (log.history("undoer"), log.positives("undoer")) == ([], [])
    assert labels(conversation.reply("cheaper"))[0] == "kind clock"


def test_what_is_said_for_good_counts_in_the_next_conversation(talk: Talk) -> None:
    reply = talk(user_id="habitual").reply("I never want green")
    assert "Noted for now and next time: never colour green." in reply.text
    conversation = talk(user_id="habitual")
    reply = conversation.reply("a lamp")
    assert set(found(reply)) == {"red-lamp", "blue-lamp"}
    assert labels(reply) == ["kind lamp", "never colour green"]
    assert "never colour green" in conversation.reply("what do you know about me?").text
    assert "green-lamp" in found(conversation.remove(reply.chips[1].key))
    assert "green-lamp" in found(conversation.reply("a green lamp"))
    assert set(found(talk(user_id="somebody-else").reply("a lamp"))) == {f"{colour}-lamp" for colour in COLOURS}


def test_a_loved_value_comes_first_next_time(talk: Talk) -> None:
    talk(user_id="lover", k=1).reply("I love blue")
    for kind in ("lamp", "mug", "scarf"):
        assert found(talk(user_id="lover", k=1).reply(f"a {kind}")) == [f"blue-{kind}"]


def test_undo_takes_back_what_was_said_for_good(talk: Talk, recommender: Recommender) -> None:
    conversation = talk("a lamp", user_id="changes-mind")
    assert set(found(conversation.reply("I hate green"))) == {"red-lamp", "blue-lamp"}
    assert "never colour green" in conversation.undo().text
    assert recommender.workspace.preferences.of("changes-mind") == ()
    assert labels(conversation.reply("thanks")) == ["kind lamp"]


def test_nobody_in_particular_has_habits_for_a_conversation(talk: Talk, recommender: Recommender) -> None:
    conversation = talk()
    assert "Noted for this conversation" in conversation.reply("I can't stand red").text
    assert set(found(conversation.reply("a lamp"))) == {"green-lamp", "blue-lamp"}
    assert "red-lamp" in found(talk().reply("a lamp"))
    assert recommender.workspace.preferences.of(ANONYMOUS) == ()


def test_to_be_forgotten_needs_a_yes(talk: Talk, recommender: Recommender) -> None:
    log = recommender.workspace.log
    conversation = talk("a clock", "I like the first one", "I never want green", user_id="leaver")
    reply = conversation.reply("forget everything about me")
    assert "Shall I erase all of it?" in reply.text
    assert conversation.reply("no").text == "Nothing is erased."
    assert "erased" not in conversation.reply("yes").text
    conversation.reply("please forget me")
    reply = conversation.reply("yes")
    assert "erased: " in reply.text
    assert (reply.state, reply.chips) == (DialogueState(), ())
    assert log.history("leaver", types=list(EventType)) == []
    assert recommender.workspace.preferences.of("leaver") == ()
    assert "I know nothing about you yet" in conversation.reply("what do you know about me?").text
    assert log.positives("ann")


def test_somebody_who_knows_everything_is_told_so(recommender: Recommender) -> None:
    for item_id in recommender.workspace.items.ids():
        recommender.feedback("knows-all", item_id, EventType.VIEW)
    reply = Conversation(recommender, "knows-all").reply("a mug")
    assert found(reply) == []
    assert "nothing new to suggest" in reply.text


# --- questions ------------------------------------------------------------------------------------------------------


def test_a_comparison_tells_the_attributes_that_differ_with_both_values(talk: Talk) -> None:
    conversation = talk("a mug")
    reply = conversation.reply("compare the red mug and the blue mug")
    assert "“Red mug”" in reply.text
    assert "“Blue mug”" in reply.text
    assert "colour: red and blue; price: 12.50 EUR and 55.00 EUR" in reply.text
    assert "rooms" not in reply.text
    assert reply.recommendations is None
    for message in ("compare the first", "what is the difference?"):
        reply = conversation.reply(message)
        assert reply.text.startswith("Tell me which two to compare")
        assert labels(reply) == ["kind mug"]


@pytest.mark.parametrize(
    ("question", "told"),
    [
        ("what does the red mug cost?", "price 12.50 EUR"),
        ("which rooms is the red mug for?", "rooms kitchen, office"),
        ("what colour is the red mug?", "colour red"),
        ("is the red mug plain?", "“A plain mug, all red.”"),
        ("tell me about number 1", "kind mug; colour red;"),
        ("what is the red mug made of?", "does not tell that of “Red mug”"),
        ("how expensive is the red mug?", "price 12.50 EUR"),
        ("is the red mug dishwasher safe?", "does not tell that of “Red mug”"),
        ("does the red mug come with a guarantee?", "does not tell that of “Red mug”"),
    ],
)
def test_a_question_is_answered_from_the_items_own_attributes_or_not_at_all(
    talk: Talk, question: str, told: str
) -> None:
    conversation = talk("a mug")
    reply = conversation.reply(question)
    assert told in reply.text
    assert reply.recommendations is None
    assert labels(reply) == ["kind mug"]


def test_why_tells_the_evidence_of_the_item(talk: Talk) -> None:
    conversation = talk()
    shown = conversation.reply("a mug").recommendations
    assert shown is not None
    second = conversation.reply("why the second one?").text
    assert second.startswith(f"“{shown[1].item.title}”: {shown[1].reason}")
    assert all(fact.text in second for fact in shown[1].evidence)
    assert conversation.reply("why this?").text == second, "this is the one that was spoken of last"
    assert talk().reply("why?").text.startswith("Nothing has been shown yet")


@pytest.mark.parametrize("user_id", ["gus", None])
def test_likes_and_dislikes_are_logged_under_the_answer_that_showed_the_item(
    talk: Talk, recommender: Recommender, user_id: str | None
) -> None:
    conversation = talk(user_id=user_id)
    shown = conversation.reply("a clock").recommendations
    assert shown is not None
    for message, place, kind in (
        ("I like the first one", 0, EventType.LIKE),
        ("I don't like the second", 1, EventType.DISLIKE),
    ):
        reply = conversation.reply(message)
        assert reply.text.startswith("Noted")
        assert shown[place].item.title in reply.text
        event = recommender.workspace.log.history(user_id or ANONYMOUS, types=[kind])[-1]
        assert (event.item_id, event.request_id, event.position) == (
            shown[place].item.item_id,
            shown.request_id,
            place,
        )


def test_small_talk_is_answered_and_nothing_is_searched(talk: Talk) -> None:
    conversation = talk("a red lamp")
    for message, told in (("thanks!", "welcome"), ("hello", "Hello"), ("good bye", "Goodbye")):
        reply = conversation.reply(message)
        assert told in reply.text
        assert reply.recommendations is None
        assert labels(reply) == ["kind lamp", "colour red"]


# --- questions about the catalogue ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("question", "told"),
    [
        ("do you have mugs?", "Yes: 3 things with kind mug fit."),
        ("Are there any blue lamps?", "Yes: 1 thing with kind lamp, colour blue fits."),
        ("how many lamps do you have?", "3 things with kind lamp fit."),
        ("how many mugs under 40 euros are there?", "2 things with kind mug, price at most 40 fit."),
        ("do you have sofas?", "Nothing that I found has “sofas” in its description; this comes nearest."),
    ],
)
def test_questions_about_the_catalogue_are_counted_and_what_was_found_is_shown(
    talk: Talk, question: str, told: str
) -> None:
    reply = talk().reply(question)
    assert reply.text.startswith(told)
    assert found(reply)


def test_which_values_there_are_is_told_with_counts_to_choose_from(talk: Talk) -> None:
    conversation = talk()
    reply = conversation.reply("what colours do you have?")
    assert reply.text == "The catalogue has 3 values of colour: red (4), green (4), blue (4)."
    assert reply.recommendations is None
    assert {item_id.split("-")[0] for item_id in found(conversation.choose(reply.offers[2].key))} == {"blue"}
    assert "4 values of kind: mug (3), lamp (3), scarf (3), clock (3)" in talk().reply("What do you sell?").text
    reply = talk().reply("which rooms are there mugs for?")
    assert reply.text.startswith("The catalogue has 2 values of rooms of mug: kitchen (3), office (3).")
    assert set(found(reply)) == {f"{colour}-mug" for colour in COLOURS}
    after = talk("a mug")
    reply = after.reply("and which rooms?")
    assert reply.text == "The catalogue has 2 values of rooms of mug: kitchen (3), office (3)."
    assert labels(after.choose(reply.offers[0].key)) == ["kind mug", "rooms kitchen"]
    assert "values of" not in talk("a mug").reply("which colour fits?").text


def test_a_question_about_what_is_shown_keeps_the_wish(talk: Talk) -> None:
    reply = talk("a mug").reply("do you have it in blue?")
    assert reply.text.startswith("Yes: 1 thing with kind mug, colour blue fits.")
    assert found(reply) == ["blue-mug"]


# --- several values -------------------------------------------------------------------------------------------------


def test_two_values_of_what_a_thing_has_several_of_must_both_hold(talk: Talk) -> None:
    assert {i.split("-")[1] for i in found(talk(k=12).reply("for the kitchen and the office"))} == {"mug", "clock"}
    assert offered(talk().reply("for the kitchen and the bedroom")) == [
        "without rooms bedroom (6)",
        "without rooms kitchen (6)",
    ]
    assert len(found(talk(k=12).reply("for the kitchen or the bedroom"))) == 12


def test_two_values_of_what_a_thing_has_one_of_are_alternatives(talk: Talk) -> None:
    assert set(found(talk().reply("a red and blue lamp"))) == {"red-lamp", "blue-lamp"}


# --- while it works -------------------------------------------------------------------------------------------------


def test_a_stream_tells_stages_then_cards_then_the_reply(talk: Talk) -> None:
    events = list(talk().reply_stream("a mug under 40 euros"))
    stages = [event.stage for event in events if isinstance(event, StageBegun)]
    assert stages == ["understand", "retrieve", "rerank", "reasons", "log"]
    cards = [event for event in events if isinstance(event, CardsReady)]
    assert len(cards) == 1
    assert events.index(cards[0]) > events.index(StageBegun("rerank"))
    last = events[-1]
    assert isinstance(last, Replied)
    assert [entry.item.item_id for entry in cards[0].entries] == found(last.reply)
    assert all(entry.reason for entry in cards[0].entries)
    grown = [event for event in events if isinstance(event, ReasonGrows)]
    assert {event.place for event in grown} == set(range(len(cards[0].entries)))
    assert events.index(grown[0]) > events.index(cards[0])
    reasons = [entry.reason for entry in last.reply.recommendations or ()]
    assert all(reasons[event.place].startswith(event.words) for event in grown)
    assert labels(last.reply) == ["kind mug", "price at most 40"]


def test_who_stops_listening_has_a_conversation_that_moved_on(talk: Talk) -> None:
    conversation = talk()
    stream = conversation.reply_stream("a mug")
    next(stream)
    stream.close()
    assert labels(conversation.reply("not green")) == ["kind mug", "not colour green"]


def test_a_fault_in_a_stream_is_raised_where_it_is_listened_to(
    talk: Talk, recommender: Recommender, monkeypatch: pytest.MonkeyPatch
) -> None:
    conversation = talk()
    monkeypatch.setattr(recommender, "facets", lambda: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        list(conversation.reply_stream("a mug"))


def test_the_reply_can_be_awaited(talk: Talk) -> None:
    async def both() -> list[Reply]:
        return await asyncio.gather(talk().areply("a mug"), talk().areply("a lamp"))

    mugs, lamps = asyncio.run(both())
    assert (labels(mugs), labels(lamps)) == (["kind mug"], ["kind lamp"])


# --- steps back -----------------------------------------------------------------------------------------------------


def test_undo_brings_back_what_stood_and_what_was_shown(talk: Talk) -> None:
    conversation = talk()
    first = conversation.reply("a lamp")
    conversation.reply("not green")
    conversation.reply("thanks!")
    back = conversation.undo()
    assert (back.state, back.recommendations) == (first.state, first.recommendations)
    assert found(conversation.reply("cheaper")) == ["red-lamp"]
    conversation.undo()
    assert conversation.undo().state == DialogueState()
    assert "nothing to take back" in conversation.undo().text


def test_a_removed_chip_is_no_longer_wished(talk: Talk) -> None:
    conversation = talk()
    chips = conversation.reply("a mug under 20 euros").chips
    reply = conversation.remove(chips[-1].key)
    assert set(found(reply)) == {f"{colour}-mug" for colour in COLOURS}
    assert labels(reply) == ["kind mug"]
    assert labels(conversation.remove("no such key")) == ["kind mug"]


# --- what goes wrong ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "message",
    [
        "",
        " \n\t",
        "\x00\x1b[31m\u202emug\x07",
        "mug " * 2500,
        "9" * 10_000,
        "under " + "9" * 900,
        "<script>alert(1)</script> mug",
        "'; drop table items; -- a mug\\",
        "\"mug' and `price` < 'x' or 1=1",
        "\ud800 mug",
        "¿dónde está la taza?",
        "?!…",
    ],
)
def test_no_message_ends_the_conversation(talk: Talk, message: str) -> None:
    conversation = talk(user_id="nobody-knows-me")
    for _ in range(2):
        reply = conversation.reply(message)
        assert reply.text
        assert not any(ord(character) < 32 for character in reply.text + "".join(labels(reply)))
    assert set(found(conversation.reply("I need a lamp now"))) == {f"{colour}-lamp" for colour in COLOURS}


def test_noise_of_any_kind_is_answered(talk: Talk) -> None:
    random_ = random.Random(7)
    words = ("mug", "not", "first", "but", "in", "blue", "'", "compare", "like", "why", "40", "under", "cheaper", "?")
    conversation = talk(user_id="noise")
    for _ in range(20):
        assert conversation.reply(" ".join(random_.choices(words, k=random_.randint(1, 8)))).text


def test_a_user_id_that_cannot_be_is_told_and_not_raised(talk: Talk) -> None:
    assert "user_id has 300 characters" in talk(user_id="x" * 300).reply("a mug").text


def test_a_filter_that_fails_leaves_the_words(
    talk: Talk, recommender: Recommender, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(**request: object) -> int:
        raise FilterError("the filter has 3,000 characters")

    conversation = talk()
    monkeypatch.setattr(recommender, "count", fail)
    reply = conversation.reply("a red mug")
    assert found(reply)[0] == "red-mug"
    assert reply.state == DialogueState(query="a red mug")
    assert "3,000 characters" in str(reply.note)


def test_a_store_that_fails_leaves_the_conversation_where_it_was(
    talk: Talk, recommender: Recommender, monkeypatch: pytest.MonkeyPatch
) -> None:
    conversation = talk("a red mug")

    def fail(**request: object) -> None:
        raise StoreError("the disk is full")

    with monkeypatch.context() as broken:
        broken.setattr(recommender, "recommend", fail)
        reply = conversation.reply("in blue instead")
        assert "the disk is full" in reply.text
        assert labels(reply) == ["kind mug", "colour red"]
    assert found(conversation.reply("in blue instead")) == ["blue-mug"]


def test_a_broken_picture_is_told_and_left_out(talk: Talk, tmp_path: Path) -> None:
    reply = talk().reply("a red mug", image=b"no picture")
    assert found(reply) == ["red-mug"]
    assert "picture was left out" in str(reply.note)
    alone = talk().reply("", image=tmp_path / "missing.png")
    assert (alone.recommendations, alone.text) == (None, "Tell me what you are looking for.")
    assert "picture was left out" in str(alone.note)


def test_a_picture_may_be_bytes(talk: Talk) -> None:
    buffer = io.BytesIO()
    Image.new("RGB", (64, 64), "white").save(buffer, "PNG")
    assert found(talk().reply("a red mug", image=buffer.getvalue())) == ["red-mug"]
