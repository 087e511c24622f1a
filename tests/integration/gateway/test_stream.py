"""The event stream on a real RabbitMQ: every replica hears everything, also what it was away for."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime

import pytest

from common.auth import Actor, Revocations, Role
from common.bus import Bus, Topology
from common.contracts.identity import SessionRevoked
from common.contracts.provisioning import CameraRenamed
from common.envelope import Envelope
from common.ids import CameraId, OrganisationId, SessionId, UserId
from common.rights import rights_stream
from gateway.consumers import event_stream
from gateway.domain.happenings import Window
from gateway.service.feed import Feed, Listener

pytestmark = pytest.mark.servers
ORGANISATION = OrganisationId("org-a")
ACTOR = Actor(UserId("u"), ORGANISATION, Role.ADMIN, SessionId("s"), 2**33)


def renamed(name: str) -> Envelope:
    event = CameraRenamed(
        organisation=ORGANISATION, version=1, at=datetime.now(UTC), camera=CameraId("c"), name=name
    )
    return Envelope(event, id=f"id-{name}")


def revoked(session: str) -> Envelope:
    return Envelope(
        SessionRevoked(
            organisation=ORGANISATION,
            version=1,
            at=datetime.now(UTC),
            session=SessionId(session),
            user=UserId("u"),
            reason="logout",
        )
    )


class Replica:
    def __init__(self, bus: Bus, name: str) -> None:
        self.bus = bus
        self.revocations = Revocations()
        self.feed = Feed(Window())
        self.stream = event_stream(name, self.feed)
        bus.setups.append(self.stream.set_up)
        bus.setups.append(rights_stream(name, self.revocations).set_up)


@asynccontextmanager
async def replica(amqp_url: str, prefix: str) -> AsyncIterator[Replica]:
    topology = Topology(prefix, "gateway")
    one = Replica(Bus(amqp_url, topology), f"{topology.queue}.stream")
    await one.bus.open()
    await one.bus.wait_connected()
    try:
        yield one
    finally:
        await one.bus.close()


async def hear(listener: Listener, last: str) -> str:
    text = b""
    async with asyncio.timeout(20):
        while last.encode() not in text:
            text += b"".join(one.frame for one in await listener.news(1))
    return text.decode()


async def test_every_replica_hears_every_event(amqp_url: str, prefix: str) -> None:
    async with replica(amqp_url, prefix) as one, replica(amqp_url, prefix) as two:
        with one.feed.listen(ACTOR, None) as (left, _), two.feed.listen(ACTOR, None) as (right, _):
            await one.bus.publish([renamed("a"), renamed("b")])
            assert "id-a" in await hear(left, "id-b")
            assert "id-a" in await hear(right, "id-b")


async def test_a_replica_that_starts_later_knows_what_happened_before(amqp_url: str, prefix: str) -> None:
    async with replica(amqp_url, prefix) as one:
        await one.bus.publish([revoked("gone"), renamed("a"), renamed("b")])
    async with replica(amqp_url, prefix) as late:
        with late.feed.listen(ACTOR, None) as (listener, _):
            await late.bus.publish([renamed("c")])
            await hear(listener, "id-c")
        with late.feed.listen(ACTOR, "id-a") as (listener, complete):
            assert complete
            text = await hear(listener, "id-c")
            assert "id-a" not in text
            assert "id-b" in text
        assert "gone" in late.revocations


async def test_a_lost_connection_loses_no_event_and_repeats_none(amqp_url: str, prefix: str) -> None:
    async with replica(amqp_url, prefix) as one, replica(amqp_url, prefix) as other:
        with one.feed.listen(ACTOR, None) as (listener, _):
            await one.bus.publish([renamed("a")])
            await hear(listener, "id-a")
            await one.bus.close()
            await other.bus.publish([renamed("b")])
            await one.bus.open()
            await other.bus.publish([renamed("c")])
            text = await hear(listener, "id-c")
            assert "id-a" not in text
            assert text.count("id: id-b") == 1
