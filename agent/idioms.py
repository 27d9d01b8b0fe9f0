"""Idioms by what they do: of liking and refusing, of likeness, of asking, and those around a wish that mean no thing.

Patterns of a few words each, to be found anywhere in a message in lower case, in which "this one" stands for a shown
item that it names.
"""

from __future__ import annotations

import re

from agent.fillers import words

_IT = r"(?:th(?:is|at) one|these|those|this|that|it|them|both)"
_ME = r"(?:me|us)"

LIKING = re.compile(
    r"\btick(?:s|ed|ing)? (?:\w+ ){0,3}box(?:es)?\b|\b(?:my|our) (?:name|names) (?:\w+ ){0,2}on it\b|"
    rf"\b(?:can|could) (?:easily |happily )?live with {_IT}|\bdo(?:es)? it for {_ME}\b|\bsold on\b|"
    rf"\b{_IT}(?:'s| is| are|,)? (?:definitely |clearly )?(?:the one(?! (?:i|we|that|which)\b)|hands down)\b|"
    rf"\bsmitten\b|"
    r"\b(?:fallen|fell|falling) (?:\w+ )?for\b|\bcan(?:'t|not) (?:go wrong|resist|fault|get enough|wait)\b|"
    rf"\b(?:works?|worked) (?:\w+ )?for {_ME}\b|\b(?:a|an) (?:big |firm |definite |clear )?yes\b|"
    r"\b(?:taken|in love|besotted) with\b|\b(?:enamou?red|fond|a (?:big |huge )?fan) of\b|\bpartial to\b|"
    rf"\b(?:mad|crazy|wild) about\b|\bkeen on\b|\binto {_IT}|\bjust the (?:ticket|thing|job)\b|\blooks? the part\b|"
    r"\b(?:caught|catches|catch) (?:my|our) eyes?\b|\bnailed\b|\bfits? the bill\b|\b(?:my|our) vote\b|\ba crush on\b|"
    r"\bdrawn to\b|\bhats off\b|\b(?:hang|hold) on to\b|"
    r"\bwouldn't mind (?:having|owning)\b|\b(?:on the money|bang on|bingo|jackpot|bullseye)\b|\bhits? the (?:mark|spot|"
    r"nail)\b|"
    rf"\bcount {_ME} in\b|\b(?:grabs?|tempts?|wows?|thrills?|impress\w*|attracts?|delights?|calls to|draws) {_ME}\b|"
    rf"\ba (?:real |total |true )?(?:winner|keeper|hit|gem|stunner|beauty|treat|corker|dream|joy)\b|"
    rf"\bmakes? (?:me|us|my|our) (?:\w+ )?(?:happy|smile|grin|day|sing|swoon|melt)\b|\b(?:my|our) (?:cup of tea|"
    rf"kind of)\b|"
    rf"{_IT}(?: is| are)?(?: \w+)? up (?:my|our) (?:street|alley)|^\W*(?:oo+h|aa+h|mm+|yum|wow)\W+{_IT}\W*$"
)
"""What somebody likes; behind a denial, what they do not."""

REFUSING = re.compile(
    rf"\bdo(?:es)? nothing for\b|\ba (?:miss|no)\b|\bmiss(?:es|ed)? the mark\b|\b(?:hard|firm|big) (?:pass|no)\b|"
    rf"\bout of (?:my|our) sight\b|\b(?:puts?|turns?) {_ME} off\b|\bleaves? {_ME} (?:cold|unmoved|indifferent)\b|"
    r"\b(?:let-?down|eyesore|turn-?off|deal-?breaker|monstrosity|dud|flop|no-go)\b|\b(?:seen|caught) dead\b|"
    rf"\b(?:bin|junk|chuck|toss|axe|nix) {_IT}|\b(?:scrap|scratch) th(?:is|at) one\b|"
    rf"\bmakes? (?:me|us|my|our) (?:\w+ )?(?:cringe|shudder|yawn|sick|queasy|crawl|ill|itch)\b|"
    rf"\b(?:do|live) without {_IT}|\bnot feeling {_IT}|\b(?:gone|went) off {_IT}|\bbores? {_ME}\b|\bunderwhelm\w*|"
    rf"\brubs? {_ME}\b|\btake a hike\b"
)
_DENIAL = re.compile(r"(?:n't|\bnot|\bnever|\bhardly|\bcannot|\bcant|\bdont|\bisnt)(?: [\w']+){0,4} ?$")

LIKENESS = re.compile(
    r"\b(?:kindred|akin|lookalikes?|look-alikes?|equivalents?|counterparts?|reminds? (?:me|us) of)\b(?: (?:to|of|"
    r"for))?|"
    r"\b(?:cousins?|siblings?|twins?|relatives?|relations?|sisters?|brothers?|kin|clones?) (?:of|to)\b|"
    r"\balong (?:the|those|these|similar|the same) lines(?: (?:of|as))?|"
    r"\b(?:in|of|after) (?:the|a|that) (?:same |similar )?(?:vein|spirit|mould|mold|ilk|fashion|direction|manner|"
    r"style) "
    r"(?:of|as|to)\b|\b(?:goes|going|go) in the direction of\b|\bcut from the same cloth(?: as)?|"
    r"\bbirds of a feather\b|"
    r"\bsame (?:idea|deal|feel|look|mould|family|spirit|concept|again|thing|league|school)(?: as)?\b|"
    r"\bthe likes of\b|\bmore where .{1,30} came from|(?:\bà|\ba) la\b|"
    r"\bas (?:an? |my |the )?(?:inspiration|starting point|template|model|guide|reference|basis)\b|"
    rf"\btake on {_IT}|\bthat has the (?:feel|look|vibe|air|spirit|style) of\b|\bin line with\b|"
    rf"^\W*think {_IT}|\b(?:on the right|on the same) track\b|\bshow me its (?:kin|family)\b|\bmatch {_IT}"
)
"""What wants others like a shown item."""

ASKING = re.compile(
    rf"\b(?:any idea|is it true|out of curiosity|curious|low-?down|info|information|elaborate|specs|expand on|"
    rf"describe)\b|"
    rf"\b(?:fill|let) {_ME} in\b|\b(?:walk|run|talk) {_ME} through\b|\bremind {_ME}\b|\btell {_ME}\b|"
    r"\b(?:can't|cannot|couldn't) (?:tell|see|work out|figure out) (?:what|if|whether|how|where)\b|"
    r"\bknow (?:if|whether|more|what|how|where|who)\b|\bthe (?:story|deal|scoop|facts|details) (?:on|with|about|"
    r"behind)\b|"
    r"\bjust checking\b|\blight on\b|\bquestions? (?:on|about)\b|\bspill the beans\b|\bwhat about\b"
)

REASONS = re.compile(
    r"\bwhat (?:gave|prompted|possessed|inspired|tempted) you\b|\brationale\b|\b(?:your|the) (?:thinking|reasoning|"
    r"thought process)"
    r"\b|\bjustify\b|\bhow did you (?:land|arrive|settle|end up|come|get)\b|\bgot to do with (?:me|us|my|our)\b"
)

COMPARING = re.compile(
    r"\b(?:stack|measure|hold)(?:s|ed)? up\b|\bwhich way should\b|\bsets? .{1,30}\bapart\b|\bpit .{1,30}\bagainst\b|"
    r"\btips? the (?:scales?|balance)\b|\bmuch in it\b|\bhead[- ]to[- ]head\b|\bedge over\b|\bfare against\b"
)

_SPOKEN = re.compile(
    r"^\W*(?:(?:so|and|but|well|ok|oh),? )*(?:my|our) (?:\w+ ){1,3}(?:is|are|was|were|has|have|needs?|could) [^,;.!?]*?"
    r"(?= and (?:i|we)\b| so (?:i|we)\b|[,;.!?])|"
    r"\b(?:long story short|payday|new plan|(?:switching|changing|change of) (?:gears|tack)|hear me out|"
    r"(?:my|our) (?:mission|goal|quest|task)(?: (?:today|tonight|this week))?|on second thoughts?|come to think of it|"
    r"(?:would|should|will|'d|might) do (?:the trick|nicely|fine|me)|(?:wouldn't|would not) go amiss|"
    r"(?:on|to) (?:my|the|our) (?:shopping|wish|bucket) list|while you're at it|while i'm (?:here|at it)|"
    r"if you'd be so kind|if you would be so kind|it is high time|it's high time|up your sleeve|"
    r"(?:been |was |were )?meaning to (?:get|buy|find|own|treat)|on the (?:hunt|prowl|lookout|market|search|trail) for|"
    r"in the (?:market|mood) for|(?:keep|have|got|having|keeping) (?:my|an|our) eyes? (?:out|open|peeled)(?: for)?|"
    r"(?:feel|feeling|felt) like(?: (?:watching|reading|hearing|buying|getting|trying|having|seeing|cooking))?|"
    r"(?:(?:an?|my|our) \w+ )?(?:swears? by|raves? about)|(?:my|our) \w+ would be \w+ with|in (?:dire |"
    r"desperate )?need of|(?:heart|mind|sights) (?:is |are )?set on|"
    r"could (?:really )?(?:do with|use)|make do with|(?:dying|longing|yearning|itching|aching|begging|pining|"
    r"hankering) for|"
    r"set (?:my|our) (?:heart|sights) on|a (?:weakness|hankering|craving|yen) for|(?:any|a) chance of|(?:hit|treat|"
    r"sort|set) me"
    r"(?: up)?(?: with| to)?|point me (?:to|towards?|at)|track(?:ing)? down|dig (?:up|out)|(?:crying|calls?|"
    r"calling) (?:out )?for|"
    r"hits? the (?:mark|spot)|set (?:me|us) back|(?:movie|film|date|family|girls) night|"
    r"stick (?:to|with)|throw in|had better be|(?:would|might|could) help|directed|"
    r"(?:something|anything) (?:else )?(?:entirely|altogether)|(?:has|have|needs?) to fit(?: in)?)\b"
)


def is_liking(text: str) -> bool:
    """Whether an idiom of the message likes something, and nothing before it denies that."""
    return any(not _DENIAL.search(text[: told.start()]) for told in LIKING.finditer(text))


def is_refusing(text: str) -> bool:
    """Whether an idiom of the message refuses something, or one of liking is denied."""
    denied = any(_DENIAL.search(text[: told.start()]) for told in LIKING.finditer(text))
    return denied or bool(REFUSING.search(text))


def idiom_spans(message: str) -> list[tuple[int, int]]:
    """The characters of idioms around a wish, and of those of likeness, that mean no thing."""
    text = message.replace("’", "'").lower()
    return [told.span() for pattern in (_SPOKEN, LIKENESS) for told in pattern.finditer(text)]


CHATTER = words(
    """
    kindly reckon somewhere tad nope yep yup anyone anybody tonight today tomorrow lately finally honestly
    basically frankly literally seriously obviously definitely certainly totally simply having came bring assist
    locate locating crave craving hurt thrilled chuffed manage entirely altogether nicely lookout sorted rid nope
    tho truly ages euros pounds dollars quid bucks use owned thoughts reckons guess minus thereabouts coming few
    switch steer veer shift
    """
)
"""Words that by themselves are never searched for."""
