"""One suite for the store, on the memory parts and on MongoDB, so that the two cannot drift."""

from datetime import UTC, datetime, timedelta

import pytest

from common.database import Database, Index
from common.errors import Conflict, Stale
from common.ids import CameraId, LicenceId, OrganisationId
from licensing.domain.licence import Change, registered
from licensing.domain.registration import Organisation, Preference, Registration, Trial
from licensing.domain.shipped_plans import STANDARD
from licensing.domain.timeline import Entry
from licensing.store import INDEXES, LicenceStore, OrganisationStore

START = datetime(2026, 3, 1, 12, 0, 0, 123_000, tzinfo=UTC)
DAY = timedelta(days=1)
A, B = OrganisationId("org-a"), OrganisationId("org-b")


@pytest.fixture
def indexes() -> tuple[Index, ...]:
    return INDEXES


@pytest.fixture
def store(database: Database) -> LicenceStore:
    return LicenceStore(database)


@pytest.fixture
def organisations(database: Database) -> OrganisationStore:
    return OrganisationStore(database)


def _begun(name: str, organisation: OrganisationId = A, camera: str = "", days: int = 30) -> Change:
    return registered(
        LicenceId(name),
        organisation,
        CameraId(camera or f"camera-{name}"),
        f"mac:{name}",
        STANDARD,
        days * DAY,
        at=START,
        now=START,
    )


async def test_a_licence_comes_back_as_it_was_saved(store: LicenceStore) -> None:
    begin = _begun("1")
    await store.save([begin])
    assert await store.licence(A, begin.licence.id) == begin.licence
    assert await store.licence(B, begin.licence.id) is None
    assert await store.entries(A, [begin.licence.id]) == {begin.licence.id: [Entry.of(begin)]}
    assert await store.entries(B, [begin.licence.id]) == {}


async def test_two_changes_of_one_licence_fit_into_one_commit(store: LicenceStore) -> None:
    begin = _begun("1")
    (ended,) = begin.licence.removed(START + DAY, START + 2 * DAY)
    await store.save([begin, ended])
    assert await store.licence(A, begin.licence.id) == ended.licence
    assert len((await store.entries(A, [begin.licence.id]))[begin.licence.id]) == 2


async def test_a_camera_has_one_living_licence(store: LicenceStore) -> None:
    begin = _begun("1", camera="gate")
    await store.save([begin])
    with pytest.raises(Conflict):
        await store.save([_begun("2", camera="gate")])
    await store.save(begin.licence.removed(START + DAY, START + DAY))
    await store.save([_begun("2", camera="gate")])


async def test_of_two_changes_from_one_version_the_second_is_stale_and_leaves_nothing(
    store: LicenceStore,
) -> None:
    begin = _begun("1")
    await store.save([begin])
    await store.save(begin.licence.turned_off(START + DAY))
    with pytest.raises(Stale):
        await store.save(begin.licence.removed(START + DAY, START + DAY))
    assert len((await store.entries(A, [begin.licence.id]))[begin.licence.id]) == 2


async def test_a_trial_taken_meanwhile_takes_the_whole_registration_back(store: LicenceStore) -> None:
    trial = Trial("mac:1", A, LicenceId("1"), START, START + DAY)
    await store.save([_begun("1")], None, trial)
    known = Registration(B, CameraId("camera-2")).connects(2, LicenceId("2"))
    with pytest.raises(Conflict):
        await store.save([_begun("2", B)], known, trial)
    assert await store.trial("mac:1") == trial
    assert await store.registration(B, CameraId("camera-2")) == Registration(B, CameraId("camera-2"))
    assert await store.licence(B, LicenceId("2")) is None


async def test_a_registration_comes_back_as_it_was_saved(store: LicenceStore) -> None:
    first = Registration(A, CameraId("gate")).leaves(3, START)
    await store.save([], first)
    assert await store.registration(A, CameraId("gate")) == first


async def test_running_trials_are_found_by_their_end_and_organisation(store: LicenceStore) -> None:
    for name, organisation, days in (("1", A, 30), ("2", B, 10), ("3", A, 20)):
        await store.save([_begun(name, organisation, days=days)])
    await store.save(_begun("3", A, days=20).licence.turned_off(START + DAY))
    assert await store.next_trial_end(besides=()) == START + 10 * DAY
    assert await store.next_trial_end(besides=[B]) == START + 30 * DAY
    assert await store.trial_ends_in([A]) == [(A, START + 30 * DAY)]
    assert await store.trial_ends_in([]) == []
    late = START + 99 * DAY
    assert [one.id for one in await store.trials_over(late, besides=(), limit=9)] == ["2", "1"]
    assert [one.id for one in await store.trials_over(late, besides=[B], limit=9)] == ["1"]
    assert [one.id for one in await store.trials_over_in(B, START + 10 * DAY, limit=9)] == ["2"]
    assert await store.trials_over_in(B, START + 9 * DAY, limit=9) == []


async def test_licences_of_a_month_are_the_living_and_those_that_ended_in_it(store: LicenceStore) -> None:
    for name, days in (("1", 1), ("2", 5), ("3", None)):
        begin = _begun(name)
        await store.save([begin])
        if days:
            await store.save(begin.licence.removed(START + days * DAY, START + days * DAY))
    assert [one.id for one in await store.licences_since(A, START + 3 * DAY)] == ["2", "3"]


async def test_an_organisation_heard_twice_stays_as_it_was_heard_first(
    organisations: OrganisationStore,
) -> None:
    await organisations.hear_of(Organisation(A, "CZK", "Europe/Prague"))
    await organisations.hear_of(Organisation(A, "EUR", "UTC"))
    assert await organisations.organisation(A) == Organisation(A, "CZK", "Europe/Prague")
    assert await organisations.organisation(B) is None


async def test_an_organisation_that_changed_is_kept_unless_somebody_has_heard_more(
    organisations: OrganisationStore,
) -> None:
    await organisations.hear_of(Organisation(A, "CZK", "Europe/Prague", heard=1))
    third = Organisation(
        A, "CZK", "Europe/Prague", "A", "cs", (Preference("2026-04", START, "EUR", "UTC"),), 3
    )
    await organisations.save_changed(third, 1)
    for late in (Organisation(A, "JPY", "UTC", heard=2), Organisation(A, "JPY", "UTC", heard=4)):
        with pytest.raises(Conflict):
            await organisations.save_changed(late, 1)
    assert await organisations.organisation(A) == third
    await organisations.save_changed(Organisation(B, heard=5), None)
    assert await organisations.organisation(B) == Organisation(B, heard=5)


async def test_a_test_clock_comes_back_with_its_moves(organisations: OrganisationStore) -> None:
    clock = await organisations.test_clock(A)
    for days in (1, 2):
        clock, event = clock.moved(days * DAY, START + days * DAY)
        assert event is not None
        await organisations.save_test_clock(clock, event)
    assert await organisations.test_clock(A) == clock
    assert await organisations.test_clocks() == [clock]
