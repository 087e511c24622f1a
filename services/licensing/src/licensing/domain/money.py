"""Money: whole minor units of an ISO 4217 currency (cents; yen), and how it is read and rounded."""

import re
from decimal import Decimal
from fractions import Fraction

from babel.numbers import get_currency_precision

from common.errors import Invalid

CURRENCIES = frozenset({"EUR", "USD", "GBP", "CHF", "CZK", "PLN", "JPY"})
"""What we sell in."""
LARGEST = 10**12
"""Minor units; more in one payment or line is a mistake."""
_AMOUNT = re.compile(r"[0-9]{1,13}(\.[0-9]+)?")


def must_be_known(currency: str) -> str:
    if currency not in CURRENCIES:
        raise Invalid(
            "currency_unknown",
            f"{currency[:8]!r} is not a currency that we sell in",
            next_step=f"Use one of {', '.join(sorted(CURRENCIES))}.",
        )
    return currency


def decimals(currency: str) -> int:
    return get_currency_precision(currency)


def minor_units(text: str, currency: str) -> int:
    """`12.5` EUR -> 1250. Raises `Invalid`: nothing is guessed, rounded or read with a decimal comma."""
    places = decimals(must_be_known(currency))
    if not _AMOUNT.fullmatch(text):
        raise Invalid("amount_invalid", f"{text[:40]!r} is not an amount such as 1234.50, above zero")
    value = Decimal(text)
    units = value.scaleb(places)
    if units != units.to_integral_value():
        raise Invalid(
            "amount_too_precise", f"{text[:40]} has more than {places} decimals, {currency} has not"
        )
    return must_be_payable(int(units))


def must_be_payable(amount: int) -> int:
    if not 0 < amount <= LARGEST:
        raise Invalid("amount_out_of_range", "An amount must be above zero and below ten thousand millions")
    return amount


def major_units(amount: int, currency: str) -> Decimal:
    """1250 EUR -> 12.50"""
    return Decimal(amount).scaleb(-decimals(currency))


def rounded(amount: Fraction) -> int:
    """Half away from zero, so that a credit note takes back exactly what was charged."""
    half_up = (2 * abs(amount.numerator) + amount.denominator) // (2 * amount.denominator)
    return half_up if amount >= 0 else -half_up
