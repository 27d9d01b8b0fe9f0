"""Which attributes a text names of an item, and which of them are true of it."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable
from dataclasses import dataclass

from agent.wording import FUNCTION_WORDS, KINDS, fold, stems_of, words_of

_TITLE = "Title"


@dataclass(frozen=True, slots=True)
class Named:
    """How many attributes a text names, how many of them are the item's, and the others in words."""

    named: int
    true: int
    false: tuple[str, ...]


def named_in(
    text: str, *, values: Collection[str], own: Collection[str], said: Iterable[str], titles: Collection[str]
) -> Named:
    """What a text names: known values, and words that nobody told it, which count as false.

    values: all that the catalogue knows. own: those that are true of the item, seen or told. said: texts that the
    prompt has, of which other words may come. titles: what items are called; a title is no claim.
    """
    bare = text
    for title in sorted((title for title in titles if title), key=len, reverse=True):
        bare = re.sub(rf"(?<!\w){re.escape(title)}(?!\w)", _TITLE, bare)
    bare = fold(bare)
    mine = {fold(value) for value in own}
    true, false = 0, []
    for value in sorted({fold(value) for value in values} | mine, key=len, reverse=True):
        if all(word.folded in FUNCTION_WORDS | KINDS for word in words_of(value)):
            continue  # a value such as "taken" cannot be told from the sentence around it
        pattern = rf"(?<!\w){re.escape(value)}(?!\w)"
        count = len(re.findall(pattern, bare))
        if count:
            bare = re.sub(pattern, " ", bare)
            true += count if value in mine else 0
            false += [] if value in mine else [value] * count
    known = {stem for part in said for stem in stems_of(part)}
    for word in words_of(bare):
        plain = word.folded in FUNCTION_WORDS | KINDS or word.folded == fold(_TITLE)
        if not plain and word.stem not in known:
            false.append(word.folded)
    return Named(true + len(false), true, tuple(false))
