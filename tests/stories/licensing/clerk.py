"""A patient clerk who bills by hand: from the raw log, breakpoint by breakpoint, sharing no code with licensing.

He knows three things only: what is written in the timeline, which time zone was agreed for which month, and
what a month of an active or suspended licence costs under each plan.
"""

from datetime import UTC, datetime
from fractions import Fraction
from itertools import pairwise
from typing import Any
from zoneinfo import ZoneInfo

PRICES = {"basic": 200, "standard": 500, "premium": 1_500}
Zones = list[tuple[str, str]]
"""(month from which on, zone), in the order in which it was agreed; the last word counts."""


def name_of(year: int, month: int) -> str:
    return f"{year}-{month:02}"


def zone_in(zones: Zones, month: str) -> ZoneInfo:
    agreed = [zone for since, zone in zones if since <= month]
    return ZoneInfo(agreed[-1])


def months(zones: Zones, first: tuple[int, int], count: int) -> dict[str, tuple[datetime, datetime]]:
    """Each month's first and last instant; one begins where the other ended."""
    found: dict[str, tuple[datetime, datetime]] = {}
    year, month = first
    begin: datetime | None = None
    for _ in range(count):
        name = name_of(year, month)
        if begin is None:
            before = name_of(year - 1, 12) if month == 1 else name_of(year, month - 1)
            begin = datetime(year, month, 1, tzinfo=zone_in(zones, before)).astimezone(UTC)
        year, month = (year + 1, 1) if month == 12 else (year, month + 1)
        end = datetime(year, month, 1, tzinfo=zone_in(zones, name)).astimezone(UTC)
        found[name] = (begin, end)
        begin = end
    return found


def charged(log: list[dict[str, Any]], start: datetime, end: datetime) -> tuple[int, int]:
    """Charged seconds, and the sum of each second's monthly price.

    Cut the stretch wherever something begins; in each piece the highest number that has begun rules.
    """
    cuts = sorted({start, end} | {row["since"] for row in log if start < row["since"] < end})
    seconds = weighted = 0
    for left, right in pairwise(cuts):
        begun = [row for row in log if row["since"] <= left]
        if begun:
            rules = max(begun, key=lambda row: int(row["number"]))
            if rules["state"] in ("active", "suspended"):
                seconds += int(right.timestamp()) - int(left.timestamp())
                weighted += PRICES[rules["plan"]] * (int(right.timestamp()) - int(left.timestamp()))
    return seconds, weighted


def cents(weighted: int, start: datetime, end: datetime) -> int:
    """Half a cent is a cent."""
    exact = Fraction(weighted, int(end.timestamp()) - int(start.timestamp()))
    whole, rest = divmod(exact, 1)
    return int(whole) + (rest >= Fraction(1, 2))
