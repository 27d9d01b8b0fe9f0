"""The update of a message by rules and a text encoder, without a language model.

What is used when a model's answer cannot be, and what a model has to beat. `facets_in_question` is also what a model is
shown: of a catalogue of thousands of values, those that a message may mean. Free of heavy imports.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import replace
from itertools import pairwise

import numpy as np

from agent.asides import aside_spans
from agent.catalog_talk import Asks, asked_attribute, question_of
from agent.dialogue import MOST_COUNT, Action, Facet, Update, Values
from agent.fillers import FILLERS, OF_VALUES, words
from agent.idioms import idiom_spans
from agent.intents import Said, action_of, is_too_much
from agent.measures import counts, is_unit_word
from agent.mentions import (
    PART,
    Embed,
    Mention,
    Token,
    embeddable,
    find_mentions,
    is_of_a_value,
    lexical_mentions,
    plural_of,
    stem,
    tokens_of,
    value_vectors,
)
from agent.places import Reference, count_of, pointed, references, the_one
from agent.polarity import Polarity, polarities, refusal_spans
from agent.quantities import NUMBER_WORDS, Numbers, read_numbers
from agent.remarks import Remark, remark_of
from agent.residue import lead_in, residue
from agent.slips import corrected

_ABOUT_ITEMS = frozenset((Action.COMPARE, Action.ASK, Action.WHY, Action.LIKE, Action.DISLIKE))
_DROP = re.compile(
    r"\b(?:doesn't|does not|doesnt|don't|dont|isn't|not) (?:really )?(?:matter|important|care|mind)\b|"
    r"\bno (?:matter|limit)\b|\bwithout (?:the|a|any) (?:\w+ )?limit\b|"
    r"\b(?:any|whatever|whichever|drop|forget|ignore|remove|never mind|nevermind|open to any|"
    r"irrelevant)\b|\bunimportant\b|\bflexible (?:on|about|with)\b|\beasy about\b|\bup to you\b|"
    r"\b(?:not|n't)(?: be| too| overly)? (?:fuss(?:ed|y)|picky|bothered|crucial|particular)\b|\bscratch the\b|"
    r"\bneither here nor there\b|\bno preference\b|\bmakes no odds\b|\ball the same to\b|\bcouldn't care less\b|"
    r"\bchanged? (?:my|our) minds? (?:about|on)\b"
)
_REGRETS = re.compile(
    r"\b(?:(?:doesn't|does not|doesnt|don't|do not) (?:really )?(?:have|need) to be|(?:need not|needn't) be|"
    r"not necessarily|no need for) (?:(?:a|an|the|in|with|of|by|from|for|made|out) )*"
    r"(?:(?!(?:and|but|or|than)\b)\w+ )?$|"
    r"(?:(?<!n't )(?<!n’t )(?<!not )(?<!never )\bchanged? (?:my|our) minds? (?:about|on)|\bforget about) "
    r"(?:(?:the|it|being|that|having|a|an) )*$"
)
_LET_GO = re.compile(
    r"^(?:\W+\w+)? (?:is|are) (?:no longer|not|not so|not that) (?:important|needed|necessary|wanted)\b"
)
_THINGS = words("options items results things pieces products choices ideas suggestions more others")
_INSIDE = words("of about with by and")
_THAN = re.compile(r"\b(?:than|compared (?:to|with))\b")
_POSSESSIVES = words("my our his her their")
_ADJECTIVES = 2
_JOINS = words("and or the a an")
_HEADS = words("category genre kind type department product item")
_NAMED = 0.6
_NAMING = words("the that this number no nr option item first second third fourth fifth last")


def link(
    message: str,
    facets: Sequence[Facet],
    *,
    standing: str | None = None,
    shown: Sequence[str] = (),
    focus: int | None = None,
    embed: Embed,
) -> Update:
    """What the message changes.

    facets: all attributes of the catalogue, or those in question. standing: what holds so far, in words. shown: titles
    of the list shown last. focus: the place, from 1, of the one that was spoken of last. embed: texts -> (n,
    dimensions) float32, rows of length 1.
    """
    message = _put_right(message, facets, shown)
    tokens, numbers = tokens_of(message), read_numbers(message, facets)
    mentions = [
        m for m in _asked_for(message, tokens, find_mentions(tokens, facets, embed)) if numbers.free(*m.span(tokens))
    ]
    counted = _counted(tokens, mentions, numbers)
    taken = [*numbers.spans, *([counted[1]] if counted else [])]
    named = references(message, tokens, shown, taken, mentions)
    drop = _dropped(tokens, [f for f in facets if not numbers.says(f.name)], mentions, embed) if standing else ()
    regretted = _regretted(message, tokens, mentions)
    mentions = [m for m in mentions if m not in regretted]
    drop += tuple(dict.fromkeys(m.facet for m in regretted if m.facet not in {kept.facet for kept in mentions}))
    items = tuple(sorted({one.place for one in named}))
    apart = [m for m in mentions if not any(_overlap(m.span(tokens), (one.start, one.end)) for one in named)]
    count = count_of(message, numbers.spans) or (counted[0] if counted else None)
    wishes = bool(apart or drop or numbers.spans or (standing and count))
    if _asks_of_shop(message, tokens, facets, mentions):
        return Update(Action.ASK)
    this_one = the_one(message, shown, focus)
    said = Said(
        len(shown),
        items,
        this_one,
        wishes,
        standing is not None,
        _turns_away(_wanted(tokens, mentions, numbers), facets, standing),
        bare=_is_bare(tokens, [shown[place - 1] for place in items]),
    )
    action = action_of(pointed(message, named), said, embed)
    if action is Action.CHAT:
        return Update(action)
    if action in _ABOUT_ITEMS:
        return Update(action, items=items or said.maybe_items)
    kept = apart if action is Action.SIMILAR else mentions
    wish = _wish(action, message, tokens, kept, regretted, numbers, drop, named, items or said.maybe_items)
    return replace(wish, count=count)


def _put_right(message: str, facets: Sequence[Facet], shown: Sequence[str]) -> str:
    """The message without slips in the words that it is built of."""
    names = [*shown, *(facet.name for facet in facets), *(plural_of(facet.name) for facet in facets)]
    return corrected(message, names, lambda word: is_of_a_value(word, facets))


def _overlap(one: tuple[int, int], other: tuple[int, int]) -> bool:
    return one[0] < other[1] and other[0] < one[1]


def _asked_for(message: str, tokens: Sequence[Token], mentions: Sequence[Mention]) -> list[Mention]:
    """The mentions without those of what somebody has: a lamp for my vase is a lamp, and to my red sofa nothing red.

    A lamp for my bedroom is for the bedroom. What is said in passing means no value by meaning alone.
    """
    passing, cues = aside_spans(message), [*refusal_spans(message), *idiom_spans(message)]
    asked = [m for m in mentions if m.score >= PART or not any(_overlap(m.span(tokens), span) for span in passing)]
    asked = [m for m in asked if m.score == 1 or not any(_overlap(m.span(tokens), span) for span in cues)]
    for m in reversed(asked.copy()):
        if not _is_somebodys(tokens, m):
            continue
        named_before = any(k.facet == m.facet and k.first < m.first and not _is_somebodys(tokens, k) for k in mentions)
        if m.score < PART or named_before or _is_of_theirs(tokens, m, asked):
            asked.remove(m)
    return asked


def _is_of_theirs(tokens: Sequence[Token], mention: Mention, asked: Sequence[Mention]) -> bool:
    """Whether the value is that of a thing which comes next, and is not asked for: my red sofa."""
    if mention.last == len(tokens) or tokens[mention.last].clause != tokens[mention.first].clause:
        return False
    after = tokens[mention.last]
    return after.text not in FILLERS and not any(m.first == mention.last for m in asked)


def _is_somebodys(tokens: Sequence[Token], mention: Mention) -> bool:
    """Whether a possessive stands before the value's words, with an adjective or two in between at most."""
    for place in range(mention.first - 1, max(-1, mention.first - _ADJECTIVES - 2), -1):
        if tokens[place].text in _POSSESSIVES:
            return True
        if tokens[place].text in FILLERS or tokens[place].clause != tokens[mention.first].clause:
            return False
    return False


def _regretted(message: str, tokens: Sequence[Token], mentions: Sequence[Mention]) -> list[Mention]:
    """The values that somebody changed their mind about, or wants forgotten: the next one and those joined to it."""
    found: list[Mention] = []
    for m in mentions:
        joined = found and all(t.text in _JOINS for t in tokens[found[-1].last : m.first])
        first, last = m.span(tokens)
        if joined or _REGRETS.search(message[:first].lower()) or _LET_GO.search(message[last:].lower()):
            found.append(m)
    return found


def _asks_of_shop(message: str, tokens: Sequence[Token], facets: Sequence[Facet], mentions: Sequence[Mention]) -> bool:
    """Whether a message asks which values there are, or about delivery and the like, and wants no item."""
    question, asked = question_of(message, facets), asked_attribute(message, facets)
    named = {stem(part) for part in asked.lower().split("_")}
    told = [m for m in mentions if not {t.stem for t in tokens[m.first : m.last]} <= named]
    of_values = bool(asked) or (question is not None and question.asks is Asks.VALUES)
    sure = [m for m in told if m.score >= PART]
    return (of_values and not told) or (remark_of(message) is Remark.SERVICE and not sure)


def _is_bare(tokens: Sequence[Token], titles: Sequence[str]) -> bool:
    """Whether a message only names shown items: "the second one", "the red one"."""
    named = {token.stem for title in titles for token in tokens_of(title)}
    naming = [t.text in _NAMING or t.text.rstrip("strndh").isdigit() for t in tokens]
    said = (t.stem in named or t.text in FILLERS for t in tokens)
    return any(naming) and all(names or own for names, own in zip(naming, said, strict=True))


def _wish(
    action: Action,
    message: str,
    tokens: Sequence[Token],
    mentions: Sequence[Mention],
    regretted: Sequence[Mention],
    numbers: Numbers,
    drop: tuple[str, ...],
    named: Sequence[Reference],
    items: tuple[int, ...],
) -> Update:
    """The update of a message that wants other items than those shown. regretted: what is wanted no more."""
    similar = action is Action.SIMILAR
    signs = dict(zip(mentions, polarities(tokens, mentions, numbers.spans), strict=True))
    kept = [m for m in mentions if m.facet not in drop]
    groups = {sign: _grouped(m for m in kept if signs[m] is sign) for sign in Polarity}
    covered = [*numbers.spans, *(m.span(tokens) for m in (*mentions, *regretted))]
    covered += [(one.start, one.end) for one in named] if similar else []
    spoken_of = (*drop, *(m.facet for m in mentions), *numbers.at_most, *numbers.at_least, *numbers.step)
    parts = {stem(part) for name in spoken_of for part in (name, *name.split("_"))}
    covered += [(t.start, t.end) for t in tokens if t.stem in parts]
    covered += [(t.start, t.end) for m in mentions for t in tokens[m.last : m.last + 4] if t.text in OF_VALUES]
    covered += [*refusal_spans(message), *lead_in(tokens, [m for m in kept if _says_what(m.facet)])]
    text = message.lower()
    return Update(
        action,
        items=items if similar or _THAN.search(text) or is_too_much(text) else (),
        want=groups[Polarity.WANT],
        prefer=groups[Polarity.PREFER],
        avoid=groups[Polarity.AVOID],
        drop=drop,
        at_most=numbers.at_most,
        at_least=numbers.at_least,
        step=numbers.step,
        query="" if drop else residue(message, tokens, covered),
    )


def _grouped(mentions: Iterable[Mention]) -> Values:
    found: dict[str, tuple[str, ...]] = {}
    for m in mentions:
        found[m.facet] = tuple(dict.fromkeys((*found.get(m.facet, ()), m.value)))
    return found


def _counted(
    tokens: Sequence[Token], mentions: Sequence[Mention], numbers: Numbers
) -> tuple[int, tuple[int, int]] | None:
    """The number right before a value, "more", or several things: "3 lamps", "two more", "8 belts"; and where it is."""
    starts = {m.first for m in mentions}
    for place, (token, after) in enumerate(pairwise(tokens), start=1):
        of_them = after.text == "of" and [t.text for t in tokens[place + 1 : place + 2]] in (["them"], ["those"])
        number = NUMBER_WORDS.get(token.text) or (int(token.text) if token.text.isdecimal() else 0)
        inside = place > 1 and tokens[place - 2].text in _INSIDE  # a film about a group of 5 friends
        several = not inside and after.text.endswith("s") and _tells_things(after)
        counted = place in starts or after.text in _THINGS or several or of_them
        if (
            counted
            and token.clause == after.clause
            and 2 <= number <= MOST_COUNT
            and numbers.free(token.start, token.end)
        ):
            return number, (token.start, token.end)
    return None


def _tells_things(token: Token) -> bool:
    return len(token.text) > len("gas") and not is_unit_word(token.text)


def _dropped(
    tokens: Sequence[Token], facets: Sequence[Facet], mentions: Sequence[Mention], embed: Embed
) -> tuple[str, ...]:
    """The attributes that a message names beside "doesn't matter" or "any", and gives no value of."""
    text = " ".join(token.text for token in tokens)
    if not _DROP.search(text):
        return ()
    names = [facet.name for facet in facets if facet.name not in {m.facet for m in mentions}]
    words = [t for t in tokens if t.text not in FILLERS]
    if not words or not names:
        return ()
    exact = [name for name in names if {stem(part) for part in name.split("_")} & {t.stem for t in words}]
    numeric = [facet.name for facet in facets if facet.numeric]
    exact = exact or [name for t in words if (name := counts(t.text, numeric))][:1]
    if exact or mentions:
        return tuple(exact)
    cosines = embed([t.text for t in words]) @ embed(names).T
    return (names[int(cosines.max(axis=0).argmax())],) if cosines.max() >= _NAMED else ()


def _wanted(tokens: Sequence[Token], mentions: Sequence[Mention], numbers: Numbers) -> list[Mention]:
    signs = zip(mentions, polarities(tokens, mentions, numbers.spans), strict=True)
    return [m for m, sign in signs if sign is not Polarity.AVOID]


def _says_what(facet: str) -> bool:
    """Whether an attribute says what a thing is."""
    return bool(_HEADS & set(facet.lower().split("_")))


def _turns_away(mentions: Sequence[Mention], facets: Sequence[Facet], standing: str | None) -> bool:
    """Whether the message names another thing than the standing wish: another value of what says what a thing is."""
    for facet in facets:
        if not _says_what(facet.name):
            continue
        found = re.search(rf"(?:^|; ){re.escape(facet.name)} ([^;]+)", standing or "")
        held = {value.strip().lower() for value in found[1].split(",")} if found else set()
        if held and any(m.facet == facet.name and m.value.lower() not in held for m in mentions):
            return True
    return False


def facets_in_question(message: str, facets: Sequence[Facet], embed: Embed, *, most: int = 8) -> tuple[Facet, ...]:
    """The attributes with the values that a message may mean: all where there are at most `most`, else the likeliest.

    Values that the message has by letters come first, then the nearest to any of its words or to the whole of it;
    they keep the catalogue's order.
    """
    facets, tokens = tuple(facets), tokens_of(message)
    lexical = {(m.facet, m.value): m.score for m in lexical_mentions(tokens, facets)}
    if all(len(facet.values) <= most for facet in facets) or not tokens:
        return tuple(Facet(facet.name, facet.values[:most]) for facet in facets)
    texts = [message, *dict.fromkeys(t.text for t in tokens if t.text not in FILLERS)]
    texts += [f"{one.text} {two.text}" for one, two in pairwise(tokens) if not {one.text, two.text} & FILLERS]
    cosines = _nearness(texts, embeddable(facets), embed)
    kept = []
    for facet in facets:
        named = [(facet.name, value) for value in facet.values]
        score = {each[1]: lexical.get(each, 0.0) + cosines.get(each, 0.0) / 2 for each in named}
        chosen = set(sorted(facet.values, key=lambda value: -score[value])[:most])
        kept.append(Facet(facet.name, tuple(value for value in facet.values if value in chosen)))
    return tuple(kept)


def _nearness(texts: Sequence[str], facets: tuple[Facet, ...], embed: Embed) -> dict[tuple[str, str], float]:
    """How near each value, with its attribute, is to the nearest of the texts: cosines."""
    values = [(facet.name, value) for facet in facets for value in facet.values]
    if not values:
        return {}
    return dict(zip(values, np.max(embed(texts) @ value_vectors(facets, embed).T, axis=0).tolist(), strict=True))
