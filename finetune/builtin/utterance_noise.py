"""Messages as they are typed: capitals, marks left out, filler words, contractions and slips of the pen."""

from __future__ import annotations

import random
import re

_SHORTER = (
    ("I am ", "I'm "),
    ("I would ", "I'd "),
    ("it is ", "it's "),
    ("do not ", "don't "),
    ("that is ", "that's "),
    ("what is ", "what's "),
    ("does not ", "doesn't "),
    ("we are ", "we're "),
    ("they are ", "they're "),
)
_FILLERS = ("um, ", "hey, ", "well, ", "so, ", "ok, ", "hmm, ", "oh, ", "right, ")
_TAILS = (" thanks", ", thanks", " please", " thx", " if you don't mind", ", thank you", " pls")
_WORD = re.compile(r"[A-Za-z]{5,}")
TYPO_SHARE = 0.15


def rough(rng: random.Random, text: str, keep: str) -> str:
    """The message as somebody may type it, with one slip at most; `keep`, the free words, is spared slips."""
    if rng.random() < 0.5:
        for long, brief in _SHORTER:
            if long.lower() not in keep.lower():
                text = text.replace(long, brief)
    asks = text.endswith(("?", "!"))
    if rng.random() < 0.07:
        text = rng.choice(_FILLERS) + text
    elif rng.random() < 0.06 and not asks and "please" not in text and "thank" not in text:
        text += rng.choice(_TAILS)
    if rng.random() < 0.45 and text[-1:] in "?.!" and not text.endswith(".."):
        text = text[:-1]
    elif rng.random() < 0.3 and text[-1:].isalnum():
        text += rng.choice((".", ".", "!"))
    if rng.random() < TYPO_SHARE:
        text = slip(rng, text, keep)
    if rng.random() < 0.12:
        text = text.replace("'", "")
    draw = rng.random()
    if draw < 0.3:
        return text.lower()
    if draw < 0.32:
        return text.upper()
    return text[:1].upper() + text[1:] if draw < 0.75 else text


def slip(rng: random.Random, text: str, keep: str) -> str:
    """The text with two letters of one word swapped, one left out, or one doubled; the first letter stays."""
    start = text.lower().find(keep.lower()) if keep else -1
    spared = range(start, start + len(keep)) if start >= 0 else range(0)
    words = [found for found in _WORD.finditer(text) if found.start() not in spared and found.end() - 1 not in spared]
    if not words:
        return text
    word = rng.choice(words)
    place = rng.randrange(word.start() + 1, word.end() - 1)
    draw = rng.random()
    if draw < 0.4:
        changed = text[place + 1] + text[place]
        return f"{text[:place]}{changed}{text[place + 2 :]}"
    return f"{text[:place]}{text[place + 1 :]}" if draw < 0.75 else f"{text[:place]}{text[place]}{text[place:]}"
