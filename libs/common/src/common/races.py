"""Two want to change the same thing at once: the one that comes second looks again and decides anew."""

from collections.abc import Awaitable, Callable
from typing import TypeVar

from common.errors import Conflict

T = TypeVar("T")
ROUNDS = 8
LOST = frozenset({"stale", "already_exists"})
"""How a lost race looks; other conflicts are decisions and pass through."""


async def settled(attempt: Callable[[], Awaitable[T]]) -> T:
    """The result of `attempt`, which loads, decides and saves, made again whenever somebody was faster.

    After so many rounds the last refusal stands: something else is wrong, and the caller should know.
    """
    for _ in range(ROUNDS - 1):
        try:
            return await attempt()
        except Conflict as conflict:
            if conflict.code not in LOST:
                raise
    return await attempt()
