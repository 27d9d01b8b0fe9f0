"""Evidence is true, reasons say nothing else, and there is always something true to say."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from agent.evidence import Trace, gather_evidence
from agent.explain import ToExplain, plain_reasons, write_reasons
from agent.facts import CatalogueFacts
from agent.models.scripted import ScriptedModel
from agent.prompts import Shown
from agent.reason_check import ReasonCheck
from agent.sentences import plain_reason
from agent.settings import ReasonSettings
from retrieval.errors import ModelUnavailableError
from retrieval.types import Evidence, EvidenceKind, Item, Money, ReasonSource

HEAT = Item(
    "heat",
    "Heat",
    {
        "year": 1995,
        "genres": ("Action", "Crime", "Thriller"),
        "director": "Michael Mann",
        "plot": "A detective hunts a crew of robbers who plan one last heist, while both men watch their lives fall.",
        "price": Money(4990, "EUR"),
    },
)
THIEF = Item("thief", "Thief", {"year": 1981, "genres": ("Crime", "Drama"), "director": "Michael Mann"})
FARGO = Item("fargo", "Fargo", {"year": 1996, "genres": ("Crime", "Drama"), "director": "Joel Coen"})
RED_ROCK = Item("red", "Red Rock West", {"year": 1992, "genres": ("Thriller",), "director": "John Dahl"})
IT = Item("it", "It", {"genres": ("Horror",), "director": "Tommy Wallace"})
LAMP = Item("lamp", "Bolvo lamp", {"colour": "red", "pattern": "stripes", "material": "steel"})
MUG = Item("mug", "Tarn mug", {"colour": "blue", "pattern": "dots", "material": "oak"})
FILLER = [Item(f"f{n}", f"Filler Film {n}", {"genres": ("Drama",), "director": f"Nobody {n}"}) for n in range(12)]
FACTS = CatalogueFacts([HEAT, THIEF, FARGO, RED_ROCK, IT, LAMP, MUG, *FILLER])


def evidence(
    item: Item = HEAT, request: str | None = None, history: Sequence[Item] = (), traces: Sequence[Trace] = ()
) -> tuple[Evidence, ...]:
    return gather_evidence(item, request=request, history=history, traces=traces, facts=FACTS)


def problem_of(
    reason: str, item: Item, given: Sequence[Evidence], request: str | None, facts: CatalogueFacts
) -> str | None:
    return ReasonCheck(item, given, request, facts).problem(reason)


def texts(*args: object, **kwargs: object) -> list[str]:
    return [fact.text for fact in evidence(*args, **kwargs)]  # type: ignore[arg-type]


class TestEvidence:
    def test_attribute_values_come_before_prose(self) -> None:
        assert texts(HEAT, "a slow-burn heist crime film") == [
            "matches the request: Crime (genres)",
            "matches the request: heist (plot)",
        ]

    def test_different_forms_of_a_word_match(self) -> None:
        assert texts(LAMP, "something striped, in red") == [
            "matches the request: red (colour)",
            "matches the request: stripes (pattern)",
        ]

    def test_numbers_and_titles_match(self) -> None:
        assert texts(HEAT, "Heat from 1995") == [
            "matches the request: 1995 (year)",
            "matches the request: Heat (title)",
        ]
        assert texts(RED_ROCK, "red rock") == ["matches the request: Red Rock (title)"]

    def test_a_word_for_any_item_is_no_wish(self) -> None:
        noir = Item("n", "The Film", {"genres": ("Film-Noir", "Drama")})
        assert texts(noir, "a slow film") == []
        assert texts(noir, "film noir") == ["matches the request: Film-Noir (genres)"]

    def test_titles_are_named_exactly(self) -> None:
        assert texts(Item("b", "Paris Is Burning"), "a slow-burn heist") == []
        assert texts(Item("h", "The Heist"), "heists") == ["matches the request: Heist (title)"]

    def test_words_that_ask_are_no_wish(self) -> None:
        assert texts(IT, "I want something like it, please") == []

    def test_the_rarest_shared_value_comes_first_and_names_the_item(self) -> None:
        found = evidence(HEAT, history=[FARGO, THIEF])
        assert found[0].text == "shares director Michael Mann with Thief"
        assert found[0] == Evidence(
            EvidenceKind.HISTORY, found[0].text, "director", "Michael Mann", item_id="thief", title="Thief"
        )
        assert found[1].text == "shares genres Crime with Fargo"

    def test_what_nearly_all_items_have_is_no_reason(self) -> None:
        common = [Item(str(n), f"Shirt {n}", {"kind": "shirt"}) for n in range(10)]
        facts = CatalogueFacts(common)
        assert gather_evidence(common[0], request=None, history=common[1:3], traces=[], facts=facts) == ()

    def test_numbers_that_agree_by_chance_are_not_shared(self) -> None:
        twin = Item("twin", "Twin", {"year": 1995, "price": Money(4990, "EUR")})
        assert texts(HEAT, history=[twin]) == []

    def test_retrievers_tell_through_what_they_found_it(self) -> None:
        traces = [Trace("look", FARGO), Trace("people", THIEF), Trace("popular")]
        assert texts(traces=traces) == [
            "looks like Fargo",
            "people who liked Thief liked it too",
            "popular with many people",
        ]
        assert texts(traces=[Trace("look")]) == ["looks like your picture"]

    def test_a_value_is_told_once(self) -> None:
        assert texts(HEAT, "crime", [FARGO]) == ["matches the request: Crime (genres)"]

    def test_markup_in_titles_and_values_is_cleaned(self) -> None:
        hostile = Item("x", "<image> {title}", {"maker": "<b>Evil</b>"})
        other = Item("y", "y", {"maker": "<b>Evil</b>"})
        (fact,) = gather_evidence(
            other, request=None, history=[hostile], traces=[], facts=CatalogueFacts([hostile, other, *FILLER])
        )
        assert fact.text == "shares maker ‹b›Evil‹/b› with ‹image› (title)"


GIVEN = evidence(HEAT, "a slow-burn heist film", [FARGO, THIEF], [Trace("look", RED_ROCK)])
REQUEST = "a slow-burn heist film"


class TestCheck:
    @pytest.mark.parametrize(
        "reason",
        [
            "Like Thief, it has the director Michael Mann.",
            "You asked for a heist, and its plot has one. It is a Crime film from 1995.",
            "Its director is Michael Mann, as with Thief, which you liked.",
            "It looks like Red Rock West, which you liked.",
            "Heat shares the genres Crime with Fargo!",
            "A thriller about a crew of robbers, for 49.90 EUR; you asked for a “slow-burn” heist.",
            "It's a crime story in which a detective hunts robbers; you liked Fargo.",
        ],
    )
    def test_what_is_true_passes(self, reason: str) -> None:
        assert problem_of(reason, HEAT, GIVEN, REQUEST, FACTS) is None

    @pytest.mark.parametrize(
        ("reason", "problem"),
        [
            ("", "empty"),
            ("...", "empty"),
            ("It has the director Michael Mann and", "cut off"),
            ("word " * 61 + ".", "more than 60 words"),
            ("One. Two. Three. Four.", "sentences"),
            ("See <b>this</b> film.", "markup"),
            ("See https://example.org now.", "markup"),
            ("A \u202efilm for you.", "markup"),
            ("It has the director Joel Coen.", "Joel Coen"),
            ("A Drama for you.", "Drama"),
            ("It is a drama like Thief.", "drama"),
            ("If you liked Filler Film 3, see this.", "3"),
            ("You liked Filler Film, and this is close.", "Filler"),
            ("It is from 1981.", "1981"),
            ("It costs 50 EUR.", "50"),
            ("Reviewers call it “a triumph”.", "a triumph"),
            ("It was directed by Spielberg.", "Spielberg"),
            ("Coen made it.", "Coen"),
            ("It is popular with many people.", "popular"),
            ("People who liked Thief liked it too.", "people"),
            ("It looks like your picture.", "picture"),
            ("Its director is somebody.", "somebody"),
            ("Its director is quentin.", "quentin"),
            ("A horror film about a heist.", "horror"),
            ("Its title speaks of crime.", "crime"),
            ("Its plot mentions a wedding.", "wedding"),
            ("It is not Crime.", "denies"),
            ("You liked Red liked it too.", "part of a title"),
            ("It has the director Michael Mann in the.", "left out"),
            ("It has the its director Michael Mann.", "left out"),
            ("Like Thief.", "left out"),
            ("You asked for crime, and this is what its this is what its director says.", "left out"),
            ("You asked for crime, and this is what its description is close to.", "left out"),
            ("Like Thief, which you liked.", "left out"),
            ("It is a Crime film, and like Thief.", "left out"),
            ("Its director is Michael Mann. As with Fargo.", "left out"),
            ("It is a Crime film without robbers.", "denies"),
            ("It is waterproof and free of charge.", "waterproof"),
            ("A masterpiece.", "masterpiece"),
            ("It costs ten euros.", "costs"),
            ("It is a slow-burn film.", "slow"),
            ("It answers your wish for Thriller.", "Thriller"),
            ("It answers your wish for norn.", "norn"),
            ("You asked for a heist. You asked for a heist.", "twice"),
            ("Its description is close to what you asked for.", "meaning"),
        ],
    )
    def test_what_is_not_known_to_be_true_fails(self, reason: str, problem: str) -> None:
        found = problem_of(reason, HEAT, GIVEN, REQUEST, FACTS)
        assert found is not None
        assert problem in found

    def test_closeness_may_be_told_where_the_retriever_found_it(self) -> None:
        given = evidence(HEAT, "robbers", traces=[Trace("meaning"), Trace("taste", THIEF)])
        assert problem_of("Its description is close to what you asked for.", HEAT, given, "robbers", FACTS) is None
        assert problem_of("Taken as a whole, it is similar to Thief.", HEAT, given, "robbers", FACTS) is None

    def test_a_wish_that_the_item_does_not_fulfil_is_no_reason(self) -> None:
        given = evidence(LAMP, "something blue of steel")
        assert problem_of("Its colour is blue, as you asked.", LAMP, given, "something blue of steel", FACTS)
        assert problem_of("Its material is steel, as you asked.", LAMP, given, "something blue of steel", FACTS) is None

    def test_another_form_of_a_foreign_value_is_caught(self) -> None:
        assert problem_of("A dotted lamp.", LAMP, evidence(LAMP, "a lamp"), "a lamp", FACTS)

    def test_an_unfounded_look_or_liking_is_caught(self) -> None:
        assert problem_of("It looks like Heat.", HEAT, (), None, FACTS)
        assert problem_of("You liked something like Heat.", HEAT, (), None, FACTS)
        assert problem_of("It is what you asked for.", HEAT, (), None, FACTS)

    def test_what_a_liked_items_title_says_is_neither_a_claim_nor_markup(self) -> None:
        for title in ("M*A*S*H", "Everyone Says I Love You", "Kill! Kill! Kill! Kill!", "Fame, with Your Picture 3"):
            liked = Item("x", title, {"director": "Michael Mann"})
            given = evidence(HEAT, history=[liked])
            assert problem_of(f"Like {title}, its director is Michael Mann.", HEAT, given, None, FACTS) is None
            assert problem_of(plain_reason(HEAT, given), HEAT, given, None, FACTS) is None

    def test_an_item_is_not_likened_to_itself(self) -> None:
        assert problem_of("You liked Heat, and this is a Crime film too.", HEAT, GIVEN, None, FACTS)

    def test_a_name_of_everyday_words_is_a_name(self) -> None:
        facts = CatalogueFacts([HEAT, Item("bt", "Being There", {})])
        assert problem_of("You liked Being There, and this is a Crime film.", HEAT, GIVEN, None, facts)

    def test_a_slow_burn_is_no_wish_for_edward_burns(self) -> None:
        film = Item("e", "e", {"director": "Edward Burns"})
        assert texts(film, "a slow-burn film") == []
        assert texts(film, "something by Burns") == ["matches the request: Edward Burns (director)"]

    def test_a_title_made_of_everyday_words_does_not_forbid_them(self) -> None:
        assert problem_of("It is a Crime film. It has the director Michael Mann.", HEAT, GIVEN, None, FACTS) is None

    def test_a_title_that_the_request_names_may_be_named(self) -> None:
        given = evidence(HEAT, "heist like Red Rock West")
        assert problem_of("Close to Red Rock West.", HEAT, given, "heist like Red Rock West", FACTS) is None
        assert problem_of("Close to Red Rock West.", HEAT, given, "heist", FACTS)


class TestWriting:
    def entries(self) -> list[ToExplain]:
        return [
            ToExplain(Shown(HEAT), GIVEN),
            ToExplain(Shown(LAMP), evidence(LAMP, "steel lamp")),
            ToExplain(Shown(IT), ()),
        ]

    def test_checked_words_are_kept_and_the_others_replaced(self) -> None:
        answers = {"Heat": "Its director is Michael Mann, as with Thief.", "Bolvo": "A blue lamp."}
        model = ScriptedModel(text_rule=lambda text: next(a for title, a in answers.items() if title in text))
        reasons = write_reasons(model, REQUEST, self.entries(), FACTS)
        assert [reason.source for reason in reasons] == [
            ReasonSource.MODEL,
            ReasonSource.EVIDENCE,
            ReasonSource.EVIDENCE,
        ]
        assert reasons[0].text == "Its director is Michael Mann, as with Thief."
        assert "steel" in reasons[1].text

    def test_words_are_told_as_they_come_as_far_as_they_could_be_checked(self) -> None:
        answers = {"Heat": "Its director is Michael Mann.", "Bolvo": "A steel lamp, and a blue one."}
        model = ScriptedModel(text_rule=lambda text: next(a for title, a in answers.items() if title in text))
        told: list[tuple[int, str]] = []
        write_reasons(model, REQUEST, self.entries(), FACTS, on_words=lambda *words: told.append(words))
        assert told == [
            (0, "Its"),
            (0, "Its director"),
            (0, "Its director is"),
            (0, "Its director is Michael"),
            (1, "A"),
            (1, "A steel"),
            (1, "A steel lamp,"),
            (1, "A steel lamp, and"),
            (1, "A steel lamp, and a"),
        ], "a word is whole when the next one begins, and the lamp is not blue"

    def test_all_reasons_are_one_batch_and_nothing_is_asked_without_evidence(self) -> None:
        batches: list[int] = []

        class Counting(ScriptedModel):
            def generate(self, prompts, **options):  # type: ignore[no-untyped-def]
                batches.append(len(prompts))
                return super().generate(prompts, **options)

        write_reasons(Counting(), REQUEST, self.entries(), FACTS)
        assert batches == [2]

    def test_a_long_prompt_is_shortened(self) -> None:
        long = Item("long", "Long", {"plot": "x " * 300})
        entry = ToExplain(Shown(long), evidence(HEAT, "heist"))
        model = ScriptedModel(text_rule=lambda text: "It is what you asked for.", max_prompt_tokens=60)
        assert write_reasons(model, "heist", [entry], FACTS)[0].source == ReasonSource.MODEL

    def test_a_model_that_is_away_is_the_callers_to_handle(self) -> None:
        def away(_text: str) -> str:
            raise ModelUnavailableError("down")

        with pytest.raises(ModelUnavailableError):
            write_reasons(ScriptedModel(text_rule=away), REQUEST, self.entries(), FACTS)
        assert all(reason.text for reason in plain_reasons(self.entries()))

    def test_line_breaks_are_no_markup(self) -> None:
        model = ScriptedModel(text_rule=lambda text: "Its director\nis Michael Mann. ")
        (reason,) = write_reasons(model, REQUEST, self.entries()[:1], FACTS, settings=ReasonSettings(max_words=10))
        assert reason.source == ReasonSource.MODEL
        assert reason.text == "Its director is Michael Mann."


class TestPlainSentences:
    @pytest.mark.parametrize("item", [HEAT, FARGO, LAMP, MUG, IT, *FILLER])
    @pytest.mark.parametrize("request_text", [None, "a red crime film with a heist", "Fargo by Michael Mann from 1995"])
    def test_every_plain_reason_passes_the_check_that_the_models_must_pass(
        self, item: Item, request_text: str | None
    ) -> None:
        history = [other for other in (THIEF, FARGO, RED_ROCK, FILLER[0]) if other is not item]
        for traces in ([], [Trace("look", RED_ROCK)], [Trace("people", THIEF), Trace("popular")], [Trace("look")]):
            for liked in ([], history):
                facts = evidence(item, request_text, liked, traces)
                reason = plain_reason(item, facts)
                assert problem_of(reason, item, facts, request_text, FACTS) is None, reason

    def test_two_facts_of_different_kinds_are_told(self) -> None:
        reason = plain_reason(HEAT, GIVEN)
        assert "heist" in reason
        assert "Michael Mann" in reason

    def test_phrasings_vary_between_items_and_not_between_calls(self) -> None:
        said = {plain_reason(item, evidence(item, traces=[Trace("popular")])) for item in FILLER}
        assert len(said) > 1
        assert plain_reason(HEAT, GIVEN) == plain_reason(HEAT, GIVEN)

    def test_braces_in_values_are_harmless(self) -> None:
        item = Item("x", "x", {"maker": "{0.__class__}"})
        facts = gather_evidence(item, request="class", history=[], traces=[], facts=FACTS)
        assert "class" in plain_reason(item, facts)
