"""What a message says beside wishes: for more, yes or no, of the person, by rules on its words."""

from __future__ import annotations

import re
from enum import Enum


class Remark(Enum):
    """MORE: others for the same wish. YES, NO: to what was offered. FORGET_ME, ABOUT_ME: what is kept of the person.

    UNDO: the last step is taken back. RESTART: what stood is over. SERVICE: a question about delivery, paying and the
    like, of which a catalogue says nothing.
    """

    MORE = "more"
    YES = "yes"
    NO = "no"
    FORGET_ME = "forget me"
    ABOUT_ME = "about me"
    UNDO = "undo"
    RESTART = "restart"
    SERVICE = "service"


_LEAD = r"^(?:(?:ok|okay|so|and|hm+|well|please|great|nice|thanks|thank you|yes|no|nope|nah|yeah|cool|good)[,.! ]+)*"
_TAIL = r"(?: (?:please|pls|thanks|now|then|of them|of those|there|for me|you have|do you have|have you got))*[ .!?]*$"
_MORE = re.compile(
    _LEAD
    + r"(?:(?:can|could|would|do|may|will) (?:you|i|we) )?(?:please )?"
    + r"(?:(?:show|give|see|get|have|let|find|suggest|try|want|need|i'd like|i would like)"
    + r"(?: me| us)?(?: to)?(?: see)? )*"
    + r"(?:(?:some|any|a few|a couple|a couple of|two|three|four|five|\d{1,2}) )?"
    + r"(?:more(?: of (?:them|these|those)| options| ideas| choices| results| suggestions| items| ones)?|"
    + r"(?:any|some)?thing else|what else(?: is there| do you have| have you got)?|else|next(?: ones?| page| few)?|"
    + r"(?:the )?others?|(?:some |any )?(?:other|different|further|new)(?: ones| options| ideas| things| suggestions)?|"
    + r"none of (?:these|those|them)|keep (?:them|'em) coming|keep going|go on|carry on|continue|another(?: one|"
    + r" few)?|the rest)"
    + _TAIL
)
_YES = re.compile(
    _LEAD
    + r"(?:yes|yeah|yep|yup|sure|ok|okay|please do|do that|do it|go ahead|of course|why not|fine|all ?right|"
    + r"sounds good|good idea|that works)(?:[,. ]+(?:please|do that|do it|go ahead|thanks|that's fine|sure))*[ .!]*$"
)
_NO = re.compile(
    r"^(?:(?:no|nope|nah|oh|wait|stop|sorry)[,. ]+)*(?:no|nope|nah|no thanks|no thank you|rather not|"
    r"better not|never mind|nevermind|don't(?: do (?:that|it))?|do not|cancel(?: (?:that|it))?|"
    r"(?<=[,. ])keep (?:it|everything|all of it))[ .!]*$"
)
_FORGET_ME = re.compile(
    r"\b(?:forget|erase|delete|remove|wipe|clear)(?: me| (?:(?!from\b|this\b|for\b)\w+ ){0,3}?(?:(?:about|of) me|"
    r"my data|my history|my account|my profile|my information|my likes|my preferences))\b"
    r"(?![ -](?:a|an|the|some|nots?)\b)"
)
_UNDO = re.compile(
    _LEAD + r"(?:undo(?: that| it| this)?|take (?:that|it) back|go back(?: (?:one|a) step)?|"
    r"(?:the )?previous(?: (?:list|one|ones|results?))?)(?: please)?[ .!]*$"
)
_RESTART = re.compile(
    _LEAD + r"(?:(?:let's|let us|can we) )?(?:start (?:over|again|afresh)|clear everything)(?: please)?[ .!?]*$"
)
_ABOUT_ME = re.compile(
    r"\bwhat (?:do|did) you (?:know|remember|have|store|keep|think you know)\b.*\b(?:about|of|on) me\b|"
    r"\bwhat (?:have you(?: got)?|do you have|'ve you got) (?:about|on) me\b|\bwhat do you think i (?:like|want)\b|"
    r"\bwhat (?:are|were) my (?:likes|preferences|tastes)\b|\b(?:show|tell)(?: me)? what you know (?:about|of) me\b"
)
_SERVICE = re.compile(
    r"\b(?:do|does|can|could|will|would) (?:you|it|they|this|i|we) (?:\w+ )?"
    r"(?:ship|deliver|refund|exchange|gift[- ]wrap|return (?:it|this|them|things)|pay (?:by|with|in|later)|"
    r"price[- ]match)\b|"
    r"\b(?:shipping|delivery|postage|returns?) (?:costs?|times?|fees?|policy|options?|charges?|dates?)\b|"
    r"\b(?:free|express|next[- ]day|same[- ]day) (?:shipping|delivery)\b|"
    r"\b(?:do you have|is there) a (?:shop|store|showroom)\b|(?:when|are you) (?:are you )?open\b|"
    r"\b(?:a|any) discounts?\b|\bsend (?:it|this|that|them|things|\w+) back\b|\bhow (?:can|could|do) (?:i|we) pay\b|"
    r"\bhow (?:long|much|fast|soon) .*\b(?:deliver\w*|shipping|postage|arrive)\b|"
    r"\b(?:opening hours|refund policy|discount codes?|voucher codes?|customer service|payment methods?|paypal|"
    r"(?:take|accept) (?:\w+ )?cards?|money back|(?:where is|track) my \w+|when will (?:it|they|my \w+) arrive)\b"
)
_HABIT = re.compile(
    r"\b(?:i|we)(?:'m| am)? (?:really |just |simply |absolutely |generally |usually |always )*"
    r"(?:never|always|can't stand|cannot stand|can not stand|hate|love|adore|detest|loathe|don't (?:ever )?wear|"
    r"do not (?:ever )?wear|only ever|don't eat|allergic to|avoid)\b|\bi'm allergic to\b|\bmy favou?rites?\b"
)
_SENTENCE = re.compile(r"(?<=[.!?;])\s+")
_WHICH_HAVE = re.compile(
    r"^(?:(?:and|so|ok|but|hm+)[, ]+)*(?:(?:which|what) (?:ones? )?(?:of|among) (?:these|those|them)\b|"
    r"which (?:ones? )?(?:is|are|has|have|comes?)\b(?! there)|"
    r"(?:is|are|has|have|do|does) (?:any|one|some|either) of (?:these|those|them)\b)"
)
_WHICH_END = re.compile(
    r"^(?:(?:and|so|ok|but) )*(?:which|what)(?:'s|'re)?(?: one)?(?: of (?:them|these|those|the two|both))?"
    r" (?:is |are |would be )?(?:the )?\w+(?:er|est)\b(?:[ ?]*$| of (?:them|these|those)\b)|"
    r"\bof (?:those|these|them)\W*$"
)
_OF_THE_MOMENT = re.compile(
    r"\b(?:would|i'd|we'd|this|that|it|these|those|one|ones|today|now|here|first|second|third)\b"
)


def remark_of(message: str) -> Remark | None:
    """What the message says of this kind; None where it is something else."""
    text = message.replace("’", "'").lower().strip()
    for pattern, remark in (
        (_FORGET_ME, Remark.FORGET_ME),
        (_ABOUT_ME, Remark.ABOUT_ME),
        (_UNDO, Remark.UNDO),
        (_RESTART, Remark.RESTART),
        (_SERVICE, Remark.SERVICE),
        (_NO, Remark.NO),
        (_YES, Remark.YES),
        (_MORE, Remark.MORE),
    ):
        if pattern.search(text):
            return remark
    return None


def tells_a_habit(message: str) -> bool:
    """Whether a message says what its writer always or never wants: "I never wear wool", "I love stripes"."""
    text = message.replace("’", "'").lower()
    return bool(_HABIT.search(text)) and not _OF_THE_MOMENT.search(text)


def habit_and_rest(message: str) -> tuple[str, str] | None:
    """The sentences that say what is always or never wanted, and the others; None where there are not both."""
    sentences = [sentence for sentence in _SENTENCE.split(message) if sentence.strip()]
    habits = [sentence for sentence in sentences if tells_a_habit(sentence)]
    rest = [sentence for sentence in sentences if not tells_a_habit(sentence)]
    return (" ".join(habits), " ".join(rest)) if habits and rest else None


def of_things(message: str) -> str:
    """The message without its sentences about delivery and the like; as it is where it has no others."""
    return " ".join(s for s in _SENTENCE.split(message) if remark_of(s) is not Remark.SERVICE) or message


def asks_which_have(message: str) -> bool:
    """Whether a message asks which of the shown items are or have something: "which of these has stripes?"."""
    return bool(_WHICH_HAVE.search(message.lower()))


def asks_which_end(message: str) -> bool:
    """Whether a message asks which of the shown items has the lowest or highest number: "which of them is cheaper?"."""
    return bool(_WHICH_END.search(message.lower()))
