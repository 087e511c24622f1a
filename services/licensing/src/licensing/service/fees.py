"""What an organisation owes for this month so far."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from fractions import Fraction
from typing import Protocol

from common.ids import OrganisationId
from licensing.domain.fees import Fee, Month, fee, month_at
from licensing.domain.licence import Licence
from licensing.domain.plans import plan_named
from licensing.domain.registration import Organisation
from licensing.domain.timeline import Entry, intervals
from licensing.service.clocks import OrganisationClocks
from licensing.service.timelines import Timelines, entries_known


class Organisations(Protocol):
    async def organisation(self, organisation: OrganisationId) -> Organisation | None: ...


class Charged(Timelines, Protocol):
    async def licences_since(self, organisation: OrganisationId, since: datetime) -> list[Licence]:
        """Licences that live, or ended at `since` or later; oldest first."""
        ...


@dataclass(frozen=True, slots=True)
class Statement:
    """The month to date of one organisation."""

    organisation: Organisation
    month: Month
    as_of: datetime
    lines: Sequence[tuple[Licence, Fee]]

    @property
    def seconds(self) -> int:
        return sum(line.seconds for _, line in self.lines)

    @property
    def exact(self) -> Fraction:
        return sum((line.exact for _, line in self.lines), Fraction())

    @property
    def amount(self) -> int:
        """The sum of the rounded lines, as an invoice would have it."""
        return sum(line.amount for _, line in self.lines)


class FeeService:
    def __init__(self, store: Charged, organisations: Organisations, clocks: OrganisationClocks) -> None:
        self._store = store
        self._organisations = organisations
        self._clocks = clocks

    async def month_to_date(self, organisation: OrganisationId) -> Statement:
        """Fees of the running calendar month, in the organisation's time zone, up to this second."""
        known = await self._organisations.organisation(organisation) or Organisation(organisation)
        now = await self._clocks.now(organisation)
        month = month_at(now, known.zone)
        licences = await self._store.licences_since(organisation, month.start)
        entries = await entries_known(self._store, organisation, licences, now)

        def price(entry: Entry) -> int:
            return plan_named(entry.plan, entry.plan_version).price(known.currency)

        lines = [(one.as_of(now), fee(intervals(entries[one.id]), month, now, price)) for one in licences]
        return Statement(known, month, now, lines)
