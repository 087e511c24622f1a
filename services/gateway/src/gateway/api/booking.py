"""Who may take the express lane: a second, narrower admission that never waits and never words a refusal."""

from collections.abc import Mapping

from common.auth import bearer
from common.errors import Refusal
from common.ids import new_id
from gateway.api.headers import Addresses, trace_parent
from gateway.api.lane import Ticket
from gateway.clients.headers import Header, PlainHead, sort_plain
from gateway.clients.pool import Upstream
from gateway.domain.routes import find
from gateway.service.admission import Admission


def nobody(_method: bytes, _target: str, _headers: list[Header], _peer: object) -> None:
    """The lane is closed."""


class Booking:
    """Gives out tickets for the lane."""

    def __init__(
        self,
        upstreams: Mapping[str, Upstream],
        admission: Admission,
        addresses: Addresses,
        protocol: bytes,
        security_lines: bytes,
    ) -> None:
        self._upstreams = upstreams
        self._admission = admission
        self._addresses = addresses
        self._protocol = protocol
        self._security_lines = security_lines

    def ticket(self, method: bytes, target: str, headers: list[Header], peer: object) -> Ticket | None:
        """A ticket; None for whatever is not quite ordinary, which then is the front's."""
        if method not in (b"GET", b"HEAD"):
            return None
        way = find("GET", target)
        plain = None if way is None or way.public else sort_plain(headers)
        if way is None or plain is None:
            return None
        upstream = self._upstreams[way.service]
        try:
            actor = self._admission.known(bearer(plain.authorization))
            if actor is None or not upstream.idle:
                return None
            limit = self._admission.count(actor)
        except Refusal:
            return None  # the front asks again and words the refusal
        connection = upstream.take_idle()
        if connection is None:
            return None
        identity = new_id()
        return Ticket(
            connection,
            self._wire(method, target, upstream, plain, identity, peer),
            method == b"HEAD",
            b"X-Request-ID: %b\r\n%b%b" % (identity.encode("ascii"), limit, self._security_lines),
            way.service,
            identity,
            limit,
        )

    def _wire(
        self, method: bytes, target: str, upstream: Upstream, plain: PlainHead, identity: str, peer: object
    ) -> bytes:
        address = self._addresses.behind(peer, plain.forwarded_for)
        return (
            b"%b %b HTTP/1.1\r\nHost: %b\r\n%bX-Request-ID: %b\r\nX-Forwarded-For: %b\r\n"
            b"X-Forwarded-Proto: %b\r\n%b\r\n"
        ) % (
            method,
            target.encode("ascii"),
            upstream.authority,
            b"".join(plain.lines),
            identity.encode("ascii"),
            address.encode("ascii", "replace"),
            self._protocol,
            trace_parent(plain.trace_parent),
        )
