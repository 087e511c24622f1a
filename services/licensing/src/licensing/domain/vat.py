"""Value added tax: whose rate, and which, by country, tax status and date.

Rates are data with dates; Decimal strings, in per cent. The rate of a month is the one valid on its last day.
Services for business customers in another EU country are taxed there by the customer (reverse charge,
directive 2006/112/EC, articles 44 and 196); private customers pay the rate of their country (article 58).
"""

from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from fractions import Fraction

from licensing.domain.money import rounded


class TaxStatus(StrEnum):
    PRIVATE = "private"
    BUSINESS = "business"
    EXEMPT = "exempt"
    """International bodies, embassies: no tax wherever they are."""


class Category(StrEnum):
    STANDARD = "standard"
    REVERSE_CHARGE = "reverse_charge"
    OUTSIDE = "outside_scope"
    EXEMPT = "exempt"


@dataclass(frozen=True, slots=True)
class Treatment:
    """How a line is taxed."""

    category: Category
    country: str
    """Whose tax it is."""
    rate: str = "0"

    def on(self, net: int) -> int:
        """The tax on `net` minor units."""
        return rounded(net * Fraction(self.rate) / 100)


@dataclass(frozen=True, slots=True)
class Rate:
    country: str
    since: date
    rate: str


_EARLIER = date(2020, 1, 1)
RATES: tuple[Rate, ...] = (
    *(
        Rate(country, _EARLIER, rate)
        for country, rate in {
            "AT": "20", "BE": "21", "BG": "20", "CY": "19", "CZ": "21", "DE": "19", "DK": "25", "EE": "20",
            "ES": "21", "FI": "24", "FR": "20", "GR": "24", "HR": "25", "HU": "27", "IE": "23", "IT": "22",
            "LT": "21", "LU": "17", "LV": "21", "MT": "18", "NL": "21", "PL": "23", "PT": "23", "RO": "19",
            "SE": "25", "SI": "22", "SK": "20",
        }.items()
    ),
    Rate("DE", date(2020, 7, 1), "16"),
    Rate("DE", date(2021, 1, 1), "19"),
    Rate("EE", date(2024, 1, 1), "22"),
    Rate("EE", date(2025, 7, 1), "24"),
    Rate("FI", date(2024, 9, 1), "25.5"),
    Rate("IE", date(2020, 9, 1), "21"),
    Rate("IE", date(2021, 3, 1), "23"),
    Rate("LU", date(2023, 1, 1), "16"),
    Rate("LU", date(2024, 1, 1), "17"),
    Rate("RO", date(2025, 8, 1), "21"),
    Rate("SK", date(2025, 1, 1), "23"),
)  # fmt: skip
EU = frozenset(rate.country for rate in RATES)
_BY_COUNTRY = {country: [rate for rate in RATES if rate.country == country] for country in EU}


def standard_rate(country: str, on: date) -> str:
    """The rate of an EU country on a day; before our table begins, the first that it knows."""
    known = _BY_COUNTRY[country]
    return next((rate.rate for rate in reversed(known) if rate.since <= on), known[0].rate)


def treatment(seller: str, customer: str, status: TaxStatus, on: date) -> Treatment:
    """How a service of a seller in one country to a customer in another is taxed on a day."""
    if status is TaxStatus.EXEMPT:
        return Treatment(Category.EXEMPT, customer)
    if seller not in EU or customer not in EU:
        return Treatment(Category.OUTSIDE, customer)
    if status is TaxStatus.BUSINESS and customer != seller:
        return Treatment(Category.REVERSE_CHARGE, customer)
    return Treatment(Category.STANDARD, customer, standard_rate(customer, on))
