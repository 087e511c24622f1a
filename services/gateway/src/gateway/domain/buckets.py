"""How much anybody may ask: token buckets, in memory, bounded."""

import math
from collections import OrderedDict
from typing import NamedTuple


class Pace(NamedTuple):
    """`rate` requests a second in the long run, `burst` at once."""

    rate: float
    burst: int


class Buckets:
    """One bucket per key. The least recently used are forgotten, which only ever errs in the key's favour."""

    def __init__(self, pace: Pace, capacity: int = 100_000) -> None:
        self.pace = pace
        self._capacity = capacity
        self._levels: OrderedDict[str, tuple[float, float]] = OrderedDict()

    def __len__(self) -> int:
        return len(self._levels)

    def take(self, key: str, now: float) -> float:
        """Take one at `now` (seconds, any clock that only goes forward).

        Returns what is left, at least 0, or, negative, minus the seconds until there is one again.
        """
        level, then = self._levels.get(key) or (float(self.pace.burst), now)
        level = min(self.pace.burst, level + (now - then) * self.pace.rate)
        if level < 1.0:
            return -(1.0 - level) / self.pace.rate
        self._levels[key] = (level - 1.0, now)
        self._levels.move_to_end(key)
        if len(self._levels) > self._capacity:
            self._levels.popitem(last=False)
        return level - 1.0

    def empty(self, key: str, now: float) -> bool:
        """Whether the next `take` would be refused."""
        known = self._levels.get(key)
        return known is not None and known[0] + (now - known[1]) * self.pace.rate < 1.0


def header(name: str, left: float, pace: Pace) -> bytes:
    """The `RateLimit` line: what is left of the burst and the seconds until it is full again
    (draft-ietf-httpapi-ratelimit-headers)."""
    remaining = max(0, math.floor(left))
    return b'RateLimit: "%b";r=%d;t=%d\r\n' % (
        name.encode("ascii"),
        remaining,
        math.ceil((pace.burst - remaining) / pace.rate),
    )
