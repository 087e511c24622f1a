"""Is it alive, is it ready, and if not, what is missing."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field

Check = Callable[[], Awaitable[None]]
"""Raises when the dependency is missing."""
CHECK_TIMEOUT = 3.0


@dataclass(slots=True)
class Health:
    """The checks of one process; `stopping` makes it unready before it goes."""

    checks: dict[str, Check] = field(default_factory=dict)
    spare: set[str] = field(default_factory=set)
    """Needed to begin, but to be done without for a while: with the broker away requests are still answered
    and events wait in the outbox, so the process stays in service and says what is missing."""
    _met: set[str] = field(default_factory=set)
    started: bool = False
    stopping: bool = False

    async def missing(self) -> dict[str, str]:
        """Dependency -> why it counts as missing; empty when ready."""
        if self.stopping:
            return {"process": "is shutting down"}
        names = list(self.checks)
        results = await asyncio.gather(*(self._probe(self.checks[name]) for name in names))
        missing = {name: why for name, why in zip(names, results, strict=True) if why}
        self._met |= set(names) - set(missing)
        if not self.started and not missing:
            missing["process"] = "is starting"
        return missing

    def ready(self, missing: dict[str, str]) -> bool:
        """Whether requests should come here, given what is missing."""
        return set(missing) <= self.spare & self._met

    async def _probe(self, check: Check) -> str | None:
        try:
            async with asyncio.timeout(CHECK_TIMEOUT):
                await check()
        except TimeoutError:
            return "no answer in time"
        except Exception as error:  # any failure means "missing", and the page says which
            return str(error) or type(error).__name__
        return None
