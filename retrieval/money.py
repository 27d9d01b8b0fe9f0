"""Amounts of money as catalogues write them."""

from __future__ import annotations

import re
from decimal import ROUND_HALF_UP, Decimal

from retrieval.currencies import MINOR_DIGITS
from retrieval.types import Money, minor_digits

_AMOUNT = r"(-?\d{1,15}(?:\.\d{1,8})?)"
_MONEY = re.compile(rf"(?:([A-Z]{{3}})\s?{_AMOUNT}|{_AMOUNT}\s?([A-Z]{{3}}))", re.ASCII)


def money(amount: Decimal, currency: str) -> Money:
    """The amount in minor units of the currency; a half unit is rounded away from zero."""
    minor = (amount * 10 ** minor_digits(currency)).quantize(Decimal(1), ROUND_HALF_UP)
    return Money(int(minor), currency)


def parse_money(text: str) -> Money | None:
    """`EUR 49.90` or `49.90 EUR`; None for text that is no amount of a known currency."""
    match = _MONEY.fullmatch(text.strip())
    if match is None:
        return None
    before, first, second, after = match.groups()
    currency = before or after
    return money(Decimal(first or second), currency) if currency in MINOR_DIGITS else None
