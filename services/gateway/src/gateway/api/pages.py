"""The gateway's own pages: landing page, status, the merged description and its reader."""

import asyncio
import time
from collections.abc import Mapping
from importlib.resources import files
from typing import Any, Final, Literal

import orjson
from aiohttp import web
from pydantic import BaseModel

from common.http import Call, Route
from common.openapi import document
from gateway.api.headers import PAGE_POLICY
from gateway.clients.ask import ask
from gateway.clients.faults import UpstreamFault
from gateway.clients.pool import Upstream
from gateway.service.description import Document, merge

_ASSETS: Final = files("gateway") / "assets"
_FILES: Final = {
    "/": ("landing.html", "text/html"),
    "/activate": ("activate.html", "text/html"),
    "/activate.js": ("activate.js", "text/javascript"),
    "/gateway.css": ("gateway.css", "text/css"),
    "/api/docs": ("docs.html", "text/html"),
    "/api/docs/start.js": ("docs.js", "text/javascript"),
    "/api/docs/swagger-ui.css": ("swagger/swagger-ui.css", "text/css"),
    "/api/docs/swagger-ui-bundle.js": ("swagger/swagger-ui-bundle.js", "text/javascript"),
}
FRESH: Final = 60.0
"""Seconds the merged description is kept; one with a gap is asked for again after `GAP`."""
GAP: Final = 3.0
_JSON: Final = b"Accept: application/json\r\n"
ASK: Final = 3.0
"""Seconds a service may take to answer the gateway's own questions."""

CREDENTIALS: Final = """\
Show one of three credentials: an access token from signing in, as `Authorization: Bearer eyJ...`; an API
key, as `Authorization: Bearer vdt_...`; or, in browsers, the cookies that signing in sets when the
request says `X-Vedette-Client: browser`. Browsers send that header with whatever changes something, see
no tokens, and have them refreshed in passing: to `POST /api/v1/tokens` they send none."""
EVENTS_OPERATION: Final[Document] = {
    "get": {
        "operationId": "gateway_events",
        "summary": "What changes in my organisation",
        "description": "Server-sent events. Send the last id as `Last-Event-ID` to get what was missed; an "
        "`event: reset` says that this is not possible and everything has to be read anew. A comment comes "
        "as a sign of life. The stream ends with the access token.",
        "tags": ["Gateway"],
        "parameters": [
            {"name": "Last-Event-ID", "in": "header", "required": False, "schema": {"type": "string"}}
        ],
        "responses": {
            "200": {
                "description": "The events",
                "content": {"text/event-stream": {"schema": {"type": "string"}}},
            },
            **{
                status: {
                    "description": text,
                    "content": {
                        "application/problem+json": {"schema": {"$ref": "#/components/schemas/Problem"}}
                    },
                }
                for status, text in (("401", "Not signed in"), ("429", "Too many requests"))
            },
        },
        "security": [{"bearer": []}],
    }
}


class ServiceStatus(BaseModel):
    """One service as the gateway sees it now."""

    name: str
    status: Literal["ready", "not_ready", "down"]


class Status(BaseModel):
    """The services behind this address."""

    services: list[ServiceStatus]


class Pages:
    """Answers about the gateway itself."""

    def __init__(self, upstreams: Mapping[str, Upstream]) -> None:
        self._upstreams = upstreams
        self._merged = b""
        self._until = 0.0
        self._merging = asyncio.Lock()

    @property
    def routes(self) -> list[Route]:
        return [
            Route(
                method="GET",
                path="/api/v1/status",
                handler=self.status,
                summary="Which services answer",
                tag="Gateway",
                public=True,
                answer=Status,
            )
        ]

    def mount(self, app: web.Application) -> None:
        """Add what is no typed operation."""
        app.router.add_get("/api/v1/openapi.json", self.openapi)
        for path in _FILES:
            app.router.add_get(path, _file)

    async def status(self, _: Call[None, Any]) -> Status:
        names = list(self._upstreams)
        states = await asyncio.gather(*(self._state(self._upstreams[name]) for name in names))
        pairs = zip(names, states, strict=True)
        return Status(services=[ServiceStatus(name=name, status=state) for name, state in pairs])

    async def openapi(self, _: web.Request) -> web.Response:
        """The merged description."""
        async with self._merging:
            if time.monotonic() > self._until:
                await self._merge()
        return web.Response(body=self._merged, content_type="application/json")

    async def _merge(self) -> None:
        names = list(self._upstreams)
        found = await asyncio.gather(*(self._describe(self._upstreams[name]) for name in names))
        parts = dict(zip(names, found, strict=True))
        own = document("Vedette", "1", self.routes)
        own["info"]["description"] = CREDENTIALS
        own["paths"]["/api/v1/events"] = EVENTS_OPERATION
        self._merged = orjson.dumps(merge(own, parts))
        self._until = time.monotonic() + (GAP if None in parts.values() else FRESH)

    async def _describe(self, upstream: Upstream) -> Document | None:
        try:
            async with asyncio.timeout(ASK):
                reply = await ask(upstream, "/openapi.json", lines=_JSON)
            description = orjson.loads(reply.body)
        except (UpstreamFault, TimeoutError, ValueError):
            return None
        return description if reply.status == 200 and isinstance(description, dict) else None

    async def _state(self, upstream: Upstream) -> Literal["ready", "not_ready", "down"]:
        try:
            async with asyncio.timeout(ASK):
                reply = await ask(upstream, "/ready", lines=_JSON)
        except (UpstreamFault, TimeoutError):
            return "down"
        return "ready" if reply.status == 200 else "not_ready"


async def _file(request: web.Request) -> web.Response:
    name, kind = _FILES[request.path]
    return web.Response(
        body=(_ASSETS / name).read_bytes(),
        content_type=kind,
        charset="utf-8",
        headers={"Content-Security-Policy": PAGE_POLICY, "Cache-Control": "public, max-age=300"},
    )
