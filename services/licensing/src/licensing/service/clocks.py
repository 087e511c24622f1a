"""What time it is in an organisation."""

from collections.abc import Awaitable, Callable, Collection
from datetime import datetime, timedelta
from typing import Protocol

from common.clock import Clock
from common.contracts.licensing import TestClockMoved
from common.errors import NotFound
from common.ids import OrganisationId
from common.races import settled
from licensing.domain.clocks import TestClock
from licensing.domain.registration import Organisation


class Clocks(Protocol):
    """Where test clocks are kept."""

    async def organisation(self, organisation: OrganisationId) -> Organisation | None: ...

    async def test_clock(self, organisation: OrganisationId) -> TestClock: ...

    async def test_clocks(self) -> list[TestClock]: ...

    async def save_test_clock(self, clock: TestClock, event: TestClockMoved) -> None: ...


DatesIn = Callable[[Collection[OrganisationId]], Awaitable[list[tuple[OrganisationId, datetime]]]]
NextBesides = Callable[[Collection[OrganisationId]], Awaitable[datetime | None]]


class OrganisationClocks:
    """The one place that licensing takes the time from."""

    def __init__(self, store: Clocks, clock: Clock, *, development: bool) -> None:
        self._store = store
        self._clock = clock
        self._development = development
        self.on_move: Callable[[], None] = lambda: None
        """Called when a clock was moved: something may be due that was not."""

    def real(self) -> datetime:
        return self._clock.now()

    async def of(self, organisation: OrganisationId) -> TestClock:
        """The organisation's clock. In production it is the real one, whatever the database says."""
        if not self._development:
            return TestClock(organisation)
        return await self._store.test_clock(organisation)

    async def now(self, organisation: OrganisationId) -> datetime:
        return (await self.of(organisation)).shows(self.real())

    async def moved(self) -> dict[OrganisationId, TestClock]:
        """All clocks that are not the real one."""
        if not self._development:
            return {}
        return {clock.organisation: clock for clock in await self._store.test_clocks()}

    async def next_due(self, of_moved: DatesIn, usual: NextBesides) -> datetime | None:
        """The real instant of the earliest date; each is on its organisation's clock. `of_moved`: dates of
        organisations with a clock of their own, each; `usual`: the earliest of all the others."""
        clocks = await self.moved()
        dates = [clocks[who].reaches(at) for who, at in await of_moved(clocks)]
        other = await usual(clocks)
        return min([*dates, other] if other is not None else dates, default=None)

    async def read(self, organisation: OrganisationId) -> TestClock:
        """The clock of an organisation that we have heard of; a mistyped id is `NotFound`."""
        if await self._store.organisation(organisation) is None:
            raise NotFound("organisation_not_found", "No organisation with this id is known here")
        return await self.of(organisation)

    async def move(self, organisation: OrganisationId, ahead: timedelta) -> TestClock:
        """Set the clock `ahead` of the real one, forward only. Repeating it changes nothing."""

        async def attempt() -> TestClock:
            clock, event = (await self.read(organisation)).moved(ahead, self.real())
            if event is not None:
                await self._store.save_test_clock(clock, event)
            return clock

        clock = await settled(attempt)
        self.on_move()
        return clock
