"""Licences come, change and end."""

from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from typing import Protocol

from common.contracts.provisioning import CameraConnected, CameraRemoved
from common.errors import NotFound
from common.ids import CameraId, LicenceId, OrganisationId, new_id
from common.races import settled
from licensing.domain.account import Account
from licensing.domain.billing_information import BillingInformation
from licensing.domain.clocks import TestClock
from licensing.domain.licence import Change, Licence, registered
from licensing.domain.registration import Registration, Trial
from licensing.domain.renewals import Renewals
from licensing.domain.shipped_plans import DEFAULT
from licensing.domain.standing import Debts
from licensing.domain.timeline import Interval, intervals
from licensing.service.clocks import OrganisationClocks
from licensing.service.plan_book import PlanTerms
from licensing.service.timelines import Timelines, entries_known

Move = Callable[[Licence, datetime, Debts, Renewals], list[Change]]


class Licences(Timelines, Protocol):
    """Where licences are kept. Each `save...` is one commit."""

    async def registration(self, organisation: OrganisationId, camera: CameraId) -> Registration: ...

    async def trial(self, device: str) -> Trial | None: ...

    async def licence(self, organisation: OrganisationId, licence: LicenceId) -> Licence | None: ...

    async def licences(
        self, organisation: OrganisationId, *, after: str | None, limit: int, camera: CameraId | None
    ) -> list[Licence]: ...

    async def save(
        self,
        changes: Sequence[Change],
        registration: Registration | None = None,
        trial: Trial | None = None,
        account: Account | None = None,
    ) -> None: ...


class Accounts(Protocol):
    async def account(self, organisation: OrganisationId) -> Account: ...


class Calendars(Protocol):
    async def known(self, organisation: OrganisationId) -> BillingInformation: ...


class LicenceService:
    """A licence begins with the camera's proven first connection and ends with its removal.

    Not with the claim: a claim is tentative (D14), and typing somebody's MAC address must neither cost
    anything nor use up that device's trial.
    """

    def __init__(
        self,
        store: Licences,
        accounts: Accounts,
        calendars: Calendars,
        plans: PlanTerms,
        clocks: OrganisationClocks,
        trial: timedelta,
    ) -> None:
        self._store = store
        self._accounts = accounts
        self._calendars = calendars
        self._plans = plans
        self._clocks = clocks
        self._trial = trial

    async def camera_connected(self, event: CameraConnected) -> None:
        """First connection: Demo when the device never had a trial, else Active at once (D7)."""
        if event.first:
            await settled(lambda: self._register(event))

    async def camera_removed(self, event: CameraRemoved) -> None:
        """The licence and its fees end in the moment of removal, however late that is heard (D19)."""
        await settled(lambda: self._end(event))

    async def _register(self, event: CameraConnected) -> None:
        known = await self._store.registration(event.organisation, event.camera)
        identity = LicenceId(new_id())
        registration = known.connects(event.version, identity)
        if registration is None:
            return
        clock = await self._clocks.of(event.organisation)
        used = await self._store.trial(event.device)
        now = clock.shows(self._clocks.real())
        debts = await self._debts(event.organisation, now)
        at = clock.shows(event.at)
        begin = registered(
            identity,
            event.organisation,
            event.camera,
            event.device,
            (await self._plans.catalogue()).chosen(DEFAULT, at),
            None if used else self._trial,
            at=at,
            now=now,
            debts=debts,
        )
        # Heard late it has missed what the debts commanded since.
        renewals = await self._plans.renewals(event.organisation, [begin.licence])
        changes = [begin, *begin.licence.caught_up(now, debts, renewals)]
        changes += self._gone(changes[-1].licence, registration, clock, debts, renewals)
        account = await self._begun(begin.licence)
        await self._store.save(changes, registration, _trial_of(begin.licence), account)

    async def _begun(self, licence: Licence) -> Account | None:
        """The account, when it is this licence that begins or keeps it: from now on its months are billed."""
        account = await self._accounts.account(licence.organisation)
        if account.month is not None:
            return None if account.licences else account.kept()
        information = await self._calendars.known(licence.organisation)
        return account.begins(information.calendar, licence.registered_at)

    async def _end(self, event: CameraRemoved) -> None:
        known = await self._store.registration(event.organisation, event.camera)
        registration = known.leaves(event.version, event.at)
        if registration is None:
            return
        changes: list[Change] = []
        if registration.licence is not None:
            licence = await self.get(event.organisation, registration.licence)
            clock = await self._clocks.of(event.organisation)
            debts = await self._debts(event.organisation, clock.shows(self._clocks.real()))
            renewals = await self._plans.renewals(event.organisation, [licence])
            changes = self._gone(licence, registration, clock, debts, renewals)
        await self._store.save(changes, registration)

    def _gone(
        self,
        licence: Licence,
        registration: Registration,
        clock: TestClock,
        debts: Debts,
        renewals: Renewals,
    ) -> list[Change]:
        """The end of a licence whose camera is gone already; nothing when it is not."""
        if not registration.gone or registration.removed_at is None:
            return []
        now = clock.shows(self._clocks.real())
        return licence.removed(clock.shows(registration.removed_at), now, debts, renewals)

    async def _debts(self, organisation: OrganisationId, now: datetime) -> Debts:
        return (await self._accounts.account(organisation)).debts_by(now)

    async def get(self, organisation: OrganisationId, licence: LicenceId) -> Licence:
        found = await self._store.licence(organisation, licence)
        if found is None:
            raise NotFound("licence_not_found", "This organisation has no such licence")
        return found

    async def page(
        self, organisation: OrganisationId, *, after: str | None, limit: int, camera: CameraId | None
    ) -> list[Licence]:
        """Licences by age, oldest first; ended ones too. One more than `limit` when there are more."""
        now = await self._clocks.now(organisation)
        found = await self._store.licences(organisation, after=after, limit=limit + 1, camera=camera)
        debts = await self._debts(organisation, now)
        renewals = await self._plans.renewals(organisation, found)
        return [licence.as_of(now, debts, renewals) for licence in found]

    async def history(
        self, organisation: OrganisationId, licence: LicenceId
    ) -> tuple[Licence, list[Interval]]:
        """The licence and its timeline as it is now."""
        found = await self.get(organisation, licence)
        now = await self._clocks.now(organisation)
        debts = await self._debts(organisation, now)
        renewals = await self._plans.renewals(organisation, [found])
        entries = await entries_known(self._store, organisation, [found], now, debts, renewals)
        return found.as_of(now, debts, renewals), intervals(entries[found.id])

    async def turn_off(self, organisation: OrganisationId, licence: LicenceId) -> Licence:
        """Out of service by hand: all functions disabled, no fees (LI-10)."""
        return await self._turn(organisation, licence, Licence.turned_off)

    async def turn_on(self, organisation: OrganisationId, licence: LicenceId) -> Licence:
        """Back in service."""
        return await self._turn(organisation, licence, Licence.turned_on)

    async def change_plan(self, organisation: OrganisationId, licence: LicenceId, name: str) -> Licence:
        """The version in force of this plan, from now on. One that has no price in the organisation's
        currency is refused."""
        now = await self._clocks.now(organisation)
        plan = (await self._plans.catalogue()).chosen(name, now)
        for currency in await self._currencies(organisation, now):
            plan.price(currency)
        return await self._turn(
            organisation,
            licence,
            lambda one, now, debts, renewals: one.changed_plan(plan, now, debts, renewals),
        )

    async def take_add_on(self, organisation: OrganisationId, licence: LicenceId, key: str) -> Licence:
        """From now on; what was before keeps its price."""
        return await self._with_add_ons(organisation, licence, lambda had: {*had, key})

    async def leave_add_on(self, organisation: OrganisationId, licence: LicenceId, key: str) -> Licence:
        """From now on; one that it does not have is left already."""
        return await self._with_add_ons(organisation, licence, lambda had: {*had} - {key})

    async def _with_add_ons(
        self, organisation: OrganisationId, licence: LicenceId, wanted: Callable[[tuple[str, ...]], set[str]]
    ) -> Licence:
        def move(one: Licence, now: datetime, debts: Debts, renewals: Renewals) -> list[Change]:
            had = one.as_of(now, debts, renewals).add_ons
            return one.with_add_ons(wanted(had), now, debts, renewals)

        return await self._turn(organisation, licence, move)

    async def _currencies(self, organisation: OrganisationId, now: datetime) -> set[str]:
        """That of this month, and what was entered for the next."""
        information = await self._calendars.known(organisation)
        month = information.calendar.month_at(now)
        coming = information.following(month.name)
        return {information.of(month.name).currency, *([coming.details.currency] if coming else [])}

    async def _turn(self, organisation: OrganisationId, identity: LicenceId, move: Move) -> Licence:
        async def attempt() -> Licence:
            licence = await self.get(organisation, identity)
            now = await self._clocks.now(organisation)
            debts = await self._debts(organisation, now)
            renewals = await self._plans.renewals(organisation, [licence])
            changes = move(licence, now, debts, renewals)
            if not changes:
                return licence.as_of(now, debts, renewals)
            await self._store.save(changes)
            return changes[-1].licence

        return await settled(attempt)


def _trial_of(licence: Licence) -> Trial | None:
    if licence.trial_ends is None:
        return None
    return Trial(licence.device, licence.organisation, licence.id, licence.registered_at, licence.trial_ends)
