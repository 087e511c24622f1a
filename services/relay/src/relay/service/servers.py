"""Registering on-site servers, hearing from them, noticing their silence."""

from datetime import datetime
from typing import Protocol

from common.access import EVERYTHING, Scope
from common.clock import Clock
from common.contracts import Event
from common.errors import NotFound, Stale, Unauthenticated
from common.ids import OrganisationId, ServerId, new_id
from common.races import settled
from relay.domain.servers import Server, hash_of, register

SILENT_AT_ONCE = 200


class ServerStore(Protocol):
    async def get(self, organisation: OrganisationId, server: ServerId) -> Server | None: ...

    async def by_id(self, server: ServerId) -> Server | None:
        """For a server that proves itself by its credential: the organisation is not known yet."""
        ...

    async def page(
        self, organisation: OrganisationId, only: frozenset[str] | None, after: str | None, limit: int
    ) -> list[Server]: ...

    async def next_due(self) -> datetime | None: ...

    async def due(self, now: datetime, limit: int) -> list[Server]: ...

    async def save(self, server: Server, *events: Event) -> None: ...


class Servers:
    def __init__(self, store: ServerStore, clock: Clock) -> None:
        self._store = store
        self._clock = clock

    async def register(
        self, organisation: OrganisationId, name: str, software_version: str
    ) -> tuple[Server, str]:
        """The new server and its credential, which nobody can read again."""
        server, event, credential = register(
            ServerId(new_id()), organisation, name, software_version, self._clock.now()
        )
        await self._store.save(server, event)
        return server, credential

    async def get(self, organisation: OrganisationId, server: ServerId, scope: Scope = EVERYTHING) -> Server:
        found = await self._store.get(organisation, server)
        reached = scope.servers is None or server in scope.servers
        if found is None or found.status == "removed" or not reached:
            raise NotFound("server_not_found", "There is no such server in this organisation")
        return found

    async def page(
        self, organisation: OrganisationId, scope: Scope, after: str | None, limit: int
    ) -> list[Server]:
        return await self._store.page(organisation, scope.servers, after, limit)

    async def remove(self, organisation: OrganisationId, server: ServerId) -> None:
        async def attempt() -> None:
            removed, event = (await self.get(organisation, server)).removed(self._clock.now())
            await self._store.save(removed, event)

        await settled(attempt)

    async def heartbeat(self, server: ServerId, credential: str, software_version: str) -> Server:
        """Hear from a server; writes only what changes something (see `LOST_AFTER`)."""

        async def attempt() -> Server:
            known = await self._authenticated(server, credential)
            heard, event = known.heard(software_version, self._clock.now())
            if heard is not known:
                await self._store.save(heard, *([event] if event else []))
            return heard

        return await settled(attempt)

    async def _authenticated(self, server: ServerId, credential: str) -> Server:
        """The server; one answer for unknown, removed and wrong credential, in the same time."""
        known = await self._store.by_id(server)
        if known is None:
            hash_of(credential)
        elif known.accepts(credential):
            return known
        raise Unauthenticated(
            "server_credential_invalid",
            "This is not the credential of a registered server",
            next_step="Register the server again.",
        )

    async def next_due(self) -> datetime | None:
        return await self._store.next_due()

    async def note_silent(self) -> None:
        """Servers whose time is up are lost. Any replica may do it: the version lets one of them win."""
        now = self._clock.now()
        for server in await self._store.due(now, SILENT_AT_ONCE):
            lost, event = server.silent(now)
            if event is not None:
                try:
                    await self._store.save(lost, event)
                except Stale:  # heard, removed or noted by a sibling meanwhile
                    continue
