"""Lines are bounded, given back, and rung for the right device only."""

import asyncio

from hypothesis import given
from hypothesis import strategies as st

from provisioning.service import HeldPolls
from provisioning.service.held_polls import ADDRESSES, Line


async def test_a_ring_before_the_wait_is_not_lost() -> None:
    held = HeldPolls(10)
    line = held.take(1, "camera")
    assert line is not None
    held.ring(1)
    assert await line.rings(0) is True
    assert await line.rings(0.01) is False


async def test_a_ring_wakes_the_device_it_is_for_and_nobody_else() -> None:
    held = HeldPolls(10)
    one, other = held.take(1, "a"), held.take(2, "b")
    assert one is not None
    assert other is not None
    waits = asyncio.gather(one.rings(5), other.rings(0.05))
    await asyncio.sleep(0)
    held.ring(1)
    assert list(await waits) == [True, False]


async def test_a_stranger_who_knows_an_id_takes_neither_the_cameras_line_nor_all_lines() -> None:
    held = HeldPolls(100)
    camera = held.take(1, "camera")
    strangers = [held.take(1, f"stranger-{n}") for n in range(10)]
    assert camera is not None
    assert not camera.ended
    assert sum(line is not None for line in strangers) == ADDRESSES - 1


def test_one_network_takes_half_of_the_lines_at_most() -> None:
    held = HeldPolls(10)
    assert [held.take(n, "192.0.2.1") is not None for n in range(8)] == [True] * 5 + [False] * 3
    assert held.take(100, "198.51.100.1") is not None


async def test_after_the_end_nobody_waits() -> None:
    held = HeldPolls(10)
    line = held.take(1, "a")
    assert line is not None
    held.close()
    assert await line.rings(5) is False
    assert held.take(2, "b") is None


@given(st.lists(st.tuples(st.integers(0, 3), st.integers(0, 5), st.booleans()), max_size=80))
def test_the_count_is_right_whatever_comes_and_goes(steps: list[tuple[int, int, bool]]) -> None:
    held, taken = HeldPolls(7), dict[tuple[int, str], Line]()  # four of them for each network
    for key, number, leave in steps:
        address = f"192.0.{number % 3}.{number}"
        if leave and (key, address) in taken:
            line = taken.pop((key, address))
            held.back(key, line)
            held.back(key, line)
        elif not leave:
            line_or_none = held.take(key, address)
            taken.pop((key, address), None)
            if line_or_none is not None:
                taken[key, address] = line_or_none
        assert len(held) == len(taken) <= 7
