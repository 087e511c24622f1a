"""What the gateway asks identity for on a client's behalf: tokens, for an API key or a refresh token."""

from typing import Any, Final, NoReturn

import orjson

from common.errors import Conflict, Forbidden, Invalid, Refusal, Throttled, Unauthenticated, Unavailable
from gateway.clients.ask import Reply, ask
from gateway.clients.faults import UpstreamFault
from gateway.clients.pool import Upstream
from gateway.domain.tokens import Tokens

_REFUSALS: Final[dict[int, type[Refusal]]] = {
    400: Invalid,
    401: Unauthenticated,
    403: Forbidden,
    409: Conflict,
    422: Invalid,
    429: Throttled,
}

_FOR_TABS: Final = b"X-Vedette-Client: browser\r\n"
"""Another replica may just have refreshed the same session: then we are late, and no thief."""


class Identity:
    """Asks as any client would, in the name of the address that asked the gateway."""

    def __init__(self, upstream: Upstream) -> None:
        self._upstream = upstream

    async def exchange(self, key: str, address: str) -> str:
        """The access token of an API key."""
        answer = await self._post("/api/v1/api-keys/exchange", {"key": key}, address)
        return str(answer["access_token"])

    async def refresh(self, token: str, organisation: str | None, address: str) -> Tokens:
        """The next pair of tokens, for the same organisation or another one."""
        body = {"refresh_token": token, "organisation": organisation}
        return Tokens.of(await self._post("/api/v1/tokens", body, address, _FOR_TABS))

    async def _post(
        self, path: str, body: dict[str, str | None], address: str, more: bytes = b""
    ) -> dict[str, Any]:
        """What identity answers; its refusal as a refusal of ours."""
        client = address.encode("ascii", "replace")
        lines = b"Content-Type: application/json\r\nX-Forwarded-For: %b\r\n%b" % (client, more)
        try:
            reply = await ask(self._upstream, path, method=b"POST", lines=lines, body=orjson.dumps(body))
            answer = orjson.loads(reply.body)
        except (UpstreamFault, ValueError):
            raise _away() from None
        if not isinstance(answer, dict):
            raise _away()
        if reply.status != 200:
            _refuse(reply, answer)
        return answer


def _refuse(reply: Reply, problem: dict[str, Any]) -> NoReturn:
    kind = _REFUSALS.get(reply.status)
    if kind is None:
        raise _away()
    wait = reply.header(b"retry-after")
    raise kind(
        str(problem.get("code", "refused")),
        str(problem.get("detail", "")),
        next_step=problem.get("next"),
        retry_after=float(wait) if wait and wait.isdecimal() else None,
    )


def _away() -> Unavailable:
    return Unavailable("identity_unavailable", "Who you are cannot be checked just now", retry_after=1)
