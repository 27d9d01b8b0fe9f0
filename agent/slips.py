"""Slips of the pen in the words that messages are built of: two letters swapped, one left out, or one doubled."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import lru_cache

from agent.fillers import FILLERS, KINDS_OF_THINGS, words

_CUES = words(
    """
    about above abroad accent accents adore affordable against almost alternative alternatives apart approximately
    around ashamed awful beautiful because before beginning below besides better between beyond bigger birthday
    boring bottom bought brilliant broken brother browse browsing budget build centimetre centimetres change changed
    charming cheap cheaper cheapest children choice chosen clear close colleague colour colours compare comparison
    completely consider continue costs could daughter dearer decide decided deliver delivery description detail
    details differ difference different differs disappointing discount dislike doesn't dollar dollars eighth either
    enough euros everything exactly except exclude excluding excuse expensive explain fantastic faster father
    favourite fewer fifth filter first forget forgot found fourth friend funny gorgeous great greater guess happier
    happy hardly heavier heaviest hideous higher highest horrible husband ignore important instead interested kilos
    knows larger largest least length lighter lightest liked limit listen logic longer longest looking lovely lower
    lowest matter maximum maybe meant mention minimum minute minutes missing modern months mother moving narrow
    nearly neighbour neither never newer newest nicer ninth nothing number older oldest option options other others
    parents particular partner perfect perhaps person pleasant please possible possibly pounds prefer preferably
    preferred present prettier pretty price prices pricey pricier priciest quality question rather rating ratings
    really reason reasoning recent recommend recommendation related remember remove resemble resembles restart
    results roughly rubbish search second seventh several shipping shorter shortest should silly similar similarly
    sister sixth slower smaller smallest something stars start starting steep still street stunning style subtle
    suggest suggested suggestion suits super surprise taste teacher tempo tenth terrible thank thanks their there
    these thicker things think thinks third those three thumbs together topic toward towards under unless until
    urgent version versus wallet wanted weigh which whichever while whole whose wider within without wonderful worse
    worst would wrong years
    """
)
REAL = words(
    """
    avid bach back bacon bass bays blow bother bring bush carmel centimeters char chat chose cold color colored
    colors cool ether favorite fist fond forth fried fund gold gong greta hardy hats hose lied lies long lung mater
    meat moths move moves neighbor noting paid pain peasant petty plan ponds prefect quiet rally rice seat seen send
    sending sipping sited sits sock sold sons sore sort sorts spots staring stating step stores strips supper sven
    tack tale tank tanks tate thins tips tough tree wars wine wong wore
    """
)
"""Words of English that are also a slip of another one."""
_WORD = re.compile(r"[A-Za-z]{4,}")
_LEAST_CHARS = 5


def slips_of(word: str) -> Iterator[str]:
    """The word with one slip behind its first letter."""
    for place in range(1, len(word) - 1):
        yield word[:place] + word[place + 1] + word[place] + word[place + 2 :]
        yield word[:place] + word[place + 1 :]
        yield word[:place] + word[place] + word[place:]


def lacks_a_letter(typed: str, word: str) -> bool:
    """Whether what was typed is the word with one letter inside it left out."""
    return len(typed) == len(word) - 1 and any(typed == word[:n] + word[n + 1 :] for n in range(1, len(word) - 1))


def corrected(message: str, names: Sequence[str], knows: Callable[[str], bool]) -> str:
    """The message without slips in words of grammar, in words that say what is to be done, and in names.

    names: titles of what is shown, and names of attributes. knows: whether a word in lower case is right as it is.
    """
    right, own = _right(), _corrections(_words_of(names))

    def put_right(found: re.Match[str]) -> str:
        typed = found.group()
        word = typed.lower()
        if word in right:
            return typed
        meant = own.get(word) or (word if knows(word) else _cue_corrections().get(word, word))
        return typed if meant == word else _in_case(meant, typed)

    return _WORD.sub(put_right, message)


def _in_case(word: str, like: str) -> str:
    return word.upper() if like.isupper() else word.capitalize() if like[0].isupper() else word


def _words_of(names: Sequence[str]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(word.lower() for name in names for word in _WORD.findall(name)))


@lru_cache(maxsize=1)
def _right() -> frozenset[str]:
    return frozenset((*FILLERS, *KINDS_OF_THINGS, *_CUES, *REAL))


@lru_cache(maxsize=1)
def _cue_corrections() -> dict[str, str]:
    return {slip: word for word, slip in _all_slips(sorted(_CUES | FILLERS | KINDS_OF_THINGS)) if slip not in _right()}


@lru_cache(maxsize=64)
def _corrections(names: tuple[str, ...]) -> dict[str, str]:
    return {slip: word for word, slip in _all_slips(names)} | {name: name for name in names}


def _all_slips(known: Iterable[str]) -> Iterator[tuple[str, str]]:
    for word in known:
        if len(word) >= _LEAST_CHARS and word.isalpha():
            yield from ((word, slip) for slip in slips_of(word) if slip != word)
