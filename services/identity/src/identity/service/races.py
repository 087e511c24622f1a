"""When two change the same thing at once, the later one looks again."""

from collections.abc import Awaitable, Callable
from typing import TypeVar

from common.errors import Conflict

T = TypeVar("T")
ROUNDS = 8


async def settled(attempt: Callable[[], Awaitable[T]]) -> T:
    """The result of `attempt`, which loads, decides and saves, and is made again when it lost a race."""
    for _ in range(ROUNDS - 1):
        try:
            return await attempt()
        except Conflict:
            continue
    return await attempt()
