"""A server that stops talking is lost, within 90 seconds and by the index of due moments."""

from datetime import timedelta

from common.contracts.relay import ServerStatusChanged
from common.ids import OrganisationId
from common.testing import MemoryHouse
from relay.domain.servers import LOST_AFTER
from relay.service.servers import Servers
from relay.store import INDEXES, MongoServerStore


async def test_silence_is_noticed_and_one_heartbeat_mends_it() -> None:
    house = MemoryHouse()
    parts = house.parts("relay")
    house.databases["relay"].indexes.extend(INDEXES)
    servers = Servers(MongoServerStore(parts.database), parts.clock)
    assert await servers.next_due() is None
    server, credential = await servers.register(OrganisationId("org-a"), "Gate", "6.8")
    await servers.heartbeat(server.id, credential, "6.8")
    assert await servers.next_due() == house.clock.now() + LOST_AFTER

    house.clock.advance(LOST_AFTER - timedelta(seconds=1))
    await servers.note_silent()
    house.clock.advance(timedelta(seconds=1))
    await servers.note_silent()
    await servers.note_silent()
    assert await servers.next_due() is None
    await servers.heartbeat(server.id, credential, "6.8")
    said = [event.status for event in house.bus.said(ServerStatusChanged)]
    assert said == ["registered", "green", "lost", "green"]
