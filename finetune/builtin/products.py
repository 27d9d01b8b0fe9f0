"""What the shop sells: looks, what cannot be seen (material, style, room, occasion), prose, prices, invented brands."""

from __future__ import annotations

import random
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from types import MappingProxyType

from finetune.builtin.drawing.look import CATEGORIES, Look, random_look
from finetune.builtin.prose import NAMES, describe, title
from finetune.builtin.wording import form
from retrieval.types import AttributeValue, Item, Money

HIDDEN_SHARE = 0.4
"""Share of the items whose pattern and accent are seen in the picture and told nowhere."""

MATERIALS = MappingProxyType(
    {
        "lamp": ("linen", "paper", "opal glass", "brass"),
        "mug": ("stoneware", "porcelain", "enamel", "earthenware"),
        "chair": ("oak", "ash wood", "velvet", "steel"),
        "vase": ("stoneware", "glass", "terracotta", "porcelain"),
        "cushion": ("linen", "velvet", "cotton", "wool"),
        "rug": ("wool", "jute", "cotton", "recycled polyester"),
        "clock": ("bamboo", "steel", "ash wood", "ceramic"),
        "teapot": ("porcelain", "cast iron", "stoneware", "glass"),
        "blanket": ("wool", "cotton", "cashmere", "fleece"),
        "bowl": ("stoneware", "porcelain", "bamboo", "glass"),
        "plant pot": ("terracotta", "ceramic", "concrete", "recycled plastic"),
        "T-shirt": ("cotton", "linen", "merino", "bamboo viscose"),
        "dress": ("cotton", "linen", "silk", "bamboo viscose"),
        "sneaker": ("canvas", "leather", "suede", "recycled polyester"),
        "hat": ("wool", "cotton", "straw", "felt"),
        "scarf": ("wool", "silk", "cashmere", "cotton"),
        "backpack": ("canvas", "nylon", "leather", "recycled polyester"),
        "umbrella": ("nylon", "recycled polyester", "waxed cotton", "pongee"),
        "tote bag": ("canvas", "leather", "jute", "nylon"),
        "socks": ("cotton", "merino", "bamboo viscose", "cashmere"),
    }
)
STYLES = ("Scandinavian", "rustic", "retro", "minimalist", "bohemian", "classic", "playful", "industrial")
ROOMS = MappingProxyType(
    {
        "lamp": ("bedroom", "living room", "study", "nursery"),
        "mug": ("kitchen", "study", "garden"),
        "chair": ("dining room", "study", "bedroom", "balcony"),
        "vase": ("living room", "hallway", "dining room", "bedroom"),
        "cushion": ("living room", "bedroom", "nursery", "balcony"),
        "rug": ("living room", "hallway", "bedroom", "nursery"),
        "clock": ("kitchen", "hallway", "study", "living room"),
        "teapot": ("kitchen", "dining room", "garden"),
        "blanket": ("living room", "bedroom", "nursery", "garden"),
        "bowl": ("kitchen", "dining room", "living room"),
        "plant pot": ("balcony", "garden", "kitchen", "study"),
    }
)
OCCASIONS = ("everyday", "work", "weekend", "travel", "party", "sport", "beach", "rainy days")
_OCCASIONS = MappingProxyType(
    {
        "T-shirt": ("everyday", "weekend", "sport", "beach"),
        "dress": ("party", "work", "weekend", "beach"),
        "sneaker": ("sport", "everyday", "weekend", "travel"),
        "hat": ("beach", "weekend", "travel", "everyday"),
        "scarf": ("everyday", "work", "travel", "party"),
        "backpack": ("travel", "work", "sport", "weekend"),
        "umbrella": ("rainy days", "work", "travel", "everyday"),
        "tote bag": ("work", "weekend", "beach", "everyday"),
        "socks": ("everyday", "sport", "work", "party"),
    }
)
BRANDS = MappingProxyType(
    {
        "Hollin & Vale": 1.25,
        "Brindlewick": 0.9,
        "Saltmere": 1.0,
        "Quillbrook": 1.1,
        "Pippinfield": 0.75,
        "Ardenhof": 1.35,
        "Lumi & Oak": 1.15,
        "Verrano": 1.5,
        "Kestrel Row": 1.05,
        "Oddsby": 0.7,
        "Marrowell": 0.95,
        "Casa Briolo": 1.2,
        "Yarrowdale": 0.85,
        "Nimbusk": 0.8,
    }
)
"""Invented brands, and how their prices compare."""

_BASE_PRICE = MappingProxyType(
    {
        "lamp": 69,
        "mug": 15,
        "chair": 149,
        "vase": 38,
        "cushion": 29,
        "rug": 119,
        "clock": 42,
        "teapot": 46,
        "blanket": 59,
        "bowl": 24,
        "plant pot": 19,
        "T-shirt": 25,
        "dress": 74,
        "sneaker": 84,
        "hat": 32,
        "scarf": 36,
        "backpack": 79,
        "umbrella": 34,
        "tote bag": 45,
        "socks": 11,
    }
)
_DEAR = frozenset(["cashmere", "silk", "leather", "brass", "velvet", "oak", "cast iron", "merino"])
_GLOSSY = frozenset("glass|opal glass|porcelain|enamel|ceramic|silk|steel|brass|nylon".split("|"))  # noqa: SIM905
_MATTE = frozenset(
    "linen|paper|wool|jute|terracotta|concrete|felt|straw|suede|canvas|stoneware|bamboo|fleece".split("|")  # noqa: SIM905
)


@dataclass(frozen=True, slots=True)
class Product:
    """One article of the shop.

    look: what is drawn, told or not. style, material, place: what only the text says; place is a room for
    household goods and an occasion for what is worn or carried. price_cents: euro cents.
    tells_all: whether pattern and accent are in the text and the attributes.
    """

    item_id: str
    look: Look
    title: str
    description: str
    material: str
    style: str
    place: str
    brand: str
    price_cents: int
    tells_all: bool

    @property
    def place_kind(self) -> str:
        return "room" if self.look.category in ROOMS else "occasion"

    @property
    def usual_price_cents(self) -> int:
        """What products of the category cost in the middle."""
        return _BASE_PRICE[self.look.category] * 100

    def row(self) -> Mapping[str, str | float]:
        """The product as a line of the catalogue, without its media."""
        seen = {"pattern": self.look.pattern, "accent": self.look.accent} if self.tells_all else {}
        return {
            "id": self.item_id,
            "title": self.title,
            "category": self.look.category,
            "colour": self.look.colour,
            **seen,
            "material": self.material,
            "style": self.style,
            self.place_kind: self.place,
            "brand": self.brand,
            "price": self.price_cents / 100,
            "currency": "EUR",
            "description": self.description,
        }


def item_of(product: Product) -> Item:
    """The product as the catalogue reads its row; without media, which only an indexed workspace has."""
    attributes: dict[str, AttributeValue] = dict(product.row())
    title, currency = str(attributes.pop("title")), str(attributes.pop("currency"))
    del attributes["id"]
    attributes["price"] = Money(product.price_cents, currency)
    return Item(product.item_id, title, MappingProxyType(attributes))


def products(count: int, *, seed: int) -> Iterator[Product]:
    """The first `count` products of the shop of this seed, categories in turn.

    Product n depends on the seed and n alone: a larger shop begins with the smaller one.
    """
    for number in range(count):
        yield _product(number, seed)


def places(category: str) -> tuple[str, ...]:
    """The rooms, or the occasions, that articles of the category are for."""
    return ROOMS[category] if category in ROOMS else _OCCASIONS[category]


def _product(number: int, seed: int) -> Product:
    rng = random.Random(f"{seed}/product/{number}")  # noqa: S311
    category = CATEGORIES[number % len(CATEGORIES)]
    item_id = f"{category.lower().replace(' ', '-')}-{number // len(CATEGORIES) + 1:03d}"
    return product_with(random_look(rng, category=category), rng, item_id=item_id)


def product_with(look: Look, rng: random.Random, *, item_id: str = "") -> Product:
    """A product that looks like this, apart from the sheen, which follows its material; the rest is drawn from rng."""
    category = look.category
    material = rng.choice(MATERIALS[category])
    look = replace(look, sheen=_sheen(material))
    bare = Product(
        item_id=item_id,
        look=look,
        title="",
        description="",
        material=material,
        style=rng.choice(STYLES),
        place=rng.choice(places(category)),
        brand=rng.choice(tuple(BRANDS)),
        price_cents=0,
        tells_all=rng.random() >= HIDDEN_SHARE,
    )
    priced = replace(bare, price_cents=_price_cents(bare, rng))
    facts = {
        "form": form(category, look.shape),
        "category": category,
        "colour": look.colour,
        "material": material,
        "style": priced.style,
        "place": priced.place,
        "brand": priced.brand,
        "name": rng.choice(NAMES),
    }
    seen = {"pattern": look.pattern, "accent": look.accent} if priced.tells_all else {}
    return replace(priced, title=title(facts, seen, rng), description=describe(facts, seen, rng))


def _sheen(material: str) -> str:
    return "glossy" if material in _GLOSSY else "matte" if material in _MATTE else "satin"


def _price_cents(product: Product, rng: random.Random) -> int:
    """Base price times brand, material and chance, ending in .00, .50 or .90."""
    dear = 1.35 if product.material in _DEAR else 1.0
    euros = _BASE_PRICE[product.look.category] * BRANDS[product.brand] * dear * rng.lognormvariate(0, 0.18)
    return max(int(euros), 4) * 100 + rng.choice((0, 50, 90))
