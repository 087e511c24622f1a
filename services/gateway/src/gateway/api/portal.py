"""Requests of browsers to identity: tokens in its answers become cookies, and never reach a script.

Whatever route hands out tokens, now or later, is covered: every answer is looked through. They are short, so
they are read whole.
"""

import asyncio
from collections.abc import Callable
from typing import Any, Final

import orjson
from aiohttp import web
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from common.errors import Invalid
from gateway.api.credentials import COOKIES
from gateway.api.headers import same_client
from gateway.clients.ask import Reply, ask
from gateway.clients.connection import Connection
from gateway.clients.faults import ClientGone, TooLarge, TooSlow
from gateway.clients.headers import sort_request
from gateway.clients.pool import Upstream
from gateway.domain.cookies import Cookies
from gateway.domain.tokens import Tokens
from gateway.service.admission import Admission

LONGEST: Final = 64 * 1024
"""Bytes of a body; identity's forms are far shorter."""
_REFRESH: Final = ("POST", "/api/v1/tokens")
_SIGN_OUT: Final = ("DELETE", "/api/v1/sessions/current")


class Switch(BaseModel):
    """What a browser sends to `/api/v1/tokens`: the refresh token is in its cookie."""

    model_config = ConfigDict(extra="forbid")
    organisation: str | None = Field(None, min_length=1, max_length=64)


class Portal:
    """Carries a browser's request to identity and its answer back."""

    def __init__(
        self, admission: Admission, cookies: Cookies, address: Callable[[web.BaseRequest], str]
    ) -> None:
        self._admission = admission
        self._cookies = cookies
        self._address = address

    async def carry(
        self,
        request: web.Request,
        upstream: Upstream,
        to_service: bytes,
        to_client: bytes,
        hidden: frozenset[bytes] = frozenset(),
        _begun: Connection | None = None,
    ) -> web.StreamResponse:
        """As `clients.exchange.pass_on`, for a browser."""
        target = request.raw_path
        asked = (request.method, target.partition("?")[0])
        body = await _body(request, upstream)
        if asked == _REFRESH:
            return _answer(200, await self._switch(request, body), to_client)
        head = sort_request(request.raw_headers, hidden)
        lines = b"".join(head.lines) + to_service
        reply = await ask(upstream, target, method=request.method.encode("ascii"), lines=lines, body=body)
        content = self._without_tokens(request, reply)
        if asked == _SIGN_OUT and reply.status in (204, 401):
            request[COOKIES] = self._cookies.forget()
        return _answer(reply.status, content, reply.lines + to_client)

    async def _switch(self, request: web.Request, body: bytes) -> bytes:
        try:
            wanted = Switch.model_validate_json(body or b"{}")
        except ValidationError:
            raise Invalid("invalid", "The body was not accepted: a browser sends no tokens") from None
        _, refresh = self._cookies.read(request.headers.getall("Cookie", ()))
        client = same_client(self._address(request))
        actor, fresh = await self._admission.switched(refresh, wanted.organisation, client)
        request[COOKIES] = self._cookies.keep(fresh)
        return orjson.dumps({"expires_in": fresh.expires_in, "organisation": actor.organisation})

    def _without_tokens(self, request: web.Request, reply: Reply) -> bytes:
        if reply.status >= 300 or b"refresh_token" not in reply.body:
            return reply.body
        document = orjson.loads(reply.body)
        tokens = _taken(document)
        if tokens is not None:
            request[COOKIES] = self._cookies.keep(tokens)
        return orjson.dumps(document)


async def _body(request: web.Request, upstream: Upstream) -> bytes:
    """All of it. Raises TooLarge, TooSlow, ClientGone."""
    body = b""
    try:
        async with asyncio.timeout(upstream.limits.client_idle):
            while part := await request.content.readany():
                body += part
                if len(body) > LONGEST:
                    raise TooLarge(LONGEST)
    except TimeoutError:
        raise TooSlow from None
    except web.HTTPException as broken:
        raise ClientGone("the body broke off") from broken
    return body


def _answer(status: int, body: bytes, lines: bytes) -> web.Response:
    answer = web.Response(status=status, body=body or None)
    for line in lines.split(b"\r\n"):
        name, _, value = line.decode("latin-1").partition(":")
        if name:
            answer.headers[name] = value.strip()
    if body and "Content-Type" not in answer.headers:
        answer.headers["Content-Type"] = "application/json"
    answer.headers.setdefault("Cache-Control", "no-store")
    answer.headers["Server"] = "vedette"
    return answer


def _taken(document: Any) -> Tokens | None:
    """Take the tokens out of an answer, wherever they are in it."""
    if isinstance(document, list):
        return next((found for found in map(_taken, document) if found), None)
    if not isinstance(document, dict):
        return None
    tokens = None
    if "refresh_token" in document:
        if document["refresh_token"] is not None:
            tokens = Tokens.of(document)
        document.pop("access_token", None)
        del document["refresh_token"]
    for part in document.values():
        tokens = _taken(part) or tokens
    return tokens
