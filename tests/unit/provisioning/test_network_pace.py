"""One network gets so far and no further; its neighbours do not notice."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from provisioning.service import NetworkPace
from provisioning.service.network_pace import network_of

START = 1_800_000_000.0


def test_a_site_whose_power_comes_back_is_served_and_a_flood_is_not() -> None:
    pace = NetworkPace(200, 20_000)
    assert all(pace.too_fast("192.0.2.7", START) == 0 for _ in range(19_990))
    for _ in range(20):
        pace.too_fast("192.0.2.7", START)
    assert 0 < pace.too_fast("192.0.2.8", START) <= 1 / 200
    assert pace.too_fast("192.0.3.7", START) == 0


@given(st.floats(1, 1000), st.integers(1, 100), st.lists(st.floats(0, 0.5), max_size=300))
def test_never_more_than_the_burst_and_the_rate_allow(rate: float, burst: int, gaps: list[float]) -> None:
    pace, now, let_in = NetworkPace(rate, burst), START, 0
    for gap in gaps:
        now += gap
        wait = pace.too_fast("192.0.2.1", now)
        let_in += wait == 0
        assert wait <= 1 / rate + 1e-6, "what it is told to wait is bounded"
    assert let_in <= burst + rate * (now - START) + 1


def test_the_memory_is_bounded() -> None:
    pace = NetworkPace(1, 1, remembered=100)
    for n in range(1000):
        pace.too_fast(f"10.{n // 250}.{n % 250}.1", START)
    assert len(pace) <= 200


def test_no_limit_is_no_limit() -> None:
    pace = NetworkPace(0, 1)
    assert all(pace.too_fast("192.0.2.7", START) == 0 for _ in range(100))


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ("192.0.2.1", "192.0.2.254", True),
        ("192.0.2.1", "192.0.3.1", False),
        ("2001:db8:1::1", "2001:db8:1:ffff::2", True),
        ("2001:db8:1::1", "2001:db8:2::1", False),
        ("::ffff:192.0.2.1", "192.0.2.9", True),
        ("fe80::1%eth0", "fe80::2%eth1", True),
        ("", "", True),
    ],
)
def test_neighbours_are_counted_together(one: str, other: str, same: bool) -> None:
    assert (network_of(one) == network_of(other)) is same
