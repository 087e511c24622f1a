"""API keys at the door: each is exchanged at identity for a short access token, which is kept while it holds.

Services only ever see the access token. A revoked key is refused as soon as its session is, and a key that
identity does not know is remembered for a while, so that it is asked about once.
"""

from collections import OrderedDict
from collections.abc import Awaitable, Callable
from typing import Final, NamedTuple

from common.auth import Actor, TokenVerifier, api_keys
from common.bounded import remember
from common.errors import Refusal, Unauthenticated
from gateway.service.single_flight import SingleFlight

CAPACITY: Final = 10_000
MARGIN: Final = 20
"""Seconds before its end when a token is exchanged anew."""
REFUSED: Final = 60.0
"""Seconds a refusal is remembered."""
Exchange = Callable[[str, str], Awaitable[str]]
"""API key and the address that shows it -> access token."""


class Holder(NamedTuple):
    """Whose key it is, and the access token that services get."""

    actor: Actor
    access: str


class KeyTokens:
    """`now` tells Unix seconds."""

    def __init__(self, exchange: Exchange, verifier: TokenVerifier, now: Callable[[], float]) -> None:
        self._exchange = exchange
        self._verifier = verifier
        self._now = now
        self._access: OrderedDict[str, str] = OrderedDict()
        self._refused: OrderedDict[str, tuple[float, Unauthenticated]] = OrderedDict()
        self._flights: SingleFlight[Holder] = SingleFlight(now)

    def known(self, key: str) -> Holder | None:
        """The holder of a key that was exchanged a moment ago; raises what is known to be wrong with it."""
        access = self._access.get(key)
        if access is not None:
            return self._held(key, access)
        until, refusal = self._refused.get(key, (0.0, None))
        if refusal is not None and self._now() < until:
            raise Unauthenticated(refusal.code, refusal.detail, next_step=refusal.next_step)
        if not api_keys.well_formed(key):
            raise Unauthenticated("api_key_invalid", "This API key is not valid")
        return None

    async def holder(self, key: str, address: str) -> Holder:
        """The holder. `Unauthenticated` when the key is not good, `Unavailable` when identity is away."""
        known = self.known(key)
        if known is not None and known.actor.expires - self._now() > MARGIN:
            return known
        try:
            return await self._flights.do(key, lambda: self._exchanged(key, address))
        except Unauthenticated as refusal:
            self._access.pop(key, None)
            self._refuse(key, refusal)
            raise
        except Refusal:
            if known is None:
                raise
            return known  # identity is away or busy; the token at hand still holds

    async def _exchanged(self, key: str, address: str) -> Holder:
        access = await self._exchange(key, address)
        actor = await self._verifier.verify(access)
        remember(self._access, key, access, CAPACITY)
        return Holder(actor, access)

    def _held(self, key: str, access: str) -> Holder | None:
        try:
            actor = self._verifier.known(access)
        except Unauthenticated as overtaken:
            del self._access[key]
            if overtaken.code == "session_ended":
                self._refuse(key, overtaken)
                raise
            return None  # its person's rights have changed: the next token says how
        return Holder(actor, access) if actor is not None else None

    def _refuse(self, key: str, refusal: Unauthenticated) -> None:
        remember(self._refused, key, (self._now() + REFUSED, refusal), CAPACITY)
