"""What people say around a wish and mean no thing by: of birthdays, of who thinks what, of beginning anew."""

from __future__ import annotations

import re

_WHOM = r"(?:my|our|the|a|his|her|their) (?:\w+(?:'s)? ){0,2}?"
_SOMEBODY = (
    _WHOM + r"(?:friend|partner|wife|husband|boss|doctor|colleague|neighbou?r|mum|mom|dad|son|daughter|sister|brother|"
    r"kids?|child|children|parents?|teacher)s?"
)
_PLACE = r"(?:number \w+|the (?:first|second|third|fourth|fifth|last)(?: one)?)\b"
_SAID = (
    r"(?:(?:i(?:'ve| have)?|we(?:'ve| have)?) )?(?:just )?changed? (?:my|our) minds?(?: (?:about|on))?",
    r"narrow (?:(?:that|it|this|them) )?(?:down )?(?:to\b)?",
    r"(?:completely|totally|entirely|quite|very) different|(?:scrap|scratch) (?:that|it|this)",
    r"from (?:the beginning|scratch)",
    r"(?:new|next|another|different) (?:search|topic|question)|change of plans?|start (?:over|again)|reset",
    r"apart from (?:that|this)|on (?:my|the) list(?: today)?|the list says",
    r"interested in|would interest (?:me|us)|surprise (?:me|us)|(?:forgot|forget) to (?:mention|say)|i forgot",
    r"(?:that )?(?:i|we|you|one) (?:can|could) (?:use|wear|take)(?: (?:it|them))?",
    rf"{_SOMEBODY} (?:thinks?|says?|said|told (?:me|us)|reckons?|wants?|suggest(?:s|ed)?|would love|loves?)"
    r"(?: (?:that )?(?:it|i|we|they)\b)?",
    rf"says {_SOMEBODY}|{_SOMEBODY} (?:is|are) \w+ing (?:\w+ )?and (?:wish(?:es)? for|needs?|wants?)",
    rf"it(?:'s| is| was) {_WHOM}(?:birthday|anniversary|wedding)(?: (?:soon|next \w+))?"
    r"(?:,? (?:and|so) (?:he|she|they|we|i) (?:would|'d|will)? ?(?:love|like|want)s?)?",
    r"(?:i|we)(?:'ve| have) been \w+ing(?: (?:about|of) (?:it|this|that))?"
    r"(?: for (?:\w+ )?(?:days|weeks|months|years|ages))?",
    r"(?:i|we)(?:'ve| have) just moved(?: in)?|what(?:'s| is) missing(?: is)?",
    rf"{_WHOM}old (?:one|\w+) (?:broke|died|is (?:broken|gone)|was (?:stolen|lost)|wore out)(?: \w+day| last \w+)?",
    r"(?:it|they) (?:should|must|has to|have to|needs? to) (?:be|have to do with)|(?:it )?shall be",
    r"(?:have )?to do with",
    rf"{_WHOM}(?:purse|wallet|budget|bank account|bank balance) (?:says?|tells me|wants|asks for)",
    r"(?:is|are) what (?:brings|brought) (?:me|us)(?: here)?|would make my day",
    r"hunting (?:down|for)|thinking of|(?:leave|take|keep)(?: \w+){0,3} (?:out|off|away)|spare (?:me|us)",
    rf"comes? close|{_PLACE} (?:is|was) (?:close|warm|nearly it)|closer (?:if|to (?={_PLACE}))|same again",
    r"is more like it|moving house(?: and (?:need|want|wish(?:es)? for))?|on another note|on the lookout for",
    r"(?:need|want|looking for|after) (?:an? )?(?:present|gift)(?: idea)?(?=\W*(?:$|[:,;.]))",
    rf"(?:(?:we|i)(?:'re|'m| are| am) )?(?:giving|getting|buying|treating) {_SOMEBODY}|moment please",
    r"(?:no longer|instead of|rather than) (?!than\b|important\b)(?:[\w-]+ ?){1,3}?(?: ?or (?:[\w-]+ ?){1,2})?"
    r"(?=\W*$|[,.;]|\b(?:and|but|except|with|for|under|in|not)\b)|best of all|(?:had )?enough of|(?:sick|tired) of|"
    r"what resembles|just browsing|clear (?:everything|all|that)|alternatives? (?:to|for)|(?:any )?tips(?: for)?|typo|"
    r"(?:would|will) be (?:wrong|out|no good)|lean(?:ing)? towards?|"
    r"start (?:from|with)|besides|"
    r"good (?:morning|afternoon|evening)|side by side|(?:next|load|keep) (?:page|more|going)",
    r"(?:an?|the|in an?other) version(?: of)?",
    r"my budget is|if there (?:is|are) any|a (?:touch|pair|hint|set) of|among the",
)
ASIDES = re.compile(
    r"^\W*(?:(?:well|ok|okay|oh|um|hm+|so|right|hey),? )?"
    r"(?:time for|urgent|wanted|seeking|filter|close|almost|nearly(?: there)?|to buy|in short)\b|"
    r"\b(?:" + "|".join(_SAID) + r")\b|^\W*right\b(?=,)"
)
"""What people say around a wish, and mean no thing by."""


def aside_spans(message: str) -> list[tuple[int, int]]:
    """The characters of a message that mean no thing."""
    return [told.span() for told in ASIDES.finditer(message.replace("’", "'").lower())]
