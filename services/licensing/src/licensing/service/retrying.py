"""Two want to change the same thing: the one that comes second looks again and decides anew."""

from collections.abc import Awaitable, Callable
from typing import TypeVar

from common.errors import Conflict

T = TypeVar("T")
ATTEMPTS = 8
_RACES = frozenset({"stale", "already_exists"})


async def looking_again(attempt: Callable[[], Awaitable[T]]) -> T:
    """Run `attempt` (load, decide, save) until nobody was faster; other refusals pass through."""
    for _ in range(ATTEMPTS - 1):
        try:
            return await attempt()
        except Conflict as conflict:
            if conflict.code not in _RACES:
                raise
    return await attempt()
