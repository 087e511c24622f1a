"""Where a request comes from, behind one or several proxies of ours."""

from collections.abc import Sequence
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network

from aiohttp import web

Address = IPv4Address | IPv6Address


class TrustedProxies:
    """Believes `X-Forwarded-For` as far as it was written by a trusted proxy, and no further."""

    def __init__(self, networks: Sequence[str]) -> None:
        self._trusted = [ip_network(network) for network in networks]

    def address(self, request: web.Request) -> Address:
        """The last address in the chain that is not one of our proxies."""
        chain = [part.strip() for part in request.headers.get("X-Forwarded-For", "").split(",")]
        address = _parsed(request.remote or "") or IPv4Address("0.0.0.0")
        for hop in reversed(chain):
            nearer = _parsed(hop)
            if nearer is None or not any(address in network for network in self._trusted):
                break
            address = nearer
        return address


def around(address: Address, ipv4_bits: int, ipv6_bits: int) -> str:
    """The network of so many bits that the address lies in."""
    bits = ipv6_bits if address.version == 6 else ipv4_bits
    return str(ip_network((address, bits), strict=False))


def _parsed(text: str) -> Address | None:
    try:
        address = ip_address(text)
    except ValueError:
        return None
    mapped = address.ipv4_mapped if isinstance(address, IPv6Address) else None
    return mapped or address
