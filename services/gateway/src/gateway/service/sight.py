"""What of the news somebody with rights on a part of the organisation hears (rule 28).

Which cameras lie in that part is known to provisioning, which servers belong to it to relay. They are asked
about each batch of news, so that a camera that was moved a moment ago counts where it is.
"""

import asyncio
from collections.abc import Sequence
from typing import Final, Protocol

from common.errors import Unavailable
from gateway.domain.happenings import Happening, Subjects

PATIENCE: Final = 5.0
"""Seconds for the answer."""


class Unseen(Exception):
    """Nobody could tell what may be heard: the client has to load its lists anew."""


class Reach(Protocol):
    async def items(self, asked: frozenset[str], authorization: bytes) -> frozenset[str]:
        """Those that the bearer reaches. Raises Unavailable."""
        ...

    async def servers(self, asked: frozenset[str], authorization: bytes) -> frozenset[str]:
        """Those that the bearer reaches. Raises Unavailable."""
        ...


class Sight:
    """Asks in the name of whoever listens."""

    def __init__(self, reach: Reach) -> None:
        self._reach = reach

    async def frames(self, news: Sequence[Happening], authorization: bytes) -> bytes:
        """What of it the bearer may hear, in the same order. Raises Unseen."""
        asked = Subjects.of_all(one.about for one in news)
        try:
            async with asyncio.timeout(PATIENCE):
                items, servers = await asyncio.gather(
                    self._reach.items(asked.items, authorization),
                    self._reach.servers(asked.servers, authorization),
                )
        except (TimeoutError, Unavailable):
            raise Unseen from None
        reached = Subjects(items, servers)
        return b"".join(one.seen_by(reached) for one in news)
