"""How we measure: peers in turn, several rounds, CPU time beside requests a second.

Requests a second depend on what else the machine does; CPU microseconds per request of the server's process
tree moved by less than 8 % between a quiet and a busy machine. Quote ratios within one run, never figures
of different runs.
"""

import ctypes
import os
import platform
import re
import shutil
import socket
import subprocess
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from statistics import median

from rich.console import Console
from rich.table import Table

from devstack.ports import LOOPBACK

ROOT = Path(__file__).parents[3]
FOLDER = ROOT / ".vedette" / "bench"
RESULTS = ROOT / "docs" / "benchmarks.md"
SERVER_CORE, LOAD_CORE = "0", "1"


class MissingError(SystemExit):
    """Something that a bench needs is not to be had; the message says what, and ends the bench unless caught."""


class UnreadableReportError(Exception):
    """wrk said something else than it always does; the message holds what it said."""


@dataclass(frozen=True, slots=True)
class LoadReport:
    """What wrk says at its end."""

    requests: int
    per_second: float
    p99_ms: float
    failed: int
    """Answers other than 2xx and 3xx, and what went wrong with connections."""


@dataclass(frozen=True, slots=True)
class Sample:
    """One round of one peer."""

    per_second: float
    cpu_us: float
    """CPU microseconds of the server's process tree per request."""
    p99_ms: float
    failed: int

    @property
    def per_cpu_second(self) -> float:
        """Requests for a second of the server's own CPU time."""
        return 1e6 / self.cpu_us


@dataclass(frozen=True, slots=True)
class Peer:
    """A server that runs on its own core."""

    name: str
    url: str
    script: Path
    pid: int
    told: Mapping[str, str] = field(default_factory=dict)
    """The script's environment, beside ours."""


def need(program: str, package: str) -> None:
    """Make sure that a program is there; as root on Debian it is installed. Errors: MissingError."""
    if shutil.which(program, path=f"{os.environ.get('PATH', '')}:/usr/sbin"):
        return
    if os.geteuid() != 0 or not shutil.which("apt-get"):
        raise MissingError(f"{program} is missing: install the package {package}")
    subprocess.run(["apt-get", "install", "-y", "-qq", package], check=True)


@contextmanager
def running(command: Sequence[str | Path], core: str, folder: Path) -> Iterator[int]:
    """A server on one core; yields its process id. It ends with the block."""
    with (folder / f"{Path(command[0]).name}.log").open("ab") as log:
        process = subprocess.Popen(["taskset", "-c", core, *command], cwd=folder, stdout=log, stderr=log)
        try:
            yield process.pid
        finally:
            process.terminate()
            process.wait(timeout=20)


def cpu_seconds(pid: int) -> float:
    """CPU time so far of a process, its threads (also those that ended) and its children."""
    clock = ctypes.c_int()
    if error := ctypes.CDLL(None).clock_getcpuclockid(pid, ctypes.byref(clock)):
        raise OSError(error, f"process {pid} has no clock: {os.strerror(error)}")
    children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    return time.clock_gettime(clock.value) + sum(cpu_seconds(int(child)) for child in children)


def wait_for(port: int) -> None:
    """Until somebody listens on a port of this machine. Errors: MissingError."""
    end = time.monotonic() + 60
    while time.monotonic() < end:
        with socket.socket() as probe:
            if probe.connect_ex((LOOPBACK, port)) == 0:
                return
        time.sleep(0.1)
    raise MissingError(f"nobody listens on port {port}; see the logs in {FOLDER.relative_to(ROOT)}")


def logins(folder: Path, media_type: str, bodies: Iterable[str]) -> dict[str, str]:
    """What `logins.lua` is told, so that it signs in with these bodies."""
    file = folder / "logins.txt"
    file.write_text("\n".join(bodies) + "\n")
    return {"LOGINS": str(file), "TYPE": media_type}


def load(peer: Peer, seconds: int, connections: int = 64) -> Sample:
    """One round: wrk on the other core."""
    before = cpu_seconds(peer.pid)
    said = start_load(peer, seconds, connections).communicate(timeout=seconds + 60)[0]
    used = cpu_seconds(peer.pid) - before
    seen = read_report(said)
    return Sample(seen.per_second, used / max(seen.requests, 1) * 1e6, seen.p99_ms, seen.failed)


def start_load(peer: Peer, seconds: int, connections: int) -> "subprocess.Popen[str]":
    """wrk, begun; it ends by itself and prints its report."""
    wrk = [
        "wrk",
        "-t1",
        f"-c{connections}",
        f"-d{seconds}s",
        "--timeout",
        "10s",
        "--latency",
        "-s",
        str(peer.script),
        peer.url,
    ]
    environment = {**os.environ, **peer.told}
    return subprocess.Popen(
        ["taskset", "-c", LOAD_CORE, *wrk], stdout=subprocess.PIPE, text=True, env=environment
    )


def read_report(said: str) -> LoadReport:
    """The figures in what wrk printed, `--latency` being given. Errors: UnreadableReportError."""
    requests = re.search(r"(\d+) requests in", said)
    rate = re.search(r"Requests/sec:\s+([\d.]+)", said)
    p99 = re.search(r"99%\s+([\d.]+)(us|ms|s|m)\b", said)
    if requests is None or rate is None or p99 is None:
        raise UnreadableReportError(
            f"wrk was expected to tell requests, their rate and p99, and said: {said!r}"
        )
    refused = re.search(r"Non-2xx or 3xx responses: (\d+)", said)
    broken = re.search(r"Socket errors: (.*)", said)
    failed = [refused[1] if refused else "0", *re.findall(r"\d+", broken[1] if broken else "")]
    milliseconds = float(p99[1]) * {"us": 1e-3, "ms": 1, "s": 1e3, "m": 6e4}[p99[2]]
    return LoadReport(int(requests[1]), float(rate[1]), milliseconds, sum(map(int, failed)))


def spread(values: Sequence[float], digits: int = 0) -> str:
    """min / median / max."""
    return " / ".join(f"{value:,.{digits}f}" for value in (min(values), median(values), max(values)))


def goal(what: str, values: Sequence[float], wanted: float, *, at_least: bool) -> str:
    """One line of a report: what was measured, and whether its median is where it should be."""
    reached = median(values) >= wanted if at_least else median(values) <= wanted
    bound = "at least" if at_least else "at most"
    digits = 2 if wanted < 1000 else 0
    return f"{what}: {spread(values, digits)} (goal: {bound} {wanted:g}) {'reached' if reached else 'MISSED'}"


class Progress:
    """Tells whoever waits what is being done, and since when."""

    def __init__(self) -> None:
        self._began = time.monotonic()
        self._console = Console(stderr=True)

    def __call__(self, text: str) -> None:
        self._console.print(f"{time.monotonic() - self._began:6.0f} s  {text}", highlight=False)


def report(title: str, columns: Sequence[str], rows: Sequence[Sequence[str]], notes: Sequence[str]) -> None:
    """Print a table, and append it to docs/benchmarks.md with date and machine."""
    console = Console()
    table = Table(*columns, title=title)
    for row in rows:
        table.add_row(*row)
    console.print(table)
    for note in notes:
        console.print(note)
    when = datetime.now(UTC).strftime("%Y-%m-%d %H:%M UTC")
    lines = [f"\n## {title}\n", f"{when}, {machine()}\n", "| " + " | ".join(columns) + " |"]
    lines.append("|" + "---|" * len(columns))
    lines += ["| " + " | ".join(row) + " |" for row in rows]
    lines += ["", *(f"- {note}" for note in notes)]
    RESULTS.parent.mkdir(exist_ok=True)
    if not RESULTS.exists():
        RESULTS.write_text("# Benchmarks\n\nWritten by `make bench`; ratios within one run count.\n")
    with RESULTS.open("a") as results:
        results.write("\n".join(lines) + "\n")


def machine() -> str:
    """The machine in a few words."""
    info = Path("/proc/cpuinfo").read_text()
    model = re.search(r"model name\s*:\s*(.+)", info)
    return (
        f"{os.cpu_count()} x {model[1] if model else platform.machine()}, Python {platform.python_version()}"
    )
