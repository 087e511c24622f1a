"""Processes that close months, and what they and MongoDB spend on it."""

import json
import os
import subprocess
import sys
import time
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from pymongo import AsyncMongoClient

TESTS = Path(__file__).parents[2]
TICKS = os.sysconf("SC_CLK_TCK")


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


def cpu_of_process(pid: int) -> float:
    """Seconds so far, of threads that have ended too: a server has one for each connection."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / TICKS


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
        began, before = time.monotonic(), cpu_of_process(mongod)
        told = [json.loads(one.communicate(timeout=900)[0]) for one in running]
        return Effort(
            time.monotonic() - began,
            sum(one["cpu"] for one in told),
            cpu_of_process(mongod) - before,
            max(one["kilobytes"] for one in told) // 1024,
        )
