"""Where somebody is signed in, and ending it (rule 27)."""

from dataclasses import dataclass
from typing import Protocol

from common.auth import Actor
from common.clock import Clock
from common.errors import NotFound
from common.ids import OrganisationId, SessionId, UserId
from identity.domain.accounts import Organisation
from identity.domain.sessions import Session
from identity.service.sessions import Sessions


@dataclass(frozen=True, slots=True)
class Device:
    """A running session, in the organisation it was last used for."""

    session: Session
    organisation: Organisation
    current: bool


class DeviceStore(Protocol):
    async def session(self, identity: SessionId) -> Session | None: ...

    async def sessions_of(self, user: UserId) -> list[Session]: ...

    async def organisations(self, identities: list[OrganisationId]) -> list[Organisation]: ...


class Devices:
    def __init__(self, store: DeviceStore, sessions: Sessions, clock: Clock) -> None:
        self._store = store
        self._sessions = sessions
        self._clock = clock

    async def of(self, actor: Actor) -> list[Device]:
        """The person's running sessions in all organisations, the one used last first."""
        sessions = await self._store.sessions_of(actor.user)
        found = await self._store.organisations(list({one.organisation for one in sessions}))
        known, now = {item.id: item for item in found}, self._clock.now()
        devices = [
            Device(one, known[one.organisation], one.id == actor.session)
            for one in sessions
            if one.organisation in known and one.alive(known[one.organisation].policy, now)
        ]
        return sorted(devices, key=lambda device: device.session.used_at, reverse=True)

    async def end(self, actor: Actor, session: SessionId) -> None:
        """`NotFound` for somebody else's."""
        found = await self._store.session(session)
        if found is None or found.user != actor.user:
            raise NotFound("session_unknown", "There is no such session")
        await self._sessions.end(session, "logout" if session == actor.session else "ended_by_user")

    async def end_others(self, actor: Actor) -> None:
        await self._sessions.end_all(actor.user, "ended_by_user", but=actor.session)
