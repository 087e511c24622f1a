"""A million claimed devices in memory, 8 bytes each."""

from array import array
from bisect import bisect_left

SMALLEST_BATCH = 1024


class KnownDeviceIndex:
    """Sorted 64-bit keys in one array, and beside it what changed since they were sorted.

    Until `complete` is set it contains every key: who asks looks into the database.
    """

    def __init__(self) -> None:
        self.complete = False
        self.adds = 0
        self._sorted = array("Q")
        self._added: set[int] = set()
        self._gone: set[int] = set()

    def __len__(self) -> int:
        return len(self._sorted) + len(self._added) - len(self._gone)

    def __contains__(self, key: int) -> bool:
        if not self.complete or key in self._added:
            return True
        return self._has(key) and key not in self._gone

    def add(self, key: int) -> None:
        self.adds += 1
        self._gone.discard(key)
        if not self._has(key):
            self._added.add(key)
            self._merge_if_many()

    def discard(self, key: int, unless_added_since: int) -> None:
        """A reader found no claim; `unless_added_since` guards against one made while it was reading."""
        if self.adds != unless_added_since:
            return
        self._added.discard(key)
        if self._has(key):
            self._gone.add(key)
            self._merge_if_many()

    def _has(self, key: int) -> bool:
        place = bisect_left(self._sorted, key)
        return place < len(self._sorted) and self._sorted[place] == key

    def _merge_if_many(self) -> None:
        # A share of the whole keeps both the overlay and the copying small: under 1 byte per device.
        if len(self._added) + len(self._gone) > max(SMALLEST_BATCH, len(self._sorted) // 128):
            self._merge()

    def _merge(self) -> None:
        """Copy whole stretches between changes into an array of just the right size."""
        merged = array("Q", [0]) * len(self)
        old, new = memoryview(self._sorted), memoryview(merged)
        start = end = 0
        for key in sorted(self._added | self._gone):
            place = bisect_left(self._sorted, key, start)
            new[end : end + place - start] = old[start:place]
            end += place - start
            if key in self._gone:
                place += 1
            else:
                new[end] = key
                end += 1
            start = place
        new[end:] = old[start:]
        self._sorted, self._added, self._gone = merged, set(), set()
