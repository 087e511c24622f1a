"""1,000 claims and 100 cameras that change hands while something dies in their midst (`make chaos`): afterwards
every camera has one owner, one good token and one licence, and both organisations know the same of it."""

import asyncio
import contextlib
import time
from collections import Counter
from typing import Any

import aiohttp
import pytest
from pymongo import AsyncMongoClient

from chaos.books import settled
from chaos.rush import Rush, rush
from chaos.test_claims_survive import Fault, killed, mongod_killed, rabbitmq_killed
from customers import Customer
from device.camera import Camera
from devstack.suite import Suite

pytestmark = [pytest.mark.servers, pytest.mark.chaos, pytest.mark.asyncio(loop_scope="session")]
CLAIMS, TRANSFERS = 1_000, 100
SIDE_BY_SIDE = 8
PATIENCE = 5.0
"""Seconds before the new owner resets a camera once more."""
WITHIN = 120.0
FAULTS = {
    "provisioning is killed": killed("provisioning"),
    "RabbitMQ is killed": rabbitmq_killed,
    "mongod is killed": mongod_killed,
}


async def sold(camera: Camera, buyer: Rush, *, claim_first: bool) -> None:
    """Added in the new account and reset, in either order; whoever did that does not give up."""
    device = camera.identity.canonical
    if claim_first:
        buyer.accepted[device] = await buyer.claim(camera.identity)
    token = camera.token
    camera.reset()
    if not claim_first:
        await camera.when(lambda: camera.state == "connected" and camera.token not in (None, token))
        buyer.accepted[device] = await buyer.claim(camera.identity)
    camera.press_button()
    while not arrived(camera, buyer):
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(PATIENCE):
                await camera.when(lambda: arrived(camera, buyer))
                return
        if camera.state in ("connected", "refused"):
            camera.reset()
        else:
            camera.press_button()


def arrived(camera: Camera, buyer: Rush) -> bool:
    mine = buyer.accepted[camera.identity.canonical]
    return camera.state == "connected" and camera.token is not None and camera.token.camera == mine


async def all_sold(cameras: list[Camera], buyer: Rush, done: Counter[str]) -> None:
    waiting = list(enumerate(cameras))

    async def one_after_the_other() -> None:
        while waiting:
            number, camera = waiting.pop()
            await sold(camera, buyer, claim_first=number % 2 == 0)
            done["sold"] += 1

    async with asyncio.TaskGroup() as group:
        for _ in range(SIDE_BY_SIDE):
            group.create_task(one_after_the_other())


async def difference(seller: Rush, buyer: Rush) -> list[str]:
    """What the two sides, their licences and the tokens do not agree on."""
    try:
        moved = {camera["device"] for camera in await buyer.customer.every("/api/v1/cameras")}
        return [
            *await disagreements("seller", seller, set(seller.accepted) - set(buyer.accepted)),
            *await disagreements("buyer", buyer, set(buyer.accepted)),
            *[f"moved, but not here: {device}" for device in set(buyer.accepted) - moved],
            *await transfers_told(seller.customer, "away", buyer),
            *await transfers_told(buyer.customer, "here", buyer),
        ]
    except (aiohttp.ClientError, TimeoutError, AssertionError) as error:
        return [f"cannot look: {error!r}"]


async def disagreements(name: str, side: Rush, devices: set[str]) -> list[str]:
    cameras = {camera["id"]: camera for camera in await side.customer.every("/api/v1/cameras")}
    licences = [one for one in await side.customer.every("/api/v1/licences") if one["state"] != "ended"]
    licensed = Counter(licence["camera"] for licence in licences)
    owned = Counter(camera["device"] for camera in cameras.values())
    return [
        *(f"{name} has {device} {owned[device]} times" for device in devices if owned[device] != 1),
        *(f"{name} still has {device}" for device in owned.keys() - devices),
        *(f"{name}: {one} has {licensed[one]} licences" for one in cameras if licensed[one] != 1),
        *(f"{name}: a licence without camera {one}" for one in licensed.keys() - cameras.keys()),
        *(f"{name}: {one} does not show its licence" for one in cameras if cameras[one]["licence"] is None),
    ]


async def transfers_told(customer: Customer, direction: str, buyer: Rush) -> list[str]:
    told = Counter(one["device"] for one in await customer.every("/api/v1/camera-transfers"))
    return [
        f"{direction}: {device} was moved {told[device]} times"
        for device in buyer.accepted
        if told[device] != 1
    ]


async def tokens_of(suite: Suite, devices: set[str]) -> Counter[str]:
    """Device -> good tokens, as the database knows them."""
    client: AsyncMongoClient[dict[str, Any]] = AsyncMongoClient(suite.mongo.url)
    async with client:
        items = client["vedette_provisioning"]["items"]
        rows = await items.find({"device": {"$in": list(devices)}, "token_hash": {"$exists": True}}).to_list()
    return Counter(row["device"] for row in rows)


@pytest.mark.parametrize("fault", FAULTS.values(), ids=FAULTS)
async def test_every_camera_has_one_owner_and_one_token_though(suite: Suite, fault: Fault) -> None:
    began = time.monotonic()
    async with contextlib.AsyncExitStack() as stack:
        seller, buyer = [await stack.enter_async_context(await Customer.new(suite)) for _ in range(2)]
        stock, claims = [
            await stack.enter_async_context(rush(seller, count)) for count in (TRANSFERS, CLAIMS - TRANSFERS)
        ]
        await stock.claim_all()
        await stock.until_connected(within=WITHIN)
        bought, done = Rush(buyer, stock.cameras), Counter[str]()
        async with asyncio.TaskGroup() as group:
            group.create_task(claims.claim_all())
            group.create_task(all_sold(stock.cameras, bought, done))
            await claims.until_accepted(CLAIMS // 3)
            sold_before = done["sold"]
            await fault(suite)
        await claims.until_connected(within=WITHIN)
        quiet = time.monotonic() - began
        everything = Rush(seller, [], stock.accepted | claims.accepted)
        while wrong := await difference(everything, bought):
            assert time.monotonic() - began < quiet + WITHIN, wrong
            await asyncio.sleep(0.5)
        await settled(suite, WITHIN)
        tokens = await tokens_of(suite, set(everything.accepted))
        assert {device: tokens[device] for device in everything.accepted if tokens[device] != 1} == {}
    print(
        f"{CLAIMS} claims and {TRANSFERS} moves ({sold_before} before the fault) after {quiet:.1f} s, books agree "
        f"after {time.monotonic() - began:.1f} s; repeated because of {dict(claims.troubles + bought.troubles)}"
    )
