"""Amounts of money as catalogues write them."""

from __future__ import annotations

import re
from decimal import ROUND_HALF_UP, Decimal

from retrieval.types import Money, minor_digits

# fmt: off
CURRENCIES = frozenset(
    [
        "AED", "AFN", "ALL", "AMD", "ANG", "AOA", "ARS", "AUD", "AWG", "AZN", "BAM", "BBD",
        "BDT", "BGN", "BHD", "BIF", "BMD", "BND", "BOB", "BRL", "BSD", "BTN", "BWP", "BYN",
        "BZD", "CAD", "CDF", "CHF", "CLP", "CNY", "COP", "CRC", "CUP", "CVE", "CZK", "DJF",
        "DKK", "DOP", "DZD", "EGP", "ERN", "ETB", "EUR", "FJD", "FKP", "GBP", "GEL", "GHS",
        "GIP", "GMD", "GNF", "GTQ", "GYD", "HKD", "HNL", "HTG", "HUF", "IDR", "ILS", "INR",
        "IQD", "IRR", "ISK", "JMD", "JOD", "JPY", "KES", "KGS", "KHR", "KMF", "KPW", "KRW",
        "KWD", "KYD", "KZT", "LAK", "LBP", "LKR", "LRD", "LSL", "LYD", "MAD", "MDL", "MGA",
        "MKD", "MMK", "MNT", "MOP", "MRU", "MUR", "MVR", "MWK", "MXN", "MYR", "MZN", "NAD",
        "NGN", "NIO", "NOK", "NPR", "NZD", "OMR", "PAB", "PEN", "PGK", "PHP", "PKR", "PLN",
        "PYG", "QAR", "RON", "RSD", "RUB", "RWF", "SAR", "SBD", "SCR", "SDG", "SEK", "SGD",
        "SHP", "SLE", "SOS", "SRD", "SSP", "STN", "SVC", "SYP", "SZL", "THB", "TJS", "TMT",
        "TND", "TOP", "TRY", "TTD", "TWD", "TZS", "UAH", "UGX", "USD", "UYU", "UZS", "VES",
        "VND", "VUV", "WST", "XAF", "XCD", "XCG", "XOF", "XPF", "YER", "ZAR", "ZMW", "ZWG",
    ]
)
# fmt: on
"""ISO 4217 codes of the currencies that people pay in."""

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
    return money(Decimal(first or second), currency) if currency in CURRENCIES else None
