"""How we measure: peers in turn, several rounds, CPU time beside requests a second.

Requests a second depend on what else the machine does; CPU microseconds per request of the server's process
tree moved by less than 8 % between a quiet and a busy machine. Quote ratios within one run, never figures
of different runs.
"""

import os
import platform
import re
import shutil
import subprocess
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from statistics import median

from rich.console import Console
from rich.table import Table

ROOT = Path(__file__).parents[3]
FOLDER = ROOT / ".vedette" / "bench"
RESULTS = ROOT / "docs" / "benchmarks.md"
SERVER_CORE, LOAD_CORE = "0", "1"


@dataclass(frozen=True, slots=True)
class Sample:
    """One round of one peer."""

    per_second: float
    cpu_us: float
    """CPU microseconds of the server's process tree per request."""
    failed: int


@dataclass(frozen=True, slots=True)
class Peer:
    """A server that runs on its own core."""

    name: str
    url: str
    script: Path
    pid: int


def need(program: str, package: str) -> None:
    """Make sure that a program is there; as root on Debian it is installed."""
    if shutil.which(program, path=f"{os.environ.get('PATH', '')}:/usr/sbin"):
        return
    if os.geteuid() != 0 or not shutil.which("apt-get"):
        raise SystemExit(f"{program} is missing: install the package {package}")
    subprocess.run(["apt-get", "install", "-y", "-qq", package], check=True)


@contextmanager
def running(command: Sequence[str], core: str, folder: Path) -> Iterator[int]:
    """A server on one core; yields its process id. It ends with the block."""
    with (folder / f"{Path(command[0]).name}.log").open("ab") as log:
        process = subprocess.Popen(["taskset", "-c", core, *command], cwd=folder, stdout=log, stderr=log)
        try:
            yield process.pid
        finally:
            process.terminate()
            process.wait(timeout=20)


def cpu_seconds(pid: int) -> float:
    """CPU time so far of a process, its threads and its children."""
    total = 0
    for task in Path(f"/proc/{pid}/task").iterdir():
        total += int((task / "schedstat").read_text().split()[0])
    for line in Path(f"/proc/{pid}/task/{pid}/children").read_text().split():
        total += int(cpu_seconds(int(line)) * 1e9)
    return total / 1e9


def load(peer: Peer, seconds: int, connections: int = 64) -> Sample:
    """One round: wrk on the other core."""
    command = ["taskset", "-c", LOAD_CORE, "wrk", "-t1", f"-c{connections}", f"-d{seconds}s"]
    before = cpu_seconds(peer.pid)
    said = subprocess.run(
        [*command, "-s", str(peer.script), peer.url], check=True, capture_output=True, text=True
    ).stdout
    used = cpu_seconds(peer.pid) - before
    requests = int(re.search(r"(\d+) requests in", said)[1])  # type: ignore[index]
    rate = float(re.search(r"Requests/sec:\s+([\d.]+)", said)[1])  # type: ignore[index]
    refused = re.search(r"Non-2xx or 3xx responses: (\d+)", said)
    broken = re.search(r"Socket errors: (.*)", said)
    failed = (int(refused[1]) if refused else 0) + sum(
        map(int, re.findall(r"\d+", broken[1] if broken else ""))
    )
    return Sample(rate, used / max(requests, 1) * 1e6, failed)


def spread(values: Sequence[float], digits: int = 0) -> str:
    """min / median / max."""
    return " / ".join(f"{value:,.{digits}f}" for value in (min(values), median(values), max(values)))


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
