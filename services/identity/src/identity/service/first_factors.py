"""The first authenticator of somebody on the way in, because the organisation demands one (rule 14)."""

from dataclasses import dataclass, replace
from typing import Protocol

from common.clock import Clock
from common.contracts.audit import ActRecorded
from common.errors import Conflict
from common.ids import OrganisationId, UserId
from common.races import settled
from identity.domain.accounts import User
from identity.domain.authenticators import Authenticator, unknown_authenticator
from identity.domain.refusals import not_a_member
from identity.domain.sign_ins import SignIn
from identity.domain.throttles import Forgiven, Origin
from identity.service.enrolments import Enrolment, Enrolments, Kind
from identity.service.entrance import Entrance, Entry, Step, Written, chosen
from identity.service.factors import Factors, Owned, Shown
from identity.service.notices import Notices
from identity.service.sessions import Sessions
from identity.service.sign_ins import SignIns
from identity.service.throttles import Throttles


@dataclass(frozen=True, slots=True)
class Answered:
    """Which new authenticator answered, and what."""

    authenticator: str
    text: str


class FirstFactorStore(Protocol):
    async def authenticator(self, identity: str, user: UserId) -> Authenticator | None: ...

    async def save(self, *things: SignIn | Authenticator | Forgiven) -> None: ...


class FirstFactors:
    """Whoever has shown the mailed one-time password shows the same again with each step here. Somebody who
    has an authenticator already must use it: a mailbox alone never adds one beside it."""

    def __init__(
        self,
        store: FirstFactorStore,
        throttles: Throttles,
        factors: Factors,
        enrolments: Enrolments,
        sign_ins: SignIns,
        sessions: Sessions,
        entrance: Entrance,
        notices: Notices,
        clock: Clock,
    ) -> None:
        self._store = store
        self._throttles = throttles
        self._factors = factors
        self._enrolments = enrolments
        self._sign_ins = sign_ins
        self._sessions = sessions
        self._entrance = entrance
        self._notices = notices
        self._clock = clock

    async def begin(self, identity: str, shown: Shown, kind: Kind, name: str) -> Enrolment:
        """A pending authenticator, for somebody who has none."""
        forgiven = await self._claim(identity, shown)

        async def attempt() -> Enrolment:
            sign_in, user, owned = await self._proved(identity, shown)
            enrolment = self._enrolments.begun(user, kind, name, owned)
            await self._store.save(sign_in, enrolment.authenticator, *forgiven)
            return enrolment

        return await settled(attempt)

    async def confirm(
        self,
        identity: str,
        shown: Shown,
        answer: Answered,
        organisation: OrganisationId | None,
        origin: Origin,
    ) -> Step:
        """The authenticator works, and its owner is in. With several organisations and none chosen: the list;
        then verify with the new factor, exactly as it was shown here."""
        forgiven = await self._claim(identity, shown)

        async def attempt() -> Step:
            sign_in, user, owned = await self._proved(identity, shown)
            pending = await self._store.authenticator(answer.authenticator, user.id)
            if pending is None:
                raise unknown_authenticator()
            active = self._enrolments.confirmed(pending, answer.text)
            sign_in = sign_in.proved(self._factors.proof(identity, Shown(active.kind, answer.text)))
            codes, plain = (None, []) if owned.recovery else self._enrolments.recovery(user, None)
            mail = self._notices.factor("factor_added", user, active)
            writes: tuple[Written, ...] = (active, mail, *forgiven, *([codes] if codes else []))
            entry = Entry(
                user=user,
                organisation=organisation,
                permanent=sign_in.permanent,
                factor=active.kind,
                origin=origin,
            )
            return replace(await self._enter(entry, sign_in, active, writes), recovery_codes=plain)

        step = await settled(attempt)
        self._notices.nudge()
        return step

    async def _enter(
        self, entry: Entry, sign_in: SignIn, active: Authenticator, writes: tuple[Written, ...]
    ) -> Step:
        places = await self._sessions.places(entry.user.id)
        place = chosen(places, entry.organisation)
        if not places:
            raise not_a_member()
        event = ActRecorded(
            organisation=(place or places[0]).organisation.id,
            act="authenticator.added",
            object=active.id,
            details={"kind": active.kind, "name": active.name, "user": active.user},
            version=active.version,
            at=self._clock.now(),
        )
        done = sign_in.done() if place else sign_in
        return await self._entrance.enter(entry, places, done, *writes, events=(event,))

    async def _proved(self, identity: str, shown: Shown) -> tuple[SignIn, User, Owned]:
        """The sign-in, counted once more; `Unauthenticated` unless its factor is shown again."""
        sign_in, user = await self._sign_ins.pending(identity)
        right = sign_in.shows(self._factors.proof(identity, shown))
        sign_in = sign_in.counted(right=right)
        if not right:
            await self._store.save(sign_in)
            raise sign_in.wrong(shown.factor, self._clock.now())
        owned = await self._factors.owned(user.id)
        if owned.authenticators:
            raise Conflict(
                "authenticator_there",
                "You have an authenticator already",
                next_step="Use it to sign in; more can be added then.",
            )
        return sign_in, user, owned

    async def _claim(self, identity: str, shown: Shown) -> tuple[Forgiven, ...]:
        sign_in, _ = await self._sign_ins.pending(identity)
        return await self._throttles.factor(sign_in.user, shown.factor)
