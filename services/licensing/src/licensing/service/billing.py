"""Billing information, and what identity tells about organisations."""

from collections.abc import Awaitable, Callable, Collection, Sequence
from dataclasses import dataclass
from typing import Protocol

from common.contracts import Event
from common.contracts.audit import ActRecorded
from common.contracts.identity import OrganisationChanged, OrganisationCreated
from common.ids import OrganisationId
from common.races import settled
from licensing.domain.account import Account
from licensing.domain.billing_information import BillingInformation, Dated, Details
from licensing.domain.registration import Organisation
from licensing.service.clocks import OrganisationClocks


class Organisations(Protocol):
    async def hear_of(self, organisation: Organisation) -> None: ...

    async def save_changed(self, organisation: Organisation, heard: int | None) -> None: ...

    async def organisation(self, organisation: OrganisationId) -> Organisation | None: ...


class Billing(Protocol):
    async def information(
        self, organisations: Collection[Organisation]
    ) -> dict[OrganisationId, BillingInformation]: ...


class Accounts(Protocol):
    async def account(self, organisation: OrganisationId) -> Account: ...

    async def save_account(self, account: Account) -> None: ...


class Changes(Protocol):
    async def save_information(
        self, information: BillingInformation, account: Account | None, events: Sequence[Event]
    ) -> None: ...


@dataclass(frozen=True, slots=True)
class InForce:
    """Billing information as it holds now, and what will hold from some month on."""

    month: str
    details: Details
    coming: Dated | None


class BillingService:
    """`seller`: our country."""

    def __init__(
        self,
        organisations: Organisations,
        billing: Billing,
        accounts: Accounts,
        changes: Changes,
        clocks: OrganisationClocks,
        seller: str,
    ) -> None:
        self._organisations = organisations
        self._billing = billing
        self._accounts = accounts
        self._changes = changes
        self._clocks = clocks
        self._seller = seller
        self.must_be_sold: Callable[[OrganisationId, str], Awaitable[None]] = _anything
        """Raises `Conflict` when a plan that the organisation has is not sold in this currency."""

    async def organisation_created(self, event: OrganisationCreated) -> None:
        """Remember name, currency, time zone and language: what bills hold to until something is entered.

        A camera of an organisation not heard of yet gets its licence all the same: a timeline holds only
        instants and plan versions. Until it is heard, fees are shown in EUR and UTC and no month is billed;
        from then on everything is as it should always have been. An unknown time zone is an error (the event
        is put aside), never silently another one.
        """
        organisation = Organisation(
            event.organisation,
            event.currency,
            event.time_zone,
            event.name,
            event.language,
            heard=event.version,
        )
        await self._organisations.hear_of(organisation)
        await settled(lambda: self._reschedule(event.organisation))

    async def organisation_changed(self, event: OrganisationChanged) -> None:
        """Its name is on the next bill; another currency or time zone holds from the next month on."""
        await settled(lambda: self._change(event))
        await settled(lambda: self._reschedule(event.organisation))

    async def _change(self, event: OrganisationChanged) -> None:
        known = await self._organisations.organisation(event.organisation)
        if known is None:  # the news of its beginning was overtaken: this is how it always was
            known = Organisation(event.organisation, event.currency, event.time_zone)
        now = await self._clocks.now(event.organisation)
        information = (await self._billing.information([known]))[event.organisation]
        changed = known.changed(
            event.version,
            event.name,
            event.language,
            event.currency,
            event.time_zone,
            information.calendar.month_at(now),
            now,
        )
        if changed is not None:
            await self._organisations.save_changed(changed, known.heard)

    async def known(self, organisation: OrganisationId) -> BillingInformation:
        """What was entered, and when it holds."""
        found = await self._organisations.organisation(organisation) or Organisation(organisation)
        return (await self._billing.information([found]))[organisation]

    async def read(self, organisation: OrganisationId) -> InForce:
        information = await self.known(organisation)
        month = information.calendar.month_at(await self._clocks.now(organisation)).name
        return InForce(month, information.of(month), information.following(month))

    async def enter(self, organisation: OrganisationId, details: Details) -> InForce:
        """The first entry holds at once, a later one from the next month on."""
        checked = details.checked(self._seller)
        await self.must_be_sold(organisation, checked.currency)
        await settled(lambda: self._enter(organisation, checked))
        return await self.read(organisation)

    async def _enter(self, organisation: OrganisationId, details: Details) -> None:
        information = await self.known(organisation)
        now = await self._clocks.now(organisation)
        running = information.calendar.month_at(now)
        if information.latest == details:
            return
        information = information.entered(details, running, now)
        account = await self._rescheduled(information)
        event = ActRecorded(
            organisation=organisation,
            version=information.version,
            at=now,
            act="billing_information.changed",
            object=organisation,
            details={"holds_from": information.dated[-1].since, "legal_name": details.legal_name},
        )
        await self._changes.save_information(information, account, [event])

    async def _reschedule(self, organisation: OrganisationId) -> None:
        account = await self._rescheduled(await self.known(organisation))
        if account is not None:
            await self._accounts.save_account(account)

    async def _rescheduled(self, information: BillingInformation) -> Account | None:
        """The account, when its running month ends at another instant than it was told."""
        account = await self._accounts.account(information.organisation)
        if account.month is None or account.due == information.calendar.month(account.month).end:
            return None
        return account.rescheduled(information.calendar)


async def _anything(_: OrganisationId, __: str) -> None:
    """Until it is told what is sold."""
