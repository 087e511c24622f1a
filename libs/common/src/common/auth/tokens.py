"""Access tokens: Ed25519 JWTs (RFC 9068), verified locally, for one organisation."""

from collections import OrderedDict
from dataclasses import dataclass

import orjson
from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.util import urlsafe_b64decode

from common.auth.keys import KeySet
from common.auth.permissions import Role
from common.clock import Clock
from common.errors import Unauthenticated
from common.ids import OrganisationId, SessionId, UserId

ISSUER, AUDIENCE, TYPE, ALGORITHM = "vedette", "vedette-api", "at+jwt", "Ed25519"
LEEWAY = 5
"""Seconds two machines' clocks may differ."""
CACHE_LIMIT = 50_000
"""Verified tokens remembered; verifying costs 100 us, looking up 0.1 us."""
LONGEST_TOKEN = 4096
REVOCATION_LIMIT = 100_000


@dataclass(frozen=True, slots=True)
class Actor:
    """Who is asking, in which organisation, as what."""

    user: UserId
    organisation: OrganisationId
    role: Role
    session: SessionId
    expires: int
    """Unix seconds."""


class Revocations:
    """Sessions that ended while their access tokens still look valid (rule 27). Bounded, oldest out first."""

    def __init__(self) -> None:
        self._sessions: OrderedDict[SessionId, None] = OrderedDict()

    def revoke(self, session: SessionId) -> None:
        self._sessions[session] = None
        if len(self._sessions) > REVOCATION_LIMIT:
            self._sessions.popitem(last=False)

    def __contains__(self, session: object) -> bool:
        return session in self._sessions


class TokenVerifier:
    """Tells who a token speaks for."""

    def __init__(self, keys: KeySet, clock: Clock, revocations: Revocations | None = None) -> None:
        self.keys = keys
        self._clock = clock
        self._revocations = revocations if revocations is not None else Revocations()
        self._verified: OrderedDict[str, Actor] = OrderedDict()

    def known(self, token: str) -> Actor | None:
        """The actor of a token that was verified before and still holds; the hot path, no await."""
        actor = self._verified.get(token)
        if actor is None:
            return None
        if actor.expires + LEEWAY <= self._clock.timestamp():
            del self._verified[token]
            raise _expired()
        if actor.session in self._revocations:
            raise Unauthenticated("session_ended", "This session was ended", next_step="Sign in again.")
        return actor

    async def verify(self, token: str) -> Actor:
        """The actor; `Unauthenticated` when the token does not hold, `Unavailable` without any key."""
        if actor := self.known(token):
            return actor
        actor = await self._check(token)
        if len(self._verified) >= CACHE_LIMIT:
            self._verified.popitem(last=False)
        self._verified[token] = actor
        return self.known(token) or actor

    async def _check(self, token: str) -> Actor:
        try:
            if len(token) > LONGEST_TOKEN:
                raise ValueError("too long")
            header = orjson.loads(urlsafe_b64decode(token.partition(".")[0].encode()))
            key = await self.keys.find(str(header["kid"]))
            if header.get("typ") != TYPE or key is None:
                raise ValueError("not an access token of ours")
            claims = jwt.decode(token, key, algorithms=[ALGORITHM]).claims
            actor = _actor(claims)
        except (JoseError, ValueError, KeyError, TypeError, AttributeError):
            raise Unauthenticated(
                "token_invalid", "The access token is not valid", next_step="Sign in again."
            ) from None
        if actor.expires + LEEWAY <= self._clock.timestamp():
            raise _expired()
        return actor


def _actor(claims: dict[str, object]) -> Actor:
    if claims["iss"] != ISSUER or claims["aud"] != AUDIENCE:
        raise ValueError("issued for somebody else")
    expires = claims["exp"]
    if not isinstance(expires, int):
        raise TypeError("exp")
    return Actor(
        user=UserId(str(claims["sub"])),
        organisation=OrganisationId(str(claims["org"])),
        role=Role(str(claims["role"])),
        session=SessionId(str(claims["sid"])),
        expires=expires,
    )


def _expired() -> Unauthenticated:
    return Unauthenticated("token_expired", "The access token has expired", next_step="Refresh it.")


def bearer(header: str | None) -> str:
    """The token of an `Authorization` header (RFC 6750)."""
    scheme, _, token = (header or "").partition(" ")
    if scheme.lower() != "bearer" or not token:
        raise Unauthenticated("token_missing", "An access token is needed", next_step="Sign in.")
    return token.strip()
