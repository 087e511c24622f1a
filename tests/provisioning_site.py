"""Provisioning on memory parts with both its doors open, for stories: people's API and the camera port."""

import asyncio
import base64
import contextlib
import io
import os
from collections.abc import AsyncIterator, Mapping
from datetime import datetime, timedelta
from typing import Any

import aiohttp
from aiohttp.test_utils import TestClient, TestServer
from multidict import CIMultiDictProxy

from common.app import Assembly, Parts, guard_of
from common.http import add_routes, application
from common.sealing import Sealer
from common.testing import FixedClock, MemoryHouse
from device.camera import Camera
from device.digest import Digest
from device.identity import Identity
from provisioning.app import CameraListener, assemble
from provisioning.service import (
    ClaimService,
    ContestService,
    ImportWork,
    Places,
    Presence,
    RowSealer,
    TransferService,
    Tries,
    Vault,
    WaitingRoom,
)
from provisioning.service.imports import Imports
from provisioning.settings import Settings
from provisioning.store import CustodyStore, ImportStore, InventoryStore, ItemStore, KnownDeviceIndex

MAC, SECRET = "0040ff112233", "pass:word with spaces ž"


def settings(**more: Any) -> Settings:
    key = base64.b64encode(os.urandom(32)).decode()
    return Settings(**{"master_key": key, "camera_port": 0, "http_port": 0, **more})


class StoryTimer:
    """The house's clock as a camera's timer: it sleeps until the story lets time pass."""

    def __init__(self, clock: FixedClock) -> None:
        self._clock = clock
        self._sleepers: list[tuple[float, asyncio.Future[None]]] = []
        self._asleep = asyncio.Condition()

    def now(self) -> float:
        return self._clock.now().timestamp()

    async def sleep(self, seconds: float) -> None:
        future: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        async with self._asleep:
            self._sleepers.append((self.now() + seconds, future))
            self._asleep.notify_all()
        await future

    async def next_wake(self) -> float:
        """When somebody sleeps: the time of the first to wake."""
        async with self._asleep:
            await self._asleep.wait_for(self._waiting)
        return min(wake for wake, _ in self._waiting())

    async def until_next_wake(self) -> float:
        """Let time pass until the first sleeper wakes; returns the seconds that passed."""
        wake = await self.next_wake()
        passed = wake - self.now()
        self._clock.advance(timedelta(seconds=passed))
        for due, future in self._waiting():
            if due <= wake:
                future.set_result(None)
        return passed

    def _waiting(self) -> list[tuple[float, asyncio.Future[None]]]:
        self._sleepers = [(wake, future) for wake, future in self._sleepers if not future.done()]
        return self._sleepers


class Site:
    """The service, the people and the cameras of one story."""

    def __init__(
        self,
        house: MemoryHouse,
        people: TestClient[Any, Any],
        url: str,
        listener: CameraListener,
        presence: Presence,
        sealer: Sealer,
    ) -> None:
        self.house = house
        self.sealer = sealer
        self.url = url
        self.listener = listener
        self.presence = presence
        self.timer = StoryTimer(house.clock)
        self.people = people
        self.session = aiohttp.ClientSession()
        self._running: list[asyncio.Task[None]] = []

    def bearer(self, organisation: str = "org-a", **more: Any) -> dict[str, str]:
        """Headers of a person who is signed in. `more`: `role`, `user` and further claims."""
        token = self.house.keys.token(organisation=organisation, **more)
        return {"Authorization": f"Bearer {token}"}

    async def ask(
        self, method: str, path: str, body: Any = None, *, organisation: str = "org-a", **more: Any
    ) -> tuple[int, Any]:
        """One request of a person; status and decoded body."""
        status, _, answer = await self.ask_fully(method, path, body, organisation=organisation, **more)
        return status, answer

    async def ask_fully(
        self, method: str, path: str, body: Any = None, *, organisation: str = "org-a", **more: Any
    ) -> tuple[int, CIMultiDictProxy[str], Any]:
        """Status, headers and decoded body. `more`: `headers`, `params`, `role`, `user` and further claims;
        `data` instead of `body`: bytes as they are."""
        headers, params = more.pop("headers", {}), more.pop("params", None)
        sent = {"data": io.BytesIO(more.pop("data"))} if "data" in more else {"json": body}
        headers = {**self.bearer(organisation, **more), **headers}
        async with self.people.request(method, path, headers=headers, params=params, **sent) as answer:
            if not answer.content_length:
                return answer.status, answer.headers, None
            read = answer.json if "json" in answer.content_type else answer.read
            return answer.status, answer.headers, await read()

    async def ask_all(
        self, method: str, path: str, body: Any = None, **more: Any
    ) -> tuple[int, Any, Mapping[str, str]]:
        """Status, decoded body and headers."""
        status, headers, answer = await self.ask_fully(method, path, body, **more)
        return status, answer, headers

    async def claim(
        self, *, device: str = MAC, secret: str = SECRET, organisation: str = "org-a", name: str = "Gate"
    ) -> Any:
        body = {"device_id": device, "secret": secret, "name": name}
        status, claim = await self.ask("POST", "/api/v1/claims", body, organisation=organisation)
        assert status == 201, claim
        return claim

    def camera(self, device: str = MAC, secret: str = SECRET, **more: Any) -> Camera:
        """Switched on."""
        camera = Camera(Identity(device, secret), self.url, self.session, timer=self.timer, **more)
        self._running.append(asyncio.create_task(camera.run()))
        return camera

    async def poll(
        self, device: str = MAC, secret: str = SECRET, *, header: str | None = None, wait: int = 0
    ) -> tuple[int, dict[str, str], bytes]:
        """One request for a token, with a fresh nonce unless the header is given. `wait`: on the line."""
        self.house.clock.advance(timedelta(milliseconds=1))
        target = f"/camera/v1/devices/{device}/token"
        if header is None:
            digest = Digest(device, secret)
            async with self.session.get(self.url + target) as answer:
                digest.challenged(answer.headers["WWW-Authenticate"])
            header = digest.header("GET", target)
        assert header is not None
        headers = {"Authorization": header} | ({"Prefer": f"wait={wait}"} if wait else {})
        async with self.session.get(self.url + target, headers=headers) as answer:
            return answer.status, dict(answer.headers), await answer.read()

    async def connect(self, token: str, body: bytes = b"{}") -> tuple[int, Any]:
        headers = {"Authorization": f"Bearer {token}"}
        url = f"{self.url}/camera/v1/connection"
        async with self.session.put(url, data=body, headers=headers) as answer:
            return answer.status, await answer.json()

    async def close(self) -> None:
        for task in self._running:
            task.cancel()
        await asyncio.gather(*self._running, return_exceptions=True)
        await self.session.close()


def claim_service(parts: Parts) -> ClaimService:
    """Of another replica, of which only the claims matter."""
    clock, store, custody = parts.clock, InventoryStore(parts.database), CustodyStore(parts.database)
    transfers = TransferService(store, custody, clock, timedelta(days=7))
    tries = Tries(custody, clock, 1_000, 1_000)
    vault, room, known = Vault(parts.sealer), WaitingRoom(1_000), KnownDeviceIndex()
    places = Places(ItemStore(parts.database))
    return ClaimService(store, custody, transfers, vault, room, known, tries, places, clock)


def contest_service(parts: Parts) -> ContestService:
    """Of another replica."""
    clock, store, custody = parts.clock, InventoryStore(parts.database), CustodyStore(parts.database)
    transfers = TransferService(store, custody, clock, timedelta(days=7))
    return ContestService(store, custody, transfers, claim_service(parts), Vault(parts.sealer), clock)


def import_work(parts: Parts, imports: Imports | None = None) -> ImportWork:
    """Of another replica."""
    files, sealer = imports or ImportStore(parts.database), RowSealer(parts.sealer)
    store = InventoryStore(parts.database)
    return ImportWork(files, store, claim_service(parts), sealer, parts.clock)


@contextlib.asynccontextmanager
async def open_site(*, now: datetime | None = None, **more: Any) -> AsyncIterator[Site]:
    house = MemoryHouse(clock=FixedClock(now)) if now else MemoryHouse()
    told = settings(**more)
    sealers: list[Sealer] = []

    def put_together(parts: Parts) -> Assembly:
        sealers.append(parts.sealer)
        return assemble(parts, told)

    assembly = house.move_in("provisioning", put_together)
    parts = house.parts("provisioning")
    app = application(told.max_body_bytes)
    add_routes(app, assembly.routes, guard_of(parts))
    async with contextlib.AsyncExitStack() as stack:
        for part in assembly.background:
            await part.open()
            stack.push_async_callback(part.close)
        listener = next(part for part in assembly.background if isinstance(part, CameraListener))
        people = await stack.enter_async_context(TestClient(TestServer(app)))
        presence = next(part for part in assembly.background if isinstance(part, Presence))
        site = Site(house, people, listener.url, listener, presence, sealers[0])
        stack.push_async_callback(site.close)
        yield site
