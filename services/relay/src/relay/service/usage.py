"""Telling what is used and what is left; and, in development, using some."""

from typing import Protocol

from common.clock import Clock
from common.contracts import Event
from common.contracts.identity import OrganisationChanged, OrganisationCreated
from common.contracts.relay import UsageSampled
from common.ids import OrganisationId, RemoteSessionId, new_id
from common.races import settled
from relay.domain.allowance import MonthUsage, Zones, period_of
from relay.service.ledger import LedgerStore

STEPS = 4
"""Samples that a simulated allocation speaks of itself."""


class OrganisationStore(Protocol):
    async def remember(self, organisation: OrganisationCreated) -> None: ...

    async def whereabouts(self, organisation: OrganisationId) -> tuple[Zones, int | None]: ...

    async def moved(
        self, organisation: OrganisationId, zones: Zones, version: int, before: int | None
    ) -> None: ...


class Announcer(Protocol):
    async def announce(self, *events: Event) -> None:
        """Events without a change of ours, through the outbox like any other."""
        ...


class Usage:
    def __init__(
        self, ledger: LedgerStore, organisations: OrganisationStore, announcer: Announcer, clock: Clock
    ) -> None:
        self._ledger = ledger
        self._organisations = organisations
        self._announcer = announcer
        self._clock = clock

    async def this_month(self, organisation: OrganisationId) -> MonthUsage:
        """The organisation's current month; with no sample heard yet it is empty."""
        zones = await self._ledger.zones([organisation])
        period = period_of(self._clock.now(), zones[organisation])
        month = (organisation, period.label)
        return (await self._ledger.months([month])).get(month) or MonthUsage(organisation, period)

    async def know(self, event: OrganisationCreated) -> None:
        """Its time zone decides where its months begin (D11)."""
        await self._organisations.remember(event)

    async def move(self, event: OrganisationChanged) -> None:
        """Another time zone holds from the next month on: the running one is being counted."""

        async def move() -> None:
            zones, version = await self._organisations.whereabouts(event.organisation)
            if version is None:  # the news of its beginning was overtaken: it always was there
                zones = Zones(event.time_zone)
            elif event.version <= version:
                return
            else:
                zones = zones.moved(event.time_zone, period_of(self._clock.now(), zones).label)
            await self._organisations.moved(event.organisation, zones, event.version, version)

        await settled(move)

    async def simulate(self, organisation: OrganisationId, forwarded_bytes: int) -> str:
        """Say on the bus what a relay node's meter would say; returns the name of the allocation.

        The ledger changes only when its consumer hears it.
        """
        allocation = f"simulated.{new_id()}"
        session = RemoteSessionId(new_id())
        samples = [
            UsageSampled(
                organisation=organisation,
                version=step,
                at=self._clock.now(),
                session=session,
                allocation=allocation,
                forwarded_bytes=forwarded_bytes * step // STEPS,
            )
            for step in range(1, STEPS + 1)
        ]
        await self._announcer.announce(*samples)
        return allocation
