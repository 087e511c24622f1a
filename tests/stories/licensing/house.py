"""Licensing on memory parts, asked over HTTP and told over the bus, as the others do it."""

import asyncio
import base64
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from aiohttp.test_utils import TestClient, TestServer
from aiohttp.web import Application, Request

from common.app import Assembly, guard_of
from common.auth import Role
from common.contracts import Event
from common.contracts.identity import OrganisationCreated
from common.contracts.licensing import LicenceChanged
from common.contracts.provisioning import CameraConnected, CameraRemoved
from common.database import Document, Write
from common.http import add_routes, application
from common.ids import CameraId, OrganisationId
from common.testing import MemoryBus, MemoryDatabase, MemoryHouse
from licensing.app import assemble, month_close
from licensing.app.stores import Stores
from licensing.service import (
    OrganisationClocks,
    PlanNoticeService,
    StandingService,
    TrialNoticeService,
    TrialService,
)
from licensing.settings import Settings
from plan_terms import billing, plan_terms

ORGANISATION = OrganisationId("org-a")
CAMERA = CameraId("camera-a")
DEVICE = "mac:0040ff112233"
DAY = timedelta(days=1)


def settings(environment: str = "development", trial_days: int = 30, **more: Any) -> Settings:
    key = base64.b64encode(bytes(32)).decode()
    return Settings.model_validate(
        {"environment": environment, "master_key": key, "trial_days": trial_days, "http_port": 0} | more
    )


class ListenedBus(MemoryBus):
    """Lets a test wait until something is said."""

    def __init__(self) -> None:
        super().__init__()
        self._said = asyncio.Condition()

    def publish(self, events: Sequence[Event]) -> None:
        super().publish(events)
        self._waker = asyncio.get_running_loop().create_task(self._wake())

    async def _wake(self) -> None:
        async with self._said:
            self._said.notify_all()

    async def until_said(self, kind: type[Event], times: int) -> list[Any]:
        async with asyncio.timeout(5), self._said:
            await self._said.wait_for(lambda: len(self.said(kind)) >= times)
        return self.said(kind)


class CrowdedDatabase(MemoryDatabase):
    """Everybody gets a turn before each read and each write, as with a real server."""

    dies_before: Callable[[Sequence[Write]], bool] | None = None
    """The next commit like this one never happens: whoever wanted it is dead."""

    async def find(self, *args: Any, **options: Any) -> list[Document]:
        await asyncio.sleep(0)
        return await super().find(*args, **options)

    async def commit(self, writes: Sequence[Write], *args: Any, **options: Any) -> None:
        await asyncio.sleep(0)
        if self.dies_before is not None and self.dies_before(writes):
            self.dies_before = None
            raise asyncio.CancelledError
        await super().commit(writes, *args, **options)


def crowded_house() -> MemoryHouse:
    bus = ListenedBus()
    return MemoryHouse(bus=bus, databases={"licensing": CrowdedDatabase(bus)})


@dataclass(slots=True)
class Story:
    house: MemoryHouse
    assembly: Assembly
    client: TestClient[Request, Application]
    ahead: timedelta = timedelta()
    """How far `test_debts.pass_time` has turned the clock."""

    @property
    def bus(self) -> ListenedBus:
        assert isinstance(self.house.bus, ListenedBus)
        return self.house.bus

    async def ask(
        self,
        method: str,
        path: str,
        body: object = None,
        *,
        status: int | None = 200,
        organisation: str = ORGANISATION,
        role: Role = Role.SUPER_ADMIN,
        key: str | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> Any:
        """`status` None: whichever; `key`: an Idempotency-Key."""
        token = self.house.keys.token(organisation=organisation, role=role)
        sent = {"Authorization": f"Bearer {token}", **(headers or {})}
        if key is not None:
            sent["Idempotency-Key"] = key
        response = await self.client.request(method, f"/api/v1{path}", json=body, headers=sent)
        answer = await response.json()
        assert status in (None, response.status), answer
        return answer

    def rows(self) -> dict[str, dict[Any, Document]]:
        """Everything that is kept, by collection."""
        return self.house.databases["licensing"].collections

    async def hear(self, *events: Event) -> None:
        await self.bus.tell(*events)

    async def turn_clock(self, ahead: timedelta, **expected: Any) -> Any:
        seconds = {"ahead_seconds": int(ahead.total_seconds())}
        path = f"/test-clocks/{ORGANISATION}"
        return await self.ask("PUT", path, seconds, role=Role.STAFF_ADMIN, **expected)

    async def close_months(self) -> None:
        """What the background does when a month is over."""
        parts, given = self.house.parts("licensing"), settings()
        stores = Stores.of(parts.database, given)
        clocks = OrganisationClocks(stores.organisations, parts.clock, development=True)
        await month_close(parts, given, stores, plan_terms(stores, clocks), clocks).close_due()

    def standings(self, batch: int = 10) -> StandingService:
        """Another replica's eyes on debts."""
        stores, clocks = self.stores()
        terms = plan_terms(stores, clocks)
        return StandingService(stores.watch, stores.accounts, stores.licences, terms, clocks, batch)

    async def work(self) -> None:
        """Everything that the background does by itself, until nothing is due."""
        stores, clocks = self.stores()
        terms = plan_terms(stores, clocks)
        trials = TrialService(stores.licences, stores.accounts, terms, clocks)
        known = billing(stores, clocks)
        notices = TrialNoticeService(stores.watch, known, clocks)
        news = PlanNoticeService(stores.watch, stores.licences, terms, known, clocks)
        standings = self.standings()
        while True:
            await self.close_months()
            dues = (trials.next_due, notices.next_due, standings.next_due, news.next_due)
            works = (trials.end_due, notices.tell, standings.look, news.tell)
            found = [work for due, work in zip(dues, works, strict=True) if _past(await due(), clocks.real())]
            if not found:
                return
            for work in found:
                await work()

    def stores(self) -> tuple[Stores, OrganisationClocks]:
        parts = self.house.parts("licensing")
        stores = Stores.of(parts.database, settings())
        return stores, OrganisationClocks(stores.organisations, parts.clock, development=True)

    async def licence(self, organisation: str = ORGANISATION) -> Any:
        (found,) = (await self.ask("GET", "/licences", organisation=organisation))["items"]
        return found

    def changes(self) -> list[LicenceChanged]:
        return self.bus.said(LicenceChanged)

    def created(self, time_zone: str = "UTC", currency: str = "EUR") -> OrganisationCreated:
        return OrganisationCreated(
            organisation=ORGANISATION,
            version=1,
            at=self.house.clock.now(),
            name="Acme",
            kind="customer",
            time_zone=time_zone,
            currency=currency,
            language="en",
        )

    def connected(
        self,
        *,
        camera: str = CAMERA,
        device: str = DEVICE,
        organisation: str = ORGANISATION,
        version: int = 2,
    ) -> CameraConnected:
        return CameraConnected(
            organisation=OrganisationId(organisation),
            version=version,
            at=self.house.clock.now(),
            camera=CameraId(camera),
            device=device,
            name="Gate",
            first=True,
        )

    def removed(self, *, camera: str = CAMERA, version: int = 3) -> CameraRemoved:
        return CameraRemoved(
            organisation=ORGANISATION,
            version=version,
            at=self.house.clock.now(),
            camera=CameraId(camera),
            device=DEVICE,
            name="Gate",
        )


def _past(due: datetime | None, now: datetime) -> bool:
    return due is not None and due <= now


@asynccontextmanager
async def story(*, background: bool = False, **more: Any) -> AsyncIterator[Story]:
    """Licensing, open; `background`: its own work runs beside the story; `more`: settings."""
    house = crowded_house()
    given = settings(**more)
    assembly = house.move_in("licensing", lambda parts: assemble(parts, given))
    parts = house.parts("licensing")
    app = application(given.max_body_bytes)
    add_routes(app, assembly.routes, guard_of(parts))
    async with TestClient(TestServer(app)) as client:
        for work in assembly.background if background else ():
            await work.open()
        try:
            yield Story(house, assembly, client)
        finally:
            for work in assembly.background if background else ():
                await work.close()
