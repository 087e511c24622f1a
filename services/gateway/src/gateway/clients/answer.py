"""Answers written as bytes, and what aiohttp's server is told about them."""

from functools import cache
from http import HTTPStatus
from typing import Final

from aiohttp import web
from aiohttp.abc import AbstractStreamWriter

from gateway.clients.connection import Connection


class Sent(web.StreamResponse):
    """Tells aiohttp's server that the answer is on the wire already, and whether the connection stays.

    The gateway writes answers of services itself: their heads are bytes already, taking them apart into a
    response object and building the same bytes again costs half as much as everything else it does.
    """

    def __init__(self, status: int, keep_alive: bool) -> None:
        super().__init__(status=status)
        self._keep_alive = keep_alive

    async def prepare(self, request: web.BaseRequest) -> AbstractStreamWriter | None:
        return None

    async def write_eof(self, data: bytes = b"") -> None:
        return None


GONE: Final = Sent(499, keep_alive=False)
"""Nobody is there to read an answer."""


@cache
def sent(status: int, keep_alive: bool) -> Sent:
    """The note for an answer that was written."""
    return Sent(status, keep_alive)


@cache
def status_line(status: int) -> bytes:
    """The first line of an answer, and who gives it."""
    try:
        phrase = HTTPStatus(status).phrase
    except ValueError:
        phrase = ""
    return f"HTTP/1.1 {status} {phrase}\r\nServer: vedette\r\n".encode("ascii")


def short_answer(connection: Connection, head_only: bool, lines: list[bytes]) -> bytes:
    """A complete answer as the client gets it, with `lines` among its headers."""
    status = connection.status
    length = connection.head.length
    body = connection.take()
    parts = [status_line(status), connection.head.lines, *lines]
    if head_only or status == 304:
        parts.append(b"\r\n" if length is None else b"Content-Length: %d\r\n\r\n" % length)
    elif status == 204:
        parts.append(b"\r\n")
    else:
        parts.append(b"Content-Length: %d\r\n\r\n" % len(body))
        parts.append(body)
    return b"".join(parts)
