"""Many claims at once, made by clients and cameras that do not give up; and the count afterwards."""

import asyncio
import contextlib
import random
import time
import uuid
from collections import Counter
from collections.abc import AsyncIterator
from dataclasses import dataclass, field

import aiohttp

from customers import Customer
from device.camera import Camera
from device.fleet import fleet
from device.identity import Identity

SIDE_BY_SIDE = 16
PRESSED_EVERY = 3.0
"""Seconds before somebody presses the button of a camera that did not connect yet."""
TRY_AGAIN = {"request_in_progress", "timeout"}


@dataclass
class Rush:
    """`count` cameras, switched on; each is claimed by a client that repeats its request until answered."""

    customer: Customer
    cameras: list[Camera]
    accepted: dict[str, str] = field(default_factory=dict)
    """Canonical device id -> camera id, for every claim that was answered 201."""
    troubles: Counter[str] = field(default_factory=Counter)
    """What the clients met on the way and repeated their requests for."""
    _progress: asyncio.Condition = field(default_factory=asyncio.Condition)

    async def claim_all(self) -> None:
        waiting = list(self.cameras)
        async with asyncio.TaskGroup() as group:
            for _ in range(SIDE_BY_SIDE):
                group.create_task(self._claim_one_after_the_other(waiting))

    async def until_accepted(self, count: int) -> None:
        async with self._progress:
            await self._progress.wait_for(lambda: len(self.accepted) >= count)

    async def until_connected(self, within: float) -> None:
        """Wait for every claimed camera; people press the buttons of those that wait for their next try."""
        async with asyncio.timeout(within):
            while late := [camera for camera in self.cameras if camera.state != "connected"]:
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout(PRESSED_EVERY):
                        await asyncio.gather(*(camera.until("connected") for camera in late))
                for camera in late:
                    if camera.next_request is not None:
                        camera.press_button()

    async def _claim_one_after_the_other(self, waiting: list[Camera]) -> None:
        while waiting:
            camera = waiting.pop()
            self.accepted[camera.identity.canonical] = await self.claim(camera.identity)
            camera.press_button()
            async with self._progress:
                self._progress.notify_all()

    async def claim(self, identity: Identity) -> str:
        """The new camera's id; asks until it is answered."""
        body = {"device_id": identity.id, "secret": identity.secret}
        key = uuid.uuid4().hex
        while True:
            try:
                reply = await self.customer.ask("POST", "/api/v1/claims", body, Idempotency_Key=key)
            except (aiohttp.ClientError, TimeoutError) as error:
                self.troubles[type(error).__name__] += 1
            else:
                if reply.status == 201:
                    return str(reply.body["camera"])
                self.troubles[f"{reply.status} {reply.code}"] += 1
                if reply.code == "outcome_unknown":
                    return await self._claimed_already(identity)
                again = reply.status in (429, 502, 503, 504) or reply.code in TRY_AGAIN
                assert again, (reply.status, reply.body)
            await asyncio.sleep(0.2 + random.random() * 0.3)  # as a polite client waits

    async def _claimed_already(self, identity: Identity) -> str:
        """What the answer advises: look at the list."""
        claims = await self.customer.every("/api/v1/claims")
        return next(str(claim["camera"]) for claim in claims if claim["device"] == identity.canonical)


@contextlib.asynccontextmanager
async def rush(customer: Customer, count: int) -> AsyncIterator[Rush]:
    """Cameras that ask in vain until somebody claims them."""
    batch = uuid.uuid4().hex[:8]
    identities = [Identity(f"{batch}{number:04x}", uuid.uuid4().hex) for number in range(count)]
    async with fleet(identities, customer.suite.camera_url) as together:
        yield Rush(customer, together.cameras)


async def reconciled(rush: Rush, within: float) -> float:
    """Both sides agree: a camera for each claim, one licence for each camera, and each knows of the other.

    Returns the seconds it took. AssertionError with the difference when they still disagree after `within`.
    """
    began = time.monotonic()
    while difference := await _difference(rush):
        assert time.monotonic() - began < within, difference
        await asyncio.sleep(0.25)
    return time.monotonic() - began


async def _difference(rush: Rush) -> list[str]:
    try:
        cameras = await rush.customer.every("/api/v1/cameras")
        licences = await rush.customer.every("/api/v1/licences")
        claims = await rush.customer.every("/api/v1/claims")
    except (aiohttp.ClientError, TimeoutError, AssertionError) as error:
        return [f"cannot look: {error!r}"]
    known = {camera["id"]: camera for camera in cameras}
    licensed = Counter(licence["camera"] for licence in licences)
    accepted = set(rush.accepted.values())
    return [
        *(f"accepted, but there is no camera {one}" for one in accepted - known.keys()),
        *(f"a camera that nobody was told of: {one}" for one in known.keys() - accepted),
        *(f"camera {one} is not connected" for one in known if known[one]["connection"]["state"] != "online"),
        *(f"camera {one} has {licensed[one]} licences" for one in known if licensed[one] != 1),
        *(f"a licence without camera {one}" for one in licensed.keys() - known.keys()),
        *(f"camera {one} does not show its licence" for one in known if known[one]["licence"] is None),
        *(f"claim {one['id']} is {one['state']}" for one in claims if one["state"] != "connected"),
    ]
