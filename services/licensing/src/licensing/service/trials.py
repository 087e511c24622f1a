"""Trials end by themselves."""

import asyncio
from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Protocol

from prometheus_client import Histogram

from common.errors import Stale
from common.ids import OrganisationId
from licensing.domain.account import Account
from licensing.domain.licence import Change, Licence
from licensing.domain.renewals import Renewals
from licensing.domain.standing import NO_DEBTS, Debts
from licensing.service.clocks import OrganisationClocks
from licensing.service.plan_book import PlanTerms

BATCH = 500
LATENESS = Histogram(
    "vedette_licensing_trial_end_lateness_seconds",
    "From the end of a trial to the licence's change, on the organisation's clock",
    buckets=(0.05, 0.1, 0.5, 1, 5, 30, 300, 3600),
)


class Trials(Protocol):
    """Where running trials are found, by their end."""

    async def next_trial_end(self, besides: Collection[OrganisationId]) -> datetime | None: ...

    async def trial_ends_in(
        self, organisations: Collection[OrganisationId]
    ) -> list[tuple[OrganisationId, datetime]]: ...

    async def trials_over(
        self, by: datetime, *, besides: Collection[OrganisationId], limit: int
    ) -> list[Licence]: ...

    async def trials_over_in(
        self, organisation: OrganisationId, by: datetime, *, limit: int
    ) -> list[Licence]: ...

    async def save(self, changes: Sequence[Change]) -> None: ...


class Accounts(Protocol):
    async def accounts(self, organisations: Collection[OrganisationId]) -> list[Account]: ...


class TrialService:
    """Finds what is due through an index on the trials' ends, in each organisation's own time.

    Organisations with a test clock of their own are looked at apart; in production there are none.
    """

    def __init__(
        self, store: Trials, accounts: Accounts, plans: PlanTerms, clocks: OrganisationClocks
    ) -> None:
        self._store = store
        self._accounts = accounts
        self._plans = plans
        self._clocks = clocks

    async def next_due(self) -> datetime | None:
        """The real instant at which the next trial ends."""
        return await self._clocks.next_due(self._store.trial_ends_in, self._store.next_trial_end)

    async def end_due(self) -> None:
        """End every trial whose time has come (LI-6), up to `BATCH` for each clock.

        Safe to run anywhere, any number of times, by several at once: a licence changes once.
        """
        real = self._clocks.real()
        clocks = await self._clocks.moved()
        await self._end(await self._store.trials_over(real, besides=clocks, limit=BATCH), real)
        for organisation, clock in clocks.items():
            now = clock.shows(real)
            await self._end(await self._store.trials_over_in(organisation, now, limit=BATCH), now)

    async def _end(self, licences: Sequence[Licence], now: datetime) -> None:
        # Side by side, so that they share transactions; one that cannot be ended does not stop the others.
        accounts = await self._accounts.accounts({one.organisation for one in licences}) if licences else []
        debts = {one.organisation: one.debts_by(now) for one in accounts}
        renewals = {
            who: await self._plans.renewals(who, own) for who, own in by_organisation(licences).items()
        }
        results = await asyncio.gather(
            *(
                self._end_one(one, now, debts.get(one.organisation, NO_DEBTS), renewals[one.organisation])
                for one in licences
            ),
            return_exceptions=True,
        )
        for failure in results:
            if failure is not None:
                raise failure

    async def _end_one(self, licence: Licence, now: datetime, debts: Debts, renewals: Renewals) -> None:
        try:
            await self._store.save(licence.caught_up(now, debts, renewals))
        except Stale:
            return  # somebody else changed it meanwhile; if it is still due, the next look finds it
        if licence.trial_ends is not None:
            LATENESS.observe((now - licence.trial_ends).total_seconds())


def by_organisation(licences: Sequence[Licence]) -> dict[OrganisationId, list[Licence]]:
    found: dict[OrganisationId, list[Licence]] = {}
    for one in licences:
        found.setdefault(one.organisation, []).append(one)
    return found
