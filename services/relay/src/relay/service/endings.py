"""What happens elsewhere and ends remote sessions here: rule 27 for everything that is held open."""

from collections.abc import Sequence
from typing import Protocol

from common.access import AccessBook
from common.cause import preparing
from common.contracts.identity import AccessChanged, SessionRevoked
from common.contracts.licensing import LicenceChanged
from common.contracts.relay import AllowanceCrossed, ServerStatusChanged
from common.ids import CameraId, OrganisationId, ServerId, SessionId, UserId
from relay.domain.sessions import CloseReason, RemoteSession


class OpenSessions(Protocol):
    async def open_through(self, server: ServerId) -> list[RemoteSession]: ...

    async def open_and_relayed(self, organisation: OrganisationId) -> list[RemoteSession]: ...

    async def open_at(self, organisation: OrganisationId, camera: CameraId) -> list[RemoteSession]: ...

    async def open_of(self, organisation: OrganisationId, user: UserId) -> list[RemoteSession]: ...

    async def open_by(self, signed_in: SessionId) -> list[RemoteSession]: ...


class Licences(Protocol):
    async def note_licence(self, event: LicenceChanged) -> None: ...


class Ends(Protocol):
    async def end(self, sessions: Sequence[RemoteSession], reason: CloseReason) -> None: ...

    async def empty(self, camera: CameraId, sessions: Sequence[RemoteSession]) -> None: ...


class Endings:
    """Each handler brings its copy up to date before it looks for sessions, so that none is admitted in
    between by what was true before."""

    def __init__(self, store: OpenSessions, licences: Licences, book: AccessBook, sessions: Ends) -> None:
        self._store = store
        self._licences = licences
        self._book = book
        self._sessions = sessions

    async def licence_changed(self, event: LicenceChanged) -> None:
        """A camera without functions in the portal is not looked at any more (LI-8 to LI-10)."""
        with preparing():
            await self._licences.note_licence(event)
        if not event.portal_features:
            sessions = await self._store.open_at(event.organisation, event.camera)
            await self._sessions.empty(event.camera, sessions)

    async def access_changed(self, event: AccessChanged) -> None:
        """Whose rights changed opens anew what they still cover."""
        with preparing():
            await self._book.hear(event)
        sessions = await self._store.open_of(event.organisation, event.user)
        await self._sessions.end(sessions, "access_ended")

    async def session_revoked(self, event: SessionRevoked) -> None:
        await self._sessions.end(await self._store.open_by(event.session), "signed_out")

    async def allowance_crossed(self, event: AllowanceCrossed) -> None:
        """At 100 % the sessions that are being relayed end; those that never were go on (D9)."""
        if event.percent == 100:
            relayed = await self._store.open_and_relayed(event.organisation)
            await self._sessions.end(relayed, "allowance_used_up")

    async def server_status_changed(self, event: ServerStatusChanged) -> None:
        """A removed server takes its sessions with it."""
        if event.status == "removed":
            await self._sessions.end(await self._store.open_through(event.server), "server_removed")
