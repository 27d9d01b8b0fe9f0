"""What people want that no attribute covers: the free words of a wish, made of our own words and of unlisted values."""

from __future__ import annotations

import random
from dataclasses import dataclass

from finetune.builtin import words


@dataclass(frozen=True, slots=True)
class Query:
    """Free words of a wish.

    core: what the update repeats. after: what stands between a noun and the core. alone: before it in a list of
    keywords. clause: before it in a sentence of its own. adjective: whether it can stand before a noun. noun: whether
    it says what is wanted, as a noun that no attribute has.
    """

    core: str
    after: str
    alone: str
    clause: str
    adjective: bool = False
    noun: bool = False


def phrases(text: str) -> tuple[str, ...]:
    """The phrases of a text, which bars divide."""
    return tuple(" ".join(part.split()) for part in text.split("|"))


_IS = phrases(
    """easy to clean|dishwasher safe|machine washable|waterproof|foldable|scratch resistant|light enough to carry|
    soft to the touch|handmade|child friendly|fair trade|quick to dry|nice and sturdy|stackable|non-slip|made to last|
    easy to repair|kind to the skin|good for small flats|safe for cats|really warm|fragrance free|low maintenance|
    easy to store|hard to break|very quiet|not too heavy|big enough for two|water repellent|suitable for beginners|
    good for the environment|locally made|vegan|unusual|cosy|old-fashioned|eye-catching|comfortable"""
)
_DOING = phrases(
    """reading|sitting|drinking tea|working|cooking|gardening|painting|playing cards|hiking|sleeping|cycling|dancing|
    writing letters|storing toys|keeping fruit|serving soup|doing yoga|watching birds|taking a nap|baking bread|
    carrying books|playing chess|meeting friends"""
)
_WHERE = phrases(
    """in bed|by the window|at night|on the sofa|after dinner|on cold mornings|by the fireplace|on the train|
    outdoors|in the sun|with the kids|on a boat|in a small flat|under the stairs|in the evening|on long flights"""
)
_WHO = phrases(
    """grandmother|mother-in-law|teenage son|new neighbours|best friend|boss|little niece|godson|flatmate|dad|
    retired uncle|tall brother|twins|cat|dog|piano teacher|colleague|first apartment|holiday cottage|reading corner|
    camper van|tiny terrace|allotment|book club"""
)
_WITH = phrases(
    """removable cover|lid|long cord|wooden handle|zip|hidden pocket|thick soles|wide brim|dimmer|spare bulb|tassels|
    rounded corners|two handles|inside pocket|wheels|good reviews|surprise ending|strong heroine|happy ending|
    big buttons|long battery life|rubber feet|gift box|money-back guarantee|low back|extra strap"""
)
_PLURAL_ENDS = ("s", "life")


_QUALITIES = phrases(
    """
    cheap|affordable|small|big|large|tiny|soft|warm|cosy|bright|sturdy|lightweight|simple|unusual|funny|cute|handmade|
    comfortable|durable|thick|thin|light|robust|colourful|practical|tall|narrow|compact|high-quality|decent|special
    """
)
_THINGS = phrases(
    """
    sofa|toaster|mirror|curtain|candle|kettle|desk|towel|apron|necklace|belt|jacket|raincoat|wallet|suitcase|basket|
    doormat|picture frame|wine rack|coat rack|notebook|jigsaw|bird feeder|hammock|tray|jug|spoon|candle holder|
    footstool|radio|swimsuit|skirt|pullover|glove|lunch box|tablecloth|ladder|side table|bath mat|shoe rack
    """
)


def draw_thing(rng: random.Random) -> Query:
    """A thing that the shop has no category for."""
    return Query(rng.choice(_THINGS), "", "", "", noun=True)


def draw_query(rng: random.Random, taken: frozenset[str], *, goods: bool, held_out: bool) -> Query:
    """Free words; none of `taken`, the words that the catalogue's values use, in lower case.

    goods: whether the catalogue has things for the house rather than stories.
    """
    while True:
        query = _goods(rng) if goods and rng.random() < 0.7 else _anything(rng, held_out)
        if not taken.intersection(query.core.lower().split()):
            return query


def _goods(rng: random.Random) -> Query:
    draw = rng.random()
    if draw < 0.2:
        return _is(rng.choice(_IS))
    if draw < 0.38:
        return Query(rng.choice(_QUALITIES), "that is ", "", "it should be ", adjective=True)
    if draw < 0.6:
        core = f"{rng.choice(_DOING)} {rng.choice(_WHERE)}" if rng.random() < 0.7 else rng.choice(_DOING)
        return Query(core, rng.choice(("for ", "for ", "good for ")), "for ", "it is for ")
    if draw < 0.78:
        return Query(rng.choice(_WHO), "for my ", "for my ", "it is for my ")
    return _with(rng.choice(_WITH))


def _anything(rng: random.Random, held_out: bool) -> Query:
    draw = rng.random()
    if draw < 0.35:
        core = f"{rng.choice(words.STORY_ADJECTIVES)} {rng.choice(words.STORY_NOUNS)}"
        lead = rng.choice(("about a ", "with a ", "about the "))
        return Query(
            core, lead, rng.choice(("about a ", "")), f"it should be {lead}" if "about" in lead else "it needs a "
        )
    if draw < 0.5:
        return _is(rng.choice(_IS))
    if draw < 0.6:
        return _with(rng.choice(_WITH))
    pool = words.catalogue_words(held_out=held_out)
    core = " ".join(rng.sample(pool, rng.choice((1, 1, 2))))
    if rng.random() < 0.2:
        core = words.invented_word(rng, held_out=held_out)
    lead = rng.choice(("with ", "about ", "to do with "))
    return Query(core, lead, rng.choice(("", "", "about ")), "it should have to do with ")


def _is(core: str) -> Query:
    return Query(core, "that is ", "", "it should be ")


def _with(core: str) -> Query:
    several = core.endswith(_PLURAL_ENDS)
    lead = "with " if several else "with an " if core[0] in "aeiou" else "with a "
    return Query(core, lead, lead, f"it should come {lead}")
