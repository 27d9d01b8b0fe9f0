"""English words that tell nothing about what is wanted: of grammar, of politeness, and of asking in a shop."""

from __future__ import annotations


def words(text: str) -> frozenset[str]:
    """The words of a text."""
    return frozenset(text.split())


_GRAMMAR = """
a an the this that these those it its it's is are was were be been am i i'm im i'd i've me my mine we we're we'd us
our you your u ur he she they them their his her him and or nor of for to in on at by from with without as into than
then so if do does did done don't dont doesn't doesnt didn't didnt isn't isnt aren't can can't cant could couldn't
would wouldn't should shouldn't will won't wont may might must has have haven't had got get gets getting not no any
some all both either neither each every what what's whats which who who's where when how why there there's here also
too very much many more most less least just only really quite rather even still again now up down out over under
about around but because while though tho although after before yes yeah ok okay oh ooh ah hmm hm um well let's let
lets same other others another else one ones two three four five six seven eight nine ten first second third fourth
fifth sixth seventh eighth ninth tenth last next number w/ w & something anything everything nothing someone thing
things stuff bit little lot lots kind sort
way instead actually maybe perhaps possibly possible ideally preferably except between till until top
"""
_CONTRACTED = """
i'll we'll you'll he'll she'll it'll they'll you're they're he's she's you've they've he'd she'd they'd you'd
who'd that'd that'll that's thats it'd there's here's what'll ive
"""
_POLITE = """
please pls plz thanks thank thx ta cheers hi hello hey good sorry excuse dear sir madam asap
lovely nice great fine sure appreciate grateful help hope
"""
_ASKING = """
want wants wanted wanting need needs needed like likes liked love looking look search searching find finding show see
seeing give get buy buying sell sells take recommend suggest suggestion suggestions advice think know going go make
makes mean meant say said try prefer preferred sale shop store item items product products option options thing
ideas idea list wish wishes fancy after seek seeking pick choose choice choices offer offers available stock keep come
comes goes made please don mind matter matters forget skip drop never similar similarly alike resembling
suit suits suited pay paying cost costs spend spending afford already day days
yet ideal best bonus welcome looks accents details lookout
wear wears wearing hate hates hating avoid avoids loves loving detest loathe eat eats eating
"""

FILLERS = words(_GRAMMAR + _CONTRACTED + _POLITE + _ASKING)

OF_VALUES = words("style look looks print pattern patterns lines finish colour color colours brand genre material")
"""What a value is called to be of; by themselves they mean no value."""

KINDS_OF_THINGS = words(
    """
    film films movie movies song songs track tracks album albums music book books article articles recipe recipes game
    games piece pieces series shows video videos product products
    """
)
"""What a whole catalogue may be of; where it is of something else too, an attribute has the word among its values."""
