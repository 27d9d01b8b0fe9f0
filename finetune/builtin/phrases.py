"""How people ask, how reasons sound, and how pictures are described: the wording of the training corpus."""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass

from agent.sentences import is_plural
from finetune.builtin.drawing.look import Look
from retrieval.types import Evidence, EvidenceKind

_PLAIN = ("{w}", "{w} please", "something {w}", "I want {w}", "looking for {w}", "show me {w}", "I would like {w}")
_NAMED = ("{n} {v}", "{n}: {v}", "with {n} {v}", "the {n} should be {v}", "{v} as {n}", "{v} {n}")
_STORY = (
    "a story about {w}",
    "a film about a {w}",
    "with a {w} in it",
    "about {w}",
    "a {w} story",
    "the one with the {w}",
)
_SHOP = ("a {d} {c}", "{d} {c}", "I need a {d} {c}", "do you have a {d} {c}?", "a {c}, {d}", "{c} in {d}")
_SPOKEN_PATTERNS = {
    "plain": ("plain", "without pattern"),
    "stripes": ("striped", "with stripes", "stripes"),
    "dots": ("dotted", "with dots", "dots", "polka dots"),
    "checks": ("checked", "with checks", "checks"),
    "zigzag": ("zigzag", "with zigzag"),
    "floral": ("floral", "with flowers"),
    "diamonds": ("with diamonds", "diamonds"),
    "leaves": ("with leaves", "leaves", "leafy"),
}


def request_text(rng: random.Random, wants: Sequence[tuple[str, str]], *, shop: bool) -> str:
    """The words in which somebody asks for these attribute values."""
    if shop:
        return _shop_request(rng, dict(wants))
    pieces = []
    for name, value in wants:
        if name == "plot":
            pieces.append(rng.choice(_STORY).format(w=value))
        elif rng.random() < 0.4:
            pieces.append(rng.choice(_NAMED).format(n=name, v=value))
        else:
            pieces.append(value)
    rng.shuffle(pieces)
    words = rng.choice((" ", ", ", " and ", " with ", ", ")).join(pieces)
    return rng.choice(_PLAIN).format(w=words) if rng.random() < 0.5 else words


def _shop_request(rng: random.Random, wants: dict[str, str]) -> str:
    category = wants.pop("category", None)
    spoken = [_spoken(rng, name, value) for name, value in wants.items()]
    rng.shuffle(spoken)
    details = rng.choice((" ", ", ", " and ")).join(spoken)
    if category is None:
        return rng.choice(_PLAIN).format(w=details)
    return rng.choice(_SHOP).format(d=details, c=category) if details else rng.choice(_PLAIN).format(w=f"a {category}")


def _spoken(rng: random.Random, name: str, value: str) -> str:
    if name == "pattern":
        return rng.choice(_SPOKEN_PATTERNS[value])
    if name == "accent":
        return rng.choice(("with {v} accents", "{v} accents", "accent {v}", "with {v} details")).format(v=value)
    if name in ("room", "occasion", "brand"):
        return rng.choice(("for the {v}", "{v}", "{n} {v}") if name != "brand" else ("by {v}", "{v}")).format(
            v=value, n=name
        )
    return value


def caption(look: Look) -> str:
    """What is to be said about a drawn product: colour, category, pattern, accent."""
    pattern = "plain" if look.pattern == "plain" else f"with {look.pattern}"
    return f"a {look.colour} {look.category}, {pattern}, accent {look.accent}"


@dataclass(frozen=True, slots=True)
class Fact:
    """A line of evidence and the ways to say it. lead: as a sentence of its own; tail: as the end of one."""

    evidence: Evidence
    lead: tuple[str, ...]
    tail: tuple[str, ...]


PROSE = ("plot", "description", "summary", "title")
"""Attributes of which evidence cites words, where of others it cites the value."""


def asked_fact(attribute: str, value: str) -> Fact:
    evidence = Evidence(
        EvidenceKind.REQUEST, f"matches the request: {value} ({attribute})", attribute=attribute, value=value
    )
    if attribute in PROSE:
        lead: tuple[str, ...] = (
            f"Its {attribute} speaks of {value}",
            f"You asked for {value}, and its {attribute} says so",
        )
        return Fact(evidence, lead, (f"its {attribute} speaks of {value}, as you asked",))
    if is_plural(attribute):
        lead = (
            f"You asked for {value}, and its {attribute} include that",
            f"It has {value} among its {attribute}, as you asked",
            f"Its {attribute} include {value}, as you asked",
        )
        return Fact(evidence, lead, (f"it has {value} among its {attribute}, as you asked",))
    lead = (
        f"You asked for {value}, and this is what its {attribute} says",
        f"Its {attribute} is {value}, as you asked",
        f"The {attribute} {value} is what you asked for",
        f"It answers your wish for {value}",
    )
    return Fact(evidence, lead, (f"its {attribute} is {value}, as you asked", f"it has the {value} that you asked for"))


def shared_fact(attribute: str, value: str, title: str) -> Fact:
    text = f"shares {attribute} {value} with {title}"
    evidence = Evidence(EvidenceKind.HISTORY, text, attribute=attribute, value=value, title=title)
    if is_plural(attribute):
        lead: tuple[str, ...] = (
            f"Like {title}, it has {value} among its {attribute}",
            f"You liked {title}, and both have {value} among their {attribute}",
            f"It has {value} in common with {title}, among its {attribute}",
        )
        return Fact(evidence, lead, (f"like {title}, it has {value} among its {attribute}",))
    lead = (
        f"Like {title}, it has the {attribute} {value}",
        f"It shares the {attribute} {value} with {title}",
        f"You liked {title}, and this has the {attribute} {value} too",
        f"As with {title}, the {attribute} is {value}",
    )
    tail = (f"it shares the {attribute} {value} with {title}", f"like {title}, it has the {attribute} {value}")
    return Fact(evidence, lead, tail)


def looks_fact(title: str) -> Fact:
    return Fact(
        Evidence(EvidenceKind.RETRIEVER, f"looks like {title}", title=title),
        (f"It looks like {title}, which you liked", f"To the eye it is close to {title}"),
        (f"it looks like {title}", f"it is close to {title} to the eye"),
    )


def picture_fact() -> Fact:
    return Fact(
        Evidence(EvidenceKind.RETRIEVER, "looks like your picture"),
        ("It looks like your picture", "To the eye it is close to your picture"),
        ("it looks like your picture", "it is close to your picture"),
    )


def close_fact() -> Fact:
    return Fact(
        Evidence(EvidenceKind.RETRIEVER, "close in meaning to the request"),
        ("Its description is close to what you asked for", "Taken as a whole, it is close to your request"),
        ("its description is close to what you asked for", "as a whole it is close to your request"),
    )


def similar_fact(title: str) -> Fact:
    return Fact(
        Evidence(EvidenceKind.RETRIEVER, f"similar to {title}", title=title),
        (f"Taken as a whole, it is similar to {title}, which you liked", f"It is much like {title}, which you liked"),
        (f"as a whole it is similar to {title}", f"it is much like {title}"),
    )


def people_fact(title: str) -> Fact:
    return Fact(
        Evidence(EvidenceKind.RETRIEVER, f"people who liked {title} liked it too", title=title),
        (f"People who liked {title} liked it too", f"Those who enjoyed {title} went on to this one"),
        (f"people who liked {title} liked it too", f"those who enjoyed {title} went on to it"),
    )


def popular_fact() -> Fact:
    return Fact(
        Evidence(EvidenceKind.RETRIEVER, "popular with many people"),
        ("It is popular with many people", "Many people like it"),
        ("many people like it", "it is popular with many people"),
    )


def write_reason(rng: random.Random, facts: Sequence[Fact]) -> str:
    """One or two sentences that say the first two facts and nothing else."""
    first = rng.choice(facts[0].lead)
    if len(facts) == 1:
        return f"{first}."
    if rng.random() < 0.5:
        return f"{first}. {rng.choice(facts[1].lead)}."
    return f"{first}, and {rng.choice(facts[1].tail)}."
