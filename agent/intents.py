"""What a message wants done: rules on its words, and where none speaks, the nearest of a few example sentences."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING

import numpy as np

from agent.dialogue import Action

if TYPE_CHECKING:
    from agent.mentions import Embed
    from retrieval.vectors import Vectors

_EXAMPLES = (
    (Action.COMPARE, "how do these two differ"),
    (Action.COMPARE, "which of them would be the better choice"),
    (Action.WHY, "why did you recommend this to me"),
    (Action.WHY, "what is the reason for this suggestion"),
    (Action.ASK, "is this one easy to clean"),
    (Action.ASK, "how big is it and what does it cost"),
    (Action.ASK, "does it come with a guarantee"),
    (Action.LIKE, "I really love this one"),
    (Action.LIKE, "that is beautiful, just right for me"),
    (Action.DISLIKE, "I don't like this one at all"),
    (Action.DISLIKE, "that is ugly, not for me"),
    (Action.SIMILAR, "show me more things like this one"),
    (Action.SIMILAR, "do you have others in the same vein"),
)
_SMALL_TALK = (
    (True, "good morning, how are you"),
    (True, "thank you very much, goodbye"),
    (True, "are you a robot or a human"),
    (True, "what are you able to do for me"),
    (True, "haha, you are funny and clever"),
    (False, "I am looking for a present for a friend"),
    (False, "something that is easy to look after"),
    (False, "a film with a surprising end"),
    (False, "it should be light and not too big"),
    (False, "I need it for a trip with the children"),
)
_COMPARE = re.compile(
    r"\b(?:compar\w*|differ\w*|versus|vs)\b|\b(?:decide|choose|torn|deciding|choosing) between\b|"
    r"\b(?:which|what)(?: one)?(?: of \w+)?(?: is|'s| are| would| looks?| lasts?)?\b.*\b(?:better|best|"
    r"nicer|\w+ier|\w+er)\b|"
    r"\b(?:better|worse|more \w+|\w+er) than\b|\bor\b.*\?|\bworth (?:more|the)\b|\bthe same as\b|"
    r"\bwhich (?:one )?(?:would|should|do) (?:you|i|we)\b"
)
_WHY = re.compile(
    r"^(?:(?:so|but|and|ok|hm+|um|sorry)[, ]+)*(?:why|how come)\b|\bwhat made you\b|\b(?:the|what) "
    r"reason\b|\bwhy (?:did|do|are|is)\b|\bwhat (?:led|brought|makes) you\b|"
    r"^(?:\w+, )?(?:please )?explain (?:your|the|this|that)\b|\b(?:logic|reasoning|idea) behind\b"
)
_SIMILAR = re.compile(
    r"\b(?:similar\w*|alike|resembl\w*|in (?:the )?(?:same|that|this) (?:vein|style|direction|spirit)|"
    r"along (?:the|those|these|similar) lines|"
    r"same (?:kind|sort|style|type|vibe)|of (?:that|this) (?:kind|sort|type)|reminiscent|comparable)\b|"
    r"\b(?:more|others?|another|something|anything|one|ones|stuff|things?)(?: \w+)? (?:like|such as)\b|"
    r"^(?:sort ?of |sorta )?like (?:number |no |option |item |#)?(?:\d|the|this|that)|\bsiblings? of\b|"
    r"\bmore of (?:the|that|this|these|those)\b|"
    r"\b(?:one|that|this|it|number \w+|\d|first|second|third|fourth|fifth|last),? (?:but|only|just) "
    r"(?:in|with|without|as|for|of)\b|"
    r"\b(?:closer|nearer|close|near) to (?:number|no|#|the|that|this)\b|\bsame again\b|"
    r"\b(?:one|number \w+|first|second|third|fourth|fifth|last) (?:is|was|comes|looks|would be)\b[^.!?]{0,30}\bbut\b"
    r"(?!.*\b(?:number|first|second|third|fourth|fifth|last|other)\b)"
)
_DISLIKE = re.compile(
    r"\b(?:don't|dont|do not|didn't|didnt|doesn't|not|never|couldn't|can't|cant) (?:\w+ )?(?:\w+ "
    r")?(?:like|love|care|fancy|keen|stand|fan|taste|enjoy|for me|me|my)\b|"
    r"\b(?:hate\w*|dislike\w*|ugly|awful|horrible|hideous|terrible|boring|ghastly|meh|yuck|ew+|worst|"
    r"disappoint\w*|rubbish)\b|👎|\b(?:is|looks|seems|are|feels) (?:much |far |a bit |rather |way )?too \w+|"
    r"\bno thanks?\b|\bnever (?:buy|use|wear|want|watch|read)\b|"
    r"^(?:nah|nope|no)\b[, ]*(?:not )?(?:the|this|that|number)|\bnot (?:the|this|that|number)\b|\bisn't "
    r"(?:\w+ )?(?:me|for me|my)\b"
)
_LIKE = re.compile(
    r"\b(?:i (?:really |quite |do |just |absolutely )?(?:like|love|adore)|love[ds]?|loving|adore|gorgeous|"
    r"beautiful|perfect|brilliant|great|"
    r"wonderful|amazing|stunning|lovely|nice|pretty|cute|favou?rite|excellent|fantastic|exactly|my "
    r"taste|spot on)\b|"
    r"\b(?:i'?ll|i will|let me) (?:take|have|go with)\b|"
    r"\b(?:put|add|keep|save)\b.*\b(?:list|basket|cart|favourites)\b|"
    r"^(?:yes to|keep)\b|\bright with\b|\bgoing (?:for|with)\b|\bwant to have (?:this|that|it)\b|"
    r"\bsee myself (?:with|in|wearing|using)\b|[👍❤😍]"
)
_QUESTION = re.compile(
    r"\?|\b(?:tell me|more about|details|wonder\w*)\b|^(?:and |so |but |ok |hey )*(?:is|are|was|does|do|"
    r"did|can|could|would|will|has|how|what|what's|whats|which|who|who's|when|where)\b"
)
_RESTART = re.compile(
    r"\b(?:forget(?! (?:about|the|that|to)\b)|scrap|new (?:question|topic|search)|start (?:over|again)|"
    r"from (?:the beginning|scratch)|"
    r"something (?:else|different|completely)|"
    r"(?:now|also|next|then)(?: i| we| i'd| we'd| i'm)? (?:also )?(?:need|want|look\w*|like|search\w*)|"
    r"change of plan|different question)\b"
)
_NEED = re.compile(
    r"\b(?:(?:i|we)(?:'m| am| are)? (?:also )?(?:need|want|look\w* for|after|search\w*)|looking for|do "
    r"you (?:have|sell)|got any)\b"
)
_REPAIR = re.compile(r"\b(?:instead|rather|mean|meant|sorry|same|those|these|them|it|ones)\b")
_JOKES = re.compile(
    r"\b(?:tell|know) (?:me |us )?(?:a |any |some )?jokes?\b|^(?:please )?sing\b|"
    r"\b(?:your name|who are you|how are you)\b|"
    r"\bhow do (?:i|you) (?:use (?:this|it)|work)\b|^help\b"
)
_VARIED = re.compile(
    r"\b(?:can|could|may) (?:i|we) (?:get|have|see)\b|\bdo you have\b|\bcomes? .*\bin\b|\bhow about .* (?:in|with)\b"
)
_THAN_ONE = re.compile(
    r"\b(?:something|anything|one|ones|some|any|others?|show|find|want)\b.*\bthan (?:the|that|this|no|#|\d)"
)
_POINTS = re.compile(
    r"\b(?:this|that) one\b|\b(?:this|these|those)\b|"
    r"\b(?:love|like|hate|take|want|buy|about|behind|is|does|was|can|could|will|would|of|with) (?:it|that|them)\b"
)
_OF_IT = re.compile(
    r"^(?:(?:and|so|but|ok|hm+)[, ]+)*(?:(?:is|was) (?:it|this|that)(?: one)?(?: really| actually| also| all)?"
    r"(?: made (?:of|from|out of))?|does (?:it|this|that)(?: one)? have(?: an?| any)?) "
    r"(?!(?:all|ok|okay|fine|true|possible|available|too|the|to)\b)[a-z-]+(?:,? (?:and |or )?[a-z-]+)?\W*$"
)
_TOO = re.compile(r"\btoo (?:expensive|dear|pricey|costly|cheap|old|new|big|small|large|long|short|heavy|high|low)\b")
_NOT_TOO = re.compile(r"(?:\bnot|n't) (?:\w+ )?too\b")
_CHATTY = 0.05
_LIKELY, _SURE = 0.25, 0.6
_LOGGED = (Action.LIKE, Action.DISLIKE)
_PLACED = re.compile(r"\b(?:first|second|third|fourth|fifth|last|number \w+)\b")
_DIFFERENT = re.compile(r"\bbut (?:a (?:bit|little) |much |somewhat |less |more |not )*\w+|\b(?:less|more) \w+")


@dataclass(frozen=True, slots=True)
class Said:
    """What else is known of a message.

    shown: how many items were shown last. items: places that it names. maybe_items: the only place, where it says
    "this". wishes: whether it names values or numbers. stands: whether there is a wish already. turns_away: whether it
    names another value where that one has one. bare: whether it names places, and says nothing of them.
    """

    shown: int
    items: tuple[int, ...]
    maybe_items: tuple[int, ...]
    wishes: bool
    stands: bool
    turns_away: bool
    bare: bool = False


def action_of(text: str, said: Said, embed: Embed) -> Action:
    """The action of a message, in lower case."""
    if _WHY.search(text):
        return Action.WHY
    if said.items and (about := _about_items(text, said, embed)) is not None:
        return about
    if said.maybe_items and _OF_IT.search(text):
        return Action.ASK
    if said.maybe_items and not said.wishes and (about := _by_rule(text)) is not None:
        return about
    if said.shown > 1 and not said.wishes and not said.items and _POINTS.search(text):
        unclear = _by_rule(text)
        if unclear in (Action.LIKE, Action.DISLIKE, Action.ASK) and not _JOKES.search(text):
            return unclear
    if not said.wishes and not said.items and (_JOKES.search(text) or _is_chat(text, embed)):
        return Action.CHAT
    if not said.stands or _RESTART.search(text):
        return Action.SEARCH
    anew = said.turns_away and not _REPAIR.search(text)
    return Action.SEARCH if anew or (said.turns_away and _NEED.search(text)) else Action.REFINE


def is_too_much(text: str) -> bool:
    """Whether a message, in lower case, says that something has too much of a number, and says no more of it."""
    says_more = any(pattern.search(text) for pattern in (_NOT_TOO, _QUESTION, _SIMILAR, _LIKE))
    return bool(_TOO.search(text)) and not says_more


def _about_items(text: str, said: Said, embed: Embed) -> Action | None:
    """What is done with the shown items that are named; None for a wish that names one by accident."""
    if len(said.items) > 1 and _COMPARE.search(text):
        return Action.COMPARE
    if said.wishes and _VARIED.search(text):
        return Action.SIMILAR
    if said.wishes and (_THAN_ONE.search(text) or is_too_much(text)):
        return Action.REFINE
    if (action := _by_rule(text)) is not None:
        return action
    if said.bare or _NOT_TOO.search(text):
        return Action.ASK
    if _PLACED.search(text) and (_DIFFERENT.search(text) or said.wishes):
        return Action.SIMILAR
    examples = [(a, sentence) for a, sentence in _EXAMPLES if a is not Action.COMPARE or len(said.items) > 1]
    cosines = _example_vectors(embed, tuple(sentence for _, sentence in examples)) @ embed([text])[0]
    nearest, cosine = examples[int(np.argmax(cosines))][0], float(cosines.max())
    return nearest if cosine >= (_SURE if nearest in _LOGGED else _LIKELY) else None


def _by_rule(text: str) -> Action | None:
    for pattern, action in (
        (_SIMILAR, Action.SIMILAR),
        (_DISLIKE, Action.DISLIKE),
        (_QUESTION, Action.ASK),
        (_LIKE, Action.LIKE),
    ):
        if pattern.search(text):
            return action
    return None


def _is_chat(text: str, embed: Embed) -> bool:
    """Whether a message without wishes is nearer to small talk than to a vague wish."""
    cosines = _example_vectors(embed, tuple(sentence for _, sentence in _SMALL_TALK)) @ embed([text])[0]
    chat = np.array([small for small, _ in _SMALL_TALK])
    return bool(cosines[chat].max() > cosines[~chat].max() + _CHATTY)


@lru_cache(maxsize=16)
def _example_vectors(embed: Embed, sentences: Sequence[str]) -> Vectors:
    return embed(list(sentences))
