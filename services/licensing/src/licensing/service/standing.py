"""Organisations' debts decide where their licences are; people are warned before.

Evaluated in the same stream as payments: through the versioned account. What is due is found by an index on
the next instant at which something can change, in each organisation's own time; nothing scans.
"""

import asyncio
from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Protocol

from prometheus_client import Histogram

from common.contracts import Event
from common.contracts.licensing import NoticeDue, StandingChanged
from common.errors import Conflict, Stale
from common.ids import OrganisationId
from common.races import LOST
from licensing.domain.account import Account
from licensing.domain.licence import Change, Licence
from licensing.domain.standing import FOLLOWS, Turn
from licensing.domain.states import Circumstance, State
from licensing.service.clocks import OrganisationClocks
from licensing.service.plan_book import PlanTerms

ACCOUNTS_AT_ONCE = 100
LICENCES_AT_ONCE = 500
"""Of one organisation; a bigger one takes several rounds, and others have their turn between."""
LATENESS = Histogram(
    "vedette_licensing_standing_lateness_seconds",
    "From the instant at which an organisation's standing changed to its licences' change",
    buckets=(0.05, 0.1, 0.5, 1, 5, 30, 300, 3600),
)


class Watched(Protocol):
    async def next_look(self, besides: Collection[OrganisationId]) -> datetime | None: ...

    async def looks_in(
        self, organisations: Collection[OrganisationId]
    ) -> list[tuple[OrganisationId, datetime]]: ...

    async def accounts_to_look_at(
        self, by: datetime, *, besides: Collection[OrganisationId], limit: int
    ) -> list[Account]: ...

    async def save_watched(self, account: Account, events: Sequence[Event] = ()) -> None: ...

    async def noticed(self, notice: str) -> bool: ...

    async def astray(self, organisation: OrganisationId, belong: State, *, limit: int) -> list[Licence]: ...

    async def commanded(self, organisation: OrganisationId) -> int: ...


class Accounts(Protocol):
    async def account(self, organisation: OrganisationId) -> Account: ...


class Licences(Protocol):
    async def save(self, changes: Sequence[Change]) -> None: ...


class StandingService:
    """Safe to run anywhere, any number of times, by several at once, and to be killed at any moment: a turn
    is written once, and whatever licence is not where it belongs is found again."""

    def __init__(
        self,
        store: Watched,
        accounts: Accounts,
        licences: Licences,
        plans: PlanTerms,
        clocks: OrganisationClocks,
        batch: int = LICENCES_AT_ONCE,
    ) -> None:
        self._store = store
        self._accounts = accounts
        self._licences = licences
        self._plans = plans
        self._clocks = clocks
        self._batch = batch

    async def next_due(self) -> datetime | None:
        """The real instant at which somebody has to look at an account."""
        return await self._clocks.next_due(self._store.looks_in, self._store.next_look)

    async def look(self) -> None:
        """Do what is due, up to `ACCOUNTS_AT_ONCE` and a batch of licences of each."""
        real = self._clocks.real()
        clocks = await self._clocks.moved()
        accounts = await self._store.accounts_to_look_at(real, besides=clocks, limit=ACCOUNTS_AT_ONCE)
        work = [(account, real) for account in accounts]
        for who, at in await self._store.looks_in(clocks):
            if at <= (now := clocks[who].shows(real)):
                work.append((await self._accounts.account(who), now))
        # One that fails does not stop the others.
        results = await asyncio.gather(*(self._look(*one) for one in work), return_exceptions=True)
        for failure in results:
            if isinstance(failure, BaseException) and not _lost(failure):
                raise failure

    async def _look(self, account: Account, now: datetime) -> None:
        come = account.come(now)
        if come is not account:
            await self._store.save_watched(come)
            LATENESS.observe((now - come.watch.debts.turns[-1].since).total_seconds())
        if (due := come.watch.notice_due(come.open, now)) is not None:
            come = await self._warn(come, *due, now)
        if come.watch.looks and await self._follow(come, now):
            await self._finish(come, now)

    async def _follow(self, account: Account, now: datetime) -> bool:
        """Licences go where the debts command; False: there may be more of them."""
        organisation = account.organisation
        belong, _ = FOLLOWS[account.watch.debts.standing]
        licences = await self._store.astray(organisation, belong, limit=self._batch)
        # After the licences: what brought them where they are is in it.
        debts = (await self._accounts.account(organisation)).debts_by(now)
        renewals = await self._plans.renewals(organisation, licences)
        changes = [found for one in licences if (found := one.caught_up(now, debts, renewals))]
        # Side by side, so that they share transactions.
        results = await asyncio.gather(*map(self._licences.save, changes), return_exceptions=True)
        for failure in results:
            if failure is not None and not isinstance(failure, Stale):
                raise failure
        return len(licences) < self._batch or not changes

    async def _finish(self, account: Account, now: datetime) -> None:
        watch = account.watch.looked_through()
        account, before = account.watched(watch), account.watch.said
        changed = watch.said is not before
        await self._store.save_watched(account, [_changed(account, before, now)] if changed else [])

    async def _warn(self, account: Account, days: int, turn: Turn, now: datetime) -> Account:
        """Once for each occasion; nobody is warned who has no camera that it is about."""
        warned = account.watched(account.watch.was_warned(now))
        cameras = await self._store.commanded(account.organisation)
        notice = _notice(account, days, turn, cameras, now)
        new = cameras and not await self._store.noticed(notice.notice)
        await self._store.save_watched(warned, [notice] if new else [])
        return warned


def _changed(account: Account, before: Circumstance, now: datetime) -> StandingChanged:
    turn = account.watch.debts.turns[-1]
    owed = account.demanded(turn.standing, now)
    return StandingChanged(
        organisation=account.organisation,
        version=account.version,
        at=now,
        standing=turn.standing.value,
        previous=before.value,
        since=turn.since,
        amount=sum(one.amount for one in owed),
        currency=owed[0].currency if owed else None,
        invoices=[one.number for one in owed],
    )


def _notice(account: Account, days: int, turn: Turn, cameras: int, now: datetime) -> NoticeDue:
    owed = account.averting(turn)
    kind = "inactivation" if turn.standing is Circumstance.ARREARS else "suspension"
    return NoticeDue.model_validate(
        {
            "organisation": account.organisation,
            "version": 1,
            "at": now,
            "notice": f"{account.organisation}:{kind}:{turn.since:%Y%m%dT%H%M%S}:{days}",
            "kind": kind,
            "days": days,
            "effective_at": turn.since,
            "amount": sum(one.amount for one in owed),
            "currency": owed[0].currency,
            "cameras": cameras,
            "invoices": [one.number for one in owed],
        }
    )


def _lost(failure: BaseException) -> bool:
    """Somebody else changed the account meanwhile; if something is still due, the next look finds it."""
    return isinstance(failure, Conflict) and failure.code in LOST
