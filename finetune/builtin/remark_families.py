"""Ways to speak of items that are shown, and to chat, in families: templates as in `utterance_families`."""

from __future__ import annotations

from collections.abc import Mapping

Families = Mapping[str, tuple[str, ...]]

COMPARE: Families = {
    "compare": ("compare {refs}", "can you compare {refs}?", "please compare {refs}", "compare {refs} for me"),
    "differ": ("how do {refs} differ?", "what is the difference between {refs}?", "where do {refs} differ?"),
    "better": ("which is better, {or}?", "which one is better: {or}?", "is {ref} better than {ref2}?"),
    "versus": ("{ref} vs {ref2}", "{ref} versus {ref2}", "{ref} or {ref2}?", "{ref} against {ref2}"),
    "adjective": (
        "which one is {comparative}, {or}?",
        "is {ref} {comparative} than {ref2}?",
        "what is {comparative}, {or}?",
    ),
    "undecided": ("I can't decide between {refs}", "I am wavering between {refs}", "help me decide between {refs}"),
    "side_by_side": ("{refs} side by side please", "put {refs} side by side", "show {refs} next to each other"),
    "contrast": (
        "what sets {refs} apart?",
        "what does {ref} have that {ref2} has not?",
        "how are {refs} different from each other?",
    ),
    "take": ("should I take {or}?", "would you take {or}?", "which would you choose, {or}?"),
    "same": ("are {refs} the same?", "is there any difference between {refs}?", "is {ref} the same as {ref2}?"),
    "tell_apart": (
        "I can't tell {refs} apart",
        "{refs} look alike to me, what is different?",
        "pros and cons of {refs}",
    ),
    "weigh": (
        "weigh {refs} against each other",
        "{refs}: what speaks for which?",
        "what do I gain with {ref} over {ref2}?",
    ),
}
ASK: Families = {
    "is": (
        "is {ref} {property}?",
        "is {ref} really {property}?",
        "would {ref} be {property}?",
        "{ref}, is it {property}?",
    ),
    "made_of": ("what is {ref} made of?", "what material is {ref}?", "which material is {ref} made from?"),
    "attribute": (
        "what {name} is {ref}?",
        "what is the {name} of {ref}?",
        "which {name} does {ref} have?",
        "{name} of {ref}?",
    ),
    "how": ("how {degree} is {ref}?", "how {degree} is {ref} exactly?", "and how {degree} is {ref}?"),
    "cost": ("how much is {ref}?", "what does {ref} cost?", "how much does {ref} cost?", "price of {ref}?"),
    "has": ("does {ref} have {feature}?", "does {ref} come with {feature}?", "has {ref} got {feature}?"),
    "can": (
        "can I {use} {ref}?",
        "can I use {ref} {where}?",
        "is it possible to {use} {ref}?",
        "can I put {ref} {where}?",
    ),
    "tell": (
        "tell me more about {ref}",
        "tell me about {ref}",
        "more details about {ref} please",
        "what can you tell me about {ref}?",
    ),
    "who": ("who made {ref}?", "who is {ref} by?", "who is behind {ref}?", "where does {ref} come from?"),
    "does": ("does {ref} {behave}?", "will {ref} {behave}?", "does {ref} ever {behave}?"),
    "know": (
        "do you know if {ref} is {property}?",
        "can you tell me whether {ref} is {property}?",
        "I wonder if {ref} is {property}",
    ),
    "describe": ("describe {ref}", "describe {ref} for me", "what is {ref} like?", "give me the details of {ref}"),
    "sure": (
        "are you sure {ref} is {property}?",
        "so {ref} is {property}, right?",
        "am I right that {ref} is {property}?",
    ),
    "say": (
        "what does the description say about {ref}?",
        "what do you know about {ref}?",
        "anything I should know about {ref}?",
    ),
}
ASK_SHOP: Families = {
    "assortment": ("what {names} do you have?", "which {names} are there?", "what {names} can I choose from?"),
    "delivery": (
        "how long does delivery take?",
        "do you deliver abroad?",
        "what does shipping cost?",
        "can I send things back?",
    ),
    "opening": ("do you have a shop I can visit?", "when are you open?", "how can I pay?", "is there a discount?"),
    "how_many": ("how many things do you have?", "how many of these are in stock?", "how many {names} are there?"),
}
WHY: Families = {
    "why": ("why {ref}?", "why {ref}", "but why {ref}?", "so why {ref}?"),
    "why_show": ("why do you show me {ref}?", "why did you show me {ref}?", "why are you showing me {ref}?"),
    "why_recommend": ("why did you recommend {ref}?", "why do you recommend {ref}?", "why was {ref} suggested?"),
    "reason": ("what is the reason for {ref}?", "give me a reason for {ref}", "for what reason did you pick {ref}?"),
    "how_come": ("how come {ref} is here?", "how come you picked {ref}?", "how come I see {ref}?"),
    "makes": ("what makes you think I would like {ref}?", "what made you choose {ref}?", "what made you pick {ref}?"),
    "explain": ("explain {ref}", "can you explain why you chose {ref}?", "explain your choice of {ref}"),
    "place": ("why is {ref} on the list?", "why is {ref} among these?", "why does {ref} come up?"),
    "speaks": ("what speaks for {ref}?", "on what grounds did you suggest {ref}?", "how did you arrive at {ref}?"),
    "fit": ("why would {ref} suit me?", "why should I want {ref}?", "why is {ref} right for me?"),
    "connection": (
        "what does {ref} have to do with me?",
        "how does {ref} fit my taste?",
        "is there a reason for {ref}?",
    ),
    "logic": ("what is the logic behind {ref}?", "on what basis did you choose {ref}?", "what led you to {ref}?"),
}
LIKE: Families = {
    "like": ("I like {ref}", "I really like {ref}", "I do like {ref}", "we like {ref}"),
    "love": ("I love {ref}", "love {ref}", "I absolutely love {ref}", "we love {ref}!"),
    "praise": ("{ref} is {praise}", "{ref} is really {praise}", "{ref} looks {praise}", "wow, {ref} is {praise}"),
    "short": ("{ref} yes", "{ref}, yes please!", "yes to {ref}", "thumbs up for {ref}", "{ref} 👍"),
    "best": ("{ref} is my favourite", "{ref} is the best so far", "I like {ref} best", "my favourite is {ref}"),
    "taste": (
        "{ref} is just my taste",
        "{ref} is exactly what I wanted",
        "{ref} is right up my street",
        "{ref} suits me",
    ),
    "appeal": ("{ref} appeals to me", "{ref} speaks to me", "I am very taken with {ref}", "I am drawn to {ref}"),
    "take": ("I could see myself with {ref}", "I would be happy with {ref}", "{ref} has won me over"),
    "good_pick": ("good choice, {ref}", "well chosen, {ref}", "{ref} is a hit", "you got it right with {ref}"),
    "keep": ("keep {ref}", "save {ref}", "put {ref} on my list", "remember {ref} for me"),
    "take_it": ("I'll take {ref}", "I am going for {ref}", "I want to have {ref}"),
    "emotion": ("{ref} makes me happy", "{ref} makes me smile", "I can't stop looking at {ref}"),
}
DISLIKE: Families = {
    "dont_like": ("I don't like {ref}", "I do not like {ref}", "I don't really like {ref}", "don't like {ref} at all"),
    "not": ("not {ref}", "no, not {ref}", "please not {ref}", "anything but {ref}"),
    "hate": ("I hate {ref}", "I dislike {ref}", "I can't stand {ref}", "we hate {ref}"),
    "blame": ("{ref} is {blame}", "{ref} looks {blame}", "sorry but {ref} is {blame}", "{ref} is rather {blame}"),
    "not_for_me": ("{ref} is not for me", "{ref} is not my thing", "{ref} isn't my taste", "{ref} is not really me"),
    "away": ("take {ref} away", "remove {ref}", "get rid of {ref}", "I don't want to see {ref} again"),
    "short": ("no to {ref}", "{ref}: no", "{ref} no thanks", "{ref} 👎", "thumbs down for {ref}"),
    "unconvinced": ("{ref} does not convince me", "{ref} leaves me cold", "{ref} does nothing for me"),
    "skip": ("skip {ref}", "{ref} can go", "I'll pass on {ref}", "{ref} is out"),
    "worst": ("{ref} is the worst", "{ref} is the one I like least", "I like all but {ref}"),
    "no_way": ("{ref}? no way", "{ref}? never", "no way I would buy {ref}", "I would never buy {ref}"),
    "disappointed": ("{ref} is a disappointment", "{ref} is a let-down", "I am disappointed by {ref}"),
}
CHAT: Families = {
    "greet": ("hi", "hello", "hey there", "good morning", "good evening!", "hi there"),
    "thanks": ("thanks", "thank you", "thanks a lot!", "thank you very much", "thanks, that helps", "cheers"),
    "bye": ("bye", "goodbye", "see you later", "that is all for today, bye", "good night"),
    "who": ("who are you?", "are you a robot?", "are you human?", "what is your name?"),
    "how_are_you": ("how are you?", "how is it going?", "how are you doing today?"),
    "help": ("what can you do?", "how does this work?", "how do I use this?", "help"),
    "praise": ("you are great", "well done", "nice work", "good bot", "you are really helpful"),
    "ok": ("ok", "okay", "alright", "I see", "got it", "fine"),
    "sorry": ("sorry", "my mistake", "never mind", "oops", "sorry about that"),
    "small_talk": ("what a rainy day", "it is so hot today", "I am tired", "I had a long day", "do you like music?"),
    "joke": ("tell me a joke", "sing something", "haha", "lol", "that is funny"),
    "wait": ("one moment please", "give me a second", "let me think", "hold on", "I need to think about it"),
    "annoyed": ("you don't understand me", "this is useless", "you are not listening", "what a silly machine"),
    "done": ("I am done", "that was all", "I found what I needed", "all good now"),
}
