"""Ways to say a thing, in families: the templates of a family are alike, and families differ in kind.

In a template, {np} is a noun with all that is said of it, {nps} several of them, {keys} a list of keywords, {labels}
the same with the attributes' names, {pred} what follows "it should be", {clauses} sentences, and {head} with {rest}
the bare noun and sentences for all else. {ref} is an item that is shown, {refs} several, {count} a number of items.
Some families are never used in training, so that it can be measured how well others carry over to them.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from finetune.builtin.remark_families import ASK, ASK_SHOP, CHAT, COMPARE, DISLIKE, LIKE, WHY, Families

SEARCH: Families = {
    "terse": ("{np}", "{np}", "{np} please", "{np}.", "just {np}"),
    "keywords": ("{keys}", "{keys}", "{keys} please"),
    "need": ("I need {np}", "we need {np}", "I need {nps}", "I really need {np}", "I am in need of {np}"),
    "looking": ("I am looking for {np}", "looking for {np}", "we are looking for {nps}", "I'm on the lookout for {np}"),
    "want": ("I want {np}", "I would like {np}", "I'd like {nps}", "I'd love {np}", "what I want is {np}"),
    "show": ("show me {nps}", "show me {np}", "let me see {nps}", "please show me {nps}", "show {nps}"),
    "find": ("find me {np}", "find {nps}", "please find me {np}", "search for {nps}", "help me find {np}"),
    "polite": (
        "could you show me {np}?",
        "could you please find me {np}?",
        "would you help me to find {np}?",
        "may I see {nps}?",
        "can you find {np} for me?",
    ),
    "stock": (
        "do you have {np}?",
        "do you have any {nps}?",
        "do you sell {nps}?",
        "have you got {np}?",
        "got any {nps}?",
    ),
    "exists": ("is there {np}?", "are there {nps}?", "any {nps}?"),
    "recommend": (
        "can you recommend {np}?",
        "what {nps} can you recommend?",
        "recommend me {np}",
        "any tips for {nps}?",
        "could you suggest {np}?",
    ),
    "sentences": (
        "I need {head}. {rest}",
        "I am looking for {head}. {rest}",
        "{head} please. {rest}",
        "show me {head}, {rest}",
    ),
    "labels": ("{labels}", "{labels}", "looking for: {labels}"),
    "gift": (
        "it is my sister's birthday soon and she would love {np}",
        "I need a present: {np}",
        "my parents are moving house and wish for {np}",
        "we are giving our teacher {np}",
    ),
    "others": (
        "my husband wants {np}",
        "my daughter has asked for {np}",
        "a friend of mine is after {np}",
        "the kids want {np}",
    ),
    "chatty": (
        "so the old one broke yesterday, and now I am after {np}",
        "we have just moved in and what is missing is {np}",
        "I have been thinking about it for weeks: {np} it shall be",
        "ok so here is the thing, I want {np}",
    ),
    "greeting": (
        "hi, I am looking for {np}",
        "hello! do you have {nps}?",
        "good morning, {np} please",
        "hey, show me {nps}",
    ),
    "interest": (
        "I am interested in {nps}",
        "I would be interested in {np}",
        "{nps} would interest me",
        "I fancy {np}",
    ),
    "telegram": ("wanted: {np}", "needed: {np}", "seeking {np}", "wanted: {keys}", "urgent: {np}"),
    "dream": ("I dream of {np}", "the perfect find would be {np}", "{np}, that is what I dream of"),
    "planning": (
        "I plan to get {np}",
        "I am thinking of buying {np}",
        "we have decided on {np}",
        "I want to treat myself to {np}",
    ),
    "wondering": (
        "I was wondering if you had {np}",
        "I wonder whether there are {nps}",
        "would you happen to have {np}?",
    ),
    "shopping_list": ("on my list today: {np}", "next on the list: {keys}", "to buy: {keys}", "the list says {np}"),
    "where": (
        "where do I find {nps}?",
        "where can I get {np}?",
        "which {nps} are there?",
        "what have you got in the way of {nps}?",
    ),
}
VAGUE: Families = {
    "surprise": ("surprise me", "surprise me with something", "just show me something", "show me anything"),
    "open": ("what do you have?", "what is there?", "what can you recommend?", "any ideas?", "recommend me something"),
    "browse": (
        "I just want to look around",
        "I am just browsing",
        "let me look around",
        "no idea yet, show me something nice",
    ),
    "unsure": ("I don't know what I want yet", "I have no idea what to get", "help me choose something"),
}
RESTART: Families = {
    "forget": (
        "forget that, {np}",
        "forget all that. I need {np}",
        "forget it, show me {nps}",
        "forget about that, now {np}",
    ),
    "now": ("now I need {np}", "now show me {nps}", "now I am looking for {np}", "and now {np}", "now for {np}"),
    "different": (
        "something completely different: {np}",
        "different question: do you have {nps}?",
        "something else: I am looking for {np}",
        "on another note, I need {np}",
    ),
    "also": ("I also need {np}", "we also need {np}", "I am also looking for {np}", "and I need {np} as well"),
    "start_over": (
        "start over: {np}",
        "let's start again. {np}",
        "from the beginning: {keys}",
        "let us start over, I want {np}",
    ),
    "new_search": ("new search: {keys}", "new search: {np}", "new topic: {np}", "next: {np}", "next search, {keys}"),
    "next": ("next I need {np}", "ok next, {np}", "that is settled. next I want {np}", "done with that, now {np}"),
    "plans": ("change of plan: {np}", "change of plans, I want {np} now", "I changed my mind completely, {np} please"),
    "leave": (
        "let's leave that. do you have {nps}?",
        "leave it, show me {nps}",
        "let us drop this, I would rather look for {np}",
    ),
    "besides": ("besides that, I want {np}", "apart from that I am looking for {np}", "by the way, do you have {nps}?"),
    "clear": ("clear everything. {np}", "reset, {keys}", "scrap that. I want {np}", "clear that and find me {np}"),
}
REFINE: Families = {
    "terse": ("{keys}", "{keys} please", "{pred}", "{pred} please", "{keys}!"),
    "but": ("but {pred}", "but {keys}", "yes but {pred}", "ok but {keys}", "the same but {pred}", "fine, but {pred}"),
    "should": ("{clauses}", "{clauses}", "{clauses} please"),
    "only": ("only {nps}", "only {nps} please", "just {nps}", "show me only {nps}", "only show {nps}"),
    "make": ("make it {pred}", "make that {pred}", "please make it {pred}", "can you make it {pred}?"),
    "rather": ("rather {pred}", "I would rather have {np}", "I'd rather have {nps}", "rather {keys}"),
    "have_them": ("do you have them {pred}?", "do you have it {pred}?", "do they come {pred}?", "are there any {nps}?"),
    "narrow": (
        "narrow it down to {nps}",
        "can you narrow it down to {nps}?",
        "narrow that down: {keys}",
        "filter: {keys}",
    ),
    "and_also": ("and {pred}", "and {keys}", "also {pred}", "oh and {keys}", "and {clauses}"),
    "show_those": ("show me {nps}", "show me {np}", "can I see {nps}?", "let me see {nps}", "show {nps}"),
    "forgot": (
        "I forgot to say: {clauses}",
        "oh, I forgot: {keys}",
        "one more thing: {clauses}",
        "forgot to mention, {clauses}",
    ),
    "second_thoughts": ("on second thought, {keys}", "thinking about it, {clauses}", "now that I see them, {clauses}"),
    "others_say": ("my wife says: {clauses}", "my friend thinks {clauses}", "says my boss: {clauses}"),
    "prefer_np": ("I want {np}", "I would like {np}", "I need {np}", "I am after {np}", "what about {np}?"),
    "labels": ("{labels}", "{labels}"),
    "not_quite": ("not quite. {clauses}", "almost! {clauses}", "close, but {pred}", "nearly there: {clauses}"),
    "could": ("could it be {pred}?", "can it be {pred}?", "could we have it {pred}?", "could you look for {nps}?"),
    "what_if": ("how about {np}?", "and what about {nps}?", "what if it were {pred}?", "and {nps}?"),
    "important": (
        "what matters to me: {clauses}",
        "important: {keys}",
        "please note: {clauses}",
        "mind you, {clauses}",
    ),
}
REPAIR: Families = {
    "meant": ("sorry, I meant {np}", "I meant {np}", "no, I meant {nps}", "I said it wrong, I meant {np}"),
    "instead": ("{np} instead", "{nps} instead please", "show me {nps} instead", "make that {np} instead"),
    "make": ("make it {np}", "make that {np}", "let's make it {np}"),
    "rather": ("I would rather have {np}", "rather {np}", "{np} rather", "no, rather {nps}"),
    "change": ("change it to {np}", "switch to {nps}", "please change that to {np}", "swap that for {np}"),
    "correct": ("correction: {np}", "no wait, {np}", "sorry, typo: {np}", "not that, it should be {np}"),
}
MORE: Families = {
    "more": ("more", "more please", "show me more", "more of them", "any more?"),
    "else": ("what else is there?", "what else do you have?", "anything else?", "are there others?"),
    "other": ("other ones please", "show me others", "different ones please", "the next ones"),
    "continue": ("go on", "keep going", "next page", "load more"),
}
COUNT: Families = {
    "show": ("show me {count}", "show me {count} of them", "just {count} please", "only {count}"),
    "more": ("{count} more", "{count} more please", "show me {count} more", "another {count}"),
    "top": ("the top {count}", "your best {count}", "top {count} only", "give me the best {count}"),
    "enough": ("{count} are enough", "{count} will do", "I only need {count} suggestions"),
}
SIMILAR: Families = {
    "like": ("more like {ref}", "something like {ref}", "more things like {ref}", "show me more like {ref}"),
    "similar": (
        "similar to {ref}",
        "something similar to {ref}",
        "show me items similar to {ref}",
        "anything similar to {ref}?",
    ),
    "same_kind": ("the same kind as {ref}", "the same sort of thing as {ref}", "others of the same kind as {ref}"),
    "others_like": ("do you have others like {ref}?", "are there more like {ref}?", "is there another one like {ref}?"),
    "in_the_vein": ("in the style of {ref}", "in the same direction as {ref}", "along the lines of {ref}"),
    "resemble": ("what resembles {ref}?", "show me what looks like {ref}", "find things that resemble {ref}"),
    "close": ("what comes close to {ref}?", "something close to {ref}", "find me something near {ref}"),
    "liked": (
        "I like {ref}, show me more of those",
        "I love {ref}. anything similar?",
        "{ref} is good, more like that please",
    ),
    "neighbours": ("alternatives to {ref}", "what would be an alternative to {ref}?", "siblings of {ref} please"),
}
SIMILAR_COUNT: Families = {
    "more": ("{count} more like {ref}", "show me {count} more like {ref}", "{count} more of the kind of {ref}"),
    "things": ("{count} things like {ref}", "find {count} items similar to {ref}", "show {count} that are like {ref}"),
    "alternatives": ("{count} alternatives to {ref}", "name {count} that come close to {ref}"),
}
SIMILAR_BUT: Families = {
    "but": ("{ref} but {pred}", "{ref}, but {pred}", "{ref} but {pred} please"),
    "like_but": ("something like {ref} but {pred}", "like {ref}, but {pred}", "more like {ref} but {pred}"),
    "similar_but": (
        "similar to {ref} but {pred}",
        "something similar to {ref}, just {pred}",
        "similar to {ref}, only {pred}",
    ),
    "have": ("do you have {ref} {in}?", "does {ref} come {in}?", "can I get {ref} {in}?"),
    "would": (
        "I would take {ref} if it were {pred}",
        "{ref} would be right if it were {pred}",
        "I'd like {ref} more if it was {pred}",
    ),
    "version": (
        "a version of {ref} that is {pred}",
        "is there a version of {ref} that is {pred}?",
        "{ref} in another version: {keys}",
    ),
    "only": ("{ref}, only {pred}", "{ref}, just {pred}", "like {ref}, only {pred}"),
    "same": (
        "the same as {ref} but {pred}",
        "just the same as {ref}, but {pred}",
        "same thing as {ref} but {pred} please",
    ),
    "take": ("take {ref} and make it {pred}", "can {ref} be {pred}?", "start from {ref}: {keys}"),
}
FAMILIES: Mapping[str, Families] = MappingProxyType(
    {
        "search": SEARCH,
        "vague": VAGUE,
        "restart": RESTART,
        "refine": REFINE,
        "repair": REPAIR,
        "more": MORE,
        "count": COUNT,
        "similar": SIMILAR,
        "similar_count": SIMILAR_COUNT,
        "similar_but": SIMILAR_BUT,
        "compare": COMPARE,
        "ask": ASK,
        "ask_shop": ASK_SHOP,
        "why": WHY,
        "like": LIKE,
        "dislike": DISLIKE,
        "chat": CHAT,
    }
)
"""By what is to be said."""

HELD_OUT: Mapping[str, frozenset[str]] = MappingProxyType(
    {
        "search": frozenset(("wondering", "dream", "others", "planning", "where")),
        "vague": frozenset(("unsure",)),
        "restart": frozenset(("next", "leave")),
        "refine": frozenset(("second_thoughts", "could", "prefer_np", "important")),
        "repair": frozenset(("change",)),
        "more": frozenset(("other",)),
        "count": frozenset(("enough",)),
        "similar": frozenset(("close", "in_the_vein")),
        "similar_count": frozenset(("alternatives",)),
        "similar_but": frozenset(("would", "same")),
        "compare": frozenset(("undecided", "contrast")),
        "ask": frozenset(("know", "describe", "does")),
        "ask_shop": frozenset(("how_many",)),
        "why": frozenset(("how_come", "speaks")),
        "like": frozenset(("appeal", "best", "emotion")),
        "dislike": frozenset(("unconvinced", "away", "disappointed")),
        "chat": frozenset(("small_talk", "done", "sorry")),
    }
)
"""The families that are kept for measuring, about one in five."""
