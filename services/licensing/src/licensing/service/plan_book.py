"""This replica's copy of all plans, and what it means for one organisation.

Versions never change, so a copy can only lack something. It hears of every change within a second (a stream
that every replica reads), looks again every minute should it have missed one, and before months are billed;
nothing is decided by a copy that is older than `OLDEST`. A price change takes a day at least to reach a
running licence (`domain.renewals`), so nobody is billed by an old version.
"""

import asyncio
import contextlib
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Protocol

import structlog

from common.cause import preparing
from common.errors import Refusal
from common.ids import OrganisationId
from licensing.domain.billing_information import BillingInformation
from licensing.domain.catalogue import SHIPPED_CATALOGUE, Catalogue, ServicePlan
from licensing.domain.clocks import TestClock
from licensing.domain.licence import Licence
from licensing.domain.months import Calendar
from licensing.domain.renewals import NO_RENEWALS, Renewals
from licensing.service.clocks import OrganisationClocks

LOOK_AGAIN = 60.0
"""Seconds after which a copy is compared, heard or not."""
OLDEST = timedelta(minutes=10)
"""Should even that fail for so long, who needs the copy compares it, or says that it is not possible now."""
log = structlog.get_logger("plans")


class Plans(Protocol):
    async def seed(self) -> None: ...

    async def heads(self) -> dict[str, int]: ...

    async def plans(self, names: Collection[str]) -> list[ServicePlan]: ...


class PlanBook:
    def __init__(self, store: Plans, now: Callable[[], datetime]) -> None:
        self._store = store
        self._now = now
        self._catalogue = SHIPPED_CATALOGUE
        self._read: datetime | None = None
        self._nudged = asyncio.Event()
        self._task: asyncio.Task[None] | None = None

    async def catalogue(self) -> Catalogue:
        """All plans, as far as this replica knows."""
        old = self._read is None or self._now() - self._read > OLDEST
        return await self.fresh() if old else self._catalogue

    async def fresh(self) -> Catalogue:
        """All plans, with whatever was published up to now."""
        known, looked = self._catalogue.plans, self._now()
        heads = await self._store.heads()
        if not SHIPPED_CATALOGUE.plans.keys() <= heads.keys():
            with preparing():  # whoever asks first does so for reasons of their own
                await self._store.seed()
            heads = await self._store.heads()
        new = [name for name, at in heads.items() if name not in known or known[name].version < at]
        if new or self._read is None:
            self.learn(*(await self._store.plans(new or list(heads))))
        self._read = looked
        return self._catalogue

    def learn(self, *plans: ServicePlan) -> None:
        """These were just published, here or elsewhere; what is older than what is known is nothing new."""
        known = self._catalogue.plans
        new = [one for one in plans if one.name not in known or one.version >= known[one.name].version]
        self._catalogue = Catalogue({**known, **{one.name: one for one in new}})

    def look(self) -> None:
        """Something was published: look now."""
        self._nudged.set()

    async def open(self) -> None:
        self._task = asyncio.create_task(self._keep_up(), name="plan-book")

    async def close(self) -> None:
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)

    async def _keep_up(self) -> None:
        while True:
            self._nudged.clear()
            pause = LOOK_AGAIN
            try:
                await self.fresh()
            except Refusal as error:  # the next round tries again; answers go on with what is known
                log.warning("plans not read", error=str(error))
                pause = 1.0
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._nudged.wait(), pause)


class Holders(Protocol):
    async def living(self, organisation: OrganisationId) -> list[Licence]: ...


class SoldIn:
    """Whether everything that an organisation has is sold in a currency: asked before it changes to it."""

    def __init__(self, book: PlanBook, holders: Holders) -> None:
        self._book = book
        self._holders = holders

    async def must_be_sold(self, organisation: OrganisationId, currency: str) -> None:
        catalogue = await self._book.catalogue()
        for one in await self._holders.living(organisation):
            catalogue.priced(one.plan, currency).monthly(currency, one.add_ons)


class Calendars(Protocol):
    async def known(self, organisation: OrganisationId) -> BillingInformation: ...


class PlanTerms:
    """What is on offer in an organisation, and when its licences move on."""

    def __init__(self, book: PlanBook, calendars: Calendars, clocks: OrganisationClocks) -> None:
        self._book = book
        self._calendars = calendars
        self._clocks = clocks

    async def catalogue(self) -> Catalogue:
        return await self._book.catalogue()

    async def renewals(self, organisation: OrganisationId, licences: Iterable[Licence]) -> Renewals:
        """Nothing is read for an organisation whose licences have the latest versions."""
        catalogue = await self._book.catalogue()
        if not any(catalogue.later(one.plan) for one in licences):
            return NO_RENEWALS
        information = await self._calendars.known(organisation)
        clock = await self._clocks.of(organisation)
        return Renewals(catalogue, information.calendar, clock.shows)

    async def newest(self) -> "NewestTerms":
        """For many organisations at once: with whatever was published up to now."""
        return NewestTerms(await self._book.fresh(), await self._clocks.moved())


@dataclass(frozen=True, slots=True)
class NewestTerms:
    catalogue: Catalogue
    clocks: Mapping[OrganisationId, TestClock]
    """Those that are not the real one."""

    def renewals(self, organisation: OrganisationId, calendar: Calendar) -> Renewals:
        clock = self.clocks.get(organisation)
        return Renewals(self.catalogue, calendar, clock.shows if clock is not None else unmoved)


def unmoved(moment: datetime) -> datetime:
    return moment
