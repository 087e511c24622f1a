"""A licence's timeline: the append-only log that fees are computed from.

An entry is written once, in the commit of the change it tells, and never touched. It has no end of its own:
it lasts until a later entry begins. A fact that is heard late (a removal, while the queue stood still) is
appended like any other, with a `since` in the past, and voids what earlier entries said from there on. So
what was known at any moment can be told again by leaving out what was recorded after it.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from common.ids import LicenceId, OrganisationId
from licensing.domain.licence import Change, Licence
from licensing.domain.plans import Plan
from licensing.domain.states import EFFECTS, Cause, State


@dataclass(frozen=True, slots=True)
class Entry:
    """From `since` on, the licence was in `state` under this version of the plan, with these add-ons, because
    of `cause`."""

    licence: LicenceId
    organisation: OrganisationId
    number: int
    """The licence's version; numbers of one licence have no gaps."""
    state: State
    cause: Cause
    plan: Plan
    since: datetime
    recorded_at: datetime
    add_ons: tuple[str, ...] = ()

    @classmethod
    def of(cls, change: Change) -> "Entry":
        licence = change.licence
        return cls(
            licence=licence.id,
            organisation=licence.organisation,
            number=licence.version,
            state=licence.state,
            cause=licence.cause,
            plan=licence.plan,
            since=licence.since,
            recorded_at=change.recorded_at,
            add_ons=licence.add_ons,
        )

    @classmethod
    def latest(cls, licence: Licence) -> "Entry":
        """The last entry of a licence's log, told from the licence itself (when it was recorded it does
        not know)."""
        return cls.of(Change(licence, None, licence.since))


@dataclass(frozen=True, slots=True)
class Interval:
    """A stretch of time that one entry governs: from `start`, before `end` (None: until further notice)."""

    entry: Entry
    start: datetime
    end: datetime | None

    @property
    def charged(self) -> bool:
        return EFFECTS[self.entry.state].charged


def intervals(entries: Iterable[Entry]) -> list[Interval]:
    """One licence's timeline, without overlaps or gaps, oldest first; what is void wholly is left out."""
    found: list[Interval] = []
    end: datetime | None = None
    for entry in sorted(entries, key=lambda entry: entry.number, reverse=True):
        if end is None or entry.since < end:
            found.append(Interval(entry, entry.since, end))
            end = entry.since
    return found[::-1]
