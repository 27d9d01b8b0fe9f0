"""Which values of a catalogue a message speaks of: by their letters first, then by their meaning.

A lexical hit is a value's own words, whatever their ending ("striped" for stripes), another word for it ("rucksack"), a
part that only one value has ("polyester" for recycled polyester), or a word with a slip of the pen. What is left is
compared with the values in the text encoder's space. Free of heavy imports: the encoder is handed in.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from difflib import get_close_matches
from functools import lru_cache
from typing import TYPE_CHECKING

import numpy as np

from agent.fillers import FILLERS, KINDS_OF_THINGS, OF_VALUES, words
from agent.slips import REAL, lacks_a_letter
from agent.thesaurus import OTHER_WORDS

if TYPE_CHECKING:
    from agent.dialogue import Facet
    from retrieval.vectors import Vectors

Embed = Callable[[Sequence[str]], "Vectors"]
"""Texts -> (n, dimensions) float32, each row of length 1."""

NEAR = 0.58
"""Least cosine of a word and the value that it means: tuned for all-MiniLM-L6-v2 on 110 words of common English."""

MOST_EMBEDDED = 400
"""Attributes of more values are known by letters alone: of names there are thousands, and they mean nothing more."""

_NAMES = 0.35
_TOUCHES = words("touch hint dash splash accents")
_ACCENTS = words("details detail trim trims touches highlights trimmings")
_OTHER = 0.95
PART = 0.9
"""How sure a part of a value is, such as "polyester"; by meaning alone none is surer."""
_BIT = 1e-3
_SLIP, _SLIPS = 0.84, 2
_SLIP_CHARS = 5
_MOST_TYPED = 4096
_PART_CHARS = 3
_LONGEST = 5
_COMPARATIVES = words(
    """
    softer warmer cooler brighter lighter darker bolder calmer simpler plainer cosier cozier thicker thinner finer
    smarter sturdier smoother rounder taller wider deeper nicer prettier fancier fresher stronger lovelier funnier
    """
)
"""They compare with what is shown, and are no value by meaning: softer is not felt."""
_DEGREES = words("more less most least too very so")
_WORD = re.compile(r"[^\W_]+(?:['&-][^\W_]+)*|&")
_STOP = re.compile(r"[,;!?()\n]|[.:](?!\d)| - ")
_DECADE = re.compile(r"(?:19|20)?(\d0)'?s")
_SUFFIXES = (
    ("'s", ""),
    ("ies", "y"),
    ("ves", "f"),
    ("ing", ""),
    ("ed", ""),
    ("es", ""),
    ("s", ""),
    ("y", ""),
    ("e", ""),
)


@dataclass(frozen=True, slots=True)
class Token:
    """A word of a message, in lower case. start, end: its characters. clause: how many pauses came before it."""

    text: str
    stem: str
    start: int
    end: int
    clause: int


@dataclass(frozen=True, slots=True)
class Mention:
    """A value that words first to last - 1 of a message speak of. score: 1 for the value's own words, else less."""

    facet: str
    value: str
    first: int
    last: int
    score: float

    def touches(self, first: int, last: int) -> bool:
        return self.first < last and first < self.last

    def span(self, tokens: Sequence[Token]) -> tuple[int, int]:
        """The characters of the words. tokens: of the message."""
        return tokens[self.first].start, tokens[self.last - 1].end


def tokens_of(text: str) -> tuple[Token, ...]:
    """The words of a text, as typed but for the case and curly quotes."""
    plain = text.replace("’", "'").lower()
    pauses = [match.start() for match in _STOP.finditer(plain)]
    return tuple(
        Token(m.group(), stem(m.group()), m.start(), m.end(), sum(pause < m.start() for pause in pauses))
        for m in _WORD.finditer(plain)
    )


@lru_cache(maxsize=16_384)
def stem(word: str) -> str:
    """The word without its ending, so that leaf, leaves and leafy are one; 60s and 1960s are one, too."""
    if decade := _DECADE.fullmatch(word):
        return f"{decade.group(1)}s"
    for suffix, put in _SUFFIXES:
        if word.endswith(suffix) and not word.endswith("ss") and len(word) - len(suffix) >= _PART_CHARS:
            return _bare(word.removesuffix(suffix) + put)
    return word


def _bare(word: str) -> str:
    """One more ending off, and no doubled last letter: dotted -> dott -> dot."""
    word = word.removesuffix("e") if len(word) > _PART_CHARS + 1 else word
    word = word.removesuffix("y") if len(word) > _PART_CHARS else word
    return word[:-1] if len(word) > _PART_CHARS and word[-1] == word[-2] and word[-1] != "s" else word


Value = tuple[str, str]
"""An attribute and one of its values."""


@dataclass(frozen=True, slots=True)
class _Index:
    """The values of a catalogue by their stems.

    values: in the order of attributes and values. whole: all the stems. others: of other words for a value, that are no
    value's own. parts: those that a value begins or ends with. words: all stems by first letter. spelt: all
    words as they are written, with their stems, by first letter. names: of the attributes, as stems. typed: what words
    of messages were taken for so far.
    """

    values: tuple[Value, ...]
    whole: Mapping[tuple[str, ...], tuple[Value, ...]]
    others: Mapping[tuple[str, ...], tuple[Value, ...]]
    parts: Mapping[tuple[str, ...], tuple[Value, ...]]
    words: Mapping[str, frozenset[str]]
    spelt: Mapping[str, Mapping[str, str]]
    names: frozenset[tuple[str, ...]]
    typed: dict[str, str] = field(default_factory=dict)


@lru_cache(maxsize=16)
def _index(facets: tuple[Facet, ...]) -> _Index:
    whole: dict[tuple[str, ...], list[Value]] = {}
    others: dict[tuple[str, ...], list[Value]] = {}
    parts: dict[tuple[str, ...], list[Value]] = {}
    words: dict[str, dict[str, str]] = {}
    values = tuple((facet.name, value) for facet in facets for value in facet.values)
    for value in values:
        stems = _stems(value[1])
        whole.setdefault(stems, []).append(value)
        for part in {stems[:n] for n in range(1, len(stems))} | {stems[n:] for n in range(1, len(stems))}:
            parts.setdefault(part, []).append(value)
        called = OTHER_WORDS.get(value[1].lower(), ())
        for other in {_stems(other): None for other in called}:
            others.setdefault(other, []).append(value)
        for token in (token for text in (value[1], *called) for token in tokens_of(text)):
            words.setdefault(token.stem[0], {})[token.text] = token.stem
    return _Index(
        values,
        {stems: tuple(held) for stems, held in whole.items()},
        {stems: tuple(held) for stems, held in others.items() if stems not in whole},
        {stems: tuple(held) for stems, held in parts.items()},
        {letter: frozenset(held.values()) for letter, held in words.items()},
        words,
        frozenset((stem(facet.name),) for facet in facets),
    )


def _stems(text: str) -> tuple[str, ...]:
    return tuple(token.stem for token in tokens_of(text))


@lru_cache(maxsize=16)
def value_vectors(facets: tuple[Facet, ...], embed: Embed) -> Vectors:
    """(n_values, dimensions), in the order of the attributes and their values; computed once for a catalogue."""
    return embed([value for facet in facets for value in facet.values])


def embeddable(facets: Sequence[Facet]) -> tuple[Facet, ...]:
    """The attributes with few enough values to be compared by meaning."""
    return tuple(facet for facet in facets if len(facet.values) <= MOST_EMBEDDED)


def plural_of(name: str) -> str:
    """More than one of what an attribute is called: "categories"."""
    return f"{name[:-1]}ies" if name.endswith("y") else f"{name}s"


def is_of_a_value(word: str, facets: Sequence[Facet]) -> bool:
    """Whether a word is one of a value's, or of another word for it, as it is or with a slip of the pen."""
    index = _index(tuple(facets))
    return any(_corrected(token, index) in index.words.get(token.stem[0], ()) for token in tokens_of(word))


def find_mentions(tokens: Sequence[Token], facets: Sequence[Facet], embed: Embed) -> tuple[Mention, ...]:
    """The values that a message speaks of, in its order; no word speaks of two."""
    facets = tuple(facets)
    lexical = _apart(_lexical(tokens, facets), tokens, facets, embed)
    near = _semantic(tokens, facets, embed, taken=lexical)
    return tuple(sorted((*lexical, *near), key=lambda m: m.first))


def lexical_mentions(tokens: Sequence[Token], facets: Sequence[Facet]) -> list[Mention]:
    """Every value with a hit by letters; they may share words."""
    return list(_lexical(tokens, tuple(facets)))


def _lexical(tokens: Sequence[Token], facets: tuple[Facet, ...]) -> Iterator[Mention]:
    index = _index(facets)
    stems = tuple(_corrected(token, index) for token in tokens)
    for first in range(len(tokens)):
        for last in range(first + 1, min(first + _LONGEST, len(tokens)) + 1):
            said = stems[first:last]
            own = index.whole.get(said, ())
            yield from (Mention(*v, first, last, 1.0) for v in own if _is_said(tokens[first:last], v[1]))
            called = index.others.get(said, ()) if _tells(tokens[first]) and _tells(tokens[last - 1]) else ()
            yield from (Mention(*v, first, last, _OTHER) for v in called)
            yield from _hyphenated(tokens[first], first, index) if last == first + 1 else ()
            slipped = last == first + 1 and said != (tokens[first].stem,)
            if _tells(tokens[first]) and _tells(tokens[last - 1]) and not slipped:
                held = index.parts.get(said, ()) if said not in index.names else ()
                names = [facet for facet, _ in held]
                yield from (Mention(*value, first, last, PART) for value in held if names.count(value[0]) == 1)


def _is_said(tokens: Sequence[Token], value: str) -> bool:
    """Whether the words with the value's stems mean it: a word of grammar is its own, so that "hate" is no hat."""
    return len(tokens) > 1 or tokens[0].text not in FILLERS or tokens[0].text == value.lower()


def _hyphenated(token: Token, place: int, index: _Index) -> Iterator[Mention]:
    """What a part of a word with hyphens speaks of: check-patterned."""
    parts = token.text.split("-") if "-" in token.text else []
    for part in parts:
        if len(part) > _PART_CHARS and part not in FILLERS:
            yield from (Mention(*value, place, place + 1, PART) for value in index.whole.get((stem(part),), ()))


def _tells(token: Token) -> bool:
    return token.text not in FILLERS and len(token.text) >= _PART_CHARS


def _corrected(token: Token, index: _Index) -> str:
    """The stem; of a word with a slip of the pen, the stem of the catalogue's word that it must be."""
    known = index.words.get(token.stem[0], frozenset())
    if token.stem in known or token.text in FILLERS or len(token.text) < _SLIP_CHARS - 1 or token.text in REAL:
        return token.stem
    if token.text not in index.typed:
        if len(index.typed) >= _MOST_TYPED:
            index.typed.clear()
        spelt = index.spelt.get(token.stem[0], {})
        meant = _meant(token.text, spelt) or _meant(token.stem, known)
        index.typed[token.text] = spelt.get(meant, meant) or token.stem
    return index.typed[token.text]


def _meant(typed: str, known: Collection[str]) -> str:
    """The known word that somebody typed with a slip; empty where it is none, or may be several."""
    fuller = [word for word in known if len(word) >= _SLIP_CHARS and lacks_a_letter(typed, word)]
    if len(fuller) == 1 or len(typed) < _SLIP_CHARS - 1:
        return fuller[0] if len(fuller) == 1 else ""
    likely = [word for word in known if len(word) >= _SLIP_CHARS - 1 and abs(len(word) - len(typed)) <= _SLIPS]
    swapped = [word for word in likely if word != typed and sorted(word) == sorted(typed)]
    if len(swapped) == 1 and len(typed) >= _SLIP_CHARS - 1:
        return swapped[0]
    other = [word for word in likely if not word.startswith(typed) and not typed.startswith(word)]
    return next(iter(get_close_matches(typed, other, n=1, cutoff=_SLIP)), "") if len(typed) >= _SLIP_CHARS else ""


def _apart(
    mentions: Iterator[Mention], tokens: Sequence[Token], facets: Sequence[Facet], embed: Embed
) -> list[Mention]:
    """The longest and surest mentions that share no word."""
    order = {facet.name: row for row, facet in enumerate(facets)}
    kept: list[Mention] = []
    for m in sorted(mentions, key=lambda m: (m.first - m.last, -m.score, order[m.facet])):
        rivals = [k for k in kept if k.touches(m.first, m.last)]
        if not rivals:
            kept.append(m)
        elif len(rivals) == 1 and (rivals[0].first, rivals[0].last) == (m.first, m.last) and rivals[0].score == m.score:
            kept[kept.index(rivals[0])] = _named_beside(rivals[0], m, tokens, embed)
    return kept


def _named_beside(one: Mention, other: Mention, tokens: Sequence[Token], embed: Embed) -> Mention:
    """Of two attributes with this value the one that the next word names ("red accents"); else the first."""
    if one.facet == other.facet:
        return one
    for token in _beside(tokens, one):
        named = [m for m in (one, other) if token.stem in {stem(part) for part in m.facet.lower().split("_")}]
        if named:
            return named[0]
    touches = {t.text for t in tokens[max(0, one.first - 3) : one.first] if t.clause == tokens[one.first].clause}
    after = [t.text for t in tokens[one.last : one.last + 1]]
    beside = ["accent"] if touches & _TOUCHES or {*after} & _ACCENTS else [t for t in after if t not in FILLERS]
    if not beside:
        return one
    word, *names = embed([*beside, one.facet, other.facet])
    return other if float(word @ names[1]) > max(float(word @ names[0]), _NAMES) else one


def _beside(tokens: Sequence[Token], mention: Mention) -> list[Token]:
    """The words that may name the attribute: those after it, up to the third after "as", and the one before it."""
    after = tokens[mention.last : mention.last + 4]
    after = after if after and after[0].text in ("as", "in") else after[:1]
    return [*after, *tokens[max(0, mention.first - 1) : mention.first]]


def _semantic(
    tokens: Sequence[Token], facets: tuple[Facet, ...], embed: Embed, *, taken: Sequence[Mention]
) -> list[Mention]:
    """The nearest values of words and pairs of words that no mention has, where they are near enough."""
    names = {stem(facet.name) for facet in facets}
    spans = [s for s in _free_spans(tokens) if not any(m.touches(*s) for m in taken)]
    spans = [(i, j) for i, j in spans if not names & {t.stem for t in tokens[i:j]}]
    values = [(facet.name, value) for facet in embeddable(facets) for value in facet.values]
    if not spans or not values:
        return []
    vectors = value_vectors(embeddable(facets), embed)
    cosines = embed([" ".join(t.text for t in tokens[i:j]) for i, j in spans]) @ vectors.T
    best = np.argmax(cosines, axis=1)
    kept: list[Mention] = []
    for row in sorted(range(len(spans)), key=lambda row: -float(cosines[row, best[row]])):
        score, (facet, value) = float(cosines[row, best[row]]), values[best[row]]
        if score >= NEAR and not any(m.touches(*spans[row]) for m in kept):
            kept.append(Mention(facet, value, *spans[row], min(score, PART - _BIT)))
    return kept


def _free_spans(tokens: Sequence[Token]) -> list[tuple[int, int]]:
    """Words and pairs of words of one clause that may carry a meaning of their own."""
    bare = _COMPARATIVES | KINDS_OF_THINGS | OF_VALUES
    carries = [_tells(t) and t.text not in bare and not t.text[0].isdigit() for t in tokens]
    degrees = [i > 0 and tokens[i - 1].text in _DEGREES for i in range(len(tokens))]
    carries = [told and not of_degree for told, of_degree in zip(carries, degrees, strict=True)]
    ones = [(i, i + 1) for i, told in enumerate(carries) if told]
    twos = [
        (i, i + 2)
        for i, _ in ones
        if i + 1 < len(tokens) and carries[i + 1] and tokens[i].clause == tokens[i + 1].clause
    ]
    return ones + twos
