"""Something dies or is stopped while people work: nothing is lost, nothing is done twice, and the rest works.

The long form, 500 claims for each fault, is `make chaos`.
"""

import asyncio
import os
import sys
import uuid
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import aio_pika
import aiohttp

from chaos.books import outboxes, settled
from chaos.rush import Rush, reconciled, rush
from common.bus import Topology
from customers import Customer
from devstack.roster import SERVICES
from devstack.suite import Suite

READY_WITHIN = 30.0


async def missing(suite: Suite, service: str) -> dict[str, str]:
    """What a service says it waits for."""
    async with aiohttp.ClientSession() as session, session.get(f"{suite.url(service)}/ready") as answer:
        said = await answer.json()
        assert (answer.status == 503) == (said["status"] == "missing")
        return dict(said["missing"])


async def until_ready(suite: Suite) -> None:
    async with asyncio.timeout(READY_WITHIN):
        for service in SERVICES:
            while await missing(suite, service):
                await asyncio.sleep(0.1)


@asynccontextmanager
async def mended(suite: Suite) -> AsyncIterator[None]:
    """Whatever the block broke and a failure left broken is whole again for the tests that follow."""
    try:
        yield
    finally:
        if not await _broker_answers(suite):
            await suite.rabbit.start()
        dead = [service for service in SERVICES if suite.pid(service) is None]
        await asyncio.gather(*(suite.start(service) for service in dead))
        await until_ready(suite)


async def _broker_answers(suite: Suite) -> bool:
    try:
        await (await aio_pika.connect(suite.rabbit.url)).close()
    except (aio_pika.exceptions.AMQPError, OSError):
        return False
    return True


@asynccontextmanager
async def under_way(customer: Customer, count: int) -> AsyncIterator[Rush]:
    """A rush; after the block every claim is answered, every camera connected, and the books agree."""
    async with rush(customer, count) as claims:
        async with asyncio.TaskGroup() as group:
            group.create_task(claims.claim_all())
            yield claims
        await claims.until_connected(within=60)
        await reconciled(claims, within=60)
        await settled(customer.suite, within=60)


async def test_claims_survive_the_death_of_services_and_the_stop_of_the_broker(suite: Suite) -> None:
    async with (
        mended(suite),
        await Customer.new(suite) as customer,
        under_way(customer, 60) as claims,
    ):
        await claims.until_accepted(10)
        await suite.kill("licensing")
        await claims.until_accepted(20)
        await suite.kill("provisioning")
        await asyncio.gather(suite.start("provisioning"), suite.start("licensing"))
        await claims.until_accepted(35)
        await suite.rabbit.stop()
        for service in SERVICES:
            assert (await missing(suite, service)).keys() == {"rabbitmq"}
        await claims.until_accepted(50)  # what waits for the broker is kept meanwhile
        await suite.rabbit.start()
        await until_ready(suite)


async def test_a_service_that_is_stopped_finishes_what_it_has_in_hand(suite: Suite) -> None:
    async with (
        mended(suite),
        await Customer.new(suite) as customer,
        under_way(customer, 60) as claims,
    ):
        await claims.until_accepted(20)
        await suite.stop("provisioning")
        # The others go on, so theirs may hold something at any moment.
        assert "outbox of provisioning" not in await outboxes(suite)
        await suite.start("provisioning")
    # Nothing was broken off: whatever was refused had not begun.
    assert all(trouble.startswith("503") for trouble in claims.troubles), claims.troubles


async def test_a_service_that_is_down_says_so_at_the_gateway_and_the_rest_works(
    suite: Suite, customer: Customer
) -> None:
    async with mended(suite):
        await suite.kill("licensing")
        down = await customer.ask("GET", "/api/v1/licences")
        assert (down.status, down.code, down.body["service"]) == (503, "service_unavailable", "licensing")
        assert down.headers["Content-Type"].startswith("application/problem+json")
        assert "Retry-After" in down.headers
        for path in ("/api/v1/me", "/api/v1/cameras", "/api/v1/servers", "/api/v1/openapi.json"):
            assert (await customer.ask("GET", path)).status == 200
    assert (await customer.ask("GET", "/api/v1/licences")).status == 200


async def test_a_poisoned_event_is_parked_shown_and_replayed_by_the_operators_tool(suite: Suite) -> None:
    topology, poison = Topology("vedette", "licensing"), uuid.uuid4().hex
    async with await aio_pika.connect(suite.rabbit.url) as connection:
        channel = await connection.channel()
        exchange = await channel.get_exchange(topology.exchange)
        headers = {"cloudEvents_type": "provisioning.camera_connected.v1", "cloudEvents_id": poison}
        message = aio_pika.Message(b'{"camera": 1}', headers=dict(headers), message_id=poison)
        await exchange.publish(message, routing_key=headers["cloudEvents_type"])
        async with await Customer.new(suite) as customer, rush(customer, 3) as behind:
            await behind.claim_all()
            await behind.until_connected(within=30)
            await reconciled(behind, within=30)  # the events behind it were handled
        dead = await channel.declare_queue(topology.dead, passive=True)
        async with asyncio.timeout(30):
            while not (await dead.declare()).message_count:
                await asyncio.sleep(0.1)
        listed = await dlq(suite, "list", "licensing")
        assert "camera_connected" in listed
        shown = await dlq(suite, "show", "licensing", poison)
        assert "ValidationError" in shown
        assert '"camera": 1' in shown
        assert "Replayed 1 event(s)" in await dlq(suite, "replay", "licensing", poison)
        async with asyncio.timeout(30):  # it is as poisonous as before: parked again, perhaps already
            while not (await dead.declare()).message_count:
                await asyncio.sleep(0.1)
        # Moved and not copied; and taken away for good.
        assert (await dead.purge()).message_count == 1


async def dlq(suite: Suite, *arguments: str) -> str:
    """What `python -m common.dlq` prints."""
    environment = {**os.environ, "VEDETTE_AMQP_URL": suite.rabbit.url, "COLUMNS": "200"}
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "common.dlq", *arguments, env=environment, stdout=asyncio.subprocess.PIPE
    )
    output, _ = await process.communicate()
    assert process.returncode == 0, output
    return output.decode()
