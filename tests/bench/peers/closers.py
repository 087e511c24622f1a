"""Processes that close months, and what they and MongoDB spend on it."""

import json
import subprocess
import sys
import time
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from pymongo import AsyncMongoClient

from bench.peers.measure import cpu_seconds

TESTS = Path(__file__).parents[2]


@dataclass(frozen=True, slots=True)
class Effort:
    seconds: float
    """By the clock: from the first process's beginning to the last one's end."""
    workers: float
    """Seconds of CPU, without their starts."""
    mongod: float
    """Seconds of CPU."""
    megabytes: int
    """The largest process."""

    @property
    def cpu(self) -> float:
        return self.workers + self.mongod

    def times(self, factor: int) -> "Effort":
        return Effort(self.seconds * factor, self.workers * factor, self.mongod * factor, self.megabytes)


class Closers:
    def __init__(self, url: str) -> None:
        self._url = url

    async def mongod(self) -> int:
        """Its process; it runs on this machine."""
        async with AsyncMongoClient[dict[str, Any]](self._url) as client:
            return int((await client.admin.command("serverStatus"))["pid"])

    async def run(self, name: str, now: datetime, *more: str, workers: int = 1) -> Effort:
        """Until nothing is due at `now`."""
        mongod = await self.mongod()
        command = [sys.executable, "-m", "many_accounts", self._url, name, now.isoformat(), *more]
        running = [
            subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=TESTS) for _ in range(workers)
        ]
        for one in running:
            assert one.stdout is not None
            assert one.stdout.readline() == "at work\n"
        began, before = time.monotonic(), cpu_seconds(mongod)
        told = [json.loads(one.communicate(timeout=900)[0]) for one in running]
        return Effort(
            time.monotonic() - began,
            sum(one["cpu"] for one in told),
            cpu_seconds(mongod) - before,
            max(one["kilobytes"] for one in told) // 1024,
        )
