"""Where a request comes from, behind one or several proxies of ours."""

from collections.abc import Sequence
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network

from aiohttp import web

Address = IPv4Address | IPv6Address
Network = IPv4Network | IPv6Network


class TrustedProxies:
    """Believes `X-Forwarded-For` as far as it was written by a trusted proxy, and no further."""

    def __init__(self, networks: Sequence[str | Network]) -> None:
        self._trusted = [ip_network(network) for network in networks]

    def address(self, request: web.Request) -> Address:
        """Of a request whose connection may come from one of our proxies."""
        return self.behind(request.remote or "", chain(request))

    def behind(self, peer: str, forwarded: str) -> Address:
        """The last address in the chain of `forwarded`, then `peer`, that is not one of our proxies."""
        address = _parsed(peer) or IPv4Address("0.0.0.0")
        for hop in reversed(forwarded.split(",")):
            nearer = _parsed(hop.strip())
            if nearer is None or not any(address in network for network in self._trusted):
                break
            address = nearer
        return address


def chain(request: web.BaseRequest) -> str:
    """What X-Forwarded-For says. Some proxies add a line of their own below the client's instead of a comma:
    lines of one name are one list (RFC 9110, 5.3), and the proxy's word is its end."""
    return ",".join(request.headers.getall("X-Forwarded-For", ()))


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
