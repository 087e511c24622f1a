"""Which things somebody reaches, as the services that know tell."""

from typing import Final

import orjson

from common.errors import Unavailable
from common.http.reached import MOST
from gateway.clients.ask import ask
from gateway.clients.faults import UpstreamFault
from gateway.clients.pool import Upstream

ITEMS: Final = "/api/v1/items/reached"
SERVERS: Final = "/api/v1/servers/reached"


class Reach:
    """Asks in the name of the bearer of `authorization`, a header line."""

    def __init__(self, provisioning: Upstream, relay: Upstream) -> None:
        self._provisioning = provisioning
        self._relay = relay

    async def items(self, asked: frozenset[str], authorization: bytes) -> frozenset[str]:
        return await _reached(self._provisioning, ITEMS, asked, authorization)

    async def servers(self, asked: frozenset[str], authorization: bytes) -> frozenset[str]:
        return await _reached(self._relay, SERVERS, asked, authorization)


async def _reached(
    upstream: Upstream, path: str, asked: frozenset[str], authorization: bytes
) -> frozenset[str]:
    ids, reached = sorted(asked), set[str]()
    lines = b"Content-Type: application/json\r\n" + authorization
    for start in range(0, len(ids), MOST):
        body = orjson.dumps({"ids": ids[start : start + MOST]})
        try:
            reply = await ask(upstream, path, method=b"POST", lines=lines, body=body)
            if reply.status != 200:
                raise _unknown()
            reached.update(orjson.loads(reply.body)["ids"])
        except (UpstreamFault, ValueError, KeyError, TypeError):
            raise _unknown() from None
    return asked & reached


def _unknown() -> Unavailable:
    return Unavailable("reach_unknown", "What you may see cannot be checked just now", retry_after=1)
