"""Where a request comes from, as far as identity wants to know."""

from collections.abc import Sequence

from aiohttp import web

from common.http.origin import TrustedProxies, around
from identity.domain.throttles import Origin

LONGEST_AGENT = 200


class Origins:
    def __init__(self, trusted_proxies: Sequence[str]) -> None:
        self._proxies = TrustedProxies(trusted_proxies)

    def of(self, request: web.Request) -> Origin:
        address = self._proxies.address(request)
        agent = request.headers.get("User-Agent", "")[:LONGEST_AGENT]
        return Origin(
            address=around(address, 32, 64),
            network=around(address, 24, 56),
            agent="".join(letter for letter in agent if letter.isprintable()),
        )
