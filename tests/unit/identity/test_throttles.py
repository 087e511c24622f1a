"""Delays grow, end, and never lock anybody out."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from common.errors import Throttled
from identity.domain.throttles import PASSWORD, SECOND_FACTOR, Policy, Throttle

START = datetime(2026, 3, 1, 12, tzinfo=UTC)


@given(st.sampled_from([PASSWORD, SECOND_FACTOR]), st.integers(0, 10_000))
def test_no_delay_is_longer_than_the_longest_and_none_shrinks(policy: Policy, tries: int) -> None:
    assert policy.delay(tries) <= policy.delay(tries + 1) <= policy.longest


@given(st.lists(st.integers(0, 1200), max_size=60))
def test_who_waits_as_told_may_always_try_again(pauses: list[int]) -> None:
    throttle, now = Throttle.unused("t", START), START
    waits: list[float] = []
    for seconds in pauses:
        now += timedelta(seconds=seconds)
        try:
            throttle = throttle.tried(now, PASSWORD)
        except Throttled as refused:
            waits.append(refused.retry_after or 0)
            now += timedelta(seconds=waits[-1])
            throttle = throttle.tried(now, PASSWORD)
    assert all(0 < wait <= PASSWORD.longest.total_seconds() for wait in waits)


def test_being_refused_does_not_make_the_wait_longer() -> None:
    throttle = Throttle.unused("t", START)
    for _ in range(PASSWORD.free):
        throttle = throttle.tried(START, PASSWORD)
    for _ in range(3):
        with pytest.raises(Throttled):
            throttle.tried(START, PASSWORD)

    assert throttle.tried(START + PASSWORD.first_delay, PASSWORD).tries == PASSWORD.free + 1


def test_after_an_hour_of_quiet_all_is_forgotten() -> None:
    throttle = Throttle.unused("t", START)
    for _ in range(PASSWORD.free):
        throttle = throttle.tried(START, PASSWORD)

    assert throttle.tried(START + PASSWORD.forget, PASSWORD).tries == 1
