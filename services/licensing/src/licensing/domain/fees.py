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
from datetime import datetime
from fractions import Fraction

from licensing.domain.months import Month, whole_seconds
from licensing.domain.timeline import Entry, Interval


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


def fee(timeline: Iterable[Interval], month: Month, until: datetime, price: Callable[[Entry], int]) -> Fee:
    """The fee of one licence in `month`, up to `until`. `price`: minor units a month costs under an entry."""
    total, weighted = 0, 0
    until = min(until, month.end)
    for interval in timeline:
        start = max(interval.start, month.start)
        end = until if interval.end is None else min(interval.end, until)
        if interval.charged and start < end:
            seconds = whole_seconds(start, end)
            total += seconds
            weighted += price(interval.entry) * seconds
    return Fee(total, Fraction(weighted, month.seconds))


def round_half_up(amount: Fraction) -> int:
    return (2 * amount.numerator + amount.denominator) // (2 * amount.denominator)
