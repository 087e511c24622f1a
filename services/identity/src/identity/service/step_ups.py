"""A session shows a second factor, for the first time or once more (D3: administration, remote access)."""

from datetime import timedelta
from typing import Protocol

from common.auth import Actor
from common.clock import Clock
from common.contracts import Event
from common.errors import Conflict, Unauthenticated
from common.ids import SessionId, UserId, new_id
from common.races import settled
from identity.domain.accounts import User
from identity.domain.authenticators import Authenticator, RecoveryCodes
from identity.domain.mails import Mail
from identity.domain.sessions import Session
from identity.domain.sign_ins import CODE_LIFETIME, SignIn, over
from identity.domain.throttles import Forgiven
from identity.service.entrance import Step
from identity.service.factors import Factors, Owned, Shown, stale_factor
from identity.service.notices import Notices
from identity.service.sessions import Place, Sessions
from identity.service.throttles import Throttles


class StepUpStore(Protocol):
    async def session(self, identity: SessionId) -> Session | None: ...

    async def user(self, identity: UserId) -> User | None: ...

    async def pending_sign_in(
        self, user: UserId, network: str, session: SessionId | None = None
    ) -> SignIn | None: ...

    async def save(
        self,
        *things: SignIn | Session | Mail | Forgiven | Authenticator | RecoveryCodes,
        events: tuple[Event, ...] = (),
    ) -> None: ...


class StepUps:
    def __init__(
        self,
        store: StepUpStore,
        throttles: Throttles,
        factors: Factors,
        notices: Notices,
        sessions: Sessions,
        clock: Clock,
    ) -> None:
        self._store = store
        self._throttles = throttles
        self._factors = factors
        self._notices = notices
        self._sessions = sessions
        self._clock = clock

    async def start(self, actor: Actor, *, mail: bool = False) -> Step:
        """Which factors may be shown. The one-time password is mailed when there is no other, or when it is
        asked for (`mail`); starting again continues, and the code in the mailbox stays the right one."""
        step = await settled(lambda: self._start(actor, mail))
        self._notices.nudge()
        return step

    async def verify(self, actor: Actor, shown: Shown) -> str:
        """A new access token, of a session that has shown the factor."""
        forgiven = await self._throttles.factor(actor.user, shown.factor)
        return await settled(lambda: self._verify(actor, shown, forgiven))

    async def _start(self, actor: Actor, mail: bool) -> Step:
        session, place, user = await self.standing(actor)
        owned, now = await self._factors.owned(user.id), self._clock.now()
        known = await self._pending(session)
        sign_in = known.again() if known else self._new(session)
        step = self._offered(sign_in, user, place, owned)
        taken = "email" in [offer.factor for offer in step.offers]
        if mail and not taken:
            raise Conflict("email_not_accepted", "Your organisation takes stronger factors only")
        mails: list[Mail] = []
        if mail or (not owned.authenticators and sign_in.mailable(now)):
            sign_in, letter = self._factors.mailed(sign_in, user)
            mails.append(letter)
        await self._store.save(sign_in, *mails)
        return self._offered(sign_in, user, place, owned)

    async def _verify(self, actor: Actor, shown: Shown, forgiven: tuple[Forgiven, ...]) -> str:
        session, place, _ = await self.standing(actor)
        sign_in = await self._pending(session)
        if sign_in is None:
            raise over()
        now = self._clock.now()
        checked = await self._factors.check(sign_in, shown)
        if not checked.right:
            await self._store.save(checked.sign_in)
            raise checked.sign_in.wrong(shown.factor, now)
        session = session.confirmed(shown.factor, now)
        event = session.recorded("session.confirmed", now)
        await self._store.save(checked.sign_in.done(), session, *checked.used, *forgiven, events=(event,))
        return await self._sessions.access(session, place)

    async def standing(self, actor: Actor) -> tuple[Session, Place, User]:
        """The actor's session, in its place; `Unauthenticated` when it is over, or is no session."""
        session = await self._store.session(actor.session)
        user = await self._store.user(actor.user)
        place = await self._sessions.place(session, actor.organisation) if session else None
        if session is None or user is None or place is None or session.ended_at is not None:
            raise Unauthenticated("session_over", "This session is over", next_step="Sign in again.")
        return session, place, user

    async def fresh(self, actor: Actor) -> tuple[Session, User]:
        """For what changes the ways to sign in: `Forbidden` unless a factor was shown a moment ago."""
        session, _, user = await self.standing(actor)
        if not session.fresh(self._clock.now()):
            raise stale_factor()
        return session, user

    async def fresh_if_owned(self, actor: Actor) -> None:
        """The same for those who have an authenticator, where others are asked for their password only."""
        session, _, user = await self.standing(actor)
        owned = await self._factors.owned(user.id)
        if owned.authenticators and not session.fresh(self._clock.now()):
            raise stale_factor()

    async def _pending(self, session: Session) -> SignIn | None:
        found = await self._store.pending_sign_in(session.user, session.network, session.id)
        return found if found and found.alive(self._clock.now()) else None

    def _new(self, session: Session) -> SignIn:
        now = self._clock.now()
        return SignIn(
            id=new_id(),
            user=session.user,
            network=session.network,
            permanent=session.permanent,
            session=session.id,
            expires_at=now + CODE_LIFETIME,
            forget_at=now + timedelta(days=1),
        )

    def _offered(self, sign_in: SignIn, user: User, place: Place, owned: Owned) -> Step:
        offers = self._factors.offers(sign_in, user, owned, [place.organisation.policy])
        wait = sign_in.code.resend_after(self._clock.now()) if sign_in.code else 0.0
        return Step("second_factor", sign_in.id, offers, wait)
