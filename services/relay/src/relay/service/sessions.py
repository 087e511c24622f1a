"""Opening, renewing and closing remote sessions."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from common.access import Scope
from common.clock import Clock
from common.contracts import Event
from common.errors import NotFound, Stale
from common.ids import CameraId, OrganisationId, RemoteSessionId, ServerId, new_id
from common.races import settled
from relay.domain.accesses import Accesses, Licence, camera_not_found
from relay.domain.allowance import MonthUsage
from relay.domain.servers import Server
from relay.domain.sessions import (
    CloseReason,
    RemoteSession,
    Viewer,
    mode_for,
    must_be_green,
    reason_for_peer_to_peer,
)
from relay.service.ice import IceServer, IceServers

GONE_AT_ONCE = 200


class SessionStore(Protocol):
    async def get(self, organisation: OrganisationId, session: RemoteSessionId) -> RemoteSession | None: ...

    async def relayed_bytes(self, session: RemoteSessionId) -> int: ...

    async def next_gone(self) -> datetime | None:
        """When the next viewer's place runs out."""
        ...

    async def gone(self, now: datetime, limit: int) -> list[RemoteSession]: ...

    async def save(
        self, sessions: Sequence[RemoteSession], events: Sequence[Event], accesses: Sequence[Accesses] = ()
    ) -> None: ...


class AccessStore(Protocol):
    async def licence(self, organisation: OrganisationId, camera: CameraId) -> Licence | None: ...

    async def accesses(self, camera: CameraId) -> Accesses: ...


class Greens(Protocol):
    async def get(self, organisation: OrganisationId, server: ServerId, scope: Scope) -> Server: ...


class Reach(Protocol):
    async def reached(self, scope: Scope, organisation: OrganisationId, camera: CameraId) -> bool: ...


class Usages(Protocol):
    async def this_month(self, organisation: OrganisationId) -> MonthUsage: ...


@dataclass(frozen=True, slots=True)
class Admission:
    """A session and what its client needs to connect."""

    session: RemoteSession
    ice_servers: tuple[IceServer, ...]
    usage: MonthUsage
    reason: str | None
    """Why the session may not be relayed; None when it may."""


class Sessions:
    def __init__(
        self,
        store: SessionStore,
        accesses: AccessStore,
        servers: Greens,
        places: Reach,
        usages: Usages,
        ice: IceServers,
        clock: Clock,
    ) -> None:
        self._store = store
        self._accesses = accesses
        self._servers = servers
        self._places = places
        self._usages = usages
        self._ice = ice
        self._clock = clock

    async def to_server(self, viewer: Viewer, server: ServerId, scope: Scope) -> Admission:
        """Admit a session to a Green server; the client tries peer to peer first (RE-3)."""
        target = await self._servers.get(viewer.organisation, server, scope)
        must_be_green(target, self._clock.now())
        usage = await self._usages.this_month(viewer.organisation)
        session = self._new(viewer, usage, server=server)
        await self._store.save([session], [session.opened()])
        return self._admission(session, usage)

    async def at_camera(self, viewer: Viewer, camera: CameraId, scope: Scope) -> Admission:
        """Admit a viewer to a camera when its licence allows it and has a place left (LI-3)."""
        usage = await self._usages.this_month(viewer.organisation)
        identity = RemoteSessionId(new_id())

        async def attempt() -> RemoteSession:
            licence = await self._licence(viewer.organisation, camera, scope)
            now = self._clock.now()
            accesses, until = (await self._accesses.accesses(camera)).taken(identity, licence, now)
            session = self._new(viewer, usage, identity=identity, camera=camera, lease_until=until)
            await self._store.save([session], [session.opened()], [accesses])
            return session

        return self._admission(await settled(attempt), usage)

    async def renew(
        self, organisation: OrganisationId, session: RemoteSessionId, scope: Scope
    ) -> tuple[RemoteSession, int]:
        """The viewer is still there. One whose place ran out gets a place again if there is one.

        Returns the session and the bytes relayed for it so far."""

        async def attempt() -> RemoteSession:
            found = await self._found(organisation, session, scope)
            if found.camera is None:
                return found
            licence = await self._licence(organisation, found.camera, scope)
            accesses, until = (await self._accesses.accesses(found.camera)).taken(
                session, licence, self._clock.now()
            )
            renewed = found.renewed(until)
            await self._store.save([renewed], [], [accesses])
            return renewed

        return await settled(attempt), await self._store.relayed_bytes(session)

    async def get(
        self, organisation: OrganisationId, session: RemoteSessionId, scope: Scope
    ) -> tuple[RemoteSession, int]:
        """The session and the bytes relayed for it so far."""
        found = await self._found(organisation, session, scope)
        return found, await self._store.relayed_bytes(session)

    async def _found(
        self, organisation: OrganisationId, session: RemoteSessionId, scope: Scope
    ) -> RemoteSession:
        found = await self._store.get(organisation, session)
        if found is None or not await self._covers(scope, found):
            raise NotFound("remote_session_not_found", "There is no such session in this organisation")
        return found

    async def close(self, organisation: OrganisationId, session: RemoteSessionId, scope: Scope) -> None:
        """Closing a closed session is fine."""

        async def attempt() -> None:
            found = await self._found(organisation, session, scope)
            await self.end([found], "closed")

        await settled(attempt)

    async def next_gone(self) -> datetime | None:
        return await self._store.next_gone()

    async def note_gone(self) -> None:
        """Viewers that did not renew have gone. Any replica may do it: the version lets one of them win."""
        for session in await self._store.gone(self._clock.now(), GONE_AT_ONCE):
            try:
                await self.end([session], "viewer_gone")
            except Stale:  # renewed, closed or noted by a sibling meanwhile
                continue

    async def end(self, sessions: Sequence[RemoteSession], reason: CloseReason) -> None:
        """Close those that are not closed; their places are free in the same commit."""
        ended, events = self._closed(sessions, reason)
        places = []
        for camera in {session.camera for session in ended if session.camera is not None}:
            accesses = await self._accesses.accesses(camera)
            places.append(accesses.without({session.id for session in ended}))
        if ended:
            await self._store.save(ended, events, places)

    async def empty(self, camera: CameraId, sessions: Sequence[RemoteSession]) -> None:
        """Nobody looks at the camera any more. Its accesses change even when nobody did: a viewer who is
        being admitted at this moment by the old licence then has to look again."""
        ended, events = self._closed(sessions, "licence_changed")
        accesses = await self._accesses.accesses(camera)
        await self._store.save(ended, events, [accesses.without(set(accesses.leases))])

    def _closed(
        self, sessions: Sequence[RemoteSession], reason: CloseReason
    ) -> tuple[list[RemoteSession], list[Event]]:
        now = self._clock.now()
        closed = [session.close(reason, now) for session in sessions]
        return (
            [session for session, event in closed if event is not None],
            [event for _, event in closed if event is not None],
        )

    async def _licence(self, organisation: OrganisationId, camera: CameraId, scope: Scope) -> Licence:
        licence = await self._accesses.licence(organisation, camera)
        if licence is None or not await self._places.reached(scope, organisation, camera):
            raise camera_not_found()
        licence.must_allow_viewing()
        return licence

    def _new(
        self,
        viewer: Viewer,
        usage: MonthUsage,
        *,
        identity: RemoteSessionId | None = None,
        server: ServerId | None = None,
        camera: CameraId | None = None,
        lease_until: datetime | None = None,
    ) -> RemoteSession:
        return RemoteSession(
            id=identity or RemoteSessionId(new_id()),
            organisation=viewer.organisation,
            user=viewer.user,
            signed_in=viewer.signed_in,
            mode=mode_for(usage),
            opened_at=self._clock.now(),
            server=server,
            camera=camera,
            lease_until=lease_until,
        )

    def _admission(self, session: RemoteSession, usage: MonthUsage) -> Admission:
        reason = reason_for_peer_to_peer(usage) if usage.used_up else None
        return Admission(session, self._ice.of(session), usage, reason)

    async def _covers(self, scope: Scope, session: RemoteSession) -> bool:
        """Whether somebody with these rights may know of the session."""
        if session.camera is not None:
            return await self._places.reached(scope, session.organisation, session.camera)
        return scope.servers is None or session.server in scope.servers
