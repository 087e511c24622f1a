"""Signed-in browsers: their tokens are in cookies that no script can read, and refreshed in passing.

A refresh token works once, and showing a spent one ends the session. Two tabs that find the access token too
old at the same moment must therefore not both refresh it: the first does, the others get what it got, also
those whose request left before the new cookies had arrived.
"""

from collections.abc import Awaitable, Callable
from typing import Final, NamedTuple

from common.auth import Actor, TokenVerifier, not_signed_in
from common.errors import Conflict, Forbidden, Refusal, Unauthenticated, Unavailable
from gateway.domain.tokens import Tokens
from gateway.service.single_flight import SingleFlight

EARLY: Final = 60
"""Seconds before its end when an access token is refreshed: what goes wrong then does no harm yet."""
LATE: Final = 60.0
"""Seconds within which a request that still carries the cookies before gets the tokens after."""
Refresh = Callable[[str, str | None, str], Awaitable[Tokens]]
"""Refresh token, another organisation if one is wanted, the address that asks -> the next tokens."""


class Signed(NamedTuple):
    """Who uses the browser, the access token for services, and what to put into the cookies, if anything."""

    actor: Actor
    access: str
    fresh: Tokens | None


class Browsers:
    """`now` tells Unix seconds."""

    def __init__(self, refresh: Refresh, verifier: TokenVerifier, now: Callable[[], float]) -> None:
        self._refresh = refresh
        self._verifier = verifier
        self._now = now
        self._flights: SingleFlight[Tokens] = SingleFlight(now, LATE)

    async def signed(self, access: str | None, refresh: str | None, address: str) -> Signed:
        """By the tokens of its cookies. `Unauthenticated` when they are worth nothing any more,
        `Unavailable` when only asking again can tell."""
        actor = await self._actor(access)
        if actor is not None and access is not None and (refresh is None or self._lasts(actor)):
            return Signed(actor, access, None)
        try:
            actor, fresh = await self._next(refresh, None, address)
        except (Unauthenticated, Forbidden):
            raise
        except Refusal as refusal:
            if actor is not None and access is not None:
                return Signed(actor, access, None)  # it still holds; the next request tries again
            raise _later(refusal) from None
        return Signed(actor, fresh.access, fresh)

    async def switched(
        self, refresh: str | None, organisation: str | None, address: str
    ) -> tuple[Actor, Tokens]:
        """The next tokens, for another organisation of the person's or the same."""
        try:
            # Another tab may have refreshed meanwhile: go on from there.
            while refresh is not None and (newer := await self._flights.known(refresh)) is not None:
                refresh = newer.refresh
            return await self._next(refresh, organisation, address)
        except Conflict as conflict:
            raise _later(conflict) from None

    async def _actor(self, access: str | None) -> Actor | None:
        """Whose access token it is; None when another one is needed."""
        if access is None:
            return None
        try:
            return await self._verifier.verify(access)
        except Unauthenticated as refusal:
            if refusal.code == "session_ended":
                raise
            return None

    async def _next(
        self, refresh: str | None, organisation: str | None, address: str
    ) -> tuple[Actor, Tokens]:
        if refresh is None:
            raise not_signed_in()
        token = refresh
        fresh = await self._flights.do(token, lambda: self._refresh(token, organisation, address))
        return await self._verifier.verify(fresh.access), fresh

    def _lasts(self, actor: Actor) -> bool:
        return actor.expires - self._now() > EARLY


def _later(refusal: Refusal) -> Refusal:
    """Another replica refreshed the same session at this moment: the new cookies are on their way."""
    if not isinstance(refusal, Conflict):
        return refusal
    return Unavailable("session_refreshing", "Your session is being refreshed", retry_after=1)
