"""The express lane: the commonest request, answered without waking aiohttp.

A `Lane` sits between a client's transport and aiohttp's protocol for it. What it sees is a plain GET or HEAD
that came in one piece, with a token that is known, while aiohttp is idle and a connection to the service is
free: that goes straight to the service, and a short answer straight back, from callback to callback with no
task in between. Everything else, also an answer that turns out long or a fault, goes to aiohttp's protocol as
if there were no lane; it finds what was begun in `take_begun` and carries on from there.

The lane reads along (llhttp, the parser aiohttp uses too) to know where requests begin and end. Whatever
could be read in two ways (chunked bodies, upgrades, errors) ends the lane for that connection.
"""

import asyncio
from collections.abc import Callable
from time import perf_counter
from typing import Final, NamedTuple

from aiohttp.web_protocol import RequestHandler
from httptools import HttpParserError, HttpParserUpgrade, HttpRequestParser

from gateway.clients.answer import short_answer
from gateway.clients.connection import Connection
from gateway.clients.headers import Header

REFRESH: Final = 60.0
"""Seconds after which one request goes through aiohttp again, whose idle timer would close the connection."""
HELD: Final = 65_536
"""Bytes of further requests held while one is under way."""


class Ticket(NamedTuple):
    """A request that may take the lane."""

    connection: Connection
    wire: bytes
    head_only: bool
    to_client: bytes
    service: str
    identity: str
    """The request's id."""
    limit: bytes
    """The `RateLimit` line."""


Admit = Callable[[bytes, str, list[Header], object], Ticket | None]
"""Method, target, headers, peer -> a ticket, or None: aiohttp's."""


class Express:
    """What the lanes of one gateway share."""

    def __init__(self, admit: Admit, count: Callable[[str, str, int, float], None]) -> None:
        self.admit = admit
        self.count = count
        self.lanes: dict[object, Lane] = {}
        self.closing = False
        self.under_way = 0
        self._settled = asyncio.Event()

    def ended(self) -> None:
        self.under_way -= 1
        if self.closing and not self.under_way:
            self._settled.set()

    async def settle(self, seconds: float) -> None:
        """Nothing new takes the lane; wait until what is under way has ended."""
        self.closing = True
        if self.under_way:
            await asyncio.wait([asyncio.ensure_future(self._settled.wait())], timeout=seconds)

    def take_begun(self, protocol: object, method: str, target: str) -> Ticket | None:
        """The ticket of the exchange that was begun for this request of this connection."""
        lane = self.lanes.get(protocol)
        return None if lane is None else lane.take_begun(method, target)


class Lane(asyncio.Protocol):
    """One client connection."""

    def __init__(self, inner: RequestHandler, express: Express) -> None:
        self._inner = inner
        self._express = express
        self._parser: HttpRequestParser | None = HttpRequestParser(self)
        self._between = True
        """The bytes so far end where a request ends."""
        self._ended = 0
        self._has_body = False
        self._url = b""
        self._headers: list[Header] = []
        self._data = b""
        self._held: list[bytes] = []
        self._ticket: Ticket | None = None
        self._begun: tuple[str, str, Ticket] | None = None
        self._started = self._inside_since = 0.0
        self._transport: asyncio.Transport
        self._peer: object = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = transport  # type: ignore[assignment]  # uvloop's is no subclass of asyncio.Transport
        self._peer = transport.get_extra_info("peername")
        self._express.lanes[self._inner] = self
        self._inner.connection_made(transport)

    def connection_lost(self, exc: Exception | None) -> None:
        del self._express.lanes[self._inner]
        ticket, self._ticket = self._ticket, None
        if ticket is not None:
            ticket.connection.notify = None
            ticket.connection.abort()
            self._express.ended()
        if self._begun is not None:
            self._begun[2].connection.abort()
        self._inner.connection_lost(exc)

    def eof_received(self) -> None:
        self._inner.eof_received()

    def pause_writing(self) -> None:
        self._inner.pause_writing()

    def resume_writing(self) -> None:
        self._inner.resume_writing()

    def data_received(self, data: bytes) -> None:
        if self._ticket is not None:
            self._held.append(data)
            if sum(map(len, self._held)) > HELD:
                self._transport.pause_reading()
        elif self._parser is None or not self._fits(self._parser, data):
            self._inside_since = perf_counter()
            self._inner.data_received(data)

    def _fits(self, parser: HttpRequestParser, data: bytes) -> bool:
        """Read along. True when `data` is one whole request and took the lane."""
        began_between, self._ended = self._between, 0
        try:
            parser.feed_data(data)
        except (HttpParserError, HttpParserUpgrade):  # from here on only aiohttp knows what the bytes mean
            self._parser = None
            return False
        whole = began_between and self._between and self._ended == 1
        if not whole or self._has_body or self._parser is None:
            return False
        inner, express = self._inner, self._express
        waiter = inner._waiter  # what aiohttp's own idle timer looks at
        if waiter is None or waiter.done() or inner._messages or inner.writing_paused:
            return False
        now = perf_counter()
        if express.closing or now - self._inside_since > REFRESH or not parser.should_keep_alive():
            return False
        return self._depart(parser, data, now)

    def _depart(self, parser: HttpRequestParser, data: bytes, now: float) -> bool:
        try:
            target = self._url.decode("ascii")
        except UnicodeDecodeError:
            return False
        if parser.get_http_version() != "1.1":
            return False
        ticket = self._express.admit(parser.get_method(), target, self._headers, self._peer)
        if ticket is None:
            return False
        self._ticket, self._data, self._started = ticket, data, now
        self._express.under_way += 1
        ticket.connection.notify = self._ready
        ticket.connection.begin(ticket.wire, head_only=ticket.head_only)
        return True

    def _ready(self) -> None:
        ticket = self._ticket
        if ticket is None:
            return
        connection = ticket.connection
        connection.notify = None
        self._ticket = None
        self._express.ended()
        method = "HEAD" if ticket.head_only else "GET"
        if connection.complete and connection.status != 101:
            self._transport.write(short_answer(connection, ticket.head_only, [ticket.to_client]))
            connection.give_back()
            self._express.count(method, ticket.service, connection.status, perf_counter() - self._started)
        else:
            self._begun = (method, self._url.decode("ascii"), ticket)
            self._inside_since = perf_counter()
            self._inner.data_received(self._data)
        if self._held:
            held, self._held = b"".join(self._held), []
            self._transport.resume_reading()
            self.data_received(held)

    def take_begun(self, method: str, target: str) -> Ticket | None:
        """What the lane began for this request, once."""
        begun, self._begun = self._begun, None
        if begun is None:
            return None
        if begun[:2] == (method, target):
            return begun[2]
        begun[2].connection.abort()
        return None

    # httptools

    def on_message_begin(self) -> None:
        self._between = self._has_body = False
        self._url = b""
        self._headers = []

    def on_url(self, url: bytes) -> None:
        self._url += url

    def on_header(self, name: bytes, value: bytes) -> None:
        self._headers.append((name, value))
        if len(name) == 17 and name.lower() == b"transfer-encoding":
            self._parser = None

    def on_body(self, _: bytes) -> None:
        self._has_body = True

    def on_message_complete(self) -> None:
        self._between = True
        self._ended += 1
