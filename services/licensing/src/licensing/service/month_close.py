"""Months of many accounts are billed at once: a few reads and one commit for hundreds of them."""

import asyncio
from collections.abc import Collection, Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from functools import partial
from typing import Protocol

import structlog
from prometheus_client import Counter, Histogram

from common.errors import Conflict
from common.ids import LicenceId, OrganisationId
from common.races import LOST, ROUNDS
from licensing.domain.account import Account
from licensing.domain.billing_information import BillingInformation
from licensing.domain.closed_month import ClosedMonth, Draft, draft, log_needed
from licensing.domain.invoice import Kind, Seller
from licensing.domain.licence import Licence
from licensing.domain.month_close import Closing, Terms, closing_id
from licensing.domain.numbering import NumberRow
from licensing.domain.registration import Organisation
from licensing.domain.renewals import Renewals
from licensing.domain.standing import PaymentTerms
from licensing.domain.timeline import Entry
from licensing.service.in_turn import InTurn
from licensing.service.plan_book import NewestTerms, PlanTerms

LICENCES_AT_ONCE = 2_500
"""Licences whose month is written at once: bounds memory and transactions, whatever an account's size."""
AT_LEAST = 10
"""Licences that an account counts for: in its first month it does not know how many it has."""
PUT_OFF = timedelta(hours=1)
CLOSED = Counter("vedette_licensing_months_closed_total", "Months of organisations that were billed")
NOT_CLOSED = Counter("vedette_licensing_months_put_off_total", "Months that could not be billed yet")
LATENESS = Histogram(
    "vedette_licensing_month_close_lateness_seconds",
    "From the end of a month to its invoice",
    buckets=(1, 5, 30, 60, 300, 1800, 3600, 6 * 3600, 86_400),
)
log = structlog.get_logger("months")


class Organisations(Protocol):
    async def organisations(
        self, organisations: Collection[OrganisationId]
    ) -> dict[OrganisationId, Organisation]: ...


class Accounts(Protocol):
    async def accounts(self, organisations: Collection[OrganisationId]) -> list[Account]: ...

    async def save_account(self, account: Account) -> None: ...

    async def put_off(self, account: Account, until: datetime) -> None: ...


class Billing(Protocol):
    async def information(
        self, organisations: Collection[Organisation]
    ) -> dict[OrganisationId, BillingInformation]: ...

    async def closings(self, ids: Collection[str]) -> dict[str, Closing]: ...

    async def number_row(self, known: NumberRow) -> NumberRow: ...


class Licences(Protocol):
    async def unbilled(
        self, organisations: Collection[OrganisationId]
    ) -> dict[OrganisationId, list[Licence]]: ...

    async def logs(self, licences: Sequence[LicenceId]) -> dict[LicenceId, list[Entry]]: ...


class Closings(Protocol):
    async def save(self, months: Sequence[ClosedMonth], numbers: NumberRow | None) -> None: ...


class MonthCloser:
    """Bills months of many accounts at once."""

    def __init__(
        self,
        organisations: Organisations,
        accounts: Accounts,
        billing: Billing,
        licences: Licences,
        closings: Closings,
        plans: PlanTerms,
        seller: Seller,
        payment: PaymentTerms,
    ) -> None:
        self._organisations = organisations
        self._accounts = accounts
        self._billing = billing
        self._licences = licences
        self._closings = closings
        self._plans = plans
        self._seller = seller
        self._payment = payment

    async def close(self, accounts: Sequence[Account], now: datetime, writing: InTurn) -> None:
        """Bill the month that is due of each of these accounts; one portion is read and computed while the
        one before is written, of whichever call. What is written last is still being written afterwards."""
        for portion in _portions(accounts):
            drafts = await self._drafts(portion, now)
            await writing.done()
            writing.add(partial(self._settle, portion, drafts, now))

    async def _settle(
        self, accounts: Sequence[Account], drafts: Sequence[Draft], now: datetime, tries: int = 1
    ) -> None:
        """Write what was computed; when somebody was faster, look again."""
        try:
            await self._issue(drafts, now)
        except Conflict as conflict:
            if conflict.code not in LOST or (tries >= ROUNDS and len(accounts) == 1):
                raise
            found = await self._accounts.accounts([account.organisation for account in accounts])
            due = [one for one in found if one.due is not None and one.due <= now]
            if tries < ROUNDS or len(due) <= 1:
                await self._settle(due, await self._drafts(due, now), now, tries + 1)
            else:  # somebody keeps changing one of them: the others need not wait for it
                middle = len(due) // 2
                for half in (due[:middle], due[middle:]):
                    await self._settle(half, await self._drafts(half, now), now)

    async def _issue(self, drafts: Sequence[Draft], now: datetime) -> None:
        """Number and write them. When only the numbers were taken by somebody else, others are taken."""
        if not drafts:
            return
        billed = sum(one.invoice is not None for one in drafts)
        row = await self._billing.number_row(NumberRow.at(Kind.INVOICE, now))
        while True:
            taken, numbers = row.take(billed)
            given = iter(numbers)
            months = [one.issued(next(given) if one.invoice else None) for one in drafts]
            try:
                await self._closings.save(months, taken if billed else None)
                break
            except Conflict as conflict:
                found = await self._billing.number_row(row)
                if conflict.code not in LOST or found.version == row.version or not billed:
                    raise
                row = found
        CLOSED.inc(len(drafts))
        for one in drafts:
            LATENESS.observe((now - one.terms.month.end).total_seconds())

    async def _drafts(self, accounts: Sequence[Account], now: datetime) -> list[Draft]:
        ids = [account.organisation for account in accounts]
        organisations = await self._organisations.organisations(ids)
        information = await self._billing.information(list(organisations.values()))
        closed = [closing_id(one.organisation, one.closed) for one in accounts if one.closed]
        previous = await self._billing.closings(closed) if closed else {}
        licences = await self._licences.unbilled(ids)
        plans = await self._plans.newest()
        work = []
        for account in accounts:
            terms = await self._terms(account, information, plans, now)
            if terms is not None:
                before = previous.get(closing_id(account.organisation, account.closed or ""))
                billed = before.read if before else {}
                work.append((account, terms, licences.get(account.organisation, []), billed))
        logs = await self._logs(work)
        drafts = []
        for account, terms, own, billed in work:
            await asyncio.sleep(0)  # others have a turn: this is computing
            renewals = plans.renewals(account.organisation, terms.calendar)
            found = await self._draft(account, terms, own, logs, billed, now, renewals)
            if found is not None:
                drafts.append(found)
        return drafts

    async def _terms(
        self,
        account: Account,
        information: Mapping[OrganisationId, BillingInformation],
        plans: NewestTerms,
        now: datetime,
    ) -> Terms | None:
        """None when there is nothing to bill just now."""
        if account.month is None:
            return None
        known = information.get(account.organisation)
        if known is None:
            # To whom, in what currency and for what days is not known before identity is heard.
            await self._put_off(account, now, "the organisation was not heard of yet")
            return None
        terms = Terms(known, account.month, self._seller.country, plans.catalogue)
        if terms.month.end > now:
            await self._accounts.save_account(account.rescheduled(terms.calendar))
            return None
        return terms

    async def _logs(
        self, work: Sequence[tuple[Account, Terms, list[Licence], Mapping[LicenceId, int]]]
    ) -> dict[LicenceId, list[Entry]]:
        wanted = [
            licence.id
            for _, terms, licences, billed in work
            for licence in licences
            if log_needed(licence, billed.get(licence.id, 0), terms)
        ]
        return await self._licences.logs(wanted) if wanted else {}

    async def _draft(
        self,
        account: Account,
        terms: Terms,
        licences: Sequence[Licence],
        logs: Mapping[LicenceId, Sequence[Entry]],
        billed: Mapping[LicenceId, int],
        now: datetime,
        renewals: Renewals,
    ) -> Draft | None:
        seller, payment = self._seller, self._payment
        try:
            return draft(account, terms, licences, logs, billed, seller, payment, now, renewals)
        except Exception as error:  # one account's trouble must not keep others from their bills
            await self._put_off(account, now, repr(error))
            return None

    async def _put_off(self, account: Account, now: datetime, why: str) -> None:
        NOT_CLOSED.inc()
        log.warning("month put off", organisation=account.organisation, month=account.month, why=why)
        await self._accounts.put_off(account, now + PUT_OFF)


def _portions(accounts: Sequence[Account]) -> Iterator[list[Account]]:
    """Of a bounded number of licences each, unless a single account has more."""
    portion: list[Account] = []
    size = 0
    for account in accounts:
        if portion and size + account.licences > LICENCES_AT_ONCE:
            yield portion
            portion, size = [], 0
        portion.append(account)
        size += max(account.licences, AT_LEAST)
    if portion:
        yield portion
