"""What somebody always or never wants: stated once, kept, and counted in what they ask for later."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from agent.dialogue_state import Chip, DialogueState
from agent.mentions import lexical_mentions, stem, tokens_of
from agent.prompts import clean
from retrieval.preferences import Preference

if TYPE_CHECKING:
    from agent.dialogue import Facet, Update, Values

_REFUSES = re.compile(r"\b(?:never|hate|detest|loathe|avoid|(?:can't|can ?not) stand|don't|do not|allergic)\b")
_TAKES_BACK = re.compile(
    r"\b(?:take (?:(?:that|it|this) back|back (?:what|that|my))|forget (?:that|my|what i said)|no longer|any ?more|"
    r"(?:changed|change) my mind|not true|(?:don't|do not) (?:really )?mind)\b"
)
_RELENTS = re.compile(r"\b(?:after all|(?:is|are) (?:fine|ok|okay|all right))\b")
_HATES = re.compile(
    r"\b(?:never|hate|detest|loathe|avoid|dislike|(?:can't|can ?not) stand|allergic|"
    r"(?:don't|do not) (?:really )?mind)\b"
)
_LOVES = re.compile(r"\b(?:love|like|adore|want|wear|prefer)\b")
_DENIES = re.compile(r"\b(?:forget|no longer|not|never|don't)\b")
_CLAUSE = re.compile(r"[,;.!?]|\b(?:but|though|while)\b")
_MOST_LOVED = 3
_CHARS = 60


def stated_in(update: Update, message: str) -> tuple[Preference, ...]:
    """The values that a message takes for good or refuses for good: "I never want green" wants nothing."""
    now = datetime.now(UTC)
    loved: Values = {**update.prefer, **update.want}
    text = message.replace("’", "'").lower()
    if _REFUSES.search(text):
        refused = loved if not update.avoid else update.avoid
        update, loved = replace(update, avoid=refused), _loved_elsewhere(loved, text) if update.avoid else {}
    told = [(name, value, True) for name, values in update.avoid.items() for value in values]
    told += [(name, value, False) for name, values in loved.items() for value in values]
    return tuple(Preference(name, value, avoided, now) for name, value, avoided in told)


def replaced(habits: Sequence[Preference], before: Sequence[Preference]) -> tuple[Preference, ...]:
    """Those of before whose values the new habits speak of again."""
    stated = {(habit.attribute, habit.value) for habit in habits}
    return tuple(habit for habit in before if (habit.attribute, habit.value) in stated)


def taken_back(message: str, habits: Sequence[Preference], facets: Sequence[Facet]) -> tuple[Preference, ...]:
    """The habits that a message says hold no longer: "forget that I hate leather", "I do like wool after all"."""
    if not habits:
        return ()
    clauses = _CLAUSE.split(message.replace("’", "'").lower())
    gone = {habit for clause in clauses for habit in _taken_back_in(clause, habits, facets)}
    return tuple(habit for habit in habits if habit in gone)


def _taken_back_in(clause: str, habits: Sequence[Preference], facets: Sequence[Facet]) -> Iterator[Preference]:
    loves, hates = bool(_LOVES.search(clause)), bool(_HATES.search(clause))
    if not (_TAKES_BACK.search(clause) or (_RELENTS.search(clause) and not hates)):
        return
    named = {(m.facet, m.value) for m in lexical_mentions(tokens_of(clause), facets)}
    refusals = hates or (loves and not _DENIES.search(clause))
    for habit in habits:
        if (habit.attribute, habit.value) in named and (habit.avoided is refusals or not (loves or hates)):
            yield habit


def _loved_elsewhere(loved: Values, text: str) -> Values:
    """The values that stand by their own words in a clause that refuses nothing."""
    clauses = [clause for clause in _CLAUSE.split(text) if not _REFUSES.search(clause)]
    stems = {token.stem for clause in clauses for token in tokens_of(clause)}
    kept = {
        name: tuple(v for v in values if {stem(t.text) for t in tokens_of(v)} & stems) for name, values in loved.items()
    }
    return {name: values for name, values in kept.items() if values}


def with_habits(
    state: DialogueState, habits: Sequence[Preference], fitting: Callable[[DialogueState], int]
) -> DialogueState:
    """The state as somebody with these habits means it: what it wants itself comes before them.

    fitting: how many items a state lets through. Loved values are preferred, the latest few of those that some item
    that fits has: a loved cotton says nothing of lamps.
    """
    state = state.avoiding(_values(habit for habit in habits if habit.avoided))
    loved = [habit for habit in reversed(habits) if not habit.avoided and habit.attribute not in state.want]
    some = [habit for habit in loved if fitting(_wanting(state, habit))][:_MOST_LOVED]
    return state.preferring(_values(some))


def habit_chips(habits: Sequence[Preference], state: DialogueState) -> tuple[Chip, ...]:
    """The refusals that count for a state; taking one away lets its value through this once."""
    return tuple(
        Chip(habit_key(habit), said(habit))
        for habit in habits
        if habit.avoided and habit.value not in state.want.get(habit.attribute, ())
    )


def habit_key(habit: Preference) -> str:
    """The key of a habit's chip."""
    return json.dumps(("habit", habit.attribute, habit.value), separators=(",", ":"), ensure_ascii=False)


def said(habit: Preference) -> str:
    """The habit in words: "never material wool"."""
    attribute = clean(habit.attribute.replace("_", " "), _CHARS)
    return f"{'never' if habit.avoided else 'gladly'} {attribute} {clean(habit.value, _CHARS)}"


def _values(habits: Iterable[Preference]) -> Values:
    found: dict[str, tuple[str, ...]] = {}
    for habit in habits:
        found[habit.attribute] = (*found.get(habit.attribute, ()), habit.value)
    return found


def _wanting(state: DialogueState, habit: Preference) -> DialogueState:
    return DialogueState(
        want={**state.want, habit.attribute: (habit.value,)},
        avoid=state.avoid,
        at_most=state.at_most,
        at_least=state.at_least,
        like=state.like,
    )
