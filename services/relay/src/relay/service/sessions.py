"""Opening and closing remote sessions."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from common.clock import Clock
from common.contracts import Event
from common.contracts.relay import AllowanceCrossed, ServerStatusChanged
from common.errors import NotFound
from common.ids import OrganisationId, RemoteSessionId, ServerId, UserId, new_id
from common.races import settled
from relay.domain.allowance import MonthUsage
from relay.domain.credentials import RelayCredential, relay_credential
from relay.domain.servers import Server
from relay.domain.sessions import CloseReason, RemoteSession, open_session, reason_for_peer_to_peer


class SessionStore(Protocol):
    async def get(self, organisation: OrganisationId, session: RemoteSessionId) -> RemoteSession | None: ...

    async def open_through(self, server: ServerId) -> list[RemoteSession]:
        """The sessions to a server that are not closed."""
        ...

    async def open_and_relayed(self, organisation: OrganisationId) -> list[RemoteSession]:
        """The sessions that are not closed and have relayed data."""
        ...

    async def relayed_bytes(self, session: RemoteSessionId) -> int: ...

    async def save(self, sessions: Sequence[RemoteSession], events: Sequence[Event]) -> None: ...


class Greens(Protocol):
    async def get(self, organisation: OrganisationId, server: ServerId) -> Server: ...


class Usages(Protocol):
    async def this_month(self, organisation: OrganisationId) -> MonthUsage: ...


@dataclass(frozen=True, slots=True)
class IceServer:
    """Where a client gathers candidates: STUN without, TURN with a credential."""

    urls: tuple[str, ...]
    credential: RelayCredential | None = None


@dataclass(frozen=True, slots=True)
class IceServers:
    """The addresses of this installation and the secret it shares with its relay nodes."""

    stun_urls: tuple[str, ...]
    turn_urls: tuple[str, ...]
    turn_secret: str

    def __repr__(self) -> str:
        return f"IceServers(stun_urls={self.stun_urls}, turn_urls={self.turn_urls})"


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
        self, store: SessionStore, servers: Greens, usages: Usages, ice: IceServers, clock: Clock
    ) -> None:
        self._store = store
        self._servers = servers
        self._usages = usages
        self._ice = ice
        self._clock = clock

    async def open(self, organisation: OrganisationId, user: UserId, server: ServerId) -> Admission:
        """Admit a session to a Green server; the client tries peer to peer first (RE-3)."""
        target = await self._servers.get(organisation, server)
        usage = await self._usages.this_month(organisation)
        now = self._clock.now()
        session, event = open_session(RemoteSessionId(new_id()), user, target, usage, now)
        await self._store.save([session], [event])
        reason = reason_for_peer_to_peer(usage) if usage.used_up else None
        return Admission(session, self._ice_servers(session), usage, reason)

    def _ice_servers(self, session: RemoteSession) -> tuple[IceServer, ...]:
        ice = self._ice
        stun = (IceServer(ice.stun_urls),) if ice.stun_urls else ()
        if session.mode == "peer_to_peer_only" or not ice.turn_urls:
            return stun
        # Only the viewer gets one: with an allocation on both sides every byte would be counted twice (D10).
        credential = relay_credential(ice.turn_secret, session.organisation, session.id, session.opened_at)
        return (*stun, IceServer(ice.turn_urls, credential))

    async def get(self, organisation: OrganisationId, session: RemoteSessionId) -> tuple[RemoteSession, int]:
        """The session and the bytes relayed for it so far."""
        found = await self._store.get(organisation, session)
        if found is None:
            raise NotFound("remote_session_not_found", "There is no such session in this organisation")
        return found, await self._store.relayed_bytes(session)

    async def close(self, organisation: OrganisationId, session: RemoteSessionId) -> None:
        """Closing a closed session is fine."""

        async def attempt() -> None:
            found, _ = await self.get(organisation, session)
            await self._close([found], "closed")

        await settled(attempt)

    async def end_relayed(self, event: AllowanceCrossed) -> None:
        """At 100 % the sessions that are being relayed end; those that never were go on (D9)."""
        if event.percent == 100:
            relayed = await self._store.open_and_relayed(event.organisation)
            await self._close(relayed, "allowance_used_up")

    async def end_with_server(self, event: ServerStatusChanged) -> None:
        """A removed server takes its sessions with it."""
        if event.status == "removed":
            await self._close(await self._store.open_through(event.server), "server_removed")

    async def _close(self, sessions: Sequence[RemoteSession], reason: CloseReason) -> None:
        now = self._clock.now()
        closed = [session.close(reason, now) for session in sessions]
        events = [event for _, event in closed if event is not None]
        if events:
            await self._store.save([session for session, event in closed if event], events)
