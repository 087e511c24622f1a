"""Header lines and client addresses: what every answer says, and whom a request comes from."""

import re
from collections.abc import Sequence
from ipaddress import IPv6Address, IPv6Network, ip_address
from typing import Final

from aiohttp import web
from opentelemetry import propagate

from common.http.origin import Network, TrustedProxies, chain

API_POLICY: Final = "default-src 'none'; frame-ancestors 'none'"
PAGE_POLICY: Final = (
    "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; "
    "connect-src 'self'; font-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
"""Swagger UI sets styles on its elements; scripts come from here only."""
_TRACE_PARENT: Final = re.compile(r"[0-9a-f]{2}-[0-9a-f]{32}-[0-9a-f]{16}-[0-9a-f]{2}")


def security(*, https: bool) -> dict[str, str]:
    """The headers every answer carries. HSTS only where people come by https."""
    headers = {
        "X-Content-Type-Options": "nosniff",
        "X-Frame-Options": "DENY",
        "Referrer-Policy": "no-referrer",
        "Content-Security-Policy": API_POLICY,
        "Cross-Origin-Resource-Policy": "same-origin",
    }
    if https:
        headers["Strict-Transport-Security"] = "max-age=31536000; includeSubDomains"
    return headers


def lines(headers: dict[str, str]) -> bytes:
    """Headers as they stand on the wire."""
    return "".join(f"{name}: {value}\r\n" for name, value in headers.items()).encode("latin-1")


def trace_parent(given: str | None) -> bytes:
    """The caller's `traceparent` line when it is well formed (W3C Trace Context), else nothing."""
    if given is None or _TRACE_PARENT.fullmatch(given) is None:
        return b""
    return b"traceparent: %b\r\n" % given.encode("ascii")


class Addresses:
    """Tells clients apart. Only load balancers that are trusted are believed about whom they speak for."""

    def __init__(self, trusted: Sequence[Network]) -> None:
        self._proxies = TrustedProxies(trusted) if trusted else None

    def of(self, request: web.BaseRequest) -> str:
        """The client's address."""
        return self.behind(request.protocol.peername, chain(request) if self._proxies else "")

    def behind(self, peer: object, forwarded: str) -> str:
        """The client's address, from the connection's other end and what X-Forwarded-For says."""
        address = str(peer[0]) if isinstance(peer, tuple) else "unknown"
        return str(self._proxies.behind(address, forwarded)) if self._proxies and forwarded else address


def same_client(address: str) -> str:
    """What counts as one client: an IPv4 address, but a whole IPv6 /64, which one client owns."""
    if ":" not in address:
        return address
    try:
        known = ip_address(address)
    except ValueError:
        return "unknown"
    return str(IPv6Network((int(known), 64), strict=False)) if isinstance(known, IPv6Address) else address


def trace_lines() -> bytes:
    """The lines that carry the current span on."""
    carrier: dict[str, str] = {}
    propagate.inject(carrier)
    return lines(carrier)


def preflight(origin: str) -> dict[str, str]:
    """What an origin that is let in may do (Fetch standard, CORS)."""
    return {
        "Access-Control-Allow-Origin": origin,
        "Access-Control-Allow-Methods": "GET, POST, PUT, PATCH, DELETE",
        "Access-Control-Allow-Headers": "Authorization, Content-Type, Idempotency-Key, Last-Event-ID",
        "Access-Control-Max-Age": "600",
        "Vary": "Origin",
    }
