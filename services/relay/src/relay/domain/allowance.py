"""The month's allowance of relayed data: 300 * 10^9 bytes per organisation (RE-5, D10)."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from functools import lru_cache
from typing import Literal
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from common.contracts.relay import AllowanceCrossed
from common.ids import OrganisationId, RemoteSessionId

ALLOWANCE_BYTES = 300 * 10**9
Percent = Literal[50, 80, 90, 100]
THRESHOLDS: tuple[Percent, ...] = (50, 80, 90, 100)
UTC_NAME = "UTC"


@dataclass(frozen=True, slots=True)
class Period:
    """A calendar month in an organisation's time zone (D11). It begins by the calendar: nothing resets."""

    label: str
    """`2026-11`; labels sort like the months."""
    time_zone: str
    starts_at: datetime
    ends_at: datetime

    @property
    def zone(self) -> ZoneInfo:
        return zone_named(self.time_zone)


def zone_named(name: str) -> ZoneInfo:
    """The time zone; UTC when this machine does not know the name."""
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        return ZoneInfo(UTC_NAME)


@dataclass(frozen=True, slots=True)
class Zones:
    """Where an organisation is, in which months (D11). Months touch: the one in which another zone begins to
    hold is some hours longer or shorter, and no instant falls between two or into both."""

    first: str = UTC_NAME
    later: tuple[tuple[str, str], ...] = ()
    """(label of a month, zone from that month on), oldest first."""

    def of(self, label: str) -> str:
        return next((zone for since, zone in reversed(self.later) if since <= label), self.first)

    def moved(self, zone: str, running: str) -> "Zones":
        """Another zone, from the month after the running one."""
        kept = tuple(one for one in self.later if one[0] <= running)
        before = kept[-1][1] if kept else self.first
        return replace(self, later=kept if before == zone else (*kept, (_next(running, 1), zone)))


def period_of(at: datetime, zones: Zones) -> Period:
    """The month that holds an instant, as people of the organisation see it."""
    label = f"{at.astimezone(UTC):%Y-%m}"
    period = _period(label, zones)
    while at >= period.ends_at:
        period = _period(_next(period.label, 1), zones)
    while at < period.starts_at:
        period = _period(_next(period.label, -1), zones)
    return period


@lru_cache(4096)
def _period(label: str, zones: Zones) -> Period:
    before, own = zone_named(zones.of(_next(label, -1))), zone_named(zones.of(label))
    return Period(label, own.key, _first_instant(label, before), _first_instant(_next(label, 1), own))


def _first_instant(label: str, zone: ZoneInfo) -> datetime:
    return datetime(int(label[:4]), int(label[5:]), 1, tzinfo=zone).astimezone(UTC)


def _next(label: str, step: int) -> str:
    months = int(label[:4]) * 12 + int(label[5:]) - 1 + step
    return f"{months // 12:04}-{months % 12 + 1:02}"


@dataclass(frozen=True, slots=True)
class MonthUsage:
    """What one organisation has relayed in one month; past the allowance when the truth is (rule 26)."""

    organisation: OrganisationId
    period: Period
    used_bytes: int = 0
    announced: int = 0
    """The highest threshold (percent) that was published; each is published once."""
    as_of: datetime | None = None
    """Time of the newest sample counted."""
    version: int = 0
    """0: nothing was ever counted in this month."""
    allowance_bytes: int = ALLOWANCE_BYTES

    @property
    def used_up(self) -> bool:
        return self.used_bytes >= self.allowance_bytes

    @property
    def left_bytes(self) -> int:
        return max(0, self.allowance_bytes - self.used_bytes)

    @property
    def percent(self) -> float:
        """Two decimals, rounded down: 100 means used up."""
        return self.used_bytes * 10_000 // self.allowance_bytes / 100

    def add(self, forwarded_bytes: int, at: datetime) -> "tuple[MonthUsage, list[AllowanceCrossed]]":
        """Count bytes; the events tell which thresholds were crossed for the first time in this month.

        Negative when bytes turn out to belong to the month before (see `AllocationUsage`).
        """
        used = self.used_bytes + forwarded_bytes
        crossed = [
            percent
            for percent in THRESHOLDS
            if percent > self.announced and used * 100 >= percent * self.allowance_bytes
        ]
        usage = replace(
            self,
            used_bytes=used,
            announced=max([self.announced, *crossed]),
            as_of=at if self.as_of is None else max(self.as_of, at),
            version=self.version + 1,
        )
        return usage, [usage._crossed(percent, at) for percent in crossed]

    def _crossed(self, percent: Percent, at: datetime) -> AllowanceCrossed:
        year, month = map(int, self.period.label.split("-"))
        return AllowanceCrossed(
            organisation=self.organisation,
            # Grows with month and threshold, so that of two crossings in one commit none looks stale.
            version=(year * 12 + month) * 10 + THRESHOLDS.index(percent),
            at=at,
            period=self.period.label,
            percent=percent,
            used_bytes=self.used_bytes,
            allowance_bytes=self.allowance_bytes,
        )


@dataclass(frozen=True, slots=True)
class Mark:
    """One sample in its month: bytes forwarded by an allocation from its beginning up to `at`."""

    month: str
    forwarded_bytes: int
    at: datetime


@dataclass(frozen=True, slots=True)
class AllocationUsage:
    """The highest cumulative figure heard of one relay allocation, per month.

    A join of maxima: samples may come twice, late or in any order and the outcome is the same. A month's
    share is its maximum less the maximum of the months before it, so all shares together are exactly the
    highest figure ever heard.
    """

    id: str
    organisation: OrganisationId
    session: RemoteSessionId
    marks: Mapping[str, int]
    """Label of a month -> highest cumulative bytes heard in it."""
    heard_at: datetime
    version: int = 0

    def hear(self, marks: Iterable[Mark]) -> "tuple[AllocationUsage, dict[str, int]]":
        """With more samples; and what they add to (or move between) months, nothing when nothing is new."""
        reached = dict(self.marks)
        heard_at = self.heard_at
        for mark in marks:
            reached[mark.month] = max(reached.get(mark.month, 0), mark.forwarded_bytes)
            heard_at = max(heard_at, mark.at)
        before, after = _shares(self.marks), _shares(reached)
        changes = {month: share - before.get(month, 0) for month, share in after.items()}
        heard = replace(self, marks=reached, heard_at=heard_at, version=self.version + 1)
        return heard, {month: change for month, change in changes.items() if change}


def _shares(marks: Mapping[str, int]) -> dict[str, int]:
    shares, reached = {}, 0
    for label in sorted(marks):
        shares[label] = max(0, marks[label] - reached)
        reached = max(reached, marks[label])
    return shares
