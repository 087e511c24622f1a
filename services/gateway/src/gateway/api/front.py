"""The front door: every request comes through here first.

What belongs to a service is admitted and passed on at once, outside of aiohttp's application, router and
middlewares (they cost as much as everything else here together). The rest is the gateway's own.
"""

from collections.abc import Awaitable, Callable, Mapping
from contextlib import AsyncExitStack
from time import perf_counter
from typing import Final, cast

import structlog
from aiohttp import web
from opentelemetry import propagate, trace

from common.errors import Refusal
from common.http import problem
from common.http.problems import refusal
from common.http.serve import SECONDS
from common.ids import new_id
from gateway.api.booking import Booking, nobody
from gateway.api.credentials import AS_IT_CAME, COOKIES, Admitted, Credentials, set_cookies
from gateway.api.headers import Addresses, lines, preflight, same_client, security, trace_lines, trace_parent
from gateway.api.lane import Express, Lane, Ticket
from gateway.api.portal import Portal
from gateway.clients.answer import GONE
from gateway.clients.connection import Connection
from gateway.clients.exchange import pass_on
from gateway.clients.faults import ClientGone, TooLarge, TooSlow, UpstreamFault
from gateway.clients.pool import Upstream
from gateway.domain.routes import Way, find
from gateway.domain.same_origin import SAFE, from_browser, must_be_ours
from gateway.service.admission import Admission
from gateway.service.feed import Sessions

Inside = Callable[[web.BaseRequest], Awaitable[web.StreamResponse]]
"""aiohttp's server types what it handles by its base; an application's is always a `web.Request`."""
SETTLE: Final = 10.0
_tracer = trace.get_tracer("vedette.gateway")
log = structlog.get_logger("gateway")


class Front:
    """Admits requests and passes them on."""

    def __init__(
        self,
        upstreams: Mapping[str, Upstream],
        admission: Admission,
        sessions: Sessions,
        addresses: Addresses,
        credentials: Credentials,
        *,
        https: bool,
        origins: frozenset[str],
        traced: bool,
    ) -> None:
        self._upstreams = upstreams
        self._admission = admission
        self._sessions = sessions
        self._addresses = addresses
        self._credentials = credentials
        self._portal = Portal(admission, credentials.cookies, addresses.of)
        self._origins = origins
        self._traced = traced
        self._security = security(https=https)
        self._security_lines = lines(self._security)
        self._protocol = b"https" if https else b"http"
        booking = Booking(upstreams, admission, addresses, self._protocol, self._security_lines)
        # Spans and CORS are not for the express lane: then every request goes through the front.
        self._express = Express(booking.ticket if not traced and not origins else nobody, self._count)
        self._seconds: dict[tuple[str, str, int], Callable[[float], None]] = {}

    def protocol(self, server: web.Server) -> Callable[[], Lane]:
        """What to make for a new connection: aiohttp's protocol for it behind an express lane."""
        server.request_handler = self._before(server.request_handler)
        return lambda: Lane(server(), self._express)

    async def settle(self) -> None:
        """The gateway stops: let the express lanes run empty."""
        await self._express.settle(SETTLE)

    def _before(self, inside: Inside) -> Inside:
        async def front(made: web.BaseRequest) -> web.StreamResponse:
            request = cast("web.Request", made)
            way = find(request.method, request.raw_path)
            if way is not None:
                return await self._serve(request, way)
            return await self._own(request, inside)

        return front

    async def _own(self, request: web.Request, inside: Inside) -> web.StreamResponse:
        origin = request.headers.get("Origin")
        if request.method == "OPTIONS" and origin in self._origins:
            return web.Response(status=204, headers=preflight(str(origin)))
        try:
            if request.path not in ("/live", "/ready", "/metrics"):
                self._admission.count_address(same_client(self._addresses.of(request)))
        except Refusal as no:
            return self._problem(refusal(no, new_id()))
        return await inside(request)

    async def _serve(self, request: web.Request, way: Way) -> web.StreamResponse:
        started = perf_counter()
        ticket = self._express.take_begun(request.protocol, request.method, request.raw_path)
        identity = new_id() if ticket is None else ticket.identity
        response: web.StreamResponse
        try:
            response = await self._admit(request, way, identity, ticket)
        except UpstreamFault as fault:
            response = self._fault(fault, identity)
        except Refusal as no:
            response = self._problem(refusal(no, identity), identity)
        except TooLarge as no:
            text = f"The body is longer than {no.limit} bytes"
            response = self._problem(problem(413, "too_large", text, identity), identity)
        except TooSlow:
            text = "The announced body did not come"
            response = self._problem(problem(408, "body_too_slow", text, identity), identity)
        except ClientGone:
            if request.transport is not None:
                request.transport.abort()
            response = GONE
        if isinstance(response, web.Response):  # also a problem owes the browser its new tokens
            for cookie in request.get(COOKIES, ()):
                response.headers.add("Set-Cookie", cookie)
        self._count(request.method, way.service, response.status, perf_counter() - started)
        return response

    async def _admit(
        self, request: web.Request, way: Way, identity: str, ticket: Ticket | None
    ) -> web.StreamResponse:
        address = self._addresses.of(request)
        if ticket is not None:  # admitted in the lane already, and counted
            return await self._pass(request, way, identity, address, ticket.limit, begun=ticket.connection)
        websocket = "Upgrade" in request.headers
        if way.public:
            limit = self._admission.count_address(same_client(address))
            if from_browser(request.headers):  # also nobody may be signed in as somebody else unawares
                must_be_ours(request.method, request.headers, self._credentials.origin)
            return await self._pass(request, way, identity, address, limit)
        admitted = await self._credentials.admit(request, address, websocket=websocket)
        limit = self._admission.count(admitted.actor)
        if not websocket:
            return await self._pass(request, way, identity, address, limit, admitted)
        async with AsyncExitStack() as stack:
            await stack.enter_async_context(self._sessions.hold(admitted.actor))
            return await self._pass(request, way, identity, address, limit, admitted)

    async def _pass(
        self,
        request: web.Request,
        way: Way,
        identity: str,
        address: str,
        limit: bytes,
        admitted: Admitted | None = None,
        begun: Connection | None = None,
    ) -> web.StreamResponse:
        name = identity.encode("ascii")
        more, hidden, chosen = admitted.changed if admitted else AS_IT_CAME
        to_client = b"X-Request-ID: %b\r\n%b%b%b" % (name, limit, chosen, self._security_lines)
        if self._origins and (origin := request.headers.get("Origin")) in self._origins:
            to_client += b"Access-Control-Allow-Origin: %b\r\nVary: Origin\r\n" % str(origin).encode("ascii")
        to_service = b"X-Request-ID: %b\r\nX-Forwarded-For: %b\r\nX-Forwarded-Proto: %b\r\n%b" % (
            name,
            address.encode("ascii", "replace"),
            self._protocol,
            more,
        )
        upstream = self._upstreams[way.service]
        carry: Callable[..., Awaitable[web.StreamResponse]] = pass_on
        if way.service == "identity" and request.method not in SAFE and from_browser(request.headers):
            carry = self._portal.carry
        else:
            to_client += set_cookies(request)
        if not self._traced:
            given = trace_parent(request.headers.get("traceparent"))
            return await carry(request, upstream, to_service + given, to_client, hidden, begun)
        with _tracer.start_as_current_span(
            f"{request.method} {way.service}",
            propagate.extract(request.headers),
            kind=trace.SpanKind.SERVER,
            attributes={"http.request.method": request.method, "vedette.request_id": identity},
        ) as span:
            sent = await carry(request, upstream, to_service + trace_lines(), to_client, hidden)
            span.set_attribute("http.response.status_code", sent.status)
            return sent

    def _fault(self, fault: UpstreamFault, identity: str) -> web.Response:
        log.warning("no answer from a service", upstream=fault.service, why=fault.why, request_id=identity)
        headers = {"Retry-After": "1"} if fault.status == 503 else None
        detail = f"The service {fault.service} cannot answer just now"
        answer = problem(fault.status, fault.code, detail, identity, headers=headers, service=fault.service)
        return self._problem(answer, identity)

    def _problem(self, answer: web.Response, identity: str | None = None) -> web.Response:
        answer.headers.update(self._security)
        answer.headers["Cache-Control"] = "no-store"
        answer.headers["Server"] = "vedette"
        if identity is not None:
            answer.headers["X-Request-ID"] = identity
        return answer

    def _count(self, method: str, service: str, status: int, seconds: float) -> None:
        key = (method, service, status)
        observe = self._seconds.get(key)
        if observe is None:
            observe = self._seconds[key] = SECONDS.labels(method, f"gateway:{service}", status).observe
        observe(seconds)
