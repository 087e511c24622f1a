"""What would happen: computed by the functions that compute what does happen, and nothing is written."""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Protocol

from common.errors import Invalid, NotFound
from common.ids import LicenceId, OrganisationId
from licensing.domain.account import Account
from licensing.domain.billing_information import BillingInformation
from licensing.domain.licence import Change, Licence
from licensing.domain.months import Month
from licensing.domain.open_invoice import OpenInvoice
from licensing.domain.rating import Prices, part_fee, parts
from licensing.domain.standing import Turn
from licensing.domain.states import Circumstance
from licensing.domain.timeline import Entry, intervals
from licensing.service.clocks import OrganisationClocks
from licensing.service.plan_book import PlanTerms
from licensing.service.timelines import Timelines, entries_known

FARTHEST = timedelta(days=366)


class Licences(Timelines, Protocol):
    async def licences_named(
        self, organisation: OrganisationId, licences: Collection[LicenceId]
    ) -> list[Licence]: ...


class Accounts(Protocol):
    async def account(self, organisation: OrganisationId) -> Account: ...


class Calendars(Protocol):
    async def known(self, organisation: OrganisationId) -> BillingInformation: ...


class Affected(Protocol):
    async def commanded(self, organisation: OrganisationId) -> int: ...


@dataclass(frozen=True, slots=True)
class MonthSaved:
    """Net minor units of one month, as its bill would have it."""

    month: str
    currency: str
    as_is: int
    switched_off: int


@dataclass(frozen=True, slots=True)
class Consequences:
    """Of an invoice that stays unpaid while everything else is paid."""

    invoice: OpenInvoice
    standing: Circumstance
    """Once the rest is paid."""
    turns: tuple[Turn, ...]
    cameras: int


class WhatIfService:
    def __init__(
        self,
        licences: Licences,
        accounts: Accounts,
        affected: Affected,
        calendars: Calendars,
        plans: PlanTerms,
        clocks: OrganisationClocks,
    ) -> None:
        self._licences = licences
        self._accounts = accounts
        self._affected = affected
        self._calendars = calendars
        self._plans = plans
        self._clocks = clocks

    async def switched_off(
        self, organisation: OrganisationId, wanted: Collection[LicenceId], until: datetime
    ) -> list[MonthSaved]:
        """What these licences cost up to `until`, month by month, as they are and if they are off from now
        on. Bills to come stay paid."""
        now = await self._clocks.now(organisation)
        if not now < until <= now + FARTHEST:
            raise Invalid("until_out_of_range", "The date must lie ahead, by a year at most")
        licences = await self._licences.licences_named(organisation, wanted)
        if len(licences) < len(set(wanted)):
            raise NotFound("licence_not_found", "This organisation has no such licence")
        debts = (await self._accounts.account(organisation)).debts_by(now)
        renewals = await self._plans.renewals(organisation, licences)
        written = await entries_known(self._licences, organisation, licences, now, debts, renewals)
        as_is, off = [], []
        for one in licences:
            as_is.append(_with(written[one.id], one.caught_up(until, debts, renewals)))
            off.append(_with(written[one.id], one.turned_off(now, debts, renewals)))
        information = await self._calendars.known(organisation)
        catalogue = await self._plans.catalogue()
        found = []
        for month in _months(information, now, until):
            prices = Prices(catalogue, information.of(month.name).currency)
            costs = (_cost(logs, month, until, prices) for logs in (as_is, off))
            found.append(MonthSaved(month.name, prices.currency, *costs))
        return found

    async def unpaid(self, organisation: OrganisationId, number: str) -> Consequences:
        now = await self._clocks.now(organisation)
        account = await self._accounts.account(organisation)
        found = [one for one in account.open if number in (one.number, one.invoice)]
        if not found:
            raise NotFound(
                "invoice_not_open",
                "This organisation has no unpaid invoice with this number",
                next_step="GET /api/v1/billing-account lists what is unpaid.",
            )
        debts = account.debts_by(now).judged(found, now)
        debts_now, turns = debts.standing, []
        while (turn := debts.coming(found)) is not None:
            turns.append(turn)
            debts = debts.come(found, turn.since)
        return Consequences(found[0], debts_now, tuple(turns), await self._affected.commanded(organisation))


def _with(written: Iterable[Entry], changes: Iterable[Change]) -> list[Entry]:
    entries = {entry.number: entry for entry in written}
    entries.update((change.licence.version, Entry.of(change)) for change in changes)
    return list(entries.values())


def _months(information: BillingInformation, now: datetime, until: datetime) -> list[Month]:
    calendar = information.calendar
    running = calendar.month_at(now)
    return [*calendar.months(running.start, calendar.month_at(until)), calendar.month_at(until)]


def _cost(logs: Sequence[Sequence[Entry]], month: Month, until: datetime, prices: Prices) -> int:
    """The sum of rounded lines, as on an invoice."""
    return sum(
        part_fee(intervals(log), month, until, prices, part).amount for log in logs for part in parts(log)
    )
