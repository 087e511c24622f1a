"""Work in turn: one after the other, nothing after a failure, and nobody leaves before it is over."""

import asyncio
from functools import partial

import pytest

from licensing.service.in_turn import InTurn


class Diary:
    def __init__(self) -> None:
        self.done: list[str] = []

    async def work(self, name: str, turns: int = 3) -> None:
        for _ in range(turns):
            await asyncio.sleep(0)
        self.done.append(name)

    async def fail(self) -> None:
        raise ValueError("no")


async def test_work_is_done_in_the_order_in_which_it_was_given_however_long_it_takes() -> None:
    diary = Diary()
    async with InTurn() as turn:
        turn.add(partial(diary.work, "long", 9))
        turn.add(partial(diary.work, "short", 0))
        assert diary.done == []
    assert diary.done == ["long", "short"]


async def test_nothing_is_begun_after_something_has_failed_and_the_failure_is_told() -> None:
    diary = Diary()

    async def one_fails() -> None:
        async with InTurn() as turn:
            turn.add(diary.fail)
            turn.add(partial(diary.work, "later"))

    with pytest.raises(ValueError, match="no"):
        await one_fails()
    assert diary.done == []


async def test_who_leaves_with_an_error_of_their_own_waits_for_what_was_begun() -> None:
    diary = Diary()

    async def leaves() -> None:
        async with InTurn() as turn:
            turn.add(partial(diary.work, "begun"))
            raise KeyError

    with pytest.raises(KeyError):
        await leaves()
    assert diary.done == ["begun"]
