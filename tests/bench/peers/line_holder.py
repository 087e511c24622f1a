"""Cameras as small as can be, many in one process: a connection, and a poll with `Prefer: wait=55`.

    python -m bench.peers.line_holder URL FIRST COUNT

All use the nonce of one challenge: nonces belong to nobody. Says `asked` when all have asked, and prints number,
status and time of each answer. A line on standard input: `held` and how many still wait.
"""

import asyncio
import sys
import time
from typing import cast

import aiohttp
import uvloop

from bench.peers.crowd_server import FIRST_DEVICE, SECRET
from device.digest import Digest
from device.fleet import numbered

AT_ONCE = 100


class OnTheLine(asyncio.Protocol):
    def __init__(self, number: int, device: str, secret: str, challenge: str) -> None:
        self._number = number
        self._target = f"/camera/v1/devices/{device}/token"
        digest = Digest(device, secret)
        digest.challenged(challenge)
        self._proof = digest.header("GET", self._target)
        self.waits = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.waits = True
        headers = f"Host: c\r\nPrefer: wait=55\r\nAuthorization: {self._proof}\r\n"
        camera = cast(asyncio.Transport, transport)  # uvloop's are none by name
        camera.write(f"GET {self._target} HTTP/1.1\r\n{headers}\r\n".encode())

    def data_received(self, data: bytes) -> None:
        self._answered(int(data[9:12]))

    def connection_lost(self, exc: Exception | None) -> None:
        if self.waits:
            self._answered(0)

    def _answered(self, status: int) -> None:
        self.waits = False
        print(self._number, status, f"{time.time():.6f}", flush=True)


async def challenged(url: str) -> str:
    target = f"{url}/camera/v1/devices/{FIRST_DEVICE}/token"
    async with aiohttp.ClientSession() as session, session.get(target) as answer:
        return answer.headers["WWW-Authenticate"]


async def hold(url: str, first: int, count: int) -> None:
    host, port = url.removeprefix("http://").split(":")
    reader, loop = asyncio.StreamReader(), asyncio.get_running_loop()
    await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), sys.stdin)
    challenge = await challenged(url)
    cameras = [
        OnTheLine(number, identity.id, identity.secret, challenge)
        for number, identity in enumerate(numbered(first + count, FIRST_DEVICE, SECRET))
        if number >= first
    ]
    waiting = cameras[::-1]
    while waiting:  # all within the time that the first of them is held
        some = range(min(AT_ONCE, len(waiting)))
        await asyncio.gather(*(loop.create_connection(waiting.pop, host, int(port)) for _ in some))
    print("asked", flush=True)
    await reader.readline()
    print("held", sum(camera.waits for camera in cameras), flush=True)
    await reader.read()


if __name__ == "__main__":
    uvloop.run(hold(sys.argv[1], int(sys.argv[2]), int(sys.argv[3])))
