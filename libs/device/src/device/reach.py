"""Can a camera reach its service from here? Names, ports, TLS, time servers and the clock, tried one by one.

What to try is the data of the deployment's firewall page (`plan`), or one service (`targets_of`).
"""

import asyncio
import os
import socket
import ssl
import struct
import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Any, Literal
from urllib.parse import urlsplit

SECONDS = 5.0
NTP_PORT, HTTPS_PORT, NTP_EPOCH = 123, 443, 2_208_988_800
CLOCK_OFF_BY = 120.0
"""Seconds; beyond that certificates and nonces begin to fail."""
TOGETHER = 20
MOST = 200

Protocol = Literal["tcp", "tls", "ntp", "udp", "some_tcp"]
"""`udp`, `some_tcp`: cannot be tried, there is nobody in particular who would answer."""


@dataclass(frozen=True, slots=True)
class Target:
    protocol: Protocol
    host: str
    port: int
    purpose: str = ""


@dataclass(frozen=True, slots=True)
class Finding:
    target: Target
    ok: bool | None
    """None: cannot be tried from here."""
    text: str
    advice: str = ""


class NotReached(Exception):
    """What was tried did not work; the text says what to do."""

    def __init__(self, text: str, advice: str) -> None:
        super().__init__(text)
        self.advice = advice


def targets_of(camera_url: str, time_servers: Sequence[str]) -> list[Target]:
    """What every camera needs: its service, and the time."""
    url = urlsplit(camera_url)
    if url.scheme not in ("http", "https") or not url.hostname:
        raise ValueError("the URL of a camera port begins with https:// (or http://)")
    tls = url.scheme == "https"
    port = url.port or (443 if tls else 80)
    service = Target("tls" if tls else "tcp", url.hostname, port, "the service")
    return [service, *(Target("ntp", server, NTP_PORT, "time") for server in time_servers)]


def plan(data: Any) -> list[Target]:
    """From the guide that people see: `{"firewall": [{"protocol", "port", "to", "purpose"}]}`.

    `ValueError` when it is none. Where a rule leads to a network or anywhere, there is nothing to try.
    """
    try:
        found = [
            Target(_protocol(rule), str(rule["to"]), int(rule["port"]), str(rule.get("purpose", "")))
            for rule in data["firewall"]
        ]
    except (KeyError, TypeError, AttributeError):
        raise ValueError("this is no data of a firewall page") from None
    if len(found) > MOST or any(not 0 < target.port < 65536 for target in found):
        raise ValueError("this is no data of a firewall page")
    return found


def _protocol(rule: dict[str, Any]) -> Protocol:
    kind, port = rule["protocol"], rule["port"]
    if kind not in ("tcp", "udp"):
        raise KeyError("protocol")
    if not rule["to"] or "/" in str(rule["to"]):
        return "some_tcp" if kind == "tcp" else "udp"
    if kind == "udp":
        return "ntp" if port == NTP_PORT else "udp"
    return "tls" if port == HTTPS_PORT else "tcp"


async def tried(targets: Sequence[Target], trust: str | None = None) -> list[Finding]:
    """All of them, some at a time; in the order of `targets`."""
    turn = asyncio.Semaphore(TOGETHER)

    async def one(target: Target) -> Finding:
        async with turn:
            return await _try(target, trust)

    return list(await asyncio.gather(*(one(target) for target in targets)))


async def _try(target: Target, trust: str | None) -> Finding:
    ways: dict[Protocol, Callable[[], Awaitable[str]]] = {
        "tcp": lambda: _tcp(target),
        "tls": lambda: _tls(target, trust),
        "ntp": lambda: _ntp(target),
    }
    if target.protocol not in ways:
        kind = "TCP" if target.protocol == "some_tcp" else "UDP"
        advice = f"Allow outgoing {kind} to {target.host or 'anywhere'}, port {target.port}, in the firewall."
        return Finding(target, None, "cannot be tried from here", advice)
    try:
        await _resolved(target.host)
        return Finding(target, True, await ways[target.protocol]())
    except NotReached as error:
        return Finding(target, False, str(error), error.advice)
    except ssl.SSLCertVerificationError as error:
        advice = "Check the clock, and whether a proxy opens TLS: it must leave this host alone."
        return Finding(target, False, f"certificate not trusted: {error.verify_message}", advice)
    except (TimeoutError, OSError) as error:
        kind = "UDP" if target.protocol == "ntp" else "TCP"
        why = (
            "no answer"
            if isinstance(error, TimeoutError)
            else (os.strerror(error.errno) if error.errno else str(error))
        )
        advice = f"Allow outgoing {kind} to {target.host}, port {target.port}, in the firewall."
        return Finding(target, False, why, advice)


async def _resolved(host: str) -> None:
    try:
        async with asyncio.timeout(SECONDS):
            await asyncio.get_running_loop().getaddrinfo(host, None, type=socket.SOCK_STREAM)
    except (TimeoutError, OSError):
        raise NotReached(
            "the name is not known here", "Check the DNS server of this network (UDP port 53)."
        ) from None


async def _tcp(target: Target) -> str:
    started = time.monotonic()
    async with asyncio.timeout(SECONDS):
        _, writer = await asyncio.open_connection(target.host, target.port)
    writer.close()
    return f"open, {(time.monotonic() - started) * 1000:.0f} ms"


async def _tls(target: Target, trust: str | None) -> str:
    context = ssl.create_default_context(cafile=trust)
    async with asyncio.timeout(SECONDS):
        _, writer = await asyncio.open_connection(target.host, target.port, ssl=context)
    shown = writer.get_extra_info("peercert") or {}
    version = writer.get_extra_info("ssl_object").version()
    writer.close()
    until = ssl.cert_time_to_seconds(shown["notAfter"])
    return f"{version}, certificate good for {(until - time.time()) / 86400:.0f} days"


async def _ntp(target: Target) -> str:
    """One SNTP question (RFC 4330); also tells how far this machine's clock is off."""
    loop = asyncio.get_running_loop()
    answer: asyncio.Future[bytes] = loop.create_future()

    class Asking(asyncio.DatagramProtocol):
        def datagram_received(self, data: bytes, addr: tuple[str | Any, int]) -> None:
            if not answer.done():
                answer.set_result(data)

        def error_received(self, exc: Exception) -> None:
            if not answer.done():
                answer.set_exception(exc)

    transport, _ = await loop.create_datagram_endpoint(Asking, remote_addr=(target.host, target.port))
    try:
        sent = time.time()
        transport.sendto(b"\x23" + bytes(47))  # version 4, a client's question
        async with asyncio.timeout(SECONDS):
            said = await answer
    finally:
        transport.close()
    off = (sent + time.time()) / 2 - _time_of(said)
    if abs(off) > CLOCK_OFF_BY:
        raise NotReached(f"answers; the clock here is off by {off:+.0f} s", "Set the clock.")
    return f"answers; the clock here is off by {off:+.3f} s"


def _time_of(packet: bytes) -> float:
    if len(packet) < 48 or packet[0] & 7 != 4:
        raise NotReached("what answers is no time server", "Ask who runs this network.")
    seconds, fraction = struct.unpack("!II", packet[40:48])
    return float(seconds - NTP_EPOCH + fraction / 2**32)
