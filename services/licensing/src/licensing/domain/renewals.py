"""When the licences of an organisation move on to a later version of their plan.

A price change never touches what has passed: a running licence moves at the beginning of the organisation's
first own month that begins after the version became valid and its notice ran out. So a month has one price
for whoever does nothing, and everybody was told before.

A pure function of what was published and the organisation's calendar and clock: whoever looks late, or again,
finds the same instants (rule 19).
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta

from licensing.domain.catalogue import Catalogue
from licensing.domain.months import Calendar
from licensing.domain.plans import Plan


@dataclass(frozen=True, slots=True)
class Renewal:
    """From `at` on, licences of an earlier version have this one."""

    at: datetime
    plan: Plan

    @property
    def told_from(self) -> datetime:
        """When people are to be told of it."""
        return self.at - timedelta(days=self.plan.notice_days)


class Renewals:
    """Of one organisation. `shows`: what its clock showed at a real instant."""

    def __init__(
        self,
        catalogue: Catalogue,
        calendar: Calendar,
        shows: Callable[[datetime], datetime] = lambda moment: moment,
    ) -> None:
        self._catalogue = catalogue
        self._calendar = calendar
        self._shows = shows
        self._found: dict[tuple[str, int], Renewal | None] = {}

    def next(self, plan: Plan) -> Renewal | None:
        """What follows this version, and when; a version that another replaces in the same instant is passed
        over."""
        later = self._catalogue.later(plan)
        if not later:
            return None
        key = (plan.name, plan.version)
        if key not in self._found:
            at = self._reaches(later[0])
            self._found[key] = Renewal(at, [one for one in later if self._reaches(one) == at][-1])
        return self._found[key]

    def _reaches(self, plan: Plan) -> datetime:
        told = self._shows(plan.published_at) + timedelta(days=plan.notice_days)
        earliest = max(plan.valid_from, told)
        month = self._calendar.month_at(earliest)
        return month.start if month.start == earliest else month.end


NO_RENEWALS = Renewals(Catalogue(), Calendar.of("UTC"))
