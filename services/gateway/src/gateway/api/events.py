"""`GET /api/v1/events`: what changes in my organisation, as server-sent events."""

import asyncio
import time
from typing import Final

from aiohttp import web

from gateway.api.credentials import Admitted, Credentials
from gateway.api.headers import Addresses
from gateway.domain.happenings import Happening, reset
from gateway.service.admission import Admission
from gateway.service.feed import Feed, Listener, Overrun, Sessions
from gateway.service.sight import Sight, Unseen

PATIENCE: Final = 10.0
"""Seconds a client may take to read what it was sent."""
AHEAD: Final = 30
"""Seconds before its token when a browser's stream ends: all its tabs come back at once to have it refreshed,
perhaps at several replicas, and the token they have still holds if another was faster."""
_LONGEST_ID: Final = 200


class Events:
    """Serves event streams."""

    def __init__(
        self,
        feed: Feed,
        sight: Sight,
        sessions: Sessions,
        admission: Admission,
        credentials: Credentials,
        addresses: Addresses,
        heartbeat: float,
    ) -> None:
        self._feed = feed
        self._sight = sight
        self._sessions = sessions
        self._admission = admission
        self._credentials = credentials
        self._addresses = addresses
        self._heartbeat = heartbeat

    async def stream(self, request: web.Request) -> web.StreamResponse:
        """Everything that happens from now on, or after `Last-Event-ID`; ends with the access token."""
        admitted = await self._credentials.admit(request, self._addresses.of(request))
        actor = admitted.actor
        self._admission.count(actor)
        last_seen = request.headers.get("Last-Event-ID", "")[:_LONGEST_ID] or None
        async with self._sessions.hold(actor):
            with self._feed.listen(actor, last_seen) as (listener, complete):
                response = web.StreamResponse(headers={"Content-Type": "text/event-stream; charset=utf-8"})
                await response.prepare(request)
                first = b"retry: 1000\n\n" if complete else reset("unknown_id")
                await _send(request, response, first)
                await self._follow(request, response, listener, admitted)
                return response

    async def _follow(
        self, request: web.Request, response: web.StreamResponse, listener: Listener, admitted: Admitted
    ) -> None:
        ends = admitted.actor.expires - (AHEAD if admitted.by_cookie else 0)
        try:
            while (left := ends - time.time()) > 0:
                news = await listener.news(min(self._heartbeat, left))
                frames = await self._frames(news, admitted)
                await _send(request, response, frames or b": still here\n\n")
        except Overrun:
            await _send(request, response, reset("too_slow"))
        except Unseen:
            await _send(request, response, reset("reach_unknown"))

    async def _frames(self, news: list[Happening], admitted: Admitted) -> bytes:
        if news and admitted.actor.scoped:
            return await self._sight.frames(news, admitted.authorization)
        return b"".join(one.frame for one in news)


async def _send(request: web.Request, response: web.StreamResponse, data: bytes) -> None:
    try:
        async with asyncio.timeout(PATIENCE):
            await response.write(data)
    except TimeoutError:
        if request.transport is not None:
            request.transport.abort()
        raise ConnectionResetError from None
