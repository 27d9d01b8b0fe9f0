"""The words of the training corpus: plain English, invented words, and which of them are held out.

Everything here is our own list, or a count over the English that ships with Python itself (docstrings of the
standard library and its help topics). No catalogue of anybody else is read.
"""

# ruff: noqa: SIM905 - word lists are easier to read and to keep as text
from __future__ import annotations

import ast
import random
import re
import sysconfig
import zlib
from collections import Counter
from collections.abc import Iterator
from functools import cache
from pathlib import Path

STORY_NOUNS = tuple(
    """
    detective lawyer teacher soldier widow orphan thief painter singer dancer sailor farmer baker doctor nurse
    priest king queen prince princess wizard witch ghost robot alien monster vampire hunter spy agent killer
    murderer victim gangster cop officer sheriff cowboy outlaw boxer fighter coach team player champion student
    professor scientist inventor engineer pilot captain crew driver mechanic waiter waitress cook chef butler
    maid nanny mother father daughter son brother sister twins cousin uncle aunt grandmother grandfather husband
    wife couple lover friend rival neighbour stranger boss partner colleague client patient prisoner guard judge
    jury witness reporter journalist writer poet actor actress director musician band orchestra circus clown
    magician child boy girl man woman baby dog cat horse pig mouse wolf bear whale shark bird dragon dinosaur
    city town village farm island beach desert forest jungle mountain river lake ocean sea ship boat train plane
    car truck bus subway station airport hotel motel hospital school college university prison castle palace
    mansion house apartment cabin church temple museum library theatre casino bar restaurant diner office
    factory bank store mall market street road bridge tunnel tower wall garden park zoo space planet moon star
    galaxy future past century war battle revolution rebellion army navy police government president senator
    mayor election campaign company corporation business deal money fortune treasure diamond gold inheritance
    debt robbery heist kidnapping murder crime case trial mystery secret conspiracy plot plan scheme trap escape
    chase journey trip adventure mission quest search rescue race game contest match fight duel romance love
    affair marriage wedding divorce family friendship betrayal revenge justice honour courage fear hope dream
    nightmare memory past destiny curse spell prophecy legend myth story letter diary book map photograph
    painting ring sword gun bomb weapon virus disease accident storm flood fire earthquake winter summer spring
    autumn night day christmas holiday vacation party birthday funeral childhood youth death life soul heart
    mind world earth country kingdom empire tribe clan gang cult society culture tradition religion faith music
    dance art film television radio newspaper computer machine experiment laboratory discovery invention drug
    alcohol addiction suicide ranch carnival
    """.split()
)
STORY_VERBS = tuple(
    """
    finds loses steals hides follows hunts chases saves rescues protects betrays loves marries leaves meets
    befriends teaches trains fights defeats kills survives escapes discovers uncovers investigates solves
    reveals learns remembers forgets invents builds destroys sells buys inherits travels crosses explores enters
    haunts threatens kidnaps frames accuses defends helps joins leads recruits hires fires raises adopts visits
    seduces imitates
    """.split()
)
STORY_ADJECTIVES = tuple(
    """
    young old lonely retired famous brilliant reluctant ruthless corrupt innocent mysterious ambitious brave
    cowardly clever cunning clumsy shy rich poor wealthy homeless blind deaf mute secret lost hidden haunted
    abandoned ancient medieval modern futuristic distant dangerous deadly peaceful quiet small big giant tiny
    beautiful ugly strange ordinary unlikely unexpected forbidden doomed tragic comic romantic violent gentle
    wild cruel kind honest jealous obsessive eccentric troubled rebellious talented struggling aging teenage
    married divorced single widowed pregnant suburban rural urban southern northern eastern western american
    british french german italian russian chinese japanese irish scottish african indian mexican undercover
    former new last first final whole slow fast dark bright
    """.split()
)
GENRES = tuple(
    """
    Action Adventure Animation Biography Children Comedy Crime Documentary Drama Family Fantasy History Horror
    Music Musical Mystery Noir Romance Satire Sci-Fi Sport Thriller War Western
    """.split()
)
TOPICS = tuple(
    """
    politics economy finance science health education climate energy transport technology space weather football
    tennis cycling cooking travel fashion design culture books theatre cinema religion history law security
    elections housing farming fishing trade labour migration media privacy robotics medicine gardening parenting
    architecture
    """.split()
)
FOODS = tuple(
    """
    tomato onion garlic basil lemon butter cream cheese chicken beef pork salmon tuna shrimp rice pasta bread
    flour sugar honey chocolate vanilla cinnamon ginger pepper chili potato carrot spinach mushroom beans
    lentils egg milk apple banana cherry berry orange coconut almond walnut olive mint parsley thyme yoghurt
    oats pumpkin cabbage
    """.split()
)
MATERIALS = tuple(
    """
    oak pine walnut bamboo cotton linen wool silk leather suede denim canvas velvet felt cork rattan wicker
    ceramic porcelain stoneware terracotta glass crystal marble stone concrete brass copper steel iron aluminium
    paper plastic rubber nylon polyester jute birch ash teak
    """.split()
)
STYLES = tuple(
    """
    modern classic rustic vintage minimalist Scandinavian industrial bohemian coastal retro country elegant
    playful sporty casual formal romantic Japanese tropical nautical
    """.split()
)
OCCASIONS = tuple(
    """
    kitchen bedroom bathroom hallway office garden balcony nursery studio terrace library workshop wedding
    birthday picnic travel beach camping winter summer autumn spring party school gym festival
    """.split()
)
BRAND_WORDS = ("Works", "House", "Studio", "Co", "Atelier", "Goods", "Craft", "Supply", "Home", "Line")
ATTRIBUTE_NAMES = tuple(
    """
    genre topic section theme mood tone setting period author director actor cast artist label publisher studio
    brand maker series format medium language country region city origin material fabric finish texture shape
    size weight length colour pattern style room occasion season audience level difficulty cuisine ingredient
    course diet flavour aroma grape instrument key tempo platform engine genre mode licence version duration
    year price rating category kind type class family species habitat climate soil light vintage strength use
    purpose feature tags keywords subject field method tool dataset department team role skill industry employer
    contract location district venue view
    """.split()
)
FIRST_NAMES = tuple(
    """
    Anna Ben Clara David Emma Frank Grace Henry Irene Jack Karen Louis Maria Nick Olga Peter Rosa Sam Tina
    Victor Wendy John James Robert Michael William Richard Thomas Mary Linda Susan Lisa Sarah Laura Julia Kate
    Alice Helen Diane Paul Mark George Kevin Brian Steven Edward Ronald Anthony Jason Jeff Gary Eric Larry Scott
    Raymond Gregory Martin Woody
    """.split()
)
_SYLLABLES = tuple(
    """
    ba be bi bo bra bre cal cor da del dor dra el fa fen fir gal gor gra ha hel jor ka kel kin la lem lor lu ma
    mar mel mi mor na nel nor o pa per pra qua ra rel rin ro sa sel sha sor sta ta tel tha tor tri u va vel vor
    wen xa yor za zel zor
    """.split()
)
_ENDINGS = tuple(
    """
    n r l s x k m d th nd rn sk t ph rd st ck lo na ro ta ri um us ia on ar
    """.split()
)


def is_held_out(word: str) -> bool:
    """One word in eight is never used in training catalogues; measuring uses nothing else."""
    return zlib.crc32(word.lower().encode()) % 8 == 0


def invented_word(rng: random.Random, *, held_out: bool = False) -> str:
    """A pronounceable word that no dictionary has, from the training or the held-out part."""
    while True:
        word = "".join(rng.choices(_SYLLABLES, k=rng.randint(1, 2))) + rng.choice(_ENDINGS)
        if is_held_out(word) == held_out and len(word) > 3:
            return word


def invented_name(rng: random.Random) -> str:
    """A person: a common first name and an invented family name."""
    return f"{rng.choice(FIRST_NAMES)} {invented_word(rng).capitalize()}"


@cache
def english_words() -> tuple[str, ...]:
    """Lower-case words that occur at least three times in the English that ships with Python, most frequent first."""
    counts: Counter[str] = Counter()
    for text in english_texts():
        counts.update(re.findall(r"\b[a-z]{3,12}\b", text))
    return tuple(word for word, n in counts.most_common() if n >= 3)


@cache
def catalogue_words(*, held_out: bool = False) -> tuple[str, ...]:
    """Words that random catalogues use as values, from the training or the held-out part."""
    own = (*STORY_NOUNS, *STORY_ADJECTIVES, *TOPICS, *FOODS, *MATERIALS, *STYLES, *OCCASIONS, *GENRES)
    words = dict.fromkeys((*own, *english_words()[150:]))
    return tuple(word for word in words if is_held_out(word) == held_out)


def english_texts() -> Iterator[str]:
    """Docstrings of the standard library's modules, then Python's help topics."""
    root = Path(sysconfig.get_paths()["stdlib"])
    for path in sorted([*root.glob("*.py"), *root.glob("*/*.py")]):
        if not {"test", "tests", "site-packages", "idlelib", "lib2to3"} & set(path.parts):
            yield from _docstrings(path)
    from pydoc_data import topics

    yield from topics.topics.values()


def _docstrings(path: Path) -> Iterator[str]:
    try:
        tree = ast.parse(path.read_text(encoding="utf-8"))
    except (SyntaxError, UnicodeDecodeError):  # a few files of the library are broken on purpose
        return
    for node in ast.walk(tree):
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef) and (text := ast.get_docstring(node)):
            yield text
