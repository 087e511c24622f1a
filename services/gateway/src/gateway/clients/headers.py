"""Heads: what of a request goes to the service, what of an answer goes to the client.

Everything that speaks about one connection only stays on that connection (RFC 9110, 7.6.1), and the framing
of a body (length, chunks) is always written anew from what was really parsed, never copied: that is what
makes request smuggling through the gateway impossible.
"""

from collections.abc import Iterable, Sequence
from typing import NamedTuple

Header = tuple[bytes, bytes]

HOP_BY_HOP = frozenset(
    {
        b"connection",
        b"keep-alive",
        b"proxy-connection",
        b"proxy-authenticate",
        b"proxy-authorization",
        b"te",
        b"trailer",
        b"transfer-encoding",
        b"upgrade",
    }
)
_FORWARDING = frozenset(
    {
        b"forwarded",
        b"via",
        b"x-forwarded-for",
        b"x-forwarded-host",
        b"x-forwarded-port",
        b"x-forwarded-prefix",
        b"x-forwarded-proto",
        b"x-forwarded-server",
        b"x-real-ip",
        b"x-request-id",
        b"traceparent",
        b"tracestate",
    }
)
"""Only the gateway may say these; what a client says about them is dropped."""

NOT_TO_SERVICE = HOP_BY_HOP | _FORWARDING | {b"host", b"content-length", b"expect", b"cookie"}
"""Cookies are between browsers and the gateway: a service gets a token or nothing."""
NOT_TO_CLIENT = HOP_BY_HOP | {
    b"content-length",
    b"server",
    b"x-powered-by",
    b"x-request-id",
    b"strict-transport-security",
    b"x-content-type-options",
    b"x-frame-options",
    b"referrer-policy",
    b"content-security-policy",
    b"cross-origin-resource-policy",
    b"access-control-allow-origin",
    b"ratelimit",
    b"ratelimit-policy",
    b"set-cookie",
}
"""Cookies, `ratelimit` and the security headers are the gateway's to say."""

_USUAL = frozenset({b"keep-alive", b"close", b"upgrade", b"keep-alive, upgrade", b"keep-alive,upgrade"})


def named_by_connection(headers: Iterable[Header]) -> frozenset[bytes]:
    """Header names that `Connection` declares to be about this hop only."""
    named: set[bytes] = set()
    for name, value in headers:
        if name.lower() == b"connection":
            named.update(token.strip().lower() for token in value.split(b","))
    return frozenset(named - {b"close", b"keep-alive", b"upgrade", b""})


class RequestHead(NamedTuple):
    """What of a request's head goes to the service, without the framing of its body."""

    lines: list[bytes]
    websocket: bool
    expects: bool
    """The client waits for 100 (Continue) before it sends the body."""


def sort_request(raw: Sequence[Header], hidden: frozenset[bytes] = frozenset()) -> RequestHead:
    """Split a client's headers into the lines for the service and what concerns the gateway.

    `hidden`: lower-case names of more headers that end here.
    """
    lines = []
    websocket = expects = False
    named = hidden
    for name, value in raw:
        key = name.lower()
        if key not in NOT_TO_SERVICE:
            lines.append(b"%b: %b\r\n" % (name, value))
        elif key == b"upgrade":
            websocket = value.lower() == b"websocket"
        elif key == b"expect":
            expects = value.lower() == b"100-continue"
        elif key == b"connection" and value.lower() not in _USUAL:
            named = hidden | named_by_connection(raw)
    if named:
        lines = [line for line in lines if line.partition(b":")[0].lower() not in named]
    return RequestHead(lines, websocket, expects)


class PlainHead(NamedTuple):
    """A request's head when there is nothing special about it."""

    lines: list[bytes]
    authorization: str | None
    forwarded_for: str
    trace_parent: str | None


_SPECIAL = frozenset({b"upgrade", b"expect", b"te", b"trailer", b"transfer-encoding", b"content-length"})


def sort_plain(raw: Sequence[Header]) -> PlainHead | None:
    """The head of a request without a body; None when it says anything out of the ordinary."""
    lines = []
    authorization = parent = None
    forwarded = ""
    for name, value in raw:
        key = name.lower()
        if key not in NOT_TO_SERVICE:
            lines.append(b"%b: %b\r\n" % (name, value))
            if key == b"authorization":
                if authorization is not None:
                    return None
                authorization = value.decode("latin-1")
        elif key in _SPECIAL or (key == b"connection" and value.lower() != b"keep-alive"):
            return None
        elif key == b"x-forwarded-for":
            forwarded = f"{forwarded},{value.decode('latin-1')}" if forwarded else value.decode("latin-1")
        elif key == b"traceparent":
            parent = value.decode("latin-1")
    return PlainHead(lines, authorization, forwarded, parent)


class AnswerHead(NamedTuple):
    """An answer's head, sorted: what the client sees and what the framing was."""

    lines: bytes
    length: int | None
    chunked: bool
    close: bool


def sort_answer(headers: Sequence[Header]) -> AnswerHead:
    """Split an answer's headers into the lines for the client and the framing of its body.

    Raises ValueError for a transfer coding other than `chunked`: the bytes would reach the client unlabelled.
    """
    lines = []
    length = None
    chunked = close = False
    named: frozenset[bytes] = frozenset()
    for name, value in headers:
        key = name.lower()
        if key not in NOT_TO_CLIENT:
            lines.append(b"%b: %b\r\n" % (name, value))
        elif key == b"content-length":
            length = int(value)
        elif key == b"transfer-encoding":
            if value.lower() != b"chunked":
                raise ValueError("a transfer coding nobody asked for")
            chunked = True
        elif key == b"connection" and value.lower() not in _USUAL:
            named = named_by_connection(headers)
            close = close or b"close" in value.lower()
        elif key == b"connection":
            close = value.lower() == b"close"
    if named:
        lines = [line for line in lines if line.partition(b":")[0].lower() not in named]
    return AnswerHead(b"".join(lines), length, chunked, close)
