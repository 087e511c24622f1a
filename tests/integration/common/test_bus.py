"""Events on a real RabbitMQ: delivered, in order per aggregate, retried, parked, replayed."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from datetime import UTC, datetime

import aio_pika
import pytest

from common.bus import Bus, Topology
from common.contracts.provisioning import CameraRenamed
from common.dlq import DeadLetters
from common.envelope import Envelope
from common.errors import Unavailable
from common.ids import CameraId, OrganisationId


def renamed(camera: str, version: int = 1, name: str = "door") -> Envelope:
    event = CameraRenamed(
        organisation=OrganisationId("org-a"),
        version=version,
        at=datetime.now(UTC),
        camera=CameraId(camera),
        name=name,
    )
    return Envelope(event)


class Heard:
    """Collects what a handler was given; lets a test wait for it."""

    def __init__(self) -> None:
        self.events: list[CameraRenamed] = []
        self._more = asyncio.Condition()

    async def __call__(self, event: CameraRenamed) -> None:
        async with self._more:
            self.events.append(event)
            self._more.notify_all()

    async def wait(self, count: int, timeout: float = 20) -> None:
        async with asyncio.timeout(timeout), self._more:
            await self._more.wait_for(lambda: len(self.events) >= count)


@pytest.fixture
async def topology(prefix: str, amqp_url: str) -> AsyncIterator[Topology]:
    topology = Topology(prefix, "licensing", (50, 100))
    yield topology
    connection = await aio_pika.connect(amqp_url)
    channel = await connection.channel()
    for queue in (topology.queue, topology.dead, topology.retry(50), topology.retry(100)):
        await channel.queue_delete(queue)
    await channel.exchange_delete(topology.exchange)
    await connection.close()


async def opened(amqp_url: str, topology: Topology, handler: object) -> Bus:
    bus = Bus(amqp_url, topology)
    bus.listen({CameraRenamed.wire: handler})  # type: ignore[dict-item]
    await bus.open()
    await bus.wait_connected()
    return bus


async def test_events_of_one_aggregate_are_handled_in_order(amqp_url: str, topology: Topology) -> None:
    heard = Heard()
    bus = await opened(amqp_url, topology, heard)
    await bus.publish([renamed(f"cam{n % 7}", version=n) for n in range(1, 201)])
    await heard.wait(200)
    for camera in {event.camera for event in heard.events}:
        versions = [event.version for event in heard.events if event.camera == camera]
        assert versions == sorted(versions)
    await bus.close()


async def test_a_failing_event_is_retried_and_then_parked_with_its_reason(
    amqp_url: str, topology: Topology
) -> None:
    heard = Heard()
    tries = 0

    async def handle(event: CameraRenamed) -> None:
        nonlocal tries
        if event.camera == "poison":
            tries += 1
            raise ValueError("this one never works")
        await heard(event)

    bus = await opened(amqp_url, topology, handle)
    await bus.publish([renamed("poison"), renamed("fine"), renamed("fine", version=2)])
    await heard.wait(2)
    letters = DeadLetters(amqp_url, topology)
    async with asyncio.timeout(20):
        while not (parked := await letters.look()):
            await asyncio.sleep(0.05)
    assert tries == 3
    assert parked[0].subject == "poison"
    assert "this one never works" in parked[0].reason
    await bus.close()


async def test_a_fact_told_before_its_reader_ever_started_waits_for_it(
    amqp_url: str, topology: Topology
) -> None:
    readers = {topology.service: [CameraRenamed.wire]}
    speaker = Bus(amqp_url, Topology(topology.prefix, "provisioning"), readers=readers)
    await speaker.open()
    await speaker.publish([renamed("cam1")])
    await speaker.close()
    heard = Heard()
    bus = await opened(amqp_url, topology, heard)
    await heard.wait(1)
    await bus.close()


async def test_a_reader_whose_queue_was_taken_away_declares_it_anew(
    amqp_url: str, topology: Topology
) -> None:
    heard = Heard()
    bus = await opened(amqp_url, topology, heard)
    async with await aio_pika.connect(amqp_url) as connection:
        channel = await connection.channel()
        await channel.queue_delete(topology.queue)
        async with asyncio.timeout(20):
            while bus.connected:
                await asyncio.sleep(0.01)
        await bus.wait_connected()
    await bus.publish([renamed("cam1")])
    await heard.wait(1)
    await bus.close()


async def test_what_cannot_be_parsed_is_parked_and_the_rest_goes_on(
    amqp_url: str, topology: Topology
) -> None:
    heard = Heard()
    bus = await opened(amqp_url, topology, heard)
    connection = await aio_pika.connect(amqp_url)
    channel = await connection.channel()
    exchange = await channel.get_exchange(topology.exchange)
    await exchange.publish(aio_pika.Message(b"\xff{not json"), routing_key=CameraRenamed.wire)
    await connection.close()
    await bus.publish([renamed("fine")])
    await heard.wait(1)
    letters = DeadLetters(amqp_url, topology)
    async with asyncio.timeout(20):
        while not (parked := await letters.look()):
            await asyncio.sleep(0.05)
    assert "UnknownEvent" in parked[0].reason
    await bus.close()


async def test_a_replayed_letter_is_handled_when_the_cause_is_gone(amqp_url: str, topology: Topology) -> None:
    heard = Heard()
    broken = True

    async def handle(event: CameraRenamed) -> None:
        if broken:
            raise ValueError("not yet")
        await heard(event)

    bus = await opened(amqp_url, topology, handle)
    await bus.publish([renamed("cam1")])
    letters = DeadLetters(amqp_url, topology)
    async with asyncio.timeout(20):
        while not await letters.look():
            await asyncio.sleep(0.05)
    broken = False
    assert await letters.replay() == 1
    await heard.wait(1)
    assert await letters.look() == []
    await bus.close()


async def test_a_missing_dependency_is_waited_for_and_never_parks_an_event(
    amqp_url: str, topology: Topology
) -> None:
    heard = Heard()
    tries = 0

    async def handle(event: CameraRenamed) -> None:
        nonlocal tries
        tries += 1
        if tries < 6:  # more tries than the law allows a failing event
            raise Unavailable("database_unavailable", "away")
        await heard(event)

    bus = await opened(amqp_url, topology, handle)
    await bus.publish([renamed("cam1")])
    await heard.wait(1)
    assert await DeadLetters(amqp_url, topology).look() == []
    await bus.close()


async def test_stopping_finishes_what_is_in_hand(amqp_url: str, topology: Topology) -> None:
    begun, finish, done = asyncio.Event(), asyncio.Event(), []

    async def handle(event: CameraRenamed) -> None:
        begun.set()
        await finish.wait()
        done.append(event)

    bus = await opened(amqp_url, topology, handle)
    await bus.publish([renamed("cam1")])
    await asyncio.wait_for(begun.wait(), 10)
    stopping = asyncio.create_task(bus.stop_consuming(10))
    await asyncio.sleep(0)
    finish.set()
    await stopping
    assert len(done) == 1
    await bus.close()


async def test_a_process_that_stops_while_it_connects_stops(amqp_url: str, topology: Topology) -> None:
    """The driver may swallow the cancellation of a declaration; a connection then stood for ever."""
    connecting = asyncio.Event()

    async def swallows(*_: object) -> None:
        connecting.set()
        with contextlib.suppress(asyncio.CancelledError):
            await asyncio.sleep(60)

    bus = Bus(amqp_url, topology)
    bus.setups.append(swallows)
    await bus.open()
    await connecting.wait()
    async with asyncio.timeout(20):
        await bus.close()
