"""Calendar months of an organisation: they touch, whatever happens to clocks and time zones.

A month begins where the one before ended and ends at the first midnight of the next, in the time zone that
holds for it. So when an organisation moves to another time zone, the month in which the new one begins to
hold is some hours longer or shorter, and no second falls between two months or into both.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from functools import lru_cache
from zoneinfo import ZoneInfo


@dataclass(frozen=True, slots=True)
class Month:
    """From `start`, before `end`, as UTC instants."""

    name: str
    """`2026-03`"""
    start: datetime
    end: datetime

    @property
    def seconds(self) -> int:
        return whole_seconds(self.start, self.end)


@dataclass(frozen=True, slots=True)
class Calendar:
    """The months of one organisation."""

    zones: tuple[tuple[str, str], ...]
    """(month's name, time zone that holds from that month on), oldest first; the first one always held."""

    @classmethod
    def of(cls, zone: str) -> "Calendar":
        return cls((("", zone),))

    def zone(self, name: str) -> str:
        """The time zone that holds in a month."""
        return next((zone for since, zone in reversed(self.zones) if since <= name), self.zones[0][1])

    def month(self, name: str) -> Month:
        return _between(name, self.zone(previous(name)), self.zone(name))

    def month_at(self, moment: datetime) -> Month:
        """The month that an instant falls into.

        Where clocks are set back over midnight the wall shows the old month again after the new one began;
        the instants decide.
        """
        moment = moment.astimezone(UTC)
        month = self.month(f"{moment.year:04}-{moment.month:02}")
        while moment >= month.end:
            month = self.month(following(month.name))
        while moment < month.start:
            month = self.month(previous(month.name))
        return month

    def months(self, since: datetime, before: Month) -> Iterator[Month]:
        """All months from the one that `since` falls into, up to the one before `before`."""
        month = self.month_at(since)
        while month.name < before.name:
            yield month
            month = self.month(following(month.name))


def following(name: str) -> str:
    year, month = int(name[:4]), int(name[5:])
    return f"{year + 1:04}-01" if month == 12 else f"{year:04}-{month + 1:02}"


def previous(name: str) -> str:
    year, month = int(name[:4]), int(name[5:])
    return f"{year - 1:04}-12" if month == 1 else f"{year:04}-{month - 1:02}"


def whole_seconds(start: datetime, end: datetime) -> int:
    """Both ends rounded down: neighbours share every boundary."""
    return int(end.timestamp() // 1) - int(start.timestamp() // 1)


def first_instant_after(day: date, zone: ZoneInfo) -> datetime:
    return datetime.combine(day + timedelta(days=1), time(), zone).astimezone(UTC)


@lru_cache(4096)
def _between(name: str, zone_before: str, zone: str) -> Month:
    return Month(name, _first_instant(name, zone_before), _first_instant(following(name), zone))


def _first_instant(name: str, zone: str) -> datetime:
    return datetime(int(name[:4]), int(name[5:]), 1, tzinfo=ZoneInfo(zone)).astimezone(UTC)
