"""A question of the gateway's own to a service, whose answer it reads itself."""

from typing import NamedTuple

from gateway.clients.faults import BadAnswer
from gateway.clients.pool import Upstream

LONGEST = 4 * 1024 * 1024
"""Bytes of an answer to the gateway's own questions."""


class Reply(NamedTuple):
    """`lines`: the answer's headers as a client may see them."""

    status: int
    lines: bytes
    body: bytes

    def header(self, name: bytes) -> str | None:
        """The value of a header; `name` in lower case."""
        for line in self.lines.split(b"\r\n"):
            key, _, value = line.partition(b":")
            if key.lower() == name:
                return value.strip().decode("latin-1")
        return None


async def ask(
    upstream: Upstream, path: str, *, method: bytes = b"GET", lines: bytes = b"", body: bytes | None = None
) -> Reply:
    """`lines`: further header lines. Sent once, never again: it may be a POST. Raises UpstreamFault."""
    framing = b"" if body is None else b"Content-Length: %d\r\n" % len(body)
    connection = await upstream.take()
    try:
        connection.begin(
            b"%b %b HTTP/1.1\r\nHost: %b\r\n%b%b\r\n%b"
            % (method, path.encode("ascii"), upstream.authority, lines, framing, body or b"")
        )
        await connection.answer()
        parts, size = [], 0
        while part := await connection.chunk():
            parts.append(part)
            size += len(part)
            if size > LONGEST:
                raise BadAnswer(upstream.name, "its answer is too long")
    except BaseException:
        connection.abort()
        raise
    reply = Reply(connection.status, connection.head.lines, b"".join(parts))
    upstream.give_back(connection)
    return reply
