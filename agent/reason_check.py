"""Whether a reason says only what can be shown of its item."""

from __future__ import annotations

import re
from collections.abc import Collection, Sequence

from agent.evidence import YOUR_PICTURE
from agent.facts import CatalogueFacts, Phrase, spoken_forms, told_values
from agent.wording import FUNCTION_WORDS, KINDS, Word, contains, fold, starts_sentence, stems_of, words_of
from retrieval.types import Evidence, EvidenceKind, Item

_MARKUP = re.compile(r"[<>{}\[\]|*`#«»‹›\\_~]|https?:|www\.|\n\s*[-\d]")
_CONTROL = re.compile(r"[\x00-\x09\x0b-\x1f\x7f-\x9f\u200b-\u200f\u202a-\u202e\u2060-\u2069\ufeff\ufffd]")
_END = re.compile(r"[.!?…][\"'”’)]*$")
_QUOTED = re.compile(r"\"([^\"]+)\"|“([^”]+)”|„([^“”]+)[“”]|(?<!\w)['‘]([^'’]+)['’](?!\w)")
_NUMBER = re.compile(r"\d+(?:[.,]\d+)*")
_SENTENCES = re.compile(r"[.!?…]+(?:\s|$)")
_MOST_SENTENCES = 3
_TITLE = "Title"


class ReasonCheck:
    """Checks reasons for one item.

    Every word that says something must be the item's or the evidence's: a value that was only asked for is no reason.
    Where a clause speaks of what was asked for, its words must be the request's. What the reason claims to rest on (a
    look, other people, popularity, a liked item, a request) must be in the evidence. It denies nothing, since what an
    item is not cannot be looked up, and it says nothing twice.
    """

    def __init__(
        self,
        item: Item,
        evidence: Sequence[Evidence],
        request: str | None,
        facts: CatalogueFacts,
        *,
        max_words: int = 60,
    ) -> None:
        self._item = item
        self._evidence = evidence
        self._request = request
        self._facts = facts
        self._max_words = max_words
        self._licence = _Licence(item, evidence, request)
        self._titles = {item.title, *_titles_in(request or "", facts), *_cited_titles(evidence)}

    def problem(self, reason: str) -> str | None:
        """What is wrong with the reason, or None when all that it says is in the item, the evidence or the request."""
        bare = _without_titles(reason, self._titles)
        return _wrong_form(reason, bare, self._max_words) or _says_twice(bare) or self._unfounded(reason, bare)

    def problem_so_far(self, beginning: str) -> str | None:
        """The same of whole words that a reason begins with: only what no further word could mend."""
        return self._unfounded(beginning, _without_titles(beginning, self._titles))

    def _unfounded(self, reason: str, bare: str) -> str | None:
        return (
            _unprintable(reason, bare)
            or _denies(bare)
            or _unfounded_claim(bare, self._evidence, self._request)
            or _likened_to_itself(reason, self._item, self._evidence)
            or _foreign_number(reason, self._licence)
            or _foreign_quotation(reason, self._licence)
            or _foreign_phrase(reason, self._licence, self._facts)
            or _foreign_name(reason, self._licence, self._facts)
            or _foreign_word(bare, self._licence)
            or _foreign_value(reason, self._item)
        )


class _Licence:
    """What a reason about an item may say."""

    def __init__(self, item: Item, evidence: Sequence[Evidence], request: str | None) -> None:
        own = [item.title, *(text for value in item.attributes.values() for text in spoken_forms(value))]
        cited = [fact.text for fact in evidence]
        asked = [request or ""]
        self.true_texts = [stems_of(text) for text in (*own, *item.attributes, *cited)]
        self.request = stems_of(request or "")
        self.folded = fold(" \n ".join((*own, *item.attributes, *cited, *asked)))
        self.words = {word.folded for word in words_of(self.folded)}
        self.stems = {word.stem for word in words_of(self.folded)}
        self.true_stems = {stem for text in self.true_texts for stem in text}
        answering = [fact.text for fact in evidence if fact.kind == EvidenceKind.REQUEST]
        self.asked_stems = {stem for text in (*asked, *answering, *item.attributes) for stem in stems_of(text)}
        self.numbers = {_number(match) for match in _NUMBER.findall(self.folded)}
        self.titles = {_written(item.title), *(_written(fact.title) for fact in evidence if fact.title)}

    def has(self, phrase: Phrase) -> bool:
        return any(contains(text, phrase) for text in self.true_texts)


def _cited_titles(evidence: Sequence[Evidence]) -> set[str]:
    return {fact.title for fact in evidence if fact.title}


def _titles_in(request: str, facts: CatalogueFacts) -> set[str]:
    """The catalogue's titles that the request names, as it writes them."""
    words = words_of(request)
    written = tuple(word.text for word in words)
    found = [(place, len(t)) for place in range(len(words)) for t in facts.titles_at(written, place)]
    return {request[words[place].start : words[place + size - 1].end] for place, size in found}


def _without_titles(reason: str, titles: Collection[str]) -> str:
    """The reason with a plain word for each title that it may name: what a title says is no claim and no markup."""
    for title in sorted(titles, key=len, reverse=True):
        reason = re.sub(rf"(?<!\w){re.escape(title)}(?!\w)", _TITLE, reason)
    return reason


_NEGATION = re.compile(
    r"\b(?:no|not|never|neither|nor|none|nothing|nobody|without|cannot|hardly|barely)\b|n['’]t\b", re.IGNORECASE
)


_LIKED_PART = re.compile(rf"\b(?:[Yy]ou liked|[Ll]ike|with) (?!{_TITLE}\b)[A-Z]\w* liked\b")


_HANGING = re.compile(
    r"\b(?:a|an|the|its|their|your|of|in|with|is|are|has|have|and|or|by|at|both)[.!?…]|"
    r"\b(?:a|an|the|its|their|your) (?:a|an|the|its|their|your|of|in|for|to|with|is|are|has|have|and|or|by|at)\b|"
    r"\b(?:its|their|your) (?:this|that|these|those|what|which|who|it|you|as|like|close)\b|"
    r"\bis what (?:its|their) \w+ (?:is|are|has|have)\b|"
    rf"(?:^|[.!?…] |, and )(?:[Aa]s with|[Ll]ike) {_TITLE}(?:, which you liked)?[.!?…]"
)


def _denies(bare: str) -> str | None:
    if part := _LIKED_PART.search(bare):
        return f"it names a part of a title: {part.group()!r}"
    if denied := _NEGATION.search(bare):
        return f"it denies something ({denied.group()!r}), which cannot be checked"
    return None


def _says_twice(bare: str) -> str | None:
    sentences = [fold(sentence).strip() for sentence in _SENTENCES.split(bare) if sentence.strip()]
    return "it says something twice" if len(set(sentences)) < len(sentences) else None


def _unprintable(reason: str, bare: str) -> str | None:
    return "it has markup" if _MARKUP.search(bare) or _CONTROL.search(reason) else None


def _wrong_form(reason: str, bare: str, max_words: int) -> str | None:
    if not reason or not any(c.isalpha() for c in reason):
        return "it is empty"
    if not _END.search(reason):
        return "it is cut off"
    if len(words_of(reason)) > max_words:
        return f"it has more than {max_words} words"
    if len(_SENTENCES.findall(bare)) > _MOST_SENTENCES:
        return f"it has more than {_MOST_SENTENCES} sentences"
    if hanging := _HANGING.search(bare):
        return f"something is left out: {hanging.group()!r}"
    return None


_CLAIMS: tuple[tuple[re.Pattern[str], str], ...] = (
    (re.compile(r"\b(looks? (?:just )?like|to the eye|resembles)\b", re.IGNORECASE), "look"),
    (re.compile(r"\b(people|those|others|everyone) (?:who|that)\b", re.IGNORECASE), "people"),
    (re.compile(r"\b(popular|many people|most people|everyone)\b", re.IGNORECASE), "popular"),
    (re.compile(r"\byou(?:'ve| have)? (?:also )?(?:liked|loved|enjoyed|watched|bought)\b", re.IGNORECASE), "liked"),
    (re.compile(r"\b(you (?:asked|wanted|requested|searched)|your (?:request|wish|search))\b", re.IGNORECASE), "asked"),
    (re.compile(r"\byour picture\b", re.IGNORECASE), "picture"),
    (re.compile(r"\bclose to (?:what you|your (?:request|wish))\b", re.IGNORECASE), "meaning"),
    (re.compile(r"\b(?:similar to|much like)\b", re.IGNORECASE), "likeness"),
)


def _unfounded_claim(reason: str, evidence: Sequence[Evidence], request: str | None) -> str | None:
    looks = [fact for fact in evidence if fact.text.startswith("looks like")]
    people = [fact for fact in evidence if fact.text.startswith("people who")]
    founded = {
        "look": bool(looks),
        "people": bool(people),
        "popular": bool(people) or any(fact.text.startswith("popular") for fact in evidence),
        "liked": any(fact.title for fact in evidence),
        "asked": bool(request) or any(fact.kind == EvidenceKind.REQUEST for fact in evidence),
        "picture": any(fact.text.endswith(YOUR_PICTURE) for fact in looks),
        "meaning": any(fact.text.startswith("close in meaning") for fact in evidence),
        "likeness": bool(looks) or any(fact.title for fact in evidence),
    }
    claimed = next((what for pattern, what in _CLAIMS if pattern.search(reason) and not founded[what]), None)
    return None if claimed is None else f"it claims something about {claimed!r} that the evidence does not say"


def _likened_to_itself(reason: str, item: Item, evidence: Sequence[Evidence]) -> str | None:
    if item.title in {fact.title for fact in evidence} or all(w.folded in FUNCTION_WORDS for w in words_of(item.title)):
        return None
    likened = rf"\b[Ll](?:ike|iked) [\"“]?{re.escape(item.title)}(?!\w)"
    return "it likens the item to itself" if re.search(likened, reason) else None


def _foreign_number(reason: str, licence: _Licence) -> str | None:
    foreign = next((n for n in _NUMBER.findall(fold(reason)) if _number(n) not in licence.numbers), None)
    return None if foreign is None else f"the number {foreign} is not the item's"


def _number(text: str) -> float:
    """1,234.50 and 1234.5 are one number; so are 49,90 and 49.9."""
    last = max(text.rfind("."), text.rfind(","))
    if last >= 0 and len(text) - last - 1 != 3:
        return float(re.sub(r"[.,]", "", text[:last]) + "." + re.sub(r"[.,]", "", text[last + 1 :]))
    return float(re.sub(r"[.,]", "", text))


def _foreign_quotation(reason: str, licence: _Licence) -> str | None:
    for groups in _QUOTED.findall(reason):
        quoted = next(group for group in groups if group)
        if fold(quoted).strip(" .,!?…") not in licence.folded:
            return f"nobody said {quoted!r}"
    return None


def _foreign_phrase(reason: str, licence: _Licence, facts: CatalogueFacts) -> str | None:
    """A known value or title that belongs to something else. Longer names are read first: Red Rock West is not red."""
    words = words_of(reason)
    stems, written = tuple(word.stem for word in words), tuple(word.text for word in words)
    place = 0
    while place < len(words):
        own = next((t for t in licence.titles if t and written[place : place + len(t)] == t), ())
        value = next(iter(facts.values_at(stems, place)), ())
        title = () if _only_opens(reason, words[place]) else next(iter(facts.titles_at(written, place)), ())
        longest = max(len(own), len(value), len(title))
        if len(own) < longest:
            named = stems[place : place + longest]
            asked = len(title) == longest and contains(licence.request, named)
            if not (asked or licence.has(named)):
                first, last = words[place], words[place + longest - 1]
                return f"{reason[first.start : last.end]!r} is not the item's"
        place += max(1, longest)
    return None


def _only_opens(reason: str, word: Word) -> bool:
    """Whether a word is capitalised for no other reason than that it begins a sentence, or is a common one."""
    return word.folded in FUNCTION_WORDS and starts_sentence(reason, word.start)


def _foreign_name(reason: str, licence: _Licence, facts: CatalogueFacts) -> str | None:
    """A capitalised word that neither the item, nor the evidence, nor the request has."""
    for word in words_of(reason):
        if not word.capitalised or word.folded in licence.words or word.folded.partition("'")[0] == "i":
            continue
        opens = starts_sentence(reason, word.start)
        if not opens or (word.folded in facts.name_words and word.folded not in FUNCTION_WORDS):
            return f"nothing here is called {word.text!r}"
    return None


_CLAUSES = re.compile(r"[.!?…]+(?:\s|$)|[;:]|, (?:and|but) ")
_ASKED = re.compile(
    r"\b(?:you (?:asked|wanted|requested|searched)|your (?:request|wish|search)|(?:looking|asked|searching) for)\b",
    re.IGNORECASE,
)


def _foreign_word(bare: str, licence: _Licence) -> str | None:
    """A word that says something, and that neither the item nor the evidence has; of the request, not the request."""
    for clause in _CLAUSES.split(bare):
        known = licence.asked_stems if _ASKED.search(clause) else licence.true_stems
        for word in words_of(clause):
            plain = word.folded in FUNCTION_WORDS | KINDS or word.text == _TITLE or any(c.isdigit() for c in word.text)
            if not plain and word.stem not in known:
                return f"{word.text!r} is not said of it"
    return None


_SAID_OF = re.compile(
    r"\b(?:its|the|same|a) (?P<name>[\w -]+?)"
    r"(?: (?P<verb>is|are|says|includes?|mentions|has|speaks of|tells of))?(?: (?:an?|the|some))? [\"“]?$"
)


def _foreign_value(reason: str, item: Item) -> str | None:
    """What the reason gives as an attribute's value ("its colour is ...") must be what that attribute says."""
    said: dict[Phrase, set[str]] = {("titl",): set(stems_of(item.title))}
    short: set[Phrase] = set()
    for name, text, is_prose in told_values(item):
        said.setdefault(stems_of(name), set()).update(stems_of(text))
        short |= set() if is_prose else {stems_of(name)}
    for word in words_of(reason):
        before = _SAID_OF.search(fold(reason[: word.start]))
        attribute = stems_of(before["name"]) if before else ()
        if before is None or attribute not in said or word.folded in FUNCTION_WORDS:
            continue
        if word.stem not in said[attribute] and (before["verb"] or attribute in short):
            return f"{word.text!r} is not its {before['name']}"
    return None


def _written(text: str | None) -> tuple[str, ...]:
    return tuple(word.text for word in words_of(text or ""))
