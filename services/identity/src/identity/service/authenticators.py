"""Manage your authenticators: list, name, add, remove, recovery codes (ID-25, rule 13)."""

from dataclasses import dataclass
from typing import Protocol

from common.auth import Actor
from common.clock import Clock
from common.contracts import Event
from common.contracts.audit import ActRecorded
from common.ids import UserId
from common.races import settled
from identity.domain.authenticators import (
    Authenticator,
    RecoveryCodes,
    check_room,
    last_factor,
    unknown_authenticator,
)
from identity.domain.mails import Mail
from identity.domain.names import masked
from identity.domain.sessions import Session
from identity.domain.ways_in import Way
from identity.service.enrolments import Enrolment, Enrolments, Kind
from identity.service.factors import Factors, Owned
from identity.service.notices import Notices
from identity.service.sessions import Sessions
from identity.service.step_ups import StepUps
from identity.service.ways_in import WaysIn


@dataclass(frozen=True, slots=True)
class Mine:
    """What somebody may sign in with, beside the password. `email` is masked."""

    owned: Owned
    email: str


class AuthenticatorStore(Protocol):
    async def authenticator(self, identity: str, user: UserId) -> Authenticator | None: ...

    async def save(
        self, *things: Way | RecoveryCodes | Session | Mail, events: tuple[Event, ...] = ()
    ) -> None: ...


class Authenticators:
    """All of it on one's own account. What adds or takes away needs a factor shown a moment ago, and is told
    by mail."""

    def __init__(
        self,
        store: AuthenticatorStore,
        factors: Factors,
        enrolments: Enrolments,
        step_ups: StepUps,
        sessions: Sessions,
        ways_in: WaysIn,
        notices: Notices,
        clock: Clock,
    ) -> None:
        self._store = store
        self._factors = factors
        self._enrolments = enrolments
        self._step_ups = step_ups
        self._sessions = sessions
        self._ways_in = ways_in
        self._notices = notices
        self._clock = clock

    async def mine(self, actor: Actor) -> Mine:
        _, _, user = await self._step_ups.standing(actor)
        return Mine(await self._factors.owned(user.id), masked(user.email))

    async def begin(self, actor: Actor, kind: Kind, name: str) -> Enrolment:
        """A pending one; it counts when it is confirmed."""
        _, user = await self._step_ups.fresh(actor)
        enrolment = self._enrolments.begun(user, kind, name, await self._factors.owned(user.id))
        await self._store.save(enrolment.authenticator)
        return enrolment

    async def confirm(self, actor: Actor, identity: str, answer: str) -> tuple[Authenticator, list[str]]:
        """It works from now on; with the first one come recovery codes, shown this once."""
        confirmed = await settled(lambda: self._confirm(actor, identity, answer))
        self._notices.nudge()
        return confirmed

    async def rename(self, actor: Actor, identity: str, name: str) -> Authenticator:
        async def attempt() -> Authenticator:
            renamed = (await self._one(actor, identity)).renamed(name)
            await self._store.save(renamed, events=(self._act(actor, "authenticator.renamed", renamed),))
            return renamed

        return await settled(attempt)

    async def remove(self, actor: Actor, identity: str) -> None:
        """Never the last one where an organisation takes nothing less, nor the only way in."""

        async def attempt() -> None:
            _, user = await self._step_ups.fresh(actor)
            found = await self._one(actor, identity)
            owned = await self._factors.owned(user.id)
            others = [one for one in owned.authenticators if one.id != identity]
            places = await self._sessions.places(user.id)
            if not others and not all(place.organisation.policy.admits("email") for place in places):
                raise last_factor()
            stays = await self._ways_in.without(user, identity)
            removed = found.removed(self._clock.now())
            mail = self._notices.factor("factor_removed", user, found)
            await self._store.save(
                removed, mail, *stays, events=(self._act(actor, "authenticator.removed", removed),)
            )

        await settled(attempt)
        self._notices.nudge()

    async def new_recovery_codes(self, actor: Actor) -> list[str]:
        """Ten new ones; all earlier ones are void."""

        async def attempt() -> list[str]:
            _, user = await self._step_ups.fresh(actor)
            owned = await self._factors.owned(user.id)
            made, plain = self._enrolments.recovery(user, owned.recovery)
            event = ActRecorded(
                organisation=actor.organisation,
                act="recovery_codes.made",
                object=user.id,
                version=made.version,
                at=made.made_at,
            )
            await self._store.save(made, events=(event,))
            return plain

        return await settled(attempt)

    async def _confirm(self, actor: Actor, identity: str, answer: str) -> tuple[Authenticator, list[str]]:
        session, user = await self._step_ups.fresh(actor)
        pending = await self._store.authenticator(identity, user.id)
        if pending is None:
            raise unknown_authenticator()
        owned = await self._factors.owned(user.id)
        check_room(len(owned.authenticators))
        active = self._enrolments.confirmed(pending, answer)
        codes, plain = (None, []) if owned.recovery else self._enrolments.recovery(user, None)
        await self._store.save(
            active,
            session.confirmed(active.kind, self._clock.now()),
            self._notices.factor("factor_added", user, active),
            *([codes] if codes else []),
            events=(self._act(actor, "authenticator.added", active),),
        )
        return active, plain

    async def _one(self, actor: Actor, identity: str) -> Authenticator:
        found = await self._store.authenticator(identity, actor.user)
        if found is None or found.state != "active":
            raise unknown_authenticator()
        return found

    def _act(self, actor: Actor, act: str, about: Authenticator) -> ActRecorded:
        return ActRecorded(
            organisation=actor.organisation,
            act=act,
            object=about.id,
            details={"kind": about.kind, "name": about.name},
            version=about.version,
            at=self._clock.now(),
        )
