"""How many cameras may be connected at once: open files are the process's, and when they run out it answers
nobody, not even its database. So cameras are turned away before.
"""

from prometheus_client import Gauge

BESIDE = 300
"""Files of everything else: database, bus, people's connections, logs."""
TOLD = 150
"""Of these, so many may go to cameras that are told to come later."""
OPEN = Gauge("vedette_provisioning_camera_connections", "Cameras connected to this process")
MOST = Gauge("vedette_provisioning_camera_connections_most", "As many as this process takes")


class Crowd:
    """Counts connections. `tight`: nobody is kept any more, neither on the line nor between requests, so that
    the last hundredth of the places goes from hand to hand. `full`: told to come later. `overrun`: so many
    came at once that there is no file to tell them with; hung up on."""

    __slots__ = ("ample", "full", "most", "open", "overrun", "tight")

    def __init__(self, files: int) -> None:
        """`files`: as many as the process may have open."""
        self.most = max(2, files - BESIDE)
        self.ample = self.most - max(1, self.most // 100)
        self.open = 0
        self.tight = self.full = self.overrun = False
        MOST.set(self.most)

    def came(self) -> None:
        self._count(1)

    def went(self) -> None:
        self._count(-1)

    def _count(self, change: int) -> None:
        self.open += change
        self.tight, self.full = self.open > self.ample, self.open > self.most
        self.overrun = self.open > self.most + TOLD
        OPEN.inc(change)

    async def check(self) -> None:
        """Raises when cameras are being turned away (for `/ready`)."""
        if self.tight:
            raise RuntimeError(
                f"{self.open} cameras are connected of {self.most}: raise the limit of open files"
            )
