"""What people call the common values of shops and of film catalogues, beside the values' own words.

Only for what letters do not tell and the text encoder is unsure of. A word is taken so only where the catalogue has the
value and where the word is no value itself.
"""

from __future__ import annotations

from types import MappingProxyType

_TOLD = """
red: scarlet, crimson, ruby, burgundy, maroon, vermilion, cherry red, blood red, bright red, dark red, reddish
orange: tangerine, apricot, pumpkin orange, burnt orange, bright orange, terracotta orange, orangey
yellow: mustard, lemon yellow, mustard yellow, sunny yellow, bright yellow, pale yellow, amber, yellowish
green: emerald, olive, sage, olive green, lime green, mint green, forest green, dark green, sage green, greenish
teal: turquoise, petrol, aqua, cyan, aquamarine
blue: navy, cobalt, azure, indigo, ultramarine, sky blue, navy blue, dark blue, light blue, royal blue, bluish
purple: violet, lilac, lavender, plum, mauve, aubergine, purplish
pink: fuchsia, magenta, rosy pink, hot pink, pale pink, blush, rose pink, pinkish
brown: chestnut, chestnut brown, chocolate brown, dark brown, light brown, tan, caramel, brownish
grey: gray, charcoal, slate, anthracite, silver grey, dark grey, light grey, greyish
black: jet black, pitch black, ebony, coal black
white: off-white, snow white, ivory, cream, off white, whitish
plain: solid, solid colour, unpatterned, patternless, single-coloured
stripes: striped, stripy, stripey, striping, pinstripe, pinstripes, bands of stripes
dots: dotted, spotted, spotty, polka dots, polka-dot, polka dot, round dots
checks: checked, chequered, checkered, plaid, tartan, gingham, check pattern, checked pattern
zigzag: zigzags, chevron, zigzag lines, zigzag pattern, zig-zag
floral: flowered, flowery, blossoms, floral print, flower print
diamonds: argyle, diamond pattern, diamond-patterned, diamond lattice, harlequin
leaves: leafy, leaf print, leaf-print, foliage, leafy sprigs
lamp: table lamp, desk lamp, floor lamp, bedside lamp, reading lamp
mug: cup, coffee cup, coffee mug, tea cup, teacup
chair: seat, dining chair, armchair
vase: flower vase
cushion: pillow, throw pillow, scatter cushion
rug: carpet, area rug
clock: wall clock, timepiece
teapot: tea pot
blanket: throw, bedspread, bed cover
bowl: dish, serving bowl
plant pot: flowerpot, flower pot, planter
T-shirt: tee, tshirt, t shirt
dress: frock, gown
sneaker: trainer, running shoe, gym shoe, tennis shoe, sports shoe
hat: cap, beanie
scarf: shawl, muffler
backpack: rucksack, daypack, knapsack
umbrella: brolly, parasol
tote bag: tote, shopping bag, carrier bag, shopper, handbag
sofa: couch, settee
trousers: pants
sweater: jumper, pullover, jersey
swimsuit: bathing suit, swimming costume
headphones: earphones
phone: smartphone, mobile phone, mobile
laptop: notebook computer
tv: television, telly
oak: oak wood, oakwood
pine: pine wood, pinewood
ash wood: ash, ashwood
wool: woollen, woolen, woolly
leather: real leather
cotton: pure cotton
silk: silken, silky
glass: clear glass
straw: woven straw
merino: merino wool
opal glass: milk glass
waxed cotton: waxed fabric
concrete: cement
fleece: fleecy
velvet: velvety
steel: stainless steel
Scandinavian: nordic, scandi, scandinavian-looking
rustic: farmhouse, country-house, country-style
retro: old-school, fifties-style, sixties-style, seventies-style
minimalist: minimal, minimalistic, pared-down
bohemian: boho
classic: timeless, classical
playful: quirky, whimsical
industrial: factory-style, loft-style
modern: contemporary
vintage: antique-looking, old-timey
elegant: sophisticated
coastal: seaside, maritime, nautical
nursery: kids' room, kids room, baby's room, babys room, children's room, childrens room
study: home office
living room: lounge, sitting room
bathroom: bath
hallway: entrance hall, corridor, entryway
garden: back garden, yard, backyard
balcony: veranda, terrace
party: celebration, parties
travel: travelling, traveling, trips, journeys
sport: sports, workouts, exercise, working out
work: workplace
rainy days: rain, rainy weather, wet weather
everyday: daily use, every day, everyday use
weekend: weekends, sundays, saturdays
Sci-Fi: science fiction, scifi, sci fi, sf
Romance: romantic, love story, love stories
Comedy: comedies, funny
Horror: scary
Crime: gangster, mafia
Documentary: documentaries, non-fiction, nonfiction
Children: kids, children's, childrens
Animation: animated, cartoon, cartoons
Thriller: thrillers, suspense
Western: westerns, cowboy, cowboys
Musical: musicals
"""


def _read(told: str) -> dict[str, tuple[str, ...]]:
    lines = (line.partition(": ") for line in told.strip().splitlines())
    return {value.lower(): tuple(others.split(", ")) for value, _, others in lines}


OTHER_WORDS = MappingProxyType(_read(_TOLD))
"""By value, in lower case: other words for it, in lower case."""
