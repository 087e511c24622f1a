"""How much anybody may ask: token buckets, in memory, bounded."""

import math
from typing import NamedTuple


class Pace(NamedTuple):
    """`rate` requests a second in the long run, `burst` at once."""

    rate: float
    burst: int


class Buckets:
    """One bucket per key, bounded: full ones are forgotten first, which changes nothing; if that is not
    enough, the oldest ones, which errs in their favour."""

    def __init__(self, pace: Pace, capacity: int = 100_000) -> None:
        self.pace = pace
        self._capacity = capacity
        self._levels: dict[str, list[float]] = {}
        """Key -> level and the time it was at that level; changed in place, this is the hot path."""

    def __len__(self) -> int:
        return len(self._levels)

    def take(self, key: str, now: float) -> float:
        """Take one at `now` (seconds, any clock that only goes forward).

        Returns what is left, at least 0, or, negative, minus the seconds until there is one again.
        """
        rate, burst = self.pace
        entry = self._levels.get(key)
        if entry is None:
            if len(self._levels) >= self._capacity:
                self._forget(now)
            self._levels[key] = [burst - 1.0, now]
            return burst - 1.0
        level = entry[0] + (now - entry[1]) * rate
        if level > burst:
            level = burst
        if level < 1.0:
            return (level - 1.0) / rate
        entry[0] = level = level - 1.0
        entry[1] = now
        return level

    def empty(self, key: str, now: float) -> bool:
        """Whether the next `take` would be refused."""
        known = self._levels.get(key)
        return known is not None and known[0] + (now - known[1]) * self.pace.rate < 1.0

    def _forget(self, now: float) -> None:
        rate, burst = self.pace
        levels = self._levels
        kept = [key for key, (level, then) in levels.items() if level + (now - then) * rate < burst]
        spare = len(kept) - self._capacity * 3 // 4
        self._levels = {key: levels[key] for key in kept[max(0, spare) :]}


def header(name: str, left: float, pace: Pace) -> bytes:
    """The `RateLimit` line: what is left of the burst and the seconds until it is full again
    (draft-ietf-httpapi-ratelimit-headers)."""
    remaining = max(0, math.floor(left))
    return b'RateLimit: "%b";r=%d;t=%d\r\n' % (
        name.encode("ascii"),
        remaining,
        math.ceil((pace.burst - remaining) / pace.rate),
    )
