"""Camera polls of unclaimed ids with a million claimed devices known, beside a bare aiohttp 204 handler.

    cd tests && python -m bench.camera_poll [rounds seconds]

Both servers run the whole time, pinned to one core; wrk loads them in turn from another. Every request comes
from another device id and carries a proof, so nothing is answered from a cache. CPU is that of the server
process (schedstat), which drifts far less than requests/s on a shared machine.
"""

import asyncio
import base64
import gc
import os
import re
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Coroutine, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from statistics import median

import uvloop
from aiohttp import web

from bench.peers.measure import SERVER_CORE, Peer, Sample, load, need, report, spread
from common.app import calm_collector
from common.clock import SystemClock
from common.testing import MemoryHouse
from provisioning.app import CameraListener, assemble
from provisioning.settings import Settings
from provisioning.store import KnownDeviceIndex

DEVICES = 1_000_000
WRK = """
local head = 'Digest username="%012x", realm="vedette-camera", nonce="NONCE", uri="%s", algorithm=SHA-256, '
  .. 'qop=auth, nc=00000001, cnonce="0123456789abcdef0123456789abcdef", '
  .. 'response="0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"'
math.randomseed(os.time())
local device = math.random(0, 2^45)
request = function()
  device = device + 1
  local path = string.format("/camera/v1/devices/%012x/token", device)
  local proof = string.format(head, device, path)
  return wrk.format("GET", path, { ["Host"] = "camera", ["Authorization"] = proof })
end
"""


async def serve_bare() -> None:
    async def nothing(_: web.Request) -> web.Response:
        return web.Response(status=204)

    app = web.Application()
    app.router.add_get("/camera/v1/devices/{device}/token", nothing)
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    print(runner.addresses[0][1], "-", "-", flush=True)
    await asyncio.Event().wait()


async def serve_camera_port() -> None:
    """The service as it is assembled, with the machine's clock and a filled index."""
    settings = Settings(
        master_key=base64.b64encode(os.urandom(32)).decode(), camera_port=0, camera_network_rate=0
    )
    house = MemoryHouse(time=SystemClock())  # the machine's time, not a test's
    assembly = house.move_in("provisioning", lambda parts: assemble(parts, settings))
    for part in assembly.background:
        await part.open()
    listener = next(part for part in assembly.background if isinstance(part, CameraListener))
    polls = listener.port._polls
    known = polls._known
    assert isinstance(known, KnownDeviceIndex)
    before = _resident_bytes()
    for _ in range(DEVICES):
        known.add(int.from_bytes(os.urandom(8), "big"))
    gc.collect()
    grown = (_resident_bytes() - before) / DEVICES
    calm_collector()
    nonce = polls._nonces.new(time.time())
    print(listener.url.rpartition(":")[2], nonce, f"{grown:.1f}", flush=True)
    await asyncio.Event().wait()


def _resident_bytes() -> int:
    return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")


PACED = """
function delay() return math.random(0, 2 * MILLISECONDS) end
"""
SHARE = 0.7
CONNECTIONS = 64


def at_70_percent(peer: Peer, script: str, folder: Path, per_second: float, seconds: int) -> Sample:
    """A round in which each connection pauses at random between requests."""
    pause = CONNECTIONS / (SHARE * per_second) * 1000
    asked = folder / "paced.lua"
    for _ in range(3):  # what a request itself takes is part of the pace: find the pause that gives 70 %
        asked.write_text(script + PACED.replace("MILLISECONDS", f"{pause:.3f}"))
        paced = load(replace(peer, script=asked), seconds, CONNECTIONS)
        if abs(paced.per_second / per_second - SHARE) < 0.07:
            break
        pause = max(0.01, pause + CONNECTIONS * (1 / (SHARE * per_second) - 1 / paced.per_second) * 1000)
    return paced


@contextmanager
def running_server(name: str) -> Iterator[tuple[int, int, tuple[str, str]]]:
    """Port and process id of one of our two servers on its core, and what it said about itself."""
    command = ["taskset", "-c", SERVER_CORE, sys.executable, "-m", "bench.camera_poll", "--serve", name]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    try:
        while not re.match(r"\d+ ", line := process.stdout.readline()):
            if not line:
                raise SystemExit(f"{name} did not start")
        port, nonce, grown = line.split()
        yield int(port), process.pid, (nonce, grown)
    finally:
        process.kill()
        process.wait()


def measure(rounds: int, seconds: int) -> None:
    need("wrk", "wrk")
    with (
        tempfile.TemporaryDirectory() as folder,
        running_server("bare") as (bare_port, bare_pid, _),
        running_server("camera") as (port, pid, (nonce, grown)),
    ):
        script = Path(folder) / "poll.lua"
        script.write_text(WRK.replace("NONCE", nonce))
        bare = Peer("bare 204 handler", f"http://127.0.0.1:{bare_port}/", script, bare_pid)
        camera = Peer("camera port", f"http://127.0.0.1:{port}/", script, pid)
        samples: dict[str, list[Sample]] = {bare.name: [], camera.name: []}
        for peer in (bare, camera):
            load(peer, 2)
        for turn in range(rounds):
            for peer in (bare, camera) if turn % 2 == 0 else (camera, bare):
                samples[peer.name].append(load(peer, seconds))
        most = median(one.per_second for one in samples[camera.name])
        paced = at_70_percent(camera, script.read_text(), Path(folder), most, seconds)
    tell(samples, rounds, seconds, grown, f"{paced.p99_ms:.1f} ms at {paced.per_second:,.0f} requests/s")


def tell(samples: dict[str, list[Sample]], rounds: int, seconds: int, grown: str, paced: str) -> None:
    lines = [
        [
            name,
            spread([one.per_second for one in taken]),
            spread([one.cpu_us for one in taken], 1),
            str(sum(one.failed for one in taken)),
        ]
        for name, taken in samples.items()
    ]
    bare, camera = samples.values()
    rate = [ours.per_second / theirs.per_second for ours, theirs in zip(camera, bare, strict=True)]
    cpu = [theirs.cpu_us / ours.cpu_us for ours, theirs in zip(camera, bare, strict=True)]
    notes = [
        f"requests a second, camera port to bare handler: {spread(rate, 2)} (goal: at least 0.6)",
        f"CPU per request, bare handler to camera port: {spread(cpu, 2)}",
        f"p99 at about 70 % of the camera port's most: {paced} (goal: under 15 ms)",
        f"index: {grown} bytes for each of {DEVICES:,} claimed devices (goal: at most 20)",
        f"{rounds} alternated rounds of {seconds} s, every request from another device; min / median / max",
    ]
    columns = ["peer", "requests/s", "CPU us/request", "failed"]
    report("Camera poll, nothing for it, a million claimed devices known", columns, lines, notes)


if __name__ == "__main__":
    if sys.argv[1:2] == ["--serve"]:
        servers: dict[str, Callable[[], Coroutine[object, object, None]]]
        servers = {"bare": serve_bare, "camera": serve_camera_port}
        uvloop.run(servers[sys.argv[2]]())
    else:
        measure(*map(int, sys.argv[1:] or ("5", "4")))
