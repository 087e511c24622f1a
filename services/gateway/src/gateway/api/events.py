"""`GET /api/v1/events`: what changes in my organisation, as server-sent events."""

import asyncio
import time
from typing import Final

from aiohttp import web

from gateway.api.credentials import Credentials
from gateway.api.headers import Addresses
from gateway.service.admission import Admission
from gateway.service.feed import Feed, Listener, Overrun, Sessions

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
        sessions: Sessions,
        admission: Admission,
        credentials: Credentials,
        addresses: Addresses,
        heartbeat: float,
    ) -> None:
        self._feed = feed
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
                first = b"retry: 1000\n\n" if complete else _reset("unknown_id")
                await _send(request, response, first)
                ends = actor.expires - (AHEAD if admitted.by_cookie else 0)
                await self._follow(request, response, listener, ends)
                return response

    async def _follow(
        self, request: web.Request, response: web.StreamResponse, listener: Listener, ends: float
    ) -> None:
        try:
            while (left := ends - time.time()) > 0:
                frames = await listener.frames(min(self._heartbeat, left))
                await _send(request, response, frames or b": still here\n\n")
        except Overrun:
            await _send(request, response, _reset("too_slow"))


async def _send(request: web.Request, response: web.StreamResponse, data: bytes) -> None:
    try:
        async with asyncio.timeout(PATIENCE):
            await response.write(data)
    except TimeoutError:
        if request.transport is not None:
            request.transport.abort()
        raise ConnectionResetError from None


def _reset(reason: str) -> bytes:
    """Tells the client to load its lists anew: what it missed cannot be told one by one."""
    return b'retry: 1000\nevent: reset\ndata: {"reason":"%b"}\n\n' % reason.encode()
