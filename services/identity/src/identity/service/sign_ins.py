"""Signing in: password, second factor, tokens for one organisation (S1:71-112)."""

from datetime import timedelta
from typing import Protocol

import structlog
from prometheus_client import Counter

from common.clock import Clock
from common.errors import Conflict, Unauthenticated
from common.ids import OrganisationId, UserId, new_id
from common.races import settled
from identity.domain.accounts import User
from identity.domain.mails import Mail
from identity.domain.names import LONGEST_PASSWORD, canonical
from identity.domain.sign_ins import CODE_LIFETIME, SignIn, over
from identity.domain.throttles import PASSWORD, Forgiven, Origin
from identity.service.entrance import Entrance, Entry, Step, Written, chosen
from identity.service.factors import Factors, Owned, Shown
from identity.service.notices import Notices
from identity.service.passwords import Hasher
from identity.service.sessions import Place, Sessions
from identity.service.throttles import Throttles

log = structlog.get_logger("sign_ins")
SIGN_INS = Counter("vedette_identity_sign_ins_total", "Steps of signing in, by result", ["step", "result"])


class SignInStore(Protocol):
    async def user_by_login(self, name: str) -> User | None: ...

    async def user(self, identity: UserId) -> User | None: ...

    async def sign_in(self, identity: str) -> SignIn | None: ...

    async def pending_sign_in(self, user: UserId, network: str) -> SignIn | None: ...

    async def save(self, *things: Written) -> None: ...


class SignIns:
    def __init__(
        self,
        store: SignInStore,
        hasher: Hasher,
        throttles: Throttles,
        factors: Factors,
        notices: Notices,
        sessions: Sessions,
        entrance: Entrance,
        clock: Clock,
    ) -> None:
        self._store = store
        self._hasher = hasher
        self._throttles = throttles
        self._factors = factors
        self._notices = notices
        self._sessions = sessions
        self._entrance = entrance
        self._clock = clock

    async def start(
        self,
        login: str,
        password: str,
        *,
        permanent: bool,
        origin: Origin,
        organisation: OrganisationId | None = None,
    ) -> Step:
        """Check the password; mail a one-time password, or say which other factors may be shown. Who needs
        none, because no organisation of theirs asks for one and they have set up none, is in.

        `Unauthenticated` in the same words, after the same work, for an unknown login and a wrong password.
        """
        name = canonical(login)
        account = f"{name} {origin.network}"
        counted, forgiven = await self._throttles.claim_from(origin, "sign_in", account, PASSWORD)
        user = await self._store.user_by_login(name)
        hashed = user.password_hash if user else self._hasher.decoy
        right = await self._hasher.verify(hashed, password[: LONGEST_PASSWORD + 1])
        if user is None or not right:
            await settled(lambda: self._store.save(counted))
            SIGN_INS.labels("password", "refused").inc()
            log.info("wrong password", user=user.id if user else None, network=origin.network)
            raise Unauthenticated("sign_in_refused", "The login or the password is not right")
        entry = Entry(user=user, organisation=organisation, permanent=permanent, factor=None, origin=origin)
        step = await settled(lambda: self._begin(entry, forgiven))
        SIGN_INS.labels("password", "accepted").inc()
        return step

    async def proceed(self, user: User, permanent: bool, origin: Origin) -> Step:
        """On to the second factor, after a first one that was not the password."""
        entry = Entry(user=user, organisation=None, permanent=permanent, factor=None, origin=origin)

        async def attempt() -> Step:
            places, owned = await self._sessions.places(user.id), await self._factors.owned(user.id)
            return await self._ask(entry, places, owned)

        return await settled(attempt)

    async def resend(self, identity: str) -> Step:
        """Mail the one-time password, for the first time or the same again; `Throttled` while it is too
        early, `Conflict` where only stronger factors are taken."""

        async def attempt() -> Step:
            sign_in, user = await self.pending(identity)
            places, owned = await self._sessions.places(user.id), await self._factors.owned(user.id)
            step = self._challenge(sign_in, user, places, owned)
            if "email" not in [offer.factor for offer in step.offers]:
                raise Conflict("email_not_accepted", "Your organisation takes stronger factors only")
            sign_in, mail = self._factors.mailed(sign_in.again(), user)
            await self._store.save(sign_in, mail)
            return self._challenge(sign_in, user, places, owned)

        step = await settled(attempt)
        self._notices.nudge()
        return step

    async def verify(
        self, identity: str, shown: Shown, organisation: OrganisationId | None, origin: Origin
    ) -> Step:
        """Check the factor. With one organisation, or a chosen one: tokens, and the sign-in is used up.
        With several and none chosen: the list to choose from; then ask again with the same factor."""
        sign_in, _ = await self.pending(identity)
        forgiven = await self._throttles.factor(sign_in.user, shown.factor)
        return await settled(lambda: self._verify(identity, shown, organisation, origin, forgiven))

    async def _verify(
        self,
        identity: str,
        shown: Shown,
        organisation: OrganisationId | None,
        origin: Origin,
        forgiven: tuple[Forgiven, ...],
    ) -> Step:
        sign_in, user = await self.pending(identity)
        checked = await self._factors.check(sign_in, shown)
        sign_in = checked.sign_in
        if not checked.right:
            await self._store.save(sign_in)
            SIGN_INS.labels("second_factor", "refused").inc()
            log.info("wrong factor", user=user.id, factor=shown.factor, network=origin.network)
            raise sign_in.wrong(shown.factor, self._clock.now())
        places = await self._sessions.places(user.id)
        place = chosen(places, organisation)
        if place and not place.organisation.policy.admits(shown.factor):
            await self._store.save(sign_in, *checked.used, *forgiven)
            return self._too_weak(sign_in, user, place, await self._factors.owned(user.id))
        # Saved also when there is nothing to hand out: a right code must not be told from a wrong one
        # more often than there are tries, not even by asking many times at once.
        done = sign_in.done() if place else sign_in
        entry = Entry(
            user=user,
            organisation=organisation,
            permanent=sign_in.permanent,
            factor=shown.factor,
            origin=origin,
        )
        step = await self._entrance.enter(entry, places, done, *checked.used, *forgiven)
        SIGN_INS.labels("second_factor", "accepted").inc()
        return step

    async def pending(self, identity: str) -> tuple[SignIn, User]:
        sign_in = await self._store.sign_in(identity)
        user = await self._store.user(sign_in.user) if sign_in and not sign_in.session else None
        if sign_in is None or user is None or not sign_in.alive(self._clock.now()):
            raise over()
        return sign_in, user

    async def _begin(self, entry: Entry, forgiven: Forgiven) -> Step:
        user = entry.user
        places, owned = await self._sessions.places(user.id), await self._factors.owned(user.id)
        free = all(place.organisation.policy.admits(None) for place in places)
        if places and free and not owned.authenticators:
            return await self._entrance.enter(entry, places, forgiven)
        return await self._ask(entry, places, owned, forgiven)

    async def _ask(self, entry: Entry, places: list[Place], owned: Owned, *forgiven: Forgiven) -> Step:
        """For a second factor, in a new sign-in or the one that is pending."""
        user, now = entry.user, self._clock.now()
        pending = await self._store.pending_sign_in(user.id, entry.origin.network)
        if pending is not None and pending.alive(now):
            sign_in = pending.again(permanent=entry.permanent)
        else:
            sign_in = self._new(entry)
        mails: list[Mail] = []
        if not owned.authenticators and sign_in.mailable(now):
            sign_in, mail = self._factors.mailed(sign_in, user)
            mails.append(mail)
        await self._store.save(sign_in, *mails, *forgiven)
        if mails:
            self._notices.nudge()
        return self._challenge(sign_in, user, places, owned)

    def _new(self, entry: Entry) -> SignIn:
        now = self._clock.now()
        return SignIn(
            id=new_id(),
            user=entry.user.id,
            network=entry.origin.network,
            permanent=entry.permanent,
            expires_at=now + CODE_LIFETIME,
            forget_at=now + timedelta(days=1),
        )

    def _challenge(self, sign_in: SignIn, user: User, places: list[Place], owned: Owned) -> Step:
        policies = [place.organisation.policy for place in places]
        offers = self._factors.offers(sign_in, user, owned, policies)
        wait = sign_in.code.resend_after(self._clock.now()) if sign_in.code else 0.0
        return Step("second_factor", sign_in.id, offers, wait, permanent=sign_in.permanent)

    def _too_weak(self, sign_in: SignIn, user: User, place: Place, owned: Owned) -> Step:
        """The mailbox is not enough there: another factor, or none yet to show."""
        if not owned.authenticators:
            return Step("enrol_factor", sign_in.id, places=[place], permanent=sign_in.permanent)
        return self._challenge(sign_in, user, [place], owned)
