"""Events twice, events in strange orders, two of everything at once: the same licences come out."""

import asyncio
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from common.consumer import Handler
from common.contracts import Event
from common.contracts.identity import OrganisationCreated
from common.contracts.licensing import LicenceChanged
from common.contracts.provisioning import CameraConnected, CameraRemoved
from common.envelope import Envelope
from common.ids import CameraId, OrganisationId
from common.testing import MemoryHouse, deliver_to
from licensing.app import Stores, assemble
from licensing.service import OrganisationClocks, TrialService
from plan_terms import plan_terms
from stories.licensing.house import DAY, ListenedBus, crowded_house
from stories.licensing.house import settings as licensing_settings

ORGANISATION = OrganisationId("org-a")
CAMERAS = ("camera-a", "camera-b", "camera-c")
NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)


def _told() -> list[Event]:
    """A week of an organisation: three cameras come, one leaves soon and one after its trial."""
    created = OrganisationCreated(
        organisation=ORGANISATION,
        version=1,
        at=NOON - 50 * DAY,
        name="Acme",
        kind="customer",
        time_zone="Europe/Prague",
        currency="EUR",
        language="en",
    )
    connected = [
        CameraConnected(
            organisation=ORGANISATION,
            version=2,
            at=NOON - 40 * DAY + number * timedelta(hours=1),
            camera=CameraId(camera),
            device=f"mac:{camera}",
            name=camera,
            first=True,
        )
        for number, camera in enumerate(CAMERAS)
    ]
    removed = [
        CameraRemoved(
            organisation=ORGANISATION,
            version=3,
            at=NOON - days * DAY,
            camera=CameraId(camera),
            device=f"mac:{camera}",
            name=camera,
        )
        for camera, days in (("camera-a", 38), ("camera-b", 2))
    ]
    return [created, *connected, *removed]


def _today() -> list[Envelope]:
    """The organisation and its three cameras, connected just now."""
    return [Envelope(event.model_copy(update={"at": NOON})) for event in _told()[:4]]


async def _hear(house: MemoryHouse, deliveries: Sequence[Envelope], *, at_once: int) -> None:
    handlers: dict[str, Handler] = {}
    assembly = house.move_in("licensing", lambda parts: assemble(parts, licensing_settings()))
    handlers.update({event.wire: handler for event, handler in assembly.subscriptions.items()})
    for start in range(0, len(deliveries), at_once):
        batch = deliveries[start : start + at_once]
        await asyncio.gather(*(deliver_to(handlers[one.type], one) for one in batch))
    await _trials(house).end_due()


def _trials(house: MemoryHouse) -> TrialService:
    parts = house.parts("licensing")
    stores = Stores.of(parts.database, licensing_settings())
    clocks = OrganisationClocks(stores.organisations, parts.clock, development=True)
    return TrialService(stores.licences, stores.accounts, plan_terms(stores, clocks), clocks)


def _kept(house: MemoryHouse) -> tuple[list[Any], list[Any]]:
    """Licences and timelines as they are kept, without what is random or tells the way they came about."""
    collections = house.databases["licensing"].collections
    cameras = {row["_id"]: row["camera"] for row in collections["licences"].values()}
    licences = sorted(
        (row["camera"], row["state"], row["since"], row["trial_ends"], row["version"])
        for row in collections["licences"].values()
    )
    timeline = sorted(
        (cameras[row["licence"]], row["number"], row["state"], row["cause"], row["since"])
        for row in collections["timeline"].values()
    )
    return licences, timeline


async def _undisturbed() -> tuple[list[Any], list[Any]]:
    house = crowded_house()
    await _hear(house, [Envelope(event) for event in _told()], at_once=1)
    return _kept(house)


def _deliveries() -> st.SearchStrategy[list[Envelope]]:
    """Each fact at least once; the same message again, or the same fact in another message; in any order."""

    def disturbed(extra: list[tuple[int, bool]]) -> list[Envelope]:
        sent = [Envelope(event) for event in _told()]
        return sent + [sent[which] if same else Envelope(sent[which].event) for which, same in extra]

    more = st.lists(st.tuples(st.integers(0, len(_told()) - 1), st.booleans()), max_size=8)
    return more.map(disturbed).flatmap(st.permutations)


@settings(max_examples=60, deadline=None)
@given(_deliveries(), st.integers(1, 6))
def test_duplicates_and_reorderings_of_events_change_nothing(
    deliveries: list[Envelope], at_once: int
) -> None:
    async def tell() -> None:
        house = crowded_house()
        await _hear(house, deliveries, at_once=at_once)
        assert _kept(house) == await _undisturbed()
        said = [(event.licence, event.version) for event in house.bus.said(LicenceChanged)]
        assert len(said) == len(set(said))

    asyncio.run(tell())


async def test_the_same_device_at_two_doors_at_once_gets_one_trial() -> None:
    house = crowded_house()
    first, second = (
        CameraConnected(
            organisation=OrganisationId(organisation),
            version=2,
            at=NOON,
            camera=CameraId(f"camera-of-{organisation}"),
            device="mac:0040ff112233",
            name="Gate",
            first=True,
        )
        for organisation in ("org-a", "org-b")
    )
    await _hear(house, [Envelope(first), Envelope(second)], at_once=2)
    assert sorted(event.state for event in house.bus.said(LicenceChanged)) == ["active", "demo"]


async def test_two_that_end_the_same_trials_end_each_once() -> None:
    house = crowded_house()
    await _hear(house, _today(), at_once=4)
    house.clock.advance(40 * DAY)
    one, another = _trials(house), _trials(house)
    await asyncio.gather(one.end_due(), another.end_due(), one.end_due())
    active = [event.licence for event in house.bus.said(LicenceChanged) if event.state == "active"]
    assert len(active) == len(set(active)) == len(CAMERAS)


async def test_of_two_replicas_with_their_loops_running_one_turns_each_licence() -> None:
    house = crowded_house()
    bus = house.bus
    assert isinstance(bus, ListenedBus)
    await _hear(house, _today(), at_once=4)
    house.clock.advance(30 * DAY)
    replicas = [assemble(house.parts("licensing"), licensing_settings()) for _ in range(2)]
    loops = [loop for replica in replicas for loop in replica.background]
    for loop in loops:
        await loop.open()
    try:
        await bus.until_said(LicenceChanged, 2 * len(CAMERAS))
    finally:
        for loop in loops:
            await loop.close()
    assert len(bus.said(LicenceChanged)) == 2 * len(CAMERAS)
