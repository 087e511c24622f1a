"""By what a request shows who it comes from: an access token, an API key, or a browser's cookies.

Services only ever see an access token in `Authorization`, whatever came. What a client says in that header
counts before its cookies: an explicit word, which no other site can put there.
"""

from typing import Final, NamedTuple

from aiohttp import web

from common.auth import Actor, api_keys, bearer, not_signed_in
from common.errors import Conflict, Unauthenticated
from gateway.api.headers import same_client
from gateway.domain.cookies import Cookies
from gateway.domain.same_origin import must_be_ours
from gateway.service.admission import Admission
from gateway.service.keys import Holder

COOKIES: Final = web.RequestKey("cookies", list[str])
"""What the answer, whichever it will be, has to put into the browser's cookies."""
MEANT_FOR: Final = "X-Vedette-Organisation"
_MARKER: Final = "access_token"
_AUTHORIZATION: Final = frozenset({b"authorization"})
_PROTOCOL: Final = frozenset({b"sec-websocket-protocol"})


class Changed(NamedTuple):
    """Header lines for the service in the place of the `hidden` ones (lower case), and for the client."""

    to_service: bytes = b""
    hidden: frozenset[bytes] = frozenset()
    to_client: bytes = b""


AS_IT_CAME: Final = Changed()


class Admitted(NamedTuple):
    """Somebody who may pass, and what of the request does not stay as it came."""

    actor: Actor
    authorization: bytes
    """The header line that shows the access token to a service."""
    changed: Changed = AS_IT_CAME
    by_cookie: bool = False


class Credentials:
    """Reads them and asks who they belong to. `origin`: our own, as browsers name it."""

    def __init__(self, admission: Admission, cookies: Cookies, origin: str) -> None:
        self._admission = admission
        self.cookies = cookies
        self.origin = origin

    async def admit(self, request: web.Request, address: str, *, websocket: bool = False) -> Admitted:
        """Who asks. Raises Unauthenticated, Forbidden, Throttled or Unavailable."""
        client = same_client(address)
        given = request.headers.get("Authorization")
        if given is None and websocket:
            offered = [part.strip() for part in request.headers.get("Sec-WebSocket-Protocol", "").split(",")]
            if _MARKER in offered[:-1]:
                return await self._sub_protocol(offered, client)
        if given is None and "Cookie" in request.headers:
            return await self._browser(request, client, websocket=websocket)
        shown = bearer(given)
        actor, access = await self._holder(shown, client)
        line = _line(access)
        return Admitted(actor, line, AS_IT_CAME if access == shown else Changed(line, _AUTHORIZATION))

    async def _holder(self, shown: str, client: str) -> Holder:
        """Whose it is, and the access token for services: what was shown, or what an API key stands for."""
        if shown.startswith(api_keys.PREFIX):
            return await self._admission.holder(shown, client)
        return Holder(self._admission.known(shown) or await self._admission.actor(shown, client), shown)

    async def _sub_protocol(self, offered: list[str], client: str) -> Admitted:
        """A token as a WebSocket's sub-protocol, because scripts cannot set its headers. Never from the URL,
        which ends up in logs."""
        place = offered.index(_MARKER)
        actor, access = await self._holder(offered[place + 1], client)
        line = _line(access)
        if rest := offered[:place] + offered[place + 2 :]:
            more = b"Sec-WebSocket-Protocol: %b\r\n" % ", ".join(rest).encode("latin-1")
            return Admitted(actor, line, Changed(line + more, _PROTOCOL))
        chosen = b"Sec-WebSocket-Protocol: access_token\r\n"
        return Admitted(actor, line, Changed(line, _PROTOCOL, chosen))

    async def _browser(self, request: web.Request, client: str, *, websocket: bool) -> Admitted:
        access, refresh = self.cookies.read(request.headers.getall("Cookie"))
        if access is None and refresh is None:
            raise not_signed_in()
        must_be_ours(request.method, request.headers, self.origin, websocket=websocket)
        try:
            signed = await self._admission.signed(access, refresh, client)
        except Unauthenticated:
            request[COOKIES] = self.cookies.forget()
            raise
        if signed.fresh is not None:
            request[COOKIES] = self.cookies.keep(signed.fresh)
        _must_mean(request, signed.actor)
        line = _line(signed.access)
        return Admitted(signed.actor, line, Changed(line), by_cookie=True)


def _must_mean(request: web.Request, actor: Actor) -> None:
    """All tabs share the cookies. One that still shows the organisation before must not act in the next."""
    meant = request.headers.get(MEANT_FOR)
    if meant is not None and meant != actor.organisation:
        raise Conflict(
            "organisation_changed",
            "You have switched to another organisation in another window",
            next_step="Load this page again, or switch back.",
        )


def set_cookies(request: web.Request) -> bytes:
    """The lines that the answer to this request owes the browser."""
    return b"".join(b"Set-Cookie: %b\r\n" % cookie.encode("ascii") for cookie in request.get(COOKIES, ()))


def _line(token: str) -> bytes:
    return b"Authorization: Bearer %b\r\n" % token.encode("ascii")
