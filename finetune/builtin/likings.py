"""How much a shopper likes every product at once: the planted liking as arrays, whole or partly blind."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from enum import StrEnum
from types import MappingProxyType

import numpy as np
from numpy.typing import NDArray

from finetune.builtin.products import Product
from finetune.builtin.shoppers import Tastes, off_price

_VALUES: Mapping[str, Callable[[Product], str]] = MappingProxyType(
    {
        "category": lambda product: product.look.category,
        "colour": lambda product: product.look.colour,
        "accent": lambda product: product.look.accent,
        "pattern": lambda product: product.look.pattern,
        "material": lambda product: product.material,
        "style": lambda product: product.style,
        "place": lambda product: product.place,
    }
)


class Sight(StrEnum):
    """What of the looks counts."""

    ALL = "all"
    TOLD = "told"  # pattern and accent only where the text tells them
    NONE = "none"


class Likings:
    """The products as columns of numbers, to be liked by one shopper after another."""

    def __init__(self, products: Sequence[Product]) -> None:
        self._columns = {
            name: np.unique([value(product) for product in products], return_inverse=True)
            for name, value in _VALUES.items()
        }
        self._told = np.array([product.tells_all for product in products])
        self._off_price = np.array([off_price(product) for product in products])

    def having(self, attribute: str, value: str) -> NDArray[np.bool_]:
        """(n_products,): which products have this value of an attribute of the catalogue, or of the look."""
        values, codes = self._columns["place" if attribute in {"room", "occasion"} else attribute]
        return np.asarray((values == value)[codes])

    def of(self, tastes: Tastes, *, sight: Sight = Sight.ALL) -> NDArray[np.float64]:
        """(n_products,): what `liking` gives for each product, in their order; partly blind, unseen looks count 0."""
        total = self._points("category", tastes.categories) - 0.8 * np.abs(self._off_price - tastes.price)
        read = self._points("material", tastes.materials) + self._points("style", tastes.styles)
        total += tastes.text * (read + self._points("place", tastes.places))
        if sight is Sight.NONE:
            return total
        hinted = 0.5 * self._points("accent", tastes.colours) + self._points("pattern", tastes.patterns)
        if sight is Sight.TOLD:
            hinted = np.where(self._told, hinted, 0.0)
        return total + tastes.look * (self._points("colour", tastes.colours) + hinted)

    def _points(self, attribute: str, points: Mapping[str, float]) -> NDArray[np.float64]:
        values, codes = self._columns[attribute]
        return np.array([points.get(value, 0.0) for value in values])[codes]
