"""Puts the gateway together."""

import asyncio
import time
from collections.abc import Callable
from dataclasses import dataclass

from aiohttp import web

from common.app import Assembly, Parts
from common.bus import Topology
from common.http import Guard
from common.stream import Stream
from gateway.api.credentials import COOKIES, Credentials
from gateway.api.events import Events
from gateway.api.front import Front
from gateway.api.headers import Addresses, security
from gateway.api.pages import Pages
from gateway.clients.identity import Identity
from gateway.clients.limits import Limits
from gateway.clients.pool import Upstream
from gateway.clients.reach import Reach
from gateway.consumers import event_stream
from gateway.domain.buckets import Pace
from gateway.domain.cookies import Cookies
from gateway.domain.happenings import Window
from gateway.domain.routes import SERVICES
from gateway.service.admission import Admission
from gateway.service.browsers import Browsers
from gateway.service.feed import Feed, Sessions
from gateway.service.keys import KeyTokens
from gateway.service.sight import Sight
from gateway.settings import Settings


class _Connections:
    """Closes the connections to the services at the end."""

    def __init__(self, upstreams: dict[str, Upstream]) -> None:
        self._upstreams = upstreams

    async def open(self) -> None:
        """They connect when they are needed."""

    async def close(self) -> None:
        await asyncio.gather(*(upstream.close() for upstream in self._upstreams.values()))


@dataclass(frozen=True, slots=True)
class Gateway:
    """The gateway, and the parts of it that events speak to."""

    assembly: Assembly
    stream: Stream


def assemble(parts: Parts, settings: Settings) -> Assembly:
    """The gateway on the parts of the house, hearing its bus."""
    gateway = build(settings, parts)
    if parts.bus is not None:
        parts.bus.setups.append(gateway.stream.set_up)
    return gateway.assembly


def build(settings: Settings, parts: Parts) -> Gateway:
    """The gateway, not yet listening to a bus."""
    limits = Limits(
        connections=settings.upstream_connections,
        first_byte=settings.upstream_seconds,
        body=settings.max_body_bytes,
    )
    upstreams = {name: Upstream(name, settings.url(name), limits) for name in SERVICES}
    https = settings.public_url.startswith("https:")
    feed = Feed(Window(each=settings.events_window))
    sessions = Sessions(parts.revocations, settings.events_streams)
    addresses = Addresses(settings.trusted_proxies)
    admission = _admission(settings, parts, Identity(upstreams["identity"]))
    credentials = Credentials(admission, Cookies(https=https), settings.public_origin)
    front = Front(
        upstreams,
        admission,
        sessions,
        addresses,
        credentials,
        https=https,
        origins=settings.cors_origins,
        traced=bool(settings.otlp_endpoint),
    )
    pages = Pages(upstreams)
    sight = Sight(Reach(upstreams["provisioning"], upstreams["relay"]))
    events = Events(feed, sight, sessions, admission, credentials, addresses, settings.events_heartbeat)
    queue = Topology(settings.bus_prefix, "gateway").queue
    stream = event_stream(f"{queue}.stream", feed)

    mount = _mount(pages, events, sessions, security(https=https) | {"Server": "vedette"})
    connections = _Connections(upstreams)
    return Gateway(Assembly(routes=pages.routes, background=[connections], mount=mount, front=front), stream)


def _admission(settings: Settings, parts: Parts, identity: Identity) -> Admission:
    verifier, now = parts.verifier, parts.clock.timestamp
    return Admission(
        verifier,
        KeyTokens(identity.exchange, verifier, now),
        Browsers(identity.refresh, verifier, now),
        organisation=Pace(settings.organisation_rate, settings.organisation_burst),
        session=Pace(settings.session_rate, settings.session_burst),
        address=Pace(settings.address_rate, settings.address_burst),
        now=time.monotonic,
    )


def _mount(
    pages: Pages, events: Events, sessions: Sessions, headers: dict[str, str]
) -> Callable[[web.Application, Guard], None]:
    async def add_headers(request: web.Request, response: web.StreamResponse) -> None:
        for name, value in headers.items():
            response.headers.setdefault(name, value)
        for cookie in request.get(COOKIES, ()):
            response.headers.add("Set-Cookie", cookie)

    async def end_streams(_: web.Application) -> None:
        sessions.end_all()

    def mount(app: web.Application, _: Guard) -> None:
        pages.mount(app)
        app.router.add_get("/api/v1/events", events.stream)
        app.on_response_prepare.append(add_headers)
        app.on_shutdown.append(end_streams)

    return mount
