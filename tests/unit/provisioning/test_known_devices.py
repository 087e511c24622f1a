"""The index of claimed devices: never a wrong no."""

from hypothesis import given, settings
from hypothesis import strategies as st

from provisioning.service import WaitingRoom
from provisioning.store import KnownDeviceIndex
from provisioning.store.known_devices import SMALLEST_BATCH

keys = st.integers(0, 2**64 - 1)


@given(st.lists(st.tuples(st.booleans(), st.integers(0, 40)), max_size=200))
@settings(max_examples=50)
def test_it_holds_exactly_what_was_added_and_not_discarded(steps: list[tuple[bool, int]]) -> None:
    index, model = KnownDeviceIndex(), set[int]()
    index.complete = True
    for number, (adding, key) in enumerate(steps):
        if adding:
            index.add(key)
            model.add(key)
        else:
            index.discard(key, unless_added_since=index.adds)
            model.discard(key)
        if number % 20 == 19:
            index._merge()
        assert len(index) == len(model)
    assert {key for key in range(41) if key in index} == model


@given(
    st.sets(keys, min_size=SMALLEST_BATCH * 2, max_size=SMALLEST_BATCH * 2 + 50), st.sets(keys, max_size=50)
)
@settings(max_examples=5, deadline=None)
def test_it_stays_right_while_it_is_sorted_anew(inside: set[int], outside: set[int]) -> None:
    index = KnownDeviceIndex()
    index.complete = True
    for key in inside:
        index.add(key)
    assert all(key in index for key in inside)
    assert not any(key in index for key in outside - inside)


def test_until_it_is_complete_everything_may_be_claimed() -> None:
    index = KnownDeviceIndex()
    assert 7 in index
    index.complete = True
    assert 7 not in index


def test_a_reader_that_found_nothing_does_not_undo_a_claim_made_meanwhile() -> None:
    index = KnownDeviceIndex()
    index.complete = True
    index.add(7)
    reading_since = index.adds
    index.add(7)
    index.discard(7, unless_added_since=reading_since)
    assert 7 in index


def test_the_waiting_room_is_bounded_and_keeps_who_called_last() -> None:
    room = WaitingRoom(1000)
    for key in range(10_000):
        room.caller(key, "a")
        assert len(room) <= 1000
    last = [room.caller(key, "a") for key in range(9_600, 10_000)]
    assert last == [room.caller(key, "a") for key in range(9_600, 10_000)]
