"""What a licence costs, to the second.

- Time is counted in whole seconds: a second belongs to the state in which it ends. Rounding both ends of an
  interval down does just that, so neighbours share every boundary and no second is lost or counted twice.
- A second costs the month's price divided by the seconds of that calendar month in the organisation's time
  zone: 28 to 31 days, an hour more or less where the clocks change (D11).
- Sums are fractions, hence exact. There is one rounding: a line (one licence, one month) to whole minor
  units, half up. A total is the sum of its rounded lines, as on an invoice.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from fractions import Fraction
from zoneinfo import ZoneInfo

from licensing.domain.timeline import Entry, Interval


@dataclass(frozen=True, slots=True)
class Month:
    """A calendar month somewhere: from `start`, before `end`, as UTC instants."""

    year: int
    month: int
    start: datetime
    end: datetime

    @property
    def seconds(self) -> int:
        return _whole_seconds(self.start, self.end)

    @property
    def name(self) -> str:
        return f"{self.year:04}-{self.month:02}"


@dataclass(frozen=True, slots=True)
class Fee:
    """One line: charged seconds and their exact price in minor units."""

    seconds: int
    exact: Fraction

    @property
    def amount(self) -> int:
        """Whole minor units, half up."""
        return round_half_up(self.exact)

    @property
    def micros(self) -> int:
        """Millionths of a minor unit, half up; for people who watch it grow, never for sums."""
        return round_half_up(self.exact * 1_000_000)


def calendar_month(year: int, month: int, zone: ZoneInfo) -> Month:
    end = _first_instant(*_following(year, month), zone)
    return Month(year, month, _first_instant(year, month, zone), end)


def month_at(moment: datetime, zone: ZoneInfo) -> Month:
    """The month that an instant falls into.

    Where clocks are set back over midnight the wall shows the old month again after the new one began; the
    instants decide, so that months never overlap.
    """
    wall = moment.astimezone(zone)
    month = calendar_month(wall.year, wall.month, zone)
    return month if moment < month.end else calendar_month(*_following(month.year, month.month), zone)


def fee(timeline: Iterable[Interval], month: Month, until: datetime, price: Callable[[Entry], int]) -> Fee:
    """The fee of one licence in `month`, up to `until`. `price`: minor units a month costs under an entry."""
    total, exact = 0, Fraction(0)
    until = min(until, month.end)
    for interval in timeline:
        start = max(interval.start, month.start)
        end = until if interval.end is None else min(interval.end, until)
        if interval.charged and start < end:
            seconds = _whole_seconds(start, end)
            total += seconds
            exact += Fraction(price(interval.entry) * seconds, month.seconds)
    return Fee(total, exact)


def round_half_up(amount: Fraction) -> int:
    return (amount + Fraction(1, 2)).__floor__()


def _following(year: int, month: int) -> tuple[int, int]:
    return (year + 1, 1) if month == 12 else (year, month + 1)


def _first_instant(year: int, month: int, zone: ZoneInfo) -> datetime:
    return datetime(year, month, 1, tzinfo=zone).astimezone(UTC)


def _whole_seconds(start: datetime, end: datetime) -> int:
    return int(end.timestamp() // 1) - int(start.timestamp() // 1)
