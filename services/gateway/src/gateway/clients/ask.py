"""A question of the gateway's own to a service."""

from gateway.clients.faults import BadAnswer
from gateway.clients.pool import Upstream

LONGEST = 4 * 1024 * 1024
"""Bytes of an answer to the gateway's own questions."""


async def ask(upstream: Upstream, path: str) -> tuple[int, bytes]:
    """GET `path`: status and body. Raises UpstreamFault."""
    connection = await upstream.take()
    try:
        connection.begin(
            b"GET %b HTTP/1.1\r\nHost: %b\r\nAccept: application/json\r\n\r\n"
            % (path.encode("ascii"), upstream.authority)
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
    status = connection.status
    upstream.give_back(connection)
    return status, b"".join(parts)
