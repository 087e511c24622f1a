"""Access tokens: Ed25519 JWTs (RFC 9068), verified locally, for one organisation."""

from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal, get_args

import orjson
from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.util import urlsafe_b64decode

from common.auth.keys import KeySet
from common.auth.permissions import OWN_PEOPLE, STRONG, Action, Role, permits
from common.bounded import remember
from common.clock import Clock
from common.errors import Forbidden, Unauthenticated
from common.ids import OrganisationId, SessionId, UserId

ISSUER, AUDIENCE, TYPE, ALGORITHM = "vedette", "vedette-api", "at+jwt", "Ed25519"
LEEWAY = 5
"""Seconds two machines' clocks may differ."""
CACHE_LIMIT = 50_000
"""Verified tokens remembered; verifying costs 100 us, looking up 0.1 us."""
LONGEST_TOKEN = 4096
REVOCATION_LIMIT = 100_000
Via = Literal["membership", "partner", "support", "key"]
"""How somebody came to act in an organisation: a member, a partner's technician or support under a grant, or
a program with an API key."""
_WAYS: dict[object, Via] = {via: via for via in get_args(Via)}


@dataclass(frozen=True, slots=True)
class Actor:
    """Who is asking, in which organisation, as what."""

    user: UserId
    organisation: OrganisationId
    role: Role
    session: SessionId
    expires: int
    """Unix seconds."""
    issued: float = 0.0
    """Unix seconds, with fractions: rights that changed later make the token worthless."""
    via: Via = "membership"
    grant: str | None = None
    """The partner's or support's grant under which this visitor is here; the API key that acts."""
    scoped: bool = False
    """Rights end at chosen items or servers: `common.access` knows which."""
    strong: bool = False
    """Signed in with a second factor."""
    actions: frozenset[Action] | None = None
    """An API key may do no more than these; None: whatever the role may."""

    @property
    def visitor(self) -> bool:
        """Not one of the organisation's own people: everything a visitor does is audited."""
        return self.via in ("partner", "support")

    def may(self, action: Action) -> bool:
        if self.visitor and action in OWN_PEOPLE:
            return False
        return permits(self.role, action) and (self.actions is None or action in self.actions)

    def must_be_allowed(self, action: Action) -> None:
        """`Forbidden` when the role does not permit it, or only with a second factor (D3)."""
        if self.visitor and action in OWN_PEOPLE:
            raise Forbidden("visitors_may_not", "Only the organisation's own people may do this")
        if not self.may(action):
            raise Forbidden("forbidden", f"The role {self.role.value} may not do this ({action.value})")
        if action in STRONG and not self.strong:
            raise Forbidden(
                "second_factor_needed",
                "This needs a second factor",
                next_step="Confirm this session with a second factor, then try again.",
            )


Ended = SessionId | tuple[OrganisationId, UserId]
"""A session, or a person's rights in an organisation."""


class Revocations:
    """What was ended while its access tokens still look valid (rule 27). Bounded, oldest out first."""

    def __init__(self) -> None:
        self._sessions: OrderedDict[SessionId, None] = OrderedDict()
        self._rights: OrderedDict[tuple[OrganisationId, UserId], float] = OrderedDict()
        self.on_end: Callable[[Ended], None] = lambda _: None
        """Told of everything that ended: who holds streams open closes them."""

    def revoke(self, session: SessionId) -> None:
        """This session is over."""
        remember(self._sessions, session, None, REVOCATION_LIMIT)
        self.on_end(session)

    def withdraw(self, organisation: OrganisationId, user: UserId, at: float) -> None:
        """This person's rights in the organisation changed at `at` (unix seconds): older tokens lie."""
        whose = (organisation, user)
        latest = max(at, self._rights.get(whose, 0.0))
        remember(self._rights, whose, latest, REVOCATION_LIMIT)
        self.on_end(whose)

    def check(self, actor: Actor) -> None:
        """`Unauthenticated` when the actor's token was overtaken by what happened meanwhile."""
        if actor.session in self._sessions:
            raise Unauthenticated("session_ended", "This session was ended", next_step="Sign in again.")
        changed = self._rights.get((actor.organisation, actor.user))
        if changed is not None and actor.issued < changed:
            raise Unauthenticated("rights_changed", "Your rights here have changed", next_step="Refresh it.")

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
        self._revocations.check(actor)
        return actor

    async def verify(self, token: str) -> Actor:
        """The actor; `Unauthenticated` when the token does not hold, `Unavailable` without any key."""
        if actor := self.known(token):
            return actor
        actor = await self._check(token)
        remember(self._verified, token, actor, CACHE_LIMIT)
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
    expires, issued = claims["exp"], claims["iat"]
    if not isinstance(expires, int) or not isinstance(issued, int | float):
        raise TypeError("exp and iat")
    actions = claims.get("actions")
    if not (actions is None or isinstance(actions, list)):
        raise TypeError("actions")
    return Actor(
        user=UserId(str(claims["sub"])),
        organisation=OrganisationId(str(claims["org"])),
        role=Role(str(claims["role"])),
        session=SessionId(str(claims["sid"])),
        expires=expires,
        issued=float(issued),
        via=_WAYS[claims.get("via", "membership")],
        grant=str(claims["grant"]) if "grant" in claims else None,
        # What is not said is not given.
        scoped=claims.get("scoped", False) is not False,
        strong=claims.get("mfa") is True,
        actions=None if actions is None else frozenset(Action(str(action)) for action in actions),
    )


def _expired() -> Unauthenticated:
    return Unauthenticated("token_expired", "The access token has expired", next_step="Refresh it.")


def bearer(header: str | None) -> str:
    """The token of an `Authorization` header (RFC 6750)."""
    scheme, _, token = (header or "").partition(" ")
    if scheme.lower() != "bearer" or not token:
        raise not_signed_in()
    return token.strip()


def not_signed_in() -> Unauthenticated:
    """Nothing was shown that says who asks."""
    return Unauthenticated("token_missing", "An access token is needed", next_step="Sign in.")
