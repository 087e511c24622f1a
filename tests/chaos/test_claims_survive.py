"""500 claims while something dies in their midst (`make chaos`): nothing lost, nothing done twice."""

import asyncio
import time
from collections.abc import Awaitable, Callable

import pytest

from chaos.books import settled
from chaos.rush import reconciled, rush
from customers import Customer
from devstack.suite import Suite

pytestmark = [pytest.mark.servers, pytest.mark.chaos, pytest.mark.asyncio(loop_scope="session")]
CLAIMS = 500
RECONCILED_WITHIN = 60.0
Fault = Callable[[Suite], Awaitable[None]]


def killed(service: str) -> Fault:
    async def fault(suite: Suite) -> None:
        await suite.kill(service)
        await suite.start(service)

    return fault


async def rabbitmq_stopped(suite: Suite) -> None:
    await suite.rabbit.stop()
    await suite.rabbit.start()


async def rabbitmq_killed(suite: Suite) -> None:
    await suite.rabbit.kill()
    await suite.rabbit.start()


async def mongod_killed(suite: Suite) -> None:
    await suite.mongo.kill()
    await suite.mongo.start()


FAULTS = {
    **{
        f"{service} is killed": killed(service)
        for service in ("identity", "provisioning", "licensing", "relay", "gateway")
    },
    "RabbitMQ is stopped": rabbitmq_stopped,
    "RabbitMQ is killed": rabbitmq_killed,
    "mongod is killed": mongod_killed,
}


@pytest.mark.parametrize("fault", FAULTS.values(), ids=FAULTS)
async def test_every_accepted_claim_has_exactly_one_licence_though(suite: Suite, fault: Fault) -> None:
    began = time.monotonic()
    async with await Customer.new(suite) as customer, rush(customer, CLAIMS) as under_way:
        async with asyncio.TaskGroup() as group:
            group.create_task(under_way.claim_all())
            await under_way.until_accepted(CLAIMS // 3)
            await fault(suite)
        claimed = time.monotonic() - began
        await under_way.until_connected(within=90)
        connected = time.monotonic() - began
        await reconciled(under_way, RECONCILED_WITHIN)
        await settled(suite, RECONCILED_WITHIN)
    print(
        f"{CLAIMS} claims answered after {claimed:.1f} s, cameras connected after {connected:.1f} s, "
        f"books agree after {time.monotonic() - began:.1f} s; repeated because of {dict(under_way.troubles)}"
    )
