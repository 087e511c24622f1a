"""What an organisation owes for this month so far."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from fractions import Fraction
from typing import Protocol

from common.ids import OrganisationId
from licensing.domain.account import Account
from licensing.domain.billing_information import BillingInformation
from licensing.domain.fees import Fee
from licensing.domain.licence import Licence
from licensing.domain.months import Month
from licensing.domain.rating import PLAN, Prices, part_fee, parts
from licensing.domain.timeline import intervals
from licensing.service.clocks import OrganisationClocks
from licensing.service.plan_book import PlanTerms
from licensing.service.timelines import Timelines, entries_known


class Calendars(Protocol):
    async def known(self, organisation: OrganisationId) -> BillingInformation: ...


class Accounts(Protocol):
    async def account(self, organisation: OrganisationId) -> Account: ...


class Charged(Timelines, Protocol):
    async def licences_since(self, organisation: OrganisationId, since: datetime) -> list[Licence]:
        """Licences that live, or ended at `since` or later; oldest first."""
        ...


@dataclass(frozen=True, slots=True)
class PartFee:
    """What a licence costs for its plan (`PLAN`), or for one add-on."""

    licence: Licence
    part: str
    fee: Fee


@dataclass(frozen=True, slots=True)
class Statement:
    """The month to date of one organisation."""

    currency: str
    time_zone: str
    month: Month
    as_of: datetime
    lines: Sequence[PartFee]

    @property
    def seconds(self) -> int:
        return sum(line.fee.seconds for line in self.lines if line.part == PLAN)

    @property
    def exact(self) -> Fraction:
        return sum((line.fee.exact for line in self.lines), Fraction())

    @property
    def amount(self) -> int:
        """The sum of the rounded lines, as an invoice would have it."""
        return sum(line.fee.amount for line in self.lines)


class FeeService:
    def __init__(
        self,
        store: Charged,
        accounts: Accounts,
        calendars: Calendars,
        plans: PlanTerms,
        clocks: OrganisationClocks,
    ) -> None:
        self._store = store
        self._accounts = accounts
        self._calendars = calendars
        self._plans = plans
        self._clocks = clocks

    async def month_to_date(self, organisation: OrganisationId) -> Statement:
        """Fees of the running calendar month, in the organisation's time zone, up to this second."""
        information = await self._calendars.known(organisation)
        now = await self._clocks.now(organisation)
        month = information.calendar.month_at(now)
        details = information.of(month.name)
        licences = await self._store.licences_since(organisation, month.start)
        debts = (await self._accounts.account(organisation)).debts_by(now)
        renewals = await self._plans.renewals(organisation, licences)
        entries = await entries_known(self._store, organisation, licences, now, debts, renewals)
        prices = Prices(await self._plans.catalogue(), details.currency)
        lines = [
            PartFee(one.as_of(now, debts, renewals), part, part_fee(timeline, month, now, prices, part))
            for one in licences
            for timeline in [intervals(entries[one.id])]
            for part in parts(entries[one.id])
        ]
        return Statement(details.currency, details.time_zone, month, now, lines)
