"""Months are billed when they are over, by as many replicas as there are.

The index on when an account is due is the checkpoint: an account's next month is written in the commit of its
invoice, so whatever is due is not billed yet, and whatever is billed is not due. Whoever is killed leaves
nothing half done; whoever bills the same account at once finds it changed (its version) and looks again.
Leases on shards only keep replicas out of each other's way.
"""

import asyncio
from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Protocol

from common.ids import OrganisationId
from licensing.domain.account import Account
from licensing.service.clocks import OrganisationClocks
from licensing.service.in_turn import InTurn
from licensing.service.month_close import MonthCloser

BATCH = 2_000
"""Accounts that are read at once."""
OTHERS_WORK = 0.5
"""Seconds to wait before looking again when all that is due is in other hands."""


class Turn(Protocol):
    """The right to work on something for a while (`common.due.Lease`)."""

    async def hold(self) -> bool: ...

    async def give_up(self) -> None: ...


class Schedule(Protocol):
    """Accounts, found by when they are due."""

    async def accounts(self, organisations: Collection[OrganisationId]) -> list[Account]: ...

    async def accounts_due(
        self, shard: int, by: datetime, *, besides: Collection[OrganisationId], limit: int
    ) -> list[Account]: ...

    async def next_close(self, besides: Collection[OrganisationId]) -> datetime | None: ...

    async def close_dates(
        self, organisations: Collection[OrganisationId]
    ) -> list[tuple[OrganisationId, datetime]]: ...

    async def shard_due(
        self, by: datetime, *, besides: Collection[OrganisationId], apart: Collection[int]
    ) -> tuple[int, datetime] | None: ...


class MonthCloseService:
    """Finds the accounts that are due, each in its own time, and shares them out among replicas."""

    def __init__(
        self, accounts: Schedule, closer: MonthCloser, clocks: OrganisationClocks, turns: Sequence[Turn]
    ) -> None:
        self._accounts = accounts
        self._closer = closer
        self._clocks = clocks
        self._turns = turns
        """One for each shard."""

    async def next_due(self) -> datetime | None:
        """The real instant at which the next month is over somewhere."""
        return await self._clocks.next_due(self._accounts.close_dates, self._accounts.next_close)

    async def close_due(self) -> None:
        """Bill everything that is due and not in other hands."""
        real = self._clocks.real()
        clocks = await self._clocks.moved()
        busy: set[int] = set()
        async with InTurn() as writing:
            worked = await self._close_shards(real, clocks, busy, writing)
        if busy and not worked:
            await asyncio.sleep(OTHERS_WORK)
        for organisation, clock in clocks.items():
            now = clock.shows(real)
            while accounts := [
                one for one in await self._accounts.accounts([organisation]) if one.due and one.due <= now
            ]:
                async with InTurn() as writing:
                    await self._closer.close(accounts, now, writing)

    async def _close_shards(
        self, now: datetime, besides: Collection[OrganisationId], busy: set[int], writing: InTurn
    ) -> bool:
        """One is read while the one before is written. False: all that is due is `busy`, in other hands."""
        worked, before = False, frozenset[int]()
        # Always by instant, then shard: who takes over from a dead replica goes on in the same order.
        while True:
            found = await self._accounts.shard_due(now, besides=besides, apart=busy | before)
            if found is None and before:
                await writing.done()
                before = frozenset()
                continue
            if found is None:
                return worked
            shard, due = found
            if await self._close_shard(shard, due, now, besides, writing):
                worked, before = True, frozenset([shard])
            else:
                busy.add(shard)

    async def _close_shard(
        self, shard: int, due: datetime, now: datetime, besides: Collection[OrganisationId], writing: InTurn
    ) -> bool:
        """Bill what is due since `due`; the last of it is still being written. False: another replica is at
        it. Whoever fails keeps the turn until it runs out, or until the next try."""
        turn = self._turns[shard]
        if not await turn.hold():
            return False
        while True:
            accounts = await self._accounts.accounts_due(shard, due, besides=besides, limit=BATCH)
            await self._closer.close(accounts, now, writing)
            if 0 < len(accounts) < BATCH:
                break
            await writing.done()  # what is written is not due any more
            if not accounts or not await turn.hold():
                break
        writing.add(turn.give_up)
        return True
