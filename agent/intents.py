"""What a message wants done: rules on its words, and where none speaks, the nearest of a few example sentences."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING

import numpy as np

from agent.dialogue import Action
from agent.idioms import ASKING, COMPARING, LIKENESS, REASONS, is_liking, is_refusing

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
_ONE = r"(?:th(?:is|at) one|these|those|this|that|it|them|both)"
_LEAD = r"^\W*(?:(?:so|but|and|ok|okay|oh|um|hm+|well|hey|right|sorry|wow|no|yes|please)\b[, ]*)*"
_COMPARE = re.compile(
    r"\b(?:compar\w*|differ\w*|versus|vs)\b|\b(?:decide|choose|torn|deciding|choosing) between\b|"
    r"\b(?:which|what)(?: one)?(?: of \w+)?(?: is|'s| are| would| looks?| lasts?)?\b.*\b(?:better|best|"
    r"nicer|\w+ier|\w+er)\b|"
    r"\b(?:better|worse|more \w+|\w+er) than\b|\bor\b.*\?|\bworth (?:more|the)\b|\bthe same\b|"
    r"\bwhich (?:one )?(?:would|should|do) (?:you|i|we)\b|\bshould (?:i|we) (?:take|buy|get|choose)\b|"
    r"\bside by side\b|\bnext to each other\b|\b(?:against|from) each other\b|\bpros and cons\b|"
    r"\b(?:tell|keep) .* apart\b|\b(?:would|do) you (?:rather )?(?:take|pick|choose|prefer)\b|\bwhat speaks for\b|"
    rf"\balike\b|\b(?:weigh|gain|lose)\b|{_LEAD}{_ONE},? (?:or|against|over|and) {_ONE}\W*$"
)
_WHY = re.compile(
    rf"{_LEAD}(?:why|how come)\b|\bwhat (?:made|led|brought|makes) you\b|\b(?:the|what|a) reason\b|"
    r"\bwhy (?:did|do|are|is|you|this|that|it)\b|"
    rf"\bexplain (?:(?:your|the) choice|{_ONE}|why)|\b(?:logic|reasoning|idea|thinking) behind\b|"
    r"\b(?:on what|what) (?:basis|grounds)\b|\bfor me or my taste\b|\bto do with (?:me|my taste)\b|"
    r"\bhow (?:does|do|would) .*\b(?:suit|match|fit|go with) (?:me|my tastes?)\b"
)
_SIMILAR = re.compile(
    r"\b(?:similar\w*|alike|resembl\w*|in (?:the )?(?:same|that|this) (?:vein|style|direction|spirit)|"
    r"along (?:the|those|these|similar) lines|"
    r"same (?:kind|sort|style|type|vibe)|of (?:that|this) (?:kind|sort|type)|reminiscent|comparable)\b|"
    r"\b(?:more|others?|another|something|anything|one|ones|stuff|items?|things?)(?: (?!i\b|we\b|you\b)\w+)?"
    r" (?:like|such as)\b|"
    rf"{_LEAD}(?:sort ?of |sorta )?like {_ONE}|\b(?:that|which) (?:is|are|looks?) like {_ONE}|"
    rf"\blooks? like {_ONE}|\balternatives? (?:to|for)\b|\bsiblings? of\b|"
    r"\bmore of (?:the|that|this|these|those)\b|\bmore like (?:that|this|it|these|those)\b|"
    rf"\b{_ONE},? (?:but|only|just) (?!{_ONE}\b|yes|no\b|why|how|what|is\b|does|i\b|we\b)\S|"
    rf"\b(?:closer|nearer|close|near) to {_ONE}|\bsame again\b|"
    rf"\b{_ONE} (?:is|was|comes|looks|would be)\b[^.!?]{{0,30}}\bbut\b(?!.*\b(?:this one|other)\b)|"
    rf"\b(?:an?other|new|different) version\b|\bversions? of {_ONE}|"
    rf"\b(?:take|use|start (?:from|with)|based on) {_ONE}(?: and make\b|:)"
)
_DISLIKE = re.compile(
    r"\b(?:don't|dont|do not|didn't|didnt|doesn't|not|never|couldn't|can't|cant|isn't|isnt|aren't) (?:\w+ )?(?:\w+ "
    r")?(?:like|love|care|fancy|keen|stand|fan|taste|enjoy|for me|me|my|pretty|nice|good|it)\b|"
    r"\b(?:hate\w*|dislike\w*|loathe|ugly|awful|horrible|hideous|terrible|boring|ghastly|meh|yuck|ew+|worst|"
    r"disappoint\w*|rubbish|dull|odd|bland|dreadful|tacky|liked? (?:the )?least|least favou?rite)\b|👎|"
    r"\b(?:is|looks|seems|are|feels) (?:much |far |a bit |rather |way )?too \w+|"
    r"\bno thanks?\b|\bno way\b|\b(?:never|not) (?:buy|use|wear|want|watch|read)\b|"
    rf"^(?:nah|nope|no)\b[, ]*(?:not |to )?{_ONE}|{_LEAD}(?:please )?not {_ONE}|"
    rf"\b{_ONE}\W+(?:no|nope|nah|never)\b|\b(?:all|every\w*|any\w*|both)(?: of \w+)? but {_ONE}|"
    rf"\b(?:skip|drop|lose|ditch|pass on|remove|leave out|thumbs down (?:for|to)) {_ONE}|"
    rf"\b{_ONE} (?:is out|are out|can go|has to go|leaves me cold|does nothing)\b"
)
_LIKE = re.compile(
    r"\b(?:(?:i|we) (?:really |quite |do |just |absolutely |both )?(?:like|love|adore)|love[ds]?|loving|adore|gorgeous|"
    r"beautiful|perfect|brilliant|great|charming|"
    r"wonderful|amazing|stunning|lovely|nice|pretty|cute|favou?rite|excellent|fantastic|exactly|my "
    r"taste|spot on|suits? (?:me|us)|up my street|(?:good|great|well) (?:choice|pick|chosen))\b|"
    r"\b(?:i'?ll|i will|let me) (?:take|have|go with)\b|"
    r"\b(?:put|add|keep|save)\b.*\b(?:list|basket|cart|favourites|shortlist)\b|"
    rf"{_LEAD}(?:yes to|(?:i'd |let's |let me )?(?:keep|save|remember|bookmark)) {_ONE}|"
    rf"\b{_ONE}\W+yes\b|\b(?:right|happy|pleased|delighted|happier) with {_ONE}|\bgoing (?:for|with)\b|"
    rf"\bwant to have {_ONE}|\bthumbs up\b|\bwon (?:me|us) over\b|\b{_ONE} (?:is|are) (?:an? )?(?:hit|winner|keeper)\b|"
    rf"\b{_ONE} (?:speaks|appeals) to (?:me|us)\b|\bwell chosen\b|"
    r"\bsee myself (?:with|in|wearing|using)\b|[👍❤😍]"
)
_QUESTION = re.compile(
    rf"\?|\b(?:tell me|more about|details|wonder\w*|are you sure|am i right)\b|{_LEAD}(?:is|are|was|does|do|"
    r"did|can(?!')|could|would|will|has|how|what|what's|whats|which|who|who's|when|where)\b|"
    rf"{_LEAD}(?:the )?\w+ of {_ONE}\W*$|\banything (?:i|we) should know\b|, (?:is|does|are) (?:it|this|that)\b|"
    rf"\b{_ONE} is\b.*,? right\W*$"
)
_RESTART = re.compile(
    r"\b(?:forget(?! (?:about (?!that|all|it)|the|to)\b)|scrap|scratch (?:that|it|all that)|reset|"
    r"clear (?:that|everything|all)|"
    r"(?:new|next|different|another) (?:question|topic|search)|start (?:over|again|afresh)|"
    r"from (?:the beginning|scratch)|on another note|by the way|(?:besides|apart from) (?:that|this)|"
    r"something (?:else|different|completely)|completely different|mind completely|"
    r"(?:now|also|next|then)(?: i| we| i'd| we'd| i'm)? (?:am |also )?(?:need|want|look\w*|like|search\w*|show)|"
    r"and i need|change of plans?)\b|"
    r"^\W*(?:and )?(?:now|next)\b(?! (?:page|please|it)\b)(?: for\b|:|,| an? \w+| \w+s\b)"
)
_NEED = re.compile(
    r"\b(?:(?:i|we)(?:'m| am| are)? (?:also |really )?(?:need|want|look\w* for|after|search\w*)|looking for|do "
    r"you (?:have|sell)|got any)\b"
)
_REPAIR = re.compile(
    r"\b(?:instead|rather|mean|meant|sorry|same|those|these|them|(?:make|turn|change) it|ones|"
    r"that (?:a|an)|correct\w*|not an?)\b"
)
_CHATS = re.compile(
    r"\b(?:tell|know) (?:me |us )?(?:a |any |some )?jokes?\b|^(?:please )?sing\b|"
    r"\b(?:your name|who are you|how are you|how is it going|how do you do)\b|"
    r"\bare you (?:an? )?(?:robot|human|real|bot)\b|"
    r"\b(?:one|a|just a) (?:moment|second|sec|minute)\b(?=\W*(?:please)?\W*$)|\bhold on\b|\blet me think\b|"
    r"\b(?:need|have|want) to think\b|\byou(?:'re| are) (?:\w+ )?(?:great|helpful|useless|silly|listening|the best)\b|"
    r"\byou (?:don't|do not|dont) (?:understand|listen|get)\b|\bwell done\b|\b(?:nice|good|great) (?:work|job|bot)\b|"
    r"\bthis is useless\b|\bwhat can you do\b|"
    rf"{_LEAD}(?:(?:so|very|really|just|absolutely|how) )*(?:perfect|gorgeous|lovely|brilliant|beautiful|wonderful|"
    r"excellent|fantastic|amazing|stunning|superb|awesome)\W*$|"
    rf"{_LEAD}(?:thanks?|thank you|cheers|hi|hello|hey there|good (?:morning|evening|night|afternoon)|haha\w*|lol|"
    r"ok|okay|alright|fine|got it|i see|bye|goodbye|see you)(?: you| so| very| a lot| much| there| later| for \w+)*"
    r"(?:\W+(?:that's|thats|that is|it's|this is) (?:\w+ )?(?:great|perfect|lovely|wonderful|helpful|brilliant|all))?"
    r"\W*$"
)
_HELP = re.compile(
    r"^(?:\W|(?:so|and|but|ok|hm+|well|hey|oh)\b)*(?:how (?:does|do) (?:this|it|you|that)(?: thing)? work|"
    r"how do (?:i|you|we) use (?:this|it)|(?:that's|that is|thats|very|you're|you are) funny|"
    r"what an? (?:\w+ )*(?:machine|bot|robot|computer)|help)\W*$"
)
_CONTINUES = re.compile(
    rf"{_LEAD}(?:(?:any|show me )?more|hit me(?: with)?(?: a few| some)?(?: more)?|keep (?:them|'em) coming|"
    rf"keep going|go on|next(?: page)?|continue|(?:any|what) ?(?:thing )?else.*)"
    r"(?: of (?:them|those))?(?: please| thanks| thank you)?\W*$"
)
_TELLS = re.compile(
    r"\b(?:it|they) (?:should|must|has to|have to|needs? to)\b|\b(?:show|surprise) (?:me|us)\b|"
    r"\bbrowsing\b|\blook around\b"
)
_VARIED = re.compile(
    rf"\b(?:can|could|may|do) (?:i|we|you) (?:get|have|see|find) {_ONE}\b|\b(?:can|could) {_ONE} be\b|"
    rf"\b(?:does|do|will) {_ONE} come\b|"
    r"\bcomes? .*\bin\b|\bhow about .* (?:in|with)\b"
)
_CHANGED = re.compile(r"\b(?:but|only|except) (?:please )?(?:make|in|with|without|not)\b")
_THAN_ONE = re.compile(
    rf"\b(?:something|anything|one|ones|some|any|others?|show|find|want)\b.*\bthan (?:the|that|no|#|{_ONE})"
)
_POINTS = re.compile(
    rf"{_LEAD}(?:(?:i|we) \w+ )?(?:\w+ )?(?:it|that|this|all this)\b|\b(?:this|that) one\b|\b(?:this|these|those)\b|"
    r"\b(?:love|like|hate|take|want|buy|about|behind|is|does|was|can|could|will|would|of|with|on|to|for|save|keep|out) "
    r"(?:it|that|them)\b"
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
_PLACED = re.compile(r"\bthis one\b")
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
    """The action of a message, in lower case and with "this one" for the shown items that it names."""
    if _WHY.search(text) or (said.items and REASONS.search(text)):
        return Action.WHY
    if _HELP.search(text):
        return Action.CHAT
    if said.items and (about := _about_items(text, said, embed)) is not None:
        return about
    if said.maybe_items and _OF_IT.search(text):
        return Action.ASK
    if said.maybe_items and said.wishes and _SIMILAR.search(text):
        return Action.SIMILAR
    if said.maybe_items and not said.wishes and (about := _by_rule(text)) is not None:
        return about
    if said.shown > 1 and not said.wishes and not said.items and _POINTS.search(text) and not _CONTINUES.search(text):
        unclear = _by_rule(text)
        if unclear in (Action.LIKE, Action.DISLIKE, Action.ASK) and not _CHATS.search(text):
            return unclear
    if not said.wishes and not said.items and _is_small_talk(text, embed):
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
    if len(said.items) > 1 and (_COMPARE.search(text) or COMPARING.search(text)):
        return Action.COMPARE
    if said.wishes and (_VARIED.search(text) or (_CHANGED.search(text) and is_liking(text))):
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
    for is_said, action in (
        (_SIMILAR.search(text) or LIKENESS.search(text), Action.SIMILAR),
        (is_refusing(text), Action.DISLIKE),
        (_DISLIKE.search(text) and not is_liking(text), Action.DISLIKE),
        (_QUESTION.search(text) or ASKING.search(text), Action.ASK),
        (_LIKE.search(text) or is_liking(text), Action.LIKE),
    ):
        if is_said:
            return action
    return None


def _is_small_talk(text: str, embed: Embed) -> bool:
    """Whether a message without wishes is small talk, by its words or by its meaning."""
    if _CHATS.search(text):
        return True
    return not _TELLS.search(text) and not _CONTINUES.search(text) and _is_chat(text, embed)


def _is_chat(text: str, embed: Embed) -> bool:
    """Whether a message without wishes is nearer to small talk than to a vague wish."""
    cosines = _example_vectors(embed, tuple(sentence for _, sentence in _SMALL_TALK)) @ embed([text])[0]
    chat = np.array([small for small, _ in _SMALL_TALK])
    return bool(cosines[chat].max() > cosines[~chat].max() + _CHATTY)


@lru_cache(maxsize=16)
def _example_vectors(embed: Embed, sentences: Sequence[str]) -> Vectors:
    return embed(list(sentences))
