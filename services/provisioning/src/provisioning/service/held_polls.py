"""Cameras that wait on the line for their claim (long poll): bounded, rung by the claim, let go at last."""

import asyncio
from collections import Counter

from prometheus_client import Gauge

from provisioning.service.network_pace import network_of

HELD = Gauge("vedette_provisioning_held_polls", "Cameras that wait on the line")
ADDRESSES = 4
"""Lines for one device id: a stranger who knows an id cannot take them all."""


class Line:
    """One poll that waits. Rings when something about its device may have changed."""

    __slots__ = ("_bell", "_rung", "address", "ended")

    def __init__(self, address: str) -> None:
        self.address = address
        self.ended = False
        """Let go: by a newer poll of the same camera, or because the process stops."""
        self._rung = False
        self._bell: asyncio.Future[None] | None = None

    def ring(self) -> None:
        self._rung = True
        if self._bell is not None and not self._bell.done():
            self._bell.set_result(None)

    def end(self) -> None:
        self.ended = True
        self.ring()

    async def rings(self, seconds: float) -> bool:
        """Wait so long; True when it rang (also since the last wait), False when it did not or has ended."""
        if not self._rung and seconds > 0:
            self._bell = asyncio.get_running_loop().create_future()
            try:
                async with asyncio.timeout(seconds):
                    await self._bell
            except TimeoutError:
                return False
            finally:
                self._bell = None
        rung, self._rung = self._rung, False
        return rung and not self.ended


class HeldPolls:
    """All lines of this process, by device key."""

    def __init__(self, limit: int, places: int | None = None) -> None:
        """`limit`: as was set; half of it for one network. `places`: as many as there are files for."""
        self._limit = limit if places is None else min(limit, places)
        self._per_network = (limit + 1) // 2
        self._networks: Counter[str | bytes] = Counter()
        self._lines: dict[int, list[Line]] = {}
        self._count = 0
        self.closing = False

    def __len__(self) -> int:
        return self._count

    def take(self, key: int, address: str) -> Line | None:
        """A line, to be given `back`; None when all are taken, or half of them by this one network.

        Who asks anew gives up the older line.
        """
        lines = self._lines.get(key, [])
        older = next((line for line in lines if line.address == address), None)
        if older is not None:
            self.back(key, older)
            older.end()
        elif len(lines) >= ADDRESSES:
            return None
        network = network_of(address)
        if self.closing or self._count >= self._limit or self._networks[network] >= self._per_network:
            return None
        self._networks[network] += 1
        line = Line(address)
        self._lines.setdefault(key, []).append(line)
        self._count += 1
        HELD.inc()
        return line

    def back(self, key: int, line: Line) -> None:
        """Twice is fine."""
        lines = self._lines.get(key, [])
        if line in lines:
            lines.remove(line)
            self._count -= 1
            HELD.dec()
            network = network_of(line.address)
            self._networks[network] -= 1
            if not self._networks[network]:
                del self._networks[network]
            if not lines:
                del self._lines[key]

    def ring(self, key: int) -> None:
        """A claim for this device was made, here or on another replica."""
        for line in self._lines.get(key, ()):
            line.ring()

    def close(self) -> None:
        """No new lines, and everybody who waits is answered now."""
        self.closing = True
        for lines in list(self._lines.values()):
            for line in list(lines):
                line.end()
