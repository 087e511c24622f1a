"""Many cameras at once against one process: 20,000 on the line, and 10,000 whose power comes back.

    cd tests && python -m bench.camera_crowd [held fleet]

The service is assembled as always, on memory parts, on one core; its cameras are on the other. Memory is the
resident memory of the service's process, cameras not included.
"""

import asyncio
import base64
import os
import re
import resource
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import cast

import uvloop

from bench.peers.measure import LOAD_CORE, SERVER_CORE, report, spread
from common.app import calm_collector
from common.auth import Actor, Role
from common.clock import SystemClock
from common.ids import OrganisationId, SessionId, UserId
from common.testing import MemoryHouse
from device.digest import Digest
from device.fleet import numbered
from provisioning.app import CameraListener, assemble
from provisioning.settings import Settings

ACTOR = Actor(UserId("u"), OrganisationId("o"), Role.SUPER_ADMIN, SessionId("s"), 4_000_000_000)
FIRST, SECRET = "0040ff000000", "fleet"
CLAIMS = 50
FILES_BESIDE = 200


def open_files(wanted: int) -> int:
    """Raise the limit of open files; how many connections there may be."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    try:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted + FILES_BESIDE, max(hard, wanted + FILES_BESIDE)))
    except (ValueError, PermissionError):
        resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    return min(wanted, resource.getrlimit(resource.RLIMIT_NOFILE)[0] - FILES_BESIDE)


async def serve(held: str) -> None:
    """Answers on its camera port; a number on standard input claims that camera."""
    open_files(int(held))
    settings = Settings(
        master_key=base64.b64encode(os.urandom(32)).decode(),
        camera_port=0,
        camera_held_polls=int(held) * 2,  # half of them for one network, and here is only one
    )
    house = MemoryHouse(clock=SystemClock())  # type: ignore[arg-type]  # the machine's time, not a test's
    assembly = house.move_in("provisioning", lambda parts: assemble(parts, settings))
    for part in assembly.background:
        await part.open()
    listener = next(part for part in assembly.background if isinstance(part, CameraListener))
    claims = next(
        route.handler.__self__._service  # type: ignore[attr-defined]  # the handler is a method of ClaimsApi
        for route in assembly.routes
        if (route.method, route.path) == ("POST", "/api/v1/claims")
    )
    calm_collector()
    print(listener.url, flush=True)
    reader = asyncio.StreamReader()
    await asyncio.get_running_loop().connect_read_pipe(
        lambda: asyncio.StreamReaderProtocol(reader), sys.stdin
    )
    identities = list(numbered(int(held), FIRST, SECRET))
    while line := await reader.readline():
        camera = identities[int(line)]
        await claims.claim(ACTOR, camera.id, camera.secret, None, None)
        print(f"{time.time():.6f}", flush=True)


@contextmanager
def server(held: int) -> Iterator[tuple[str, subprocess.Popen[str]]]:
    command = ["taskset", "-c", SERVER_CORE, sys.executable, "-m", "bench.camera_crowd", "--serve", str(held)]
    process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    try:
        while not (line := process.stdout.readline()).startswith("http"):
            if not line:
                raise SystemExit("the service did not start")
        yield line.strip(), process
    finally:
        process.kill()
        process.wait()


def megabytes(pid: int, what: str = "VmRSS") -> float:
    found = re.search(rf"{what}:\s+(\d+) kB", Path(f"/proc/{pid}/status").read_text())
    assert found is not None
    return int(found[1]) / 1024


class OnTheLine(asyncio.Protocol):
    """A camera as small as can be: one connection, a challenge, a proof with `Prefer: wait=55`."""

    def __init__(self, device: str, secret: str) -> None:
        self._digest = Digest(device, secret)
        self._target = f"/camera/v1/devices/{device}/token"
        self._transport: asyncio.Transport | None = None
        self.challenged = asyncio.get_running_loop().create_future()
        self.answered: asyncio.Future[tuple[int, float]] = asyncio.get_running_loop().create_future()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)  # uvloop's are none by name
        self._ask("")

    def data_received(self, data: bytes) -> None:
        status = int(data[9:12])
        if status != 401:
            self.answered.set_result((status, time.time()))
            return
        challenge = re.search(rb"WWW-Authenticate: ([^\r]+)", data)
        assert challenge is not None
        self._digest.challenged(challenge[1].decode())
        self.challenged.set_result(None)

    def prove(self) -> None:
        proof = self._digest.header("GET", self._target)
        self._ask(f"Prefer: wait=55\r\nAuthorization: {proof}\r\n")

    def _ask(self, headers: str) -> None:
        assert self._transport is not None
        self._transport.write(f"GET {self._target} HTTP/1.1\r\nHost: c\r\n{headers}\r\n".encode())

    def connection_lost(self, exc: Exception | None) -> None:
        if not self.answered.done():
            self.answered.set_result((0, time.time()))


async def hold(url: str, process: subprocess.Popen[str], count: int) -> tuple[float, list[float], int]:
    """Bytes per held camera, seconds from claim to token, and how many were still held at the end."""
    host, port = url.removeprefix("http://").split(":")
    before, loop = megabytes(process.pid), asyncio.get_running_loop()
    cameras = []
    for identity in numbered(count, FIRST, SECRET):
        camera = OnTheLine(identity.id, identity.secret)
        await loop.create_connection(lambda made=camera: made, host, int(port))  # type: ignore[misc]  # a protocol
        cameras.append(camera)
    await asyncio.gather(*(camera.challenged for camera in cameras))
    for camera in cameras:  # all within less than they are held for
        camera.prove()
    busy = -1.0
    while cpu(process.pid) - busy > 0.02:
        busy = cpu(process.pid)
        await asyncio.sleep(0.5)
    each = (megabytes(process.pid) - before) * 1024 * 1024 / count
    took = []
    assert process.stdin is not None
    assert process.stdout is not None
    for n in range(count - CLAIMS, count):
        process.stdin.write(f"{n}\n")
        process.stdin.flush()
        claimed = float(await asyncio.to_thread(process.stdout.readline))
        status, at = await cameras[n].answered
        assert status == 200, status
        took.append(at - claimed)
    held = sum(not camera.answered.done() for camera in cameras)
    return each, took, held


def power_cut(url: str, pid: int, count: int) -> tuple[dict[str, int], float, float]:
    """Answers to a fleet that is switched on and cut once, peak memory, CPU seconds of the service."""
    before = cpu(pid)
    fleet = subprocess.run(
        ["taskset", "-c", LOAD_CORE, sys.executable, "-m", "device", "fleet", "-n", str(count), "--url", url,
         "--seconds", "95", "--cut-after", "40"],
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    said = re.search("answers: (.*)", fleet.stdout)
    assert said is not None
    answers = {name: int(number) for name, number in (part.split() for part in said[1].split(", "))}
    return answers, megabytes(pid, "VmHWM"), cpu(pid) - before


def cpu(pid: int) -> float:
    return sum(int(field) for field in Path(f"/proc/{pid}/stat").read_text().split()[13:15]) / 100


def measure(held: int, fleet: int) -> None:
    held = open_files(held)
    os.sched_setaffinity(0, {int(LOAD_CORE)})
    began = datetime.now().astimezone()
    with server(held) as (url, process):
        empty = megabytes(process.pid)
        each, took, still = uvloop.run(hold(url, process, held))
    with server(held) as (url, process):
        answers, peak, used = power_cut(url, process.pid, fleet)
    milliseconds = [one * 1000 for one in took]
    rows = [
        [f"{held:,} on the line", f"{each / 1024:.1f} KiB a camera", f"{each * held / 2**20:,.0f} MiB in all"],
        [f"claim to token, {held:,} on the line", spread(milliseconds, 1) + " ms", "goal: under 1,000 ms"],
        [f"power cut of {fleet:,}", ", ".join(f"{name}: {n:,}" for name, n in answers.items()),
         f"peak {peak:,.0f} MiB, CPU {used:.0f} s"],
    ]  # fmt: skip
    wrong = {name: n for name, n in answers.items() if name not in ("204", "429")}
    notes = [
        f"{still:,} cameras were still on the line after the {CLAIMS} claims",
        f"the empty service: {empty:,.0f} MiB; plain HTTP (TLS costs more for each connection)",
        f"power cut: all {fleet:,} switched on at once, cut and on again after 40 s; "
        + (f"WRONG: {wrong}" if wrong else "no answer but 204 and, within the law, 429"),
        f"took {(datetime.now().astimezone() - began).total_seconds():.0f} s; min / median / max",
    ]
    report("Many cameras at once, one process", ["what", "measured", ""], rows, notes)


if __name__ == "__main__":
    if sys.argv[1:2] == ["--serve"]:
        uvloop.run(serve(sys.argv[2]))
    else:
        numbers = [int(text) for text in sys.argv[1:]] or [20_000, 10_000]
        measure(*numbers)
