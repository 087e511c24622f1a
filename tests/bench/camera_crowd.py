"""Many cameras at once against one process: as many on the line as it has files for, and 10,000 whose power
comes back.

    cd tests && python -m bench.camera_crowd [held | fleet] [cameras]

The service is assembled as always, on memory parts, on one core; its cameras are on the other, in processes of
their own, because each of them has files of its own. Memory is the resident memory of the service's process.
"""

import asyncio
import os
import re
import socket
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

import aiohttp

from bench.peers.crowd_server import FIRST_DEVICE, SECRET
from bench.peers.measure import LOAD_CORE, SERVER_CORE, Progress, report, spread
from device.fleet import numbered

HELD, FLEET = 20_000, 10_000
CLAIMS = 50
HOLDERS = 2
BEYOND = 1_000
"""Connections more, when all places are taken."""


@dataclass(frozen=True, slots=True)
class Served:
    process: "subprocess.Popen[str]"
    cameras: str
    people: str
    token: str
    places: int


def started(core: str, module: str, *arguments: object) -> "subprocess.Popen[str]":
    command = ["taskset", "-c", core, sys.executable, "-m", module, *map(str, arguments)]
    return subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)


def said(process: "subprocess.Popen[str]", word: str) -> str:
    """The next line of a process that begins so; what comes before is its log."""
    assert process.stdout is not None
    while not (line := process.stdout.readline()).startswith(word):
        if not line:
            raise SystemExit(f"the process ended before it said {word}")
    return line.strip()


def tell(process: "subprocess.Popen[str]") -> None:
    assert process.stdin is not None
    process.stdin.write("\n")
    process.stdin.flush()


@contextmanager
def server(held: int) -> Iterator[Served]:
    process = started(SERVER_CORE, "bench.peers.crowd_server", held)
    try:
        cameras, people, token, places = said(process, "http").split()
        yield Served(process, cameras, people, token, int(places))
    finally:
        process.kill()
        process.wait()


def megabytes(pid: int, what: str = "VmRSS") -> float:
    found = re.search(rf"{what}:\s+(\d+) kB", Path(f"/proc/{pid}/status").read_text())
    assert found is not None
    return int(found[1]) / 1024


def cpu(pid: int) -> float:
    return sum(int(field) for field in Path(f"/proc/{pid}/stat").read_text().split()[13:15]) / 100


def quiet(pid: int) -> None:
    """Until it has nothing to do."""
    busy = -1.0
    while cpu(pid) - busy > 0.05:
        busy = cpu(pid)
        time.sleep(0.5)


def claimed(served: Served, number: int) -> float:
    """When a person asked for this camera, whose token comes to its holder."""
    identity = list(numbered(number + 1, FIRST_DEVICE, SECRET))[-1]
    body, headers = (
        {"device_id": identity.id, "secret": identity.secret},
        {"Authorization": f"Bearer {served.token}"},
    )

    async def ask() -> float:
        async with aiohttp.ClientSession() as session:
            asked = time.time()
            async with session.post(f"{served.people}/api/v1/claims", json=body, headers=headers) as answer:
                assert answer.status == 201, await answer.text()
            return asked

    return asyncio.run(ask())


def beyond(url: str, count: int) -> Counter[str]:
    """How cameras are answered that come when all places are taken, all at once."""
    host, port = url.removeprefix("http://").split(":")
    outcomes: Counter[str] = Counter()
    with ExitStack() as stack:
        lines = [stack.enter_context(socket.create_connection((host, int(port)), 10)) for _ in range(count)]
        for line in lines:
            try:
                line.sendall(b"GET /camera/v1/devices/00aa00000000/token HTTP/1.1\r\nHost: c\r\n\r\n")
                outcomes[line.recv(64)[9:12].decode() or "hung up"] += 1
            except OSError:
                outcomes["hung up"] += 1
    return outcomes


def measure_held(wanted: int) -> None:
    progress = Progress()
    with server(wanted) as served, ExitStack() as stack:
        pid, count = served.process.pid, min(wanted, served.places)
        before = megabytes(pid)
        share = count // HOLDERS
        holders = [
            started(LOAD_CORE, "bench.peers.line_holder", served.cameras, n * share, share)
            for n in range(HOLDERS)
        ]
        for holder in holders:
            stack.callback(holder.kill)
        for holder in holders:
            said(holder, "asked")
        count = share * HOLDERS
        progress(f"{count:,} asked; CPU of the service {cpu(pid):.1f} s")
        quiet(pid)
        grown = megabytes(pid) - before
        progress(f"{count:,} on the line")
        took = []
        for n in range(CLAIMS):
            asked = claimed(served, n)
            number, status, at = said(holders[0], str(n)).split()
            assert (number, status) == (str(n), "200"), (number, status)
            took.append((float(at) - asked) * 1000)
        outcomes = beyond(served.cameras, BEYOND)
        still = 0
        for holder in holders:
            tell(holder)
            still += int(said(holder, "held").split()[1])
        still_alive = claimed(served, count - 1) > 0
    rows = [
        [f"{count:,} on the line", f"{grown * 1024 / count:.1f} KiB a camera", f"{grown:,.0f} MiB in all"],
        [f"claim asked for to token at the camera, {count:,} held", spread(took, 1) + " ms", "goal: under 1,000 ms"],
        [f"{BEYOND:,} more at once", ", ".join(f"{name}: {n:,}" for name, n in sorted(outcomes.items())),
         "503: come later; 401: a place that was passed on"],
    ]  # fmt: skip
    notes = [
        f"{still:,} were still on the line after {CLAIMS} claims and {BEYOND:,} cameras more; then it answered: {still_alive}",
        f"the empty service: {before:,.0f} MiB; open files: {os.sysconf('SC_OPEN_MAX'):,}, 300 of them for everything else",
        f"cameras in {HOLDERS} processes; plain HTTP (TLS costs more for each connection); min / median / max",
    ]  # fmt: skip
    report("Cameras on the line, one process", ["what", "measured", ""], rows, notes)


def measure_fleet(count: int) -> None:
    """A fleet that is switched on and cut once."""
    with server(HELD) as served:
        pid = served.process.pid
        before = cpu(pid)
        fleet = subprocess.run(
            ["taskset", "-c", LOAD_CORE, sys.executable, "-m", "device", "fleet", "-n", str(count), "--url",
             served.cameras, "--seconds", "95", "--cut-after", "40"],
            capture_output=True, text=True, check=True,
        )  # fmt: skip
        peak, used = megabytes(pid, "VmHWM"), cpu(pid) - before
    told = re.search("answers: (.*)", fleet.stdout)
    assert told is not None
    answers = {name: int(number) for name, number in (part.split() for part in told[1].split(", "))}
    wrong = {name: n for name, n in answers.items() if name not in ("204", "429")}
    rows = [
        [f"power cut of {count:,}", ", ".join(f"{name}: {n:,}" for name, n in answers.items()),
         f"peak {peak:,.0f} MiB, CPU {used:.0f} s"],
    ]  # fmt: skip
    notes = [
        f"all {count:,} switched on at once, cut and on again after 40 s; "
        + (f"WRONG: {wrong}" if wrong else "no answer but 204 and, within the law, 429"),
    ]
    report("The power comes back, one process", ["what", "measured", ""], rows, notes)


if __name__ == "__main__":
    os.sched_setaffinity(0, {int(LOAD_CORE)})
    what, numbers = sys.argv[1:2], [int(text) for text in sys.argv[2:3]]
    if what in ([], ["held"]):
        measure_held(*numbers or [HELD])
    if what in ([], ["fleet"]):
        measure_fleet(*numbers or [FLEET])
