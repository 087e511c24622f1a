"""Stripe's amounts: its minor units are not always those of ISO 4217."""

from licensing.domain.money import decimals

WHOLE = frozenset(
    {"BIF", "CLP", "DJF", "GNF", "JPY", "KMF", "KRW", "MGA"}
    | {"PYG", "RWF", "VND", "VUV", "XAF", "XOF", "XPF"}
)
"""Amounts are whole units."""
THOUSANDTHS = frozenset(["BHD", "JOD", "KWD", "OMR", "TND"])
"""Three decimals, of which the last must be zero."""


def to_stripe(amount: int, currency: str) -> int:
    """Our minor units in Stripe's. ValueError: there is no such amount there."""
    units, rest = divmod(amount * _theirs(currency), _ours(currency))
    if rest or units % _step(currency):
        raise ValueError(f"{amount} {currency} cannot be charged")
    return units


def from_stripe(units: int, currency: str) -> int:
    """Stripe's minor units in ours. ValueError: there is no such amount here."""
    amount, rest = divmod(units * _ours(currency), _theirs(currency))
    if rest:
        raise ValueError(f"{units} of Stripe's {currency} are no whole minor units")
    return amount


def chargeable(amount: int, currency: str) -> int:
    """The least amount from `amount` on that Stripe can charge: an invoice is paid in full or stays open."""
    step = _step(currency)
    return -(-amount // step) * step


def _ours(currency: str) -> int:
    """Minor units of one whole."""
    return int(10 ** decimals(currency))


def _theirs(currency: str) -> int:
    return 1 if currency in WHOLE else 1000 if currency in THOUSANDTHS else 100


def _step(currency: str) -> int:
    return 10 if currency in THOUSANDTHS else 1
