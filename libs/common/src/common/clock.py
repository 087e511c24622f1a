"""Time is handed in, so that tests and per-organisation test clocks can set it (rule 29)."""

import time
from datetime import UTC, datetime
from typing import Protocol


class Clock(Protocol):
    """Tells the time. Always aware, always UTC, whole milliseconds (what MongoDB keeps)."""

    def now(self) -> datetime: ...

    def timestamp(self) -> float:
        """The same in Unix seconds, for paths where a datetime costs too much."""
        ...


class SystemClock:
    """The machine's clock."""

    def now(self) -> datetime:
        return datetime.fromtimestamp(time.time_ns() // 1_000_000 / 1000, UTC)

    def timestamp(self) -> float:
        return time.time()
