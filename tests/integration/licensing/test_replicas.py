"""Two replicas of licensing on real MongoDB and RabbitMQ."""

import asyncio
import time
from datetime import datetime, timedelta

import pytest

from common.auth import Role
from common.clock import SystemClock
from common.contracts.identity import OrganisationCreated
from common.contracts.provisioning import CameraConnected, CameraRemoved
from common.ids import CameraId, OrganisationId
from integration.licensing.replicas import Replicas, replicas
from stories.licensing.plan_house import dearer

pytestmark = pytest.mark.servers
ORGANISATION = OrganisationId("org-a")
MONTH = int(timedelta(days=31).total_seconds())


def _created() -> OrganisationCreated:
    return OrganisationCreated(
        organisation=ORGANISATION,
        version=1,
        at=SystemClock().now(),
        name="Acme",
        kind="customer",
        time_zone="Europe/Prague",
        currency="EUR",
        language="en",
    )


def _connected(number: int) -> CameraConnected:
    return CameraConnected(
        organisation=ORGANISATION,
        version=2,
        at=SystemClock().now(),
        camera=CameraId(f"camera-{number:03}"),
        device=f"mac:{number:012x}",
        name="Gate",
        first=True,
    )


def _removed(number: int) -> CameraRemoved:
    return CameraRemoved(
        organisation=ORGANISATION,
        version=3,
        at=SystemClock().now(),
        camera=CameraId(f"camera-{number:03}"),
        device=f"mac:{number:012x}",
        name="Gate",
    )


async def _turn_clock(it: Replicas, seconds: int, *, replica: int = 0) -> None:
    await it.ask(
        "PUT",
        f"/test-clocks/{ORGANISATION}",
        {"ahead_seconds": seconds},
        replica=replica,
        role=Role.STAFF_ADMIN,
    )


@pytest.mark.parametrize("replica", [0, 1])
async def test_a_moved_clock_ends_the_trial_within_a_second_whichever_replica_was_asked(
    mongo_url: str, amqp_url: str, prefix: str, replica: int
) -> None:
    async with replicas(mongo_url, amqp_url, prefix) as it:
        await it.others.say([_created(), _connected(1)])
        await it.others.until_heard("demo", 1)
        await _turn_clock(it, MONTH, replica=replica)
        moved = time.monotonic()
        (active,) = await it.others.until_heard("active", 1)
        # One second is what is promised; the margin is for a crowded test machine.
        assert time.monotonic() - moved < 3
        assert active.since == active.trial_ends
        fees = await it.ask("GET", "/fees", replica=1 - replica)
        assert (fees["time_zone"], fees["currency"]) == ("Europe/Prague", "EUR")
        assert fees["total"]["seconds"] > 0
        await it.others.say([_removed(1)])
        (ended,) = await it.others.until_heard("ended", 1)
        fees = await it.ask("GET", "/fees")
        assert datetime.fromisoformat(fees["licences"][0]["ended_at"]) == ended.since
        assert fees["total"] == (await it.ask("GET", "/fees"))["total"]


async def test_every_camera_has_one_licence_however_often_it_is_told(
    mongo_url: str, amqp_url: str, prefix: str
) -> None:
    cameras = 60
    async with replicas(mongo_url, amqp_url, prefix) as it:
        connected = [_connected(number) for number in range(cameras)]
        removed = [_removed(number) for number in range(cameras // 2)]
        await it.others.say([_created(), *connected, *removed, *connected, *removed])
        await it.others.until_heard("demo", cameras)
        await it.others.until_heard("ended", cameras // 2)
        await _turn_clock(it, MONTH)
        await it.others.until_heard("active", cameras - cameras // 2)
        listed = (await it.ask("GET", "/licences?limit=200"))["items"]
        assert len(listed) == len({licence["camera"] for licence in listed}) == cameras
        states = sorted(licence["state"] for licence in listed)
        assert states == ["active"] * (cameras - cameras // 2) + ["ended"] * (cameras // 2)
        told = [(event.licence, event.version) for event in it.others.heard]
        # A published event may come twice; a licence's version is said of one fact only.
        assert len(set(told)) == 2 * cameras


async def test_in_production_there_are_no_test_clocks(mongo_url: str, amqp_url: str, prefix: str) -> None:
    async with replicas(mongo_url, amqp_url, prefix, count=1) as it:
        await it.others.say([_created(), _connected(1)])
        await it.others.until_heard("demo", 1)
        await _turn_clock(it, 3600)
    async with replicas(mongo_url, amqp_url, prefix, count=1, environment="production") as it:
        path = f"/test-clocks/{ORGANISATION}"
        await it.ask("GET", path, role=Role.STAFF_ADMIN, status=404)
        as_of = datetime.fromisoformat((await it.ask("GET", "/fees"))["as_of"])
        # Not even one that a developer has left behind in the database.
        assert as_of - SystemClock().now() < timedelta(minutes=5)


async def test_a_new_version_of_a_plan_is_known_to_every_replica_within_a_second(
    mongo_url: str, amqp_url: str, prefix: str
) -> None:
    async with replicas(mongo_url, amqp_url, prefix) as it:
        for number, (asked, other) in enumerate([(0, 1), (1, 0), (0, 1)]):
            body = dearer(100 + number)
            path = "/service-plans/standard/versions"
            began = time.monotonic()
            await it.ask(
                "POST",
                path,
                body,
                seen=number + 1,
                replica=asked,
                organisation="staff",
                role=Role.STAFF_ADMIN,
                status=201,
            )
            while await _price(it, other) != 600 + number:
                assert time.monotonic() - began < 1, "heard, not found by looking every minute"
                await asyncio.sleep(0.01)


async def _price(it: Replicas, replica: int) -> int:
    plans = (await it.ask("GET", "/plans", replica=replica))["plans"]
    return int(next(one for one in plans if one["name"] == "standard")["prices"]["EUR"])
