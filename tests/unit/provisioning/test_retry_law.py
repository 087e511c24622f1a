"""The server follows a camera's retry law, in both readings of D20, and never trusts it."""

from collections import Counter
from itertools import accumulate, islice

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from device.retry_law import pauses
from provisioning.domain import Caller, DeviceId, slot_of
from provisioning.domain.retry_law import HOUR, MINUTE, MINUTE_SPREAD
from provisioning.service.waiting_room import key_of

START = 1_800_000_000.0
slots = st.integers(0, 3599)
drift = st.floats(0.97, 1.03)


def _waits(times: list[float], slot: int) -> list[float]:
    caller = Caller("192.0.2.1")
    waits = []
    for time in times:
        assert caller.too_fast(time) == 0.0
        waits.append(caller.call(time, slot))
    return waits


def test_the_device_asks_at_start_then_five_times_a_minute_apart_then_hourly() -> None:
    assert list(islice(pauses(), 8)) == [60, 60, 60, 60, 60, 3600, 3600, 3600]


@given(slots, drift)
def test_six_requests_a_minute_apart_then_hours_by_the_cameras_own_clock(slot: int, rate: float) -> None:
    times = [START + rate * t for t in accumulate([0.0, *islice(pauses(), 12)])]
    waits = _waits(times, slot)
    assert all(50 <= wait <= 70 for wait in waits[:5])
    assert all(MINUTE <= wait <= HOUR + MINUTE for wait in waits[5:])


@given(slots)
def test_the_other_reading_counts_the_first_request_among_the_five(slot: int) -> None:
    minutes = [START + 60.0 * n for n in range(5)]
    hours = [minutes[-1] + HOUR * n for n in range(1, 6)]
    waits = _waits(minutes + hours, slot)
    assert all(wait < 70 for wait in waits[:5])
    assert waits[5:] == [HOUR] * 5


@given(slots)
def test_a_camera_that_obeys_comes_at_its_slot_of_every_hour(slot: int) -> None:
    caller, now, times = Caller("a"), START, []
    for _ in range(12):
        times.append(now)
        now += caller.call(now, slot)
    assert [time % HOUR for time in times[7:]] == [slot] * 5


@given(st.floats(0, 7200), slots)
def test_a_restart_at_any_moment_begins_with_a_minute_and_is_never_too_fast(after: float, slot: int) -> None:
    caller, now = Caller("a"), START
    while now - START <= after:
        assert caller.too_fast(now) == 0.0
        now += caller.call(now, slot)
    for n in range(3):  # the button, three times within a second
        assert caller.too_fast(START + after + 0.3 * n) == 0.0
        assert caller.call(START + after + 0.3 * n, slot) <= HOUR + MINUTE


def test_once_a_second_is_refused_and_told_when_to_come_back() -> None:
    caller = Caller("a")
    waits = [caller.too_fast(START + n) for n in range(60)]
    assert waits[:10] == [0.0] * 10
    first = next(n for n, wait in enumerate(waits) if wait)
    assert caller.too_fast(START + first + waits[first] + 60) == 0.0
    assert sum(wait == 0 for wait in waits) <= 12


def test_a_stranger_with_the_cameras_id_neither_slows_it_down_nor_uses_its_allowance() -> None:
    caller = Caller("camera")
    for n in range(1000):
        stranger = caller.from_address(f"stranger-{n % 2}")
        if not stranger.too_fast(START + n * 0.1):
            stranger.call(START + n * 0.1, 0)
    assert caller.from_address("stranger-0").too_fast(START + 99.9) > 0
    assert caller.too_fast(START + 100) == 0.0
    assert caller.call(START + 100, 0) < 70


@given(st.lists(st.integers(0, 9), max_size=60))
def test_few_addresses_are_remembered_for_one_id(addresses: list[int]) -> None:
    caller = Caller("first")
    for n, address in enumerate(addresses):
        seen = caller if address == 0 else caller.from_address(str(address))
        seen.call(START + n, 0)
        assert caller.latest() is seen
    chain, one = 1, caller.other
    while one is not None:
        chain, one = chain + 1, one.other
    assert chain <= 5


@pytest.mark.parametrize("off_for", [2 * HOUR, 24 * HOUR])
def test_a_camera_that_was_switched_off_starts_anew(off_for: float) -> None:
    caller, now = Caller("a"), START
    for _ in range(8):
        now += caller.call(now, 7)
    assert caller.call(now + off_for + 1000, 7) < 70


@given(slots, st.integers(1, 55))
def test_a_camera_that_always_waits_on_the_line_is_never_too_fast(slot: int, seconds: int) -> None:
    caller, now = Caller("a"), START
    for _ in range(100):
        assert caller.too_fast(now) == 0.0
        caller.call(now, slot)
        began, now = now, now + seconds
        wait = caller.held(began, now, slot)
        assert caller.expected == now + wait
        now += wait
        assert 56 <= now - began <= 61


@given(slots)
def test_the_button_begins_the_fast_phase_anew(slot: int) -> None:
    caller, now = Caller("a"), START
    for _ in range(10):
        now += caller.call(now, slot)
    caller.restart()
    assert caller.call(now, slot) < 70


def test_a_million_devices_spread_evenly_over_the_hour() -> None:
    """Real ids: the MACs of one maker, numbered; no second of the hour gets a third more than its share."""
    hours = Counter(slot_of(key_of(DeviceId(f"mac:0040ff{n:06x}"))) for n in range(1_000_000))
    share = 1_000_000 / HOUR
    assert len(hours) == HOUR
    assert max(hours.values()) < 1.34 * share
    assert min(hours.values()) > 0.66 * share


@given(st.integers(0, 2**48 - 1), st.sampled_from([1, 2, 256, 65536]))
@settings(max_examples=20)
def test_ids_in_any_regular_order_spread_over_minutes_and_seconds(first: int, step: int) -> None:
    keys = [key_of(DeviceId(f"mac:{(first + n * step) % 2**48:012x}")) for n in range(5000)]
    minutes = Counter(slot_of(key) // 60 for key in keys)
    moments = Counter(slot_of(key) % MINUTE_SPREAD for key in keys)
    assert max(minutes.values()) < 1.8 * 5000 / 60
    assert max(moments.values()) < 1.3 * 5000 / MINUTE_SPREAD
