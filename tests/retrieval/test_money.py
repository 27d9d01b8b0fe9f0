"""Money in minor units: as many decimals as ISO 4217 gives each currency."""

from decimal import Decimal

import pytest

from retrieval.currencies import MINOR_DIGITS
from retrieval.money import money, parse_money
from retrieval.types import Money, minor_digits


@pytest.mark.parametrize(
    ("digits", "codes"),
    [
        (0, "BIF CLP DJF GNF ISK JPY KMF KRW PYG RWF UGX UYI VND VUV XAF XOF XPF"),
        (3, "BHD IQD JOD KWD LYD OMR TND"),
        (4, "CLF UYW"),
    ],
)
def test_the_currencies_without_two_decimals_are_those_of_iso_4217(digits: int, codes: str) -> None:
    assert {code for code, found in MINOR_DIGITS.items() if found == digits} == set(codes.split())


def test_every_other_currency_has_two_decimals() -> None:
    assert set(MINOR_DIGITS.values()) == {0, 2, 3, 4}
    assert all(MINOR_DIGITS[code] == 2 for code in ("CHF", "EUR", "GBP", "HUF", "MGA", "MRU", "USD", "XCG", "ZWG"))
    assert len(MINOR_DIGITS) == 171, "165 of list one, 6 that were replaced since"
    assert all(len(code) == 3 and code.isascii() and code.isupper() for code in MINOR_DIGITS)


@pytest.mark.parametrize(
    ("text", "minor", "shown"),
    [
        ("ISK 4990", 4990, "4990 ISK"),
        ("1500 XPF", 1500, "1500 XPF"),
        ("VUV 250", 250, "250 VUV"),
        ("KMF 10", 10, "10 KMF"),
        ("GNF 90000", 90000, "90000 GNF"),
        ("DJF 7", 7, "7 DJF"),
        ("12.345 KWD", 12345, "12.345 KWD"),
        ("CLF 1.2345", 12345, "1.2345 CLF"),
        ("EUR 49.90", 4990, "49.90 EUR"),
        ("EUR -0.005", -1, "-0.01 EUR"),
    ],
)
def test_an_amount_is_kept_in_its_minor_unit_and_shown_in_its_major_one(text: str, minor: int, shown: str) -> None:
    amount = parse_money(text)
    assert amount is not None
    assert (amount.minor, str(amount)) == (minor, shown)
    assert money(Decimal(str(amount.major)), amount.currency) == amount


@pytest.mark.parametrize("text", ["XAU 1", "XXX 5", "ABC 5", "5", "EUR", "EUR 1,50"])
def test_what_is_no_amount_of_a_currency_is_none(text: str) -> None:
    assert parse_money(text) is None


def test_an_unknown_code_has_two_decimals() -> None:
    assert minor_digits("ABC") == 2
    assert str(Money(150, "ABC")) == "1.50 ABC"
