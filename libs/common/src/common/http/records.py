"""For the audit log: refusals, and everything that visitors ask for (ID-80 to ID-87).

What somebody changes is told by the change's own event; these have no change that could tell.
"""

from collections import OrderedDict

import structlog

from common.auth import Actor
from common.bounded import remember
from common.clock import Clock
from common.contracts.audit import ActRefused, VisitorActed
from common.database import Database
from common.errors import Forbidden, Refusal

SAME_REFUSAL = 60.0
"""Seconds within which the same session's same refusal is recorded once: a log is no place for a flood."""
REMEMBERED = 10_000
log = structlog.get_logger("records")


class Records:
    def __init__(self, database: Database, clock: Clock) -> None:
        self._database = database
        self._clock = clock
        self._refused: OrderedDict[tuple[str, str, str], float] = OrderedDict()

    async def refused(self, actor: Actor, action: str, request: str, error: Forbidden) -> None:
        """Somebody was told no. `request`: method and path. The no stands also when it cannot be recorded."""
        now = self._clock.timestamp()
        key = (actor.session, request, error.code)
        if now - self._refused.get(key, 0.0) < SAME_REFUSAL:
            return
        remember(self._refused, key, now, REMEMBERED)
        event = ActRefused(
            organisation=actor.organisation,
            version=1,
            at=self._clock.now(),
            action=action,
            object=request,
            code=error.code,
        )
        try:
            await self._database.commit([], [event])
        except Refusal as problem:
            log.warning("refusal not recorded", error=str(problem), session=actor.session)

    async def visited(self, actor: Actor, method: str, path: str, status: int) -> None:
        """A visitor asked. `Unavailable` when it cannot be recorded: there are no unrecorded visits."""
        event = VisitorActed(
            organisation=actor.organisation,
            version=1,
            at=self._clock.now(),
            grant=actor.grant or "",
            method=method,
            path=path,
            status=status,
        )
        await self._database.commit([], [event])
