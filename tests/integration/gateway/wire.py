"""A service and a client written by hand, so that they can misbehave to the byte."""

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass, field

from gateway.clients.pool import Upstream

Script = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]
OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"
PATIENCE = 10.0


@dataclass
class Service:
    """Listens on a free port and plays `script` for each connection."""

    script: Script
    port: int = 0
    accepted: int = 0
    gone: asyncio.Event = field(default_factory=asyncio.Event)
    """Set when a connection's script has ended."""
    _server: asyncio.Server | None = None

    async def start(self) -> None:
        self._server = await asyncio.start_server(self._play, "127.0.0.1", self.port)
        self.port = self._server.sockets[0].getsockname()[1]

    async def stop(self) -> None:
        assert self._server is not None
        self._server.close()

    async def _play(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.accepted += 1
        try:
            with suppress(ConnectionError, asyncio.IncompleteReadError):
                await self.script(reader, writer)
        finally:
            writer.close()
            self.gone.set()


class Client:
    """A client that says exactly the bytes it is told to."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader = reader
        self.writer = writer

    def send(self, data: bytes) -> None:
        self.writer.write(data)

    async def head(self) -> tuple[int, dict[str, str]]:
        lines = (await self.until(b"\r\n\r\n")).decode("latin-1").split("\r\n")
        headers = dict(line.lower().split(": ", 1) for line in lines[1:] if line)
        return int(lines[0].split(" ")[1]), headers

    async def answer(self) -> tuple[int, dict[str, str], bytes]:
        """One whole answer to anything but HEAD."""
        status, headers = await self.head()
        if status in (204, 304):
            return status, headers, b""
        if headers.get("transfer-encoding") == "chunked":
            return status, headers, await self.chunks()
        if "content-length" in headers:
            async with asyncio.timeout(PATIENCE):
                return status, headers, await self.reader.readexactly(int(headers["content-length"]))
        return status, headers, await self.rest()

    async def chunks(self) -> bytes:
        body = b""
        while size := int((await self.until(b"\r\n")).strip(), 16):
            async with asyncio.timeout(PATIENCE):
                body += (await self.reader.readexactly(size + 2))[:-2]
        assert await self.until(b"\r\n") == b"\r\n"
        return body

    async def until(self, end: bytes) -> bytes:
        async with asyncio.timeout(PATIENCE):
            return await self.reader.readuntil(end)

    async def rest(self) -> bytes:
        async with asyncio.timeout(PATIENCE):
            return await self.reader.read()

    async def get(self, path: str = "/", *headers: str) -> tuple[int, dict[str, str], bytes]:
        lines = "".join(f"{header}\r\n" for header in headers)
        self.send(f"GET {path} HTTP/1.1\r\nHost: gate\r\n{lines}\r\n".encode())
        return await self.answer()


@dataclass
class Gate:
    """The engine behind aiohttp's server, in front of one service."""

    upstream: Upstream
    service: Service
    port: int
    ended: list[str]
    """How each exchange ended: the name of an exception, or the status."""
    changed: asyncio.Event = field(default_factory=asyncio.Event)
    clients: list[Client] = field(default_factory=list)

    async def client(self) -> Client:
        client = Client(*await asyncio.open_connection("127.0.0.1", self.port, limit=2**20))
        self.clients.append(client)
        return client

    async def an_exchange_ended(self) -> str:
        async with asyncio.timeout(PATIENCE):
            while not self.ended:
                self.changed.clear()
                await self.changed.wait()
        return self.ended.pop(0)


async def request_head(reader: asyncio.StreamReader) -> tuple[str, dict[str, str]]:
    """What a service reads of one request: its first line and its headers."""
    lines = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
    return lines[0], dict(line.lower().split(": ", 1) for line in lines[1:] if line)


def always(answer: bytes) -> Script:
    """A service that gives the same bytes to every request without a body."""

    async def script(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while True:
            await request_head(reader)
            writer.write(answer)

    return script
