"""An organisation's sign-in policy, which running sessions meet too (D3, rules 10 and 14)."""

import asyncio
from dataclasses import asdict
from typing import Protocol

from common.auth import Actor
from common.clock import Clock
from common.contracts import Event
from common.contracts.audit import ActRecorded
from common.errors import Conflict, NotFound
from common.ids import OrganisationId, SessionId
from common.races import settled
from identity.domain.accounts import Organisation
from identity.domain.policies import SignInPolicy
from identity.domain.sessions import Session
from identity.service.sessions import Sessions

PAGE = 100


class PolicyStore(Protocol):
    async def session(self, identity: SessionId) -> Session | None: ...

    async def organisations(self, identities: list[OrganisationId]) -> list[Organisation]: ...

    async def sessions_in(
        self, organisation: OrganisationId, after: SessionId | None, limit: int
    ) -> list[Session]: ...

    async def save(self, *things: Organisation, events: tuple[Event, ...] = ()) -> None: ...


class Policies:
    def __init__(self, store: PolicyStore, sessions: Sessions, clock: Clock) -> None:
        self._store = store
        self._sessions = sessions
        self._clock = clock

    async def of(self, organisation: OrganisationId) -> SignInPolicy:
        return (await self._organisation(organisation)).policy

    async def change(self, actor: Actor, policy: SignInPolicy) -> SignInPolicy:
        """In force at once: sessions that do not satisfy it end. `Conflict` when the one who asks would be
        shut out by it."""

        async def attempt() -> None:
            organisation = await self._organisation(actor.organisation)
            own = await self._store.session(actor.session)
            if own is None or not policy.admits(own.factor):
                raise Conflict(
                    "would_end_your_session",
                    "Your own session would not satisfy this policy",
                    next_step="Confirm this session with an authenticator app or a passkey first.",
                )
            if organisation.policy == policy:
                return
            changed = organisation.demanding(policy)
            await self._store.save(changed, events=(self._act(changed),))

        await settled(attempt)
        await self._enforce(actor.organisation, policy)
        return policy

    async def _enforce(self, organisation: OrganisationId, policy: SignInPolicy) -> None:
        """End what the policy does not allow. Should this be cut short, the next refresh of such a session
        meets the policy all the same."""
        after: SessionId | None = None
        while page := await self._store.sessions_in(organisation, after, PAGE):
            now = self._clock.now()
            over = [one for one in page if not (policy.admits(one.factor) and one.alive(policy, now))]
            await asyncio.gather(*(self._sessions.end(one.id, "policy_changed") for one in over))
            after = page[-1].id

    async def _organisation(self, identity: OrganisationId) -> Organisation:
        found = await self._store.organisations([identity])
        if not found:
            raise NotFound("organisation_unknown", "There is no such organisation")
        return found[0]

    def _act(self, changed: Organisation) -> ActRecorded:
        return ActRecorded(
            organisation=changed.id,
            act="sign_in_policy.changed",
            object=changed.id,
            details={key: str(value).lower() for key, value in asdict(changed.policy).items()},
            version=changed.version,
            at=self._clock.now(),
        )
