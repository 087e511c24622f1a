"""A viewer's media path through the relay: a real TURN allocation and a peer behind it.

Sends datagrams of the size that video uses. Never more than `WINDOW` bytes are on their way: coturn's relay
sockets hold 64 KiB and drop what comes on top.
"""

import asyncio
import re
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from typing import Any, cast

from aioice.turn import TurnTransport, create_turn_endpoint

LOOPBACK = "127.0.0.1"
DATAGRAM = 1_200
WINDOW = 24 * DATAGRAM
GIVE_UP = 2.0
"""Seconds without progress after which the datagrams under way count as lost."""
CLOSING = 5.0
_TURN_URL = re.compile(
    r"turn:(?P<host>\[[0-9A-Fa-f:]+\]|[^:?]+)(?::(?P<port>\d+))?(?:\?transport=(?P<by>udp|tcp))?"
)


class NoRelay(Exception):
    """There is no TURN server among the ICE servers: this session is peer to peer only."""


class _Counter(asyncio.DatagramProtocol):
    """Counts what arrives; sends it back when `echo` is set."""

    def __init__(self, echo: bool = False) -> None:
        self.received = 0
        self.progress = asyncio.Event()
        self.closed = asyncio.Event()
        self._echo = echo
        self._transport: asyncio.DatagramTransport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.DatagramTransport, transport)

    def datagram_received(self, data: bytes, addr: tuple[str | Any, int]) -> None:
        self.received += len(data)
        self.progress.set()
        if self._echo and self._transport is not None:
            self._transport.sendto(data, addr)

    def connection_lost(self, exc: Exception | None) -> None:
        self.closed.set()


class RelayedPath:
    """An open path viewer -> relay -> peer."""

    def __init__(
        self, transport: TurnTransport, viewer: _Counter, peer: _Counter, address: tuple[str, int], echo: bool
    ) -> None:
        self._transport = transport
        self._viewer = viewer
        self._peer = peer
        self._address = address
        self._last_stop = viewer if echo else peer

    @property
    def arrived(self) -> int:
        """Bytes that reached the peer through the relay."""
        return self._peer.received

    @property
    def returned(self) -> int:
        """Bytes that came back to the viewer through the relay."""
        return self._viewer.received

    async def send(self, total_bytes: int) -> None:
        """Send so many bytes and wait until they have arrived (or are lost)."""
        goal, sent, lost = self._last_stop.received + total_bytes, 0, 0
        begin = self._last_stop.received
        while self._last_stop.received + lost < goal:
            self._last_stop.progress.clear()
            while sent < total_bytes and sent - (self._last_stop.received - begin) - lost < WINDOW:
                size = min(DATAGRAM, total_bytes - sent)
                self._transport.sendto(bytes(size), self._address)
                sent += size
            try:
                await asyncio.wait_for(self._last_stop.progress.wait(), GIVE_UP)
            except TimeoutError:
                lost = sent - (self._last_stop.received - begin)


def relay_of(ice_servers: Sequence[Mapping[str, Any]]) -> tuple[str, int, str, str, str]:
    """Host, port, transport, user name and credential of the first TURN server; `NoRelay` without any."""
    for server in ice_servers:
        for url in server["urls"]:
            found = _TURN_URL.fullmatch(url)
            if found is not None and server.get("credential"):
                host = found["host"].strip("[]")
                where = (host, int(found["port"] or 3478), found["by"] or "udp")
                return *where, server["username"], server["credential"]
    raise NoRelay("no TURN server is offered for this session")


@asynccontextmanager
async def relayed_path(
    ice_servers: Sequence[Mapping[str, Any]], *, echo: bool = False
) -> AsyncIterator[RelayedPath]:
    """Allocate on the relay, with a peer on this machine; released, as a client does, at the end.

    With `echo` the peer sends everything back. Errors: `NoRelay`; `aioice.stun.TransactionFailed` when the
    relay does not take the credential.
    """
    host, port, by, username, credential = relay_of(ice_servers)
    peer = _Counter(echo)
    loop = asyncio.get_running_loop()
    peer_transport, _ = await loop.create_datagram_endpoint(lambda: peer, local_addr=(LOOPBACK, 0))
    try:
        transport, viewer = await create_turn_endpoint(
            _Counter, server_addr=(host, port), username=username, password=credential, transport=by
        )
        try:
            yield RelayedPath(transport, viewer, peer, peer_transport.get_extra_info("sockname"), echo)
        finally:
            transport.close()
            await asyncio.wait_for(viewer.closed.wait(), CLOSING)
    finally:
        peer_transport.close()
