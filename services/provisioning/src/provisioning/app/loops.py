"""What a service does by itself, when it is due."""

from collections.abc import Awaitable, Callable
from datetime import datetime, timedelta

from common.app import Parts
from common.due import DueLoop, Lease

LEASE = timedelta(seconds=15)
NextDue = Callable[[], Awaitable[datetime | None]]


def loop(parts: Parts, name: str, next_due: NextDue, work: Callable[[], Awaitable[None]]) -> DueLoop:
    """What one replica at a time does by itself."""
    lease = Lease(parts.database, name, parts.clock, LEASE)
    return DueLoop(name, next_due, work, parts.clock, lease)
