"""The house in memory, for stories and unit tests: same promises, no servers."""

from common.testing.bus import MemoryBus, deliver_to
from common.testing.database import MemoryDatabase
from common.testing.house import FixedClock, MemoryHouse, TestKeys, memory_sealer

__all__ = [
    "FixedClock",
    "MemoryBus",
    "MemoryDatabase",
    "MemoryHouse",
    "TestKeys",
    "deliver_to",
    "memory_sealer",
]
