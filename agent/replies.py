"""What is said in a conversation beside the items: of the catalogue's own facts, and nothing else."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from types import MappingProxyType
from typing import TYPE_CHECKING

from agent.dialogue_state import DialogueState
from agent.facets import number_of
from agent.facts import told_values
from agent.fillers import FILLERS, words
from agent.mentions import find_mentions, lexical_mentions, stem, tokens_of
from agent.prompts import clean, value_text

if TYPE_CHECKING:
    from agent.dialogue import Facet, Update
    from agent.mentions import Embed, Token
    from agent.why import Deletion, Why
    from retrieval.types import Item, Recommendation

_TITLE_CHARS, _VALUE_CHARS, _PROSE_CHARS = 60, 120, 240
_MEANT = 0.62
"""Least cosine of a word and the name of the attribute that it asks for."""
_HALF = 0.5
_ASKS_FOR = MappingProxyType(
    dict.fromkeys(("cheap", "cheaper", "expensive", "much"), "price")
    | {"directed": "director", "made": "material", "makes": "brand"}
    | dict.fromkeys(("old", "when"), "year")
)
"""Words of questions that name an attribute without its name."""
_MOST_DELETIONS = 3
_EMPTY = words("looks details tell told exactly number option item")
_YES_OR_NO = re.compile(r"^(?:(?:and|so|but|ok|hm+)[, ]+)*(?:is|are|was|does|do|has|have|isn't|doesn't)\b(?!.*\bor\b)")
_SENTENCE = re.compile(r"[^.!?…]+[.!?…]*")
_THANKS = re.compile(
    r"\b(?:thank\w*|thx|ta|cheers|great|perfect|gorgeous|lovely|brilliant|beautiful|wonderful|"
    r"excellent|fantastic|amazing|stunning|superb|awesome)\b"
)
_BYE = re.compile(r"\b(?:good ?bye|bye|see you|good night|later)\b")
_HOW = re.compile(r"\bhow (?:are|do) you\b(?! use| work)")
_HELLO = re.compile(r"\b(?:hi|hello|hey|good (?:morning|afternoon|evening))\b")


def titled(item: Item) -> str:
    """The item's title in quotes, as one harmless line."""
    return f"“{clean(item.title, _TITLE_CHARS) or clean(item.item_id, _TITLE_CHARS)}”"


def small_talk(message: str) -> str:
    """A friendly sentence to a message that wants nothing."""
    text = message.lower()
    if _BYE.search(text):
        return "Goodbye, and come back any time."
    if _THANKS.search(text):
        return "You are welcome. Tell me if you would like anything else."
    if _HOW.search(text):
        return "I am well, thank you. Tell me what you are looking for."
    if _HELLO.search(text):
        return "Hello! Tell me what you are looking for."
    return "I find things in this catalogue, and say why. Tell me what you are looking for, or what to change."


def comparison(one: Item, other: Item) -> str:
    """In which attributes the two differ, with both values; descriptions are left out."""
    parts = []
    for name in dict.fromkeys((*one.attributes, *other.attributes)):
        if all(not prose for item in (one, other) for told, _, prose in told_values(item) if told == name):
            first, second = _value(one, name), _value(other, name)
            if first != second:
                parts.append(f"{_spoken(name)}: {first or 'not told'} and {second or 'not told'}")
    if not parts:
        return f"The catalogue tells no difference between {titled(one)} and {titled(other)}."
    return f"{titled(one)} and {titled(other)} differ in {len(parts)} things: {'; '.join(parts)}."


def explanation(recommendation: Recommendation) -> str:
    """Why the item was recommended: its reason, and the evidence behind it."""
    facts = "; ".join(fact.text for fact in recommendation.evidence)
    return f"{titled(recommendation.item)}: {recommendation.reason}" + (f" It rests on this: {facts}." if facts else "")


def answer(question: str, item: Item, facets: Sequence[Facet], embed: Embed) -> str:
    """What the item's own attributes tell of the question, or that they do not."""
    of_title = {token.stem for token in tokens_of(item.title)}
    asked = tuple(token for token in tokens_of(question) if token.stem not in of_title)
    names, verdict = _attributes_asked(asked, item, facets, embed), _verdict(question, item, facets)
    if names:
        told = "; ".join(f"{_spoken(name)} {_value(item, name)}" for name in names)
        return f"{verdict}The catalogue says of {titled(item)}: {told}."
    quoted = next(_sentences_about(asked, item), None)
    if quoted is not None:
        return f"The catalogue says of {titled(item)}: “{quoted}”"
    if not any(_may_ask(token) for token in asked):
        return f"{verdict}{_told_of(item)}"
    known = ", ".join(_spoken(name) for name in item.attributes)
    return f"The catalogue does not tell that of {titled(item)}." + (f" It tells: {known}." if known else "")


def _verdict(question: str, item: Item, facets: Sequence[Facet]) -> str:
    """Yes or no, where the question wants one and ends in values that the item could have.

    A word that is a value of several attributes asks for any of them, unless the question names one.
    """
    told: dict[str, set[str]] = {}
    for name, text, _ in told_values(item):
        told.setdefault(name, set()).add(text)
    tokens = tokens_of(question)
    stems = {token.stem for token in tokens}
    of_name = {name for name in told if _stems([name]) & stems}
    holds: dict[tuple[int, int], bool] = {}
    for m in lexical_mentions(tokens, facets):
        if m.facet in (of_name or told) and m.score == 1:
            span = (m.first, m.last)
            holds[span] = holds.get(span, False) or m.value in told[m.facet]
    own = [
        place for place, token in enumerate(tokens) if token.text not in FILLERS and token.stem not in _stems(of_name)
    ]
    asks = bool(holds and own) and any(first <= own[-1] < last for first, last in holds)
    if not asks or not _YES_OR_NO.search(question.lower()):
        return ""
    return "Yes. " if all(holds.values()) else "No. "


def _stems(names: Iterable[str]) -> set[str]:
    return {stem(part) for name in names for part in _spoken(name).split()}


def _told_of(item: Item) -> str:
    """Everything short that the catalogue tells of the item, and how its description begins."""
    prose = next((text for _, text, is_prose in told_values(item) if is_prose), "")
    names = dict.fromkeys(name for name, _, is_prose in told_values(item) if not is_prose)
    told = "; ".join(f"{_spoken(name)} {_value(item, name)}" for name in names) or "nothing"
    first = next((clean(sentence, _PROSE_CHARS) for sentence in _SENTENCE.findall(prose)), "")
    return f"The catalogue says of {titled(item)}: {told}." + (f" “{first}”" if first else "")


def ends_of(items: Sequence[Item], steps: Mapping[str, str]) -> str:
    """Which of the items has the lowest, or highest, number. steps: as `Update.step`; the first one is asked for."""
    name, way = next(iter(steps.items()))
    low = way in ("lower", "lowest")
    numbers = [(number_of(item.attributes[name]), item) for item in items if name in item.attributes]
    told = [(number, item) for number, item in numbers if number is not None]
    if not told:
        return f"The catalogue tells no {_spoken(name)} of them."
    best = (min if low else max)(number for number, _ in told)
    ends = [item for number, item in told if number == best]
    titles = " and ".join(titled(item) for item in ends)
    return f"{titles}: {_spoken(name)} {_value(ends[0], name)}, the {'lowest' if low else 'highest'} of them."


def those_with(items: Sequence[Item], update: Update) -> str:
    """Which of the items have the values, and keep to the bounds, that a message names; empty where it names none."""
    asked = DialogueState(want=update.want, avoid=update.avoid, at_most=update.at_most, at_least=update.at_least)
    labels = ", ".join(clean(chip.label, _VALUE_CHARS) for chip in asked.constraints())
    if not labels:
        return ""
    fits = [_fits(item, update) for item in items]
    *most, last = [titled(item) for item, fit in zip(items, fits, strict=True) if fit] or [""]
    names = f"{', '.join(most)} and {last}" if most else last
    lead = f"Of those shown, {names}: {labels}." if names else f"The catalogue says of none of those shown: {labels}."
    untold = fits.count(None)
    return lead + (f" Of {'one' if untold == 1 else untold} it does not tell." if untold else "")


def _fits(item: Item, update: Update) -> bool | None:
    """Whether the item has the values, and keeps to the bounds; None where the catalogue does not tell."""
    told: dict[str, set[str]] = {}
    for name, text, _ in told_values(item):
        told.setdefault(name, set()).add(text)
    checks = [bool(told[name] & set(values)) if name in told else None for name, values in update.want.items()]
    checks += [not told[name] & set(values) if name in told else None for name, values in update.avoid.items()]
    for bounds, sign in ((update.at_most, 1), (update.at_least, -1)):
        for name, bound in bounds.items():
            number = number_of(item.attributes[name]) if name in item.attributes else None
            checks.append(None if number is None else number * sign <= bound * sign)
    return False if False in checks else None if None in checks else True


def _attributes_asked(asked: Sequence[Token], item: Item, facets: Sequence[Facet], embed: Embed) -> tuple[str, ...]:
    """The item's attributes that the words name by letters, by a value, or by meaning; in this order."""
    names = {name: {stem(part) for part in _spoken(name).split()} for name in item.attributes}
    stems = {token.stem for token in asked if token.text not in FILLERS}
    named = tuple(name for name, parts in names.items() if parts & stems)
    if named or not names:
        return named
    mentioned = dict.fromkeys(m.facet for m in find_mentions(asked, facets, embed) if m.score == 1)
    if any(name in names for name in mentioned):
        return tuple(name for name in mentioned if name in names)
    said = [_ASKS_FOR.get(token.text, token.text) for token in asked if _may_ask(token)]
    if not said:
        return ()
    cosines = (embed(said) @ embed([_spoken(name) for name in names]).T).max(axis=0)
    return (list(names)[int(cosines.argmax())],) if cosines.max() >= _MEANT else ()


def _may_ask(token: Token) -> bool:
    empty = token.text in FILLERS or token.text in _EMPTY or token.text.isdecimal()
    return token.text in _ASKS_FOR or not empty


def _sentences_about(asked: Sequence[Token], item: Item) -> Iterator[str]:
    """Sentences of the item's descriptions that have half of the question's own words."""
    wanted = {token.stem for token in asked if _may_ask(token)}
    for _, text, is_prose in told_values(item):
        for sentence in _SENTENCE.findall(text) if is_prose and wanted else ():
            if len(wanted & {token.stem for token in tokens_of(sentence)}) >= _HALF * len(wanted):
                yield clean(sentence, _PROSE_CHARS)


def _value(item: Item, name: str) -> str:
    value = item.attributes.get(name)
    return "" if value is None else clean(value_text(value), _VALUE_CHARS)


def _spoken(name: str) -> str:
    return clean(name.replace("_", " "), _TITLE_CHARS)


def hinges(found: Why) -> str:
    """What the item's place hangs on."""
    if found.place is None or not found.tried:
        return ""
    parts = [
        f"without {_taken(deletion)} it would not be on the list"
        if deletion.place is None
        else f"without {_taken(deletion)} it would be number {deletion.place} instead of {found.place}"
        for deletion in found.deletions[:_MOST_DELETIONS]
    ]
    if not parts:
        return f"Of the {found.tried} things that it could hang on, none alone changes its place, number {found.place}."
    return f"Tried out: {'; '.join(parts)}."


def _taken(deletion: Deletion) -> str:
    label = clean(deletion.label, _TITLE_CHARS)
    return f"“{label}” among what you liked" if deletion.item_id is not None else f"“{label}”"


def known_of(liked: int, titles: Sequence[str], habits: Sequence[str]) -> str:
    """What is kept of a person. liked: how many items they want; titles: the latest of them. habits: in words."""
    if not liked and not habits:
        return "I know nothing about you yet."
    parts = [f"you liked {liked:,} {'thing' if liked == 1 else 'things'}, lately {', '.join(titles)}"] if liked else []
    parts += [f"you told me: {'; '.join(habits)}"] if habits else []
    return f"This is what I know: {'; '.join(parts)}."
