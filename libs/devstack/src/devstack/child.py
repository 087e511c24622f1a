"""A child process that never outlives its parent, and of which nothing remains after `stop`."""

import asyncio
import ctypes
import os
import signal
import sys
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path

import psutil

_PR_SET_PDEATHSIG = 1
_LIBC = ctypes.CDLL(None, use_errno=True) if sys.platform == "linux" else None


class Child:
    """One program with its own session, its output in a log file, started and stopped any number of times.

    On Linux the kernel kills it when the thread that started it ends, even if that was by SIGKILL. Start
    children from the main thread.
    """

    def __init__(self, argv: Sequence[str | Path], environment: Mapping[str, str], log: Path) -> None:
        self.argv = [str(part) for part in argv]
        self.environment = dict(environment)
        self.log = log
        self._process: asyncio.subprocess.Process | None = None

    @property
    def pid(self) -> int | None:
        """Process id while it runs."""
        return self._process.pid if self._process and self._process.returncode is None else None

    @property
    def exit_status(self) -> int | None:
        """How it ended (negative: by that signal); None before the first start and while it runs."""
        return self._process.returncode if self._process else None

    async def start(self) -> None:
        """Start it; output is appended to the log. Errors: OSError when the program cannot be run."""
        self.log.parent.mkdir(parents=True, exist_ok=True)
        parent = os.getpid()
        with self.log.open("ab") as output:
            self._process = await asyncio.create_subprocess_exec(
                *self.argv,
                env=self.environment,
                stdin=asyncio.subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                # Its own session: Ctrl-C in the terminal reaches the supervisor alone, which stops in order.
                start_new_session=True,
                preexec_fn=lambda: _die_with(parent),
            )

    async def wait(self) -> int:
        """Wait until it ends; the exit status."""
        if self._process is None:
            raise RuntimeError(f"{self.argv[0]} was never started")
        return await self._process.wait()

    async def stop(self, grace: float = 15.0) -> None:
        """Ask it to end (SIGTERM), wait `grace` seconds, then kill; returns when its whole tree is gone."""
        await self._end(signal.SIGTERM, grace)

    async def kill(self) -> None:
        """SIGKILL, as a power cut would do it; returns when its whole tree is gone."""
        await self._end(signal.SIGKILL, 5.0)

    async def _end(self, first: signal.Signals, grace: float) -> None:
        process = self._process
        if process is None or process.returncode is not None:
            return
        family = _descendants(process.pid)
        with suppress(ProcessLookupError):
            process.send_signal(first)
        try:
            await asyncio.wait_for(process.wait(), grace)
        except TimeoutError:
            with suppress(ProcessLookupError):
                process.kill()
            await process.wait()
        await asyncio.to_thread(_bury, family)

    def last_line(self) -> str:
        """The last line it wrote: what a program that will not start had to say."""
        try:
            lines = self.log.read_text(errors="replace").splitlines()
        except FileNotFoundError:
            return ""
        return next((line.strip() for line in reversed(lines) if line.strip()), "")


def _die_with(parent: int) -> None:
    """Runs in the child between fork and exec."""
    if _LIBC is not None:
        _LIBC.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
        if os.getppid() != parent:  # the parent died before the line above
            os._exit(1)


def _descendants(pid: int) -> list[psutil.Process]:
    try:
        return list(psutil.Process(pid).children(recursive=True))
    except psutil.NoSuchProcess:
        return []


def _bury(family: list[psutil.Process]) -> None:
    """Children of the child usually leave with it (their pipe closes); whoever does not is killed."""
    end = time.monotonic() + 0.5
    while (alive := [process for process in family if _runs(process)]) and time.monotonic() < end:
        time.sleep(0.02)
    for process in alive:
        with suppress(psutil.NoSuchProcess):
            process.kill()


def _runs(process: psutil.Process) -> bool:
    """A zombie has ended; who collects it (the init process) is not our business."""
    try:
        return bool(process.is_running() and process.status() != psutil.STATUS_ZOMBIE)
    except psutil.NoSuchProcess:
        return False
