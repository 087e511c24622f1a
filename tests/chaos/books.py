"""What must be empty when everything was handled: outboxes, queues, dead-letter queues."""

import asyncio
import time
from typing import Any

import aio_pika
from pymongo import AsyncMongoClient

from common.bus import Topology
from devstack.suite import Suite
from live_suite import RETRY_DELAYS_MS

SPEAKERS = ("identity", "provisioning", "licensing", "relay")
LISTENERS = ("provisioning", "licensing", "relay")


async def settled(suite: Suite, within: float) -> None:
    """Wait until nothing is under way. AssertionError with what remained after `within` seconds."""
    began = time.monotonic()
    while remains := {**await outboxes(suite), **await queues(suite)}:
        assert time.monotonic() - began < within, f"still under way: {remains}"
        await asyncio.sleep(0.25)


async def outboxes(suite: Suite) -> dict[str, int]:
    """Service -> events stored and not forgotten yet, where there are any."""
    client: AsyncMongoClient[dict[str, Any]] = AsyncMongoClient(suite.mongo.url)
    try:
        counts = {name: await client[f"vedette_{name}"]["outbox"].count_documents({}) for name in SPEAKERS}
    finally:
        await client.close()
    return {f"outbox of {name}": count for name, count in counts.items() if count}


async def queues(suite: Suite) -> dict[str, int]:
    """Queue -> messages in it that are ready, where there are any; dead-letter queues included."""
    depths: dict[str, int] = {}
    connection = await aio_pika.connect(suite.rabbit.url)
    async with connection:
        channel = await connection.channel()
        for service in LISTENERS:
            topology = Topology("vedette", service)
            retries = [topology.retry(delay) for delay in RETRY_DELAYS_MS]
            for name in (topology.queue, topology.dead, *retries):
                queue = await channel.declare_queue(name, passive=True)
                depths[name] = queue.declaration_result.message_count or 0
    return {name: depth for name, depth in depths.items() if depth}
