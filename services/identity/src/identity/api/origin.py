"""Where a request comes from, behind one or several proxies of ours."""

from collections.abc import Sequence
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network

from aiohttp import web

from identity.domain.throttles import Origin

LONGEST_AGENT = 200
Address = IPv4Address | IPv6Address


class Origins:
    """Believes `X-Forwarded-For` as far as it was written by a trusted proxy, and no further."""

    def __init__(self, trusted_proxies: Sequence[str]) -> None:
        self._trusted = [ip_network(network) for network in trusted_proxies]

    def of(self, request: web.Request) -> Origin:
        address = self._address(request)
        agent = request.headers.get("User-Agent", "")[:LONGEST_AGENT]
        single, around = (64, 56) if address.version == 6 else (32, 24)
        return Origin(
            address=str(ip_network((address, single), strict=False)),
            network=str(ip_network((address, around), strict=False)),
            agent="".join(letter for letter in agent if letter.isprintable()),
        )

    def _address(self, request: web.Request) -> Address:
        """The last address in the chain that is not one of our proxies."""
        chain = [part.strip() for part in request.headers.get("X-Forwarded-For", "").split(",")]
        address = _parsed(request.remote or "") or IPv4Address("0.0.0.0")
        for hop in reversed(chain):
            nearer = _parsed(hop)
            if nearer is None or not any(address in network for network in self._trusted):
                break
            address = nearer
        return address


def _parsed(text: str) -> Address | None:
    try:
        address = ip_address(text)
    except ValueError:
        return None
    mapped = address.ipv4_mapped if isinstance(address, IPv6Address) else None
    return mapped or address
