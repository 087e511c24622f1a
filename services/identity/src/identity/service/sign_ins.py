"""Signing in: password, then the mailed one-time password, then tokens for one organisation (S1:71-112)."""

from dataclasses import dataclass
from datetime import timedelta
from typing import Protocol

from prometheus_client import Counter

from common.clock import Clock
from common.errors import Forbidden, Unauthenticated
from common.ids import OrganisationId, UserId, new_id
from common.races import settled
from identity.domain.accounts import User
from identity.domain.mails import Mail
from identity.domain.names import LONGEST_PASSWORD, canonical, masked
from identity.domain.sessions import Session
from identity.domain.sign_ins import CODE_LIFETIME, CODE_TRIES, SignIn, over
from identity.domain.throttles import PASSWORD, SECOND_FACTOR, Counted, Forgiven, Origin
from identity.service.mails import PostOffice
from identity.service.passwords import Hasher
from identity.service.secrets import Secrets
from identity.service.sessions import Place, Sessions, Tokens
from identity.service.throttles import Throttles

SIGN_INS = Counter("vedette_identity_sign_ins_total", "Steps of signing in, by result", ["step", "result"])


@dataclass(frozen=True, slots=True)
class Challenge:
    """The one-time password is on its way to `recipient` (masked); seconds until it may be sent again."""

    sign_in: str
    recipient: str
    resend_after: float


@dataclass(frozen=True, slots=True)
class SignedIn:
    """`tokens` is None when the person belongs to several places and has yet to choose (ID-31)."""

    tokens: Tokens | None
    places: list[Place]


class SignInStore(Protocol):
    async def user_by_login(self, name: str) -> User | None: ...

    async def user(self, identity: UserId) -> User | None: ...

    async def sign_in(self, identity: str) -> SignIn | None: ...

    async def pending_sign_in(self, user: UserId, network: str) -> SignIn | None: ...

    async def save(self, *things: SignIn | Session | Mail | Counted | Forgiven) -> None: ...


class SignIns:
    def __init__(
        self,
        store: SignInStore,
        secrets: Secrets,
        hasher: Hasher,
        throttles: Throttles,
        post: PostOffice,
        sessions: Sessions,
        clock: Clock,
    ) -> None:
        self._store = store
        self._secrets = secrets
        self._hasher = hasher
        self._throttles = throttles
        self._post = post
        self._sessions = sessions
        self._clock = clock

    async def start(self, login: str, password: str, *, permanent: bool, origin: Origin) -> Challenge:
        """Check the password and mail a one-time password.

        `Unauthenticated` in the same words, after the same work, for an unknown login and a wrong password.
        """
        name = canonical(login)
        counted = await self._throttles.address("sign_in", origin)
        forgiven = await self._throttles.claim("sign_in", f"{name} {origin.network}", PASSWORD)
        user = await self._store.user_by_login(name)
        hashed = user.password_hash if user else self._hasher.decoy
        right = await self._hasher.verify(hashed, password[: LONGEST_PASSWORD + 1])
        if user is None or not right:
            await settled(lambda: self._store.save(counted))
            SIGN_INS.labels("password", "refused").inc()
            raise Unauthenticated("sign_in_refused", "The login or the password is not right")
        sign_in = await settled(lambda: self._challenge(user, origin, permanent, forgiven))
        self._post.nudge()
        SIGN_INS.labels("password", "accepted").inc()
        return self._challenge_of(sign_in, user)

    async def proceed(self, user: User, permanent: bool, origin: Origin) -> Challenge:
        """On to the second factor, after a first one that was not the password."""
        sign_in = await settled(lambda: self._challenge(user, origin, permanent))
        self._post.nudge()
        return self._challenge_of(sign_in, user)

    async def resend(self, identity: str) -> Challenge:
        """Mail the same code again; `Throttled` while it is too early."""

        async def attempt() -> Challenge:
            sign_in, user = await self._pending(identity)
            sign_in = sign_in.resent(self._clock.now())
            await self._store.save(sign_in, self._mail(sign_in, user))
            return self._challenge_of(sign_in, user)

        challenge = await settled(attempt)
        self._post.nudge()
        return challenge

    async def verify(
        self, identity: str, code: str, organisation: OrganisationId | None, origin: Origin
    ) -> SignedIn:
        """Check the code. With one organisation, or a chosen one: tokens, and the sign-in is used up.
        With several and none chosen: the list to choose from; then ask again with the same code."""
        sign_in, _ = await self._pending(identity)
        forgiven = await self._throttles.claim("second_factor", sign_in.user, SECOND_FACTOR)
        return await settled(lambda: self._verify(identity, code, organisation, origin, forgiven))

    async def _verify(
        self,
        identity: str,
        code: str,
        organisation: OrganisationId | None,
        origin: Origin,
        forgiven: Forgiven,
    ) -> SignedIn:
        sign_in, user = await self._pending(identity)
        now = self._clock.now()
        sign_in, right = sign_in.tried(self._secrets.code_digest(_purpose(sign_in.id), code), now)
        if not right:
            await self._store.save(sign_in)
            SIGN_INS.labels("second_factor", "refused").inc()
            raise sign_in.wrong_code(now)
        places = await self._sessions.places(user.id)
        place = _chosen(places, organisation)
        if place is None:
            # Saved also when there is nothing to hand out: a right code must not be told from a wrong one
            # more often than there are tries, not even by asking many times at once.
            await self._store.save(sign_in, forgiven)
            if organisation is not None or not places:
                raise Forbidden("not_a_member", "You are not a member of this organisation")
            return SignedIn(None, places)
        session, tokens = await self._sessions.begin(
            user.id, place, origin=origin, permanent=sign_in.permanent, factor="email"
        )
        await self._store.save(sign_in.done(), session, forgiven)
        SIGN_INS.labels("second_factor", "accepted").inc()
        return SignedIn(tokens, places)

    async def _challenge(self, user: User, origin: Origin, permanent: bool, *forgiven: Forgiven) -> SignIn:
        now = self._clock.now()
        pending = await self._store.pending_sign_in(user.id, origin.network)
        if pending is not None and pending.alive(now):
            sign_in, mail = pending.again(now, permanent=permanent)
        else:
            sign_in, mail = self._new(user, origin, permanent), True
        await self._store.save(sign_in, *([self._mail(sign_in, user)] if mail else []), *forgiven)
        return sign_in

    def _new(self, user: User, origin: Origin, permanent: bool) -> SignIn:
        now = self._clock.now()
        identity = new_id()
        return SignIn(
            id=identity,
            user=user.id,
            network=origin.network,
            permanent=permanent,
            code=self._secrets.one_time_password(_purpose(identity), now, CODE_LIFETIME, CODE_TRIES),
            forget_at=now + timedelta(days=1),
        )

    def _mail(self, sign_in: SignIn, user: User) -> Mail:
        return self._post.mail(
            f"one_time_password:{sign_in.id}:{sign_in.code.sends}",
            "one_time_password",
            user.language,
            user.email,
            {"name": user.first_name},
            code=self._secrets.reveal(sign_in.code, _purpose(sign_in.id)),
            worthless_at=sign_in.code.expires_at,
        )

    async def _pending(self, identity: str) -> tuple[SignIn, User]:
        sign_in = await self._store.sign_in(identity)
        user = await self._store.user(sign_in.user) if sign_in else None
        if sign_in is None or user is None or not sign_in.alive(self._clock.now()):
            raise over()
        return sign_in, user

    def _challenge_of(self, sign_in: SignIn, user: User) -> Challenge:
        return Challenge(sign_in.id, masked(user.email), sign_in.code.resend_after(self._clock.now()))


def _purpose(sign_in: str) -> str:
    return f"sign_in:{sign_in}"


def _chosen(places: list[Place], organisation: OrganisationId | None) -> Place | None:
    """The place asked for, or the only one there is (ID-31)."""
    if organisation is None:
        return places[0] if len(places) == 1 else None
    return next((place for place in places if place.organisation.id == organisation), None)
