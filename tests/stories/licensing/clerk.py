"""A patient clerk who bills by hand: from the raw log, breakpoint by breakpoint, sharing no code with licensing.

He knows what is written in the timeline, which time zone and currency were agreed for which month, and the
price lists that were published, with their dates.
"""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from fractions import Fraction
from itertools import pairwise
from typing import Any
from zoneinfo import ZoneInfo

PriceList = dict[tuple[str, int], dict[str, dict[str, int]]]
"""(plan, version) -> currency -> what a month costs: of the plan itself (`""`), and of each add-on."""
Agreed = list[tuple[str, str]]
"""(month from which on, zone or currency), in the order in which it was agreed; the last word counts."""
Months = dict[str, tuple[datetime, datetime]]
Log = list[dict[str, Any]]


def shipped() -> PriceList:
    more, wide = ("retention_30", 200, 5_000), ("accesses_5", 100, 2_500)
    return {
        ("basic", 1): sold(200, 5_000, wide),
        ("standard", 1): sold(500, 12_500, more, wide),
        ("premium", 1): sold(1_500, 37_500, more, wide),
    }


def sold(eur: int, czk: int, *add_ons: tuple[str, int, int]) -> dict[str, dict[str, int]]:
    return {
        "EUR": {"": eur, **{key: price for key, price, _ in add_ons}},
        "CZK": {"": czk, **{key: price for key, _, price in add_ons}},
    }


@dataclass(frozen=True, slots=True)
class Announced:
    """A version, and the instant before which nobody may be moved to it."""

    plan: str
    version: int
    earliest: datetime

    def reaches(self, calendar: Months) -> datetime:
        """The beginning of the first month from then on."""
        return min(start for start, _ in calendar.values() if start >= self.earliest)


def announced(plan: str, version: int, valid_from: datetime, told: datetime, notice: int) -> Announced:
    return Announced(plan, version, max(valid_from, told + timedelta(days=notice)))


def name_of(year: int, month: int) -> str:
    return f"{year}-{month:02}"


def in_month(agreed: Agreed, month: str) -> str:
    return [what for since, what in agreed if since <= month][-1]


def months(zones: Agreed, first: tuple[int, int], count: int) -> Months:
    """Each month's first and last instant; one begins where the other ended."""
    found: Months = {}
    year, month = first
    begin: datetime | None = None
    for _ in range(count):
        name = name_of(year, month)
        if begin is None:
            before = name_of(year - 1, 12) if month == 1 else name_of(year, month - 1)
            begin = datetime(year, month, 1, tzinfo=ZoneInfo(in_month(zones, before))).astimezone(UTC)
        year, month = (year + 1, 1) if month == 12 else (year, month + 1)
        end = datetime(year, month, 1, tzinfo=ZoneInfo(in_month(zones, name))).astimezone(UTC)
        found[name] = (begin, end)
        begin = end
    return found


def ruling(log: Log, start: datetime, end: datetime) -> list[tuple[datetime, datetime, dict[str, Any]]]:
    """Cut the stretch wherever something begins; in each piece the highest number that has begun rules."""
    cuts = sorted({start, end} | {row["since"] for row in log if start < row["since"] < end})
    found = []
    for left, right in pairwise(cuts):
        begun = [row for row in log if row["since"] <= left]
        if begun:
            found.append((left, right, max(begun, key=lambda row: int(row["number"]))))
    return found


def charged(
    log: Log, start: datetime, end: datetime, prices: PriceList, currency: str, part: str
) -> tuple[int, int]:
    """Charged seconds, and the sum of each second's monthly price, of the plan or of one add-on."""
    seconds = weighted = 0
    for left, right, rules in ruling(log, start, end):
        has = part == "" or part in rules["add_ons"]
        if has and rules["state"] in ("active", "suspended"):
            price = prices[rules["plan"], rules["plan_version"]][currency][part]
            seconds += int(right.timestamp()) - int(left.timestamp())
            weighted += price * (int(right.timestamp()) - int(left.timestamp()))
    return seconds, weighted


def parts(log: Log) -> set[str]:
    return {""} | {key for row in log for key in row["add_ons"]}


def cents(weighted: int, start: datetime, end: datetime) -> int:
    """Half a cent is a cent."""
    exact = Fraction(weighted, int(end.timestamp()) - int(start.timestamp()))
    whole, rest = divmod(exact, 1)
    return int(whole) + (rest >= Fraction(1, 2))


def must_be_moved_in_time(log: Log, calendar: Months, versions: list[Announced], now: datetime) -> None:
    """Nobody is moved to a version but at the beginning of a month, and nobody is forgotten."""
    log = sorted(log, key=lambda row: int(row["number"]))
    for before, row in pairwise(log):
        if row["cause"] == "plan_renewed":
            (version,) = (one for one in versions if (one.plan, one.version) == _version(row))
            assert row["since"] == max(version.reaches(calendar), before["since"])
            assert (row["plan"], row["state"]) == (before["plan"], before["state"])
            assert row["plan_version"] > before["plan_version"]
    for one in versions:
        start = one.reaches(calendar)
        for left, _, rules in ruling(log, start, max(start, now)):
            late = rules["plan"] == one.plan and rules["plan_version"] < one.version
            assert not late or rules["state"] == "ended", (left, rules, one)


def _version(row: dict[str, Any]) -> tuple[str, int]:
    return row["plan"], row["plan_version"]
