"""A camera that stops calling is offline, and online when it calls again: told once each, by whichever replica."""

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from common.contracts.provisioning import PresenceChanged
from common.errors import Unavailable
from common.ids import CameraId, OrganisationId
from common.testing import FixedClock, MemoryBus, MemoryDatabase
from provisioning.domain.presence import CameraPresence
from provisioning.service import Absence, Presence
from provisioning.store import PresenceStore
from provisioning_site import Site, open_site

HEARTBEAT = timedelta(minutes=1)
SILENT = HEARTBEAT * 5
ORGANISATION = OrganisationId("org-a")


@pytest.fixture
async def site() -> AsyncIterator[Site]:
    async with open_site() as opened:
        yield opened


def absence(site: Site) -> Absence:
    store = PresenceStore(site.house.databases["provisioning"])
    return Absence(store, site.presence, site.house.clock)


def told(bus: MemoryBus) -> list[bool]:
    return [event.online for event in bus.said(PresenceChanged)]


async def test_a_camera_that_connects_is_online_and_offline_after_five_heartbeats_of_silence(
    site: Site,
) -> None:
    claim = await site.claim()
    camera = site.camera()
    await camera.until("connected")
    await site.presence.flush()
    assert told(site.house.bus) == [True]
    watch = absence(site)
    assert await watch.next_due() == site.house.clock.now() + SILENT + timedelta(milliseconds=1)
    site.house.clock.advance(SILENT)
    await watch.work()
    assert told(site.house.bus) == [True], "not yet"
    site.house.clock.advance(timedelta(milliseconds=1))
    await watch.work()
    await watch.work()
    assert told(site.house.bus) == [True, False]
    assert await watch.next_due() is None
    event = site.house.bus.said(PresenceChanged)[-1]
    assert (event.camera, event.organisation) == (claim["camera"], "org-a")
    assert event.last_seen < event.at
    _, seen = await site.ask("GET", f"/api/v1/cameras/{claim['camera']}")
    assert seen["connection"]["state"] == "offline"

    assert camera.token is not None
    assert (await site.connect(camera.token.access_token))[0] == 200
    await site.presence.flush()
    assert told(site.house.bus) == [True, False, True]


async def test_heartbeats_say_nothing_new(site: Site) -> None:
    await site.claim()
    camera = site.camera()
    await camera.until("connected")
    assert camera.token is not None
    watch = absence(site)
    for _ in range(30):
        await site.connect(camera.token.access_token)
        await site.presence.flush()
        await watch.work()
        site.house.clock.advance(HEARTBEAT)
    assert told(site.house.bus) == [True]


class Replicas:
    """Of one database; `absences` are those that may hold the lease."""

    def __init__(self, count: int = 2) -> None:
        self.clock, self.bus = FixedClock(datetime(2026, 3, 1, tzinfo=UTC)), MemoryBus()
        self.database = MemoryDatabase(self.bus)
        self.store = PresenceStore(self.database)
        self.presences = [Presence(self.store, self.clock, HEARTBEAT) for _ in range(count)]
        self.absences = [Absence(self.store, presence, self.clock) for presence in self.presences]

    async def beat(self, camera: str, replica: int = 0) -> None:
        self.presences[replica].beat(CameraId(camera), ORGANISATION)
        await self.presences[replica].flush()

    def online(self, camera: str) -> bool:
        return bool(self.database.collections["presence"][camera].get("online"))


async def test_a_camera_that_goes_on_at_another_replica_never_was_away() -> None:
    replicas = Replicas()
    await replicas.beat("cam", 0)
    for minute in range(12):
        replicas.clock.advance(HEARTBEAT)
        await replicas.beat("cam", 1)
        await replicas.absences[minute % 2].work()
    assert told(replicas.bus) == [True]


async def test_after_an_outage_of_ours_nobody_is_gone_before_we_have_listened() -> None:
    replicas = Replicas(1)
    await replicas.beat("cam")
    replicas.clock.advance(timedelta(hours=1))
    started = Presence(replicas.store, replicas.clock, HEARTBEAT)
    watch = Absence(replicas.store, started, replicas.clock)
    await watch.work()
    assert await watch.next_due() == replicas.clock.now() + SILENT + timedelta(milliseconds=1)
    assert told(replicas.bus) == [True]
    replicas.clock.advance(SILENT + timedelta(milliseconds=1))
    await watch.work()
    assert told(replicas.bus) == [True, False]


class Away(PresenceStore):
    away = True

    async def note_beats(self, beats: Any) -> None:
        if self.away:
            raise Unavailable("database_unavailable", "away")
        await super().note_beats(beats)


async def test_heartbeats_that_could_not_be_kept_make_nobody_absent() -> None:
    replicas = Replicas(1)
    await replicas.beat("cam")
    store = Away(replicas.database)
    presence = Presence(store, replicas.clock, HEARTBEAT)
    watch = Absence(store, presence, replicas.clock)
    replicas.clock.advance(SILENT * 2)
    presence.beat(CameraId("cam"), ORGANISATION)
    with pytest.raises(Unavailable):
        await presence.flush()
    await watch.work()
    assert replicas.online("cam")
    store.away = False
    await presence.flush()
    await watch.work()
    assert told(replicas.bus) == [True]


class CallsMeanwhile(PresenceStore):
    """Between looking and saving the camera calls."""

    def __init__(self, replicas: Replicas) -> None:
        super().__init__(replicas.database)
        self._replicas = replicas

    async def silent_longest(self, limit: int) -> list[CameraPresence]:
        found = await super().silent_longest(limit)
        await self._replicas.beat("cam", 1)
        return found


async def test_a_camera_that_calls_while_it_is_found_absent_stays() -> None:
    replicas = Replicas()
    await replicas.beat("cam")
    replicas.clock.advance(SILENT * 2)
    watch = Absence(CallsMeanwhile(replicas), replicas.presences[0], replicas.clock)
    await watch.work()
    assert replicas.online("cam")
    assert told(replicas.bus) == [True]


Step = tuple[str, int, int]
steps = st.tuples(st.sampled_from(["beat", "beat", "sweep", "wait"]), st.integers(0, 1), st.integers(0, 11))


@settings(deadline=None, max_examples=150)
@given(st.lists(steps, max_size=40))
def test_who_called_within_five_heartbeats_is_online_whatever_happens(story: list[Step]) -> None:
    """Two replicas, calls at either, sweeps at either, any time between them."""

    async def play() -> None:
        replicas, last = Replicas(), dict[str, datetime]()
        for what, replica, number in story:
            if what == "wait":
                replicas.clock.advance(timedelta(seconds=30 * number))
            elif what == "beat":
                await replicas.beat("cam", replica)
                last["cam"] = replicas.clock.now()
            else:
                await replicas.absences[replica].work()
        if not last:
            return
        if replicas.clock.now() - last["cam"] < HEARTBEAT * 2:  # kept once in three, so right to within that
            assert replicas.online("cam")
        replicas.clock.advance(SILENT * 2)
        await replicas.absences[0].work()
        assert not replicas.online("cam")
        states = told(replicas.bus)
        assert states == [n % 2 == 0 for n in range(len(states))], "by turns"
        versions = [event.version for event in replicas.bus.said(PresenceChanged)]
        assert versions == sorted(set(versions))

    asyncio.run(play())
