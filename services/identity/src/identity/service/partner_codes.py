"""The registry of partner codes, kept by staff (ID-61, ID-67)."""

from collections.abc import Sequence
from typing import Protocol

from common.auth import Actor
from common.clock import Clock
from common.contracts import Event
from common.errors import Conflict, NotFound
from common.races import settled
from identity.domain.partner_requests import CodeStatus, PartnerCode, canonical_code
from identity.service.acts import acted


class PartnerCodeStore(Protocol):
    async def partner_code(self, identity: str) -> PartnerCode | None: ...

    async def partner_codes(self, after: str | None, limit: int) -> list[PartnerCode]: ...

    async def save(self, *things: PartnerCode, events: Sequence[Event] = ()) -> None: ...

    async def remove(self, code: PartnerCode, events: Sequence[Event]) -> None: ...


class PartnerCodes:
    def __init__(self, store: PartnerCodeStore, clock: Clock) -> None:
        self._store = store
        self._clock = clock

    async def list(self, after: str | None, limit: int) -> list[PartnerCode]:
        return await self._store.partner_codes(after, limit)

    async def get(self, code: str) -> PartnerCode:
        found = await self._store.partner_code(canonical_code(code))
        if found is None:
            raise NotFound("partner_code_unknown", "There is no such partner code")
        return found

    async def add(
        self, actor: Actor, code: str, company: str, status: CodeStatus, emails: Sequence[str]
    ) -> PartnerCode:
        """`Conflict` when the code is in the registry already."""
        now = self._clock.now()
        new = PartnerCode.new(code, company, status, emails, now)
        if await self._store.partner_code(new.id):
            raise _known(new.id)
        event = acted(actor.organisation, "partner_code.added", new.id, now, company=company, status=status)
        await self._store.save(new, events=(event,))
        return new

    async def change(
        self,
        actor: Actor,
        code: str,
        company: str | None,
        status: CodeStatus | None,
        emails: Sequence[str] | None,
    ) -> PartnerCode:
        """What is None stays."""

        async def attempt() -> PartnerCode:
            changed = (await self.get(code)).changed(company, status, emails)
            details = {"company": changed.company, "status": changed.status}
            now = self._clock.now()
            event = acted(actor.organisation, "partner_code.changed", changed.id, now, **details)
            await self._store.save(changed, events=(event,))
            return changed

        return await settled(attempt)

    async def remove(self, actor: Actor, code: str) -> None:
        """Requests that wait can no longer be approved; partners that joined with it stay."""
        found = await self.get(code)
        event = acted(actor.organisation, "partner_code.removed", found.id, self._clock.now())
        await self._store.remove(found, (event,))


def _known(code: str) -> Conflict:
    return Conflict(
        "partner_code_known",
        f"The partner code {code} is in the registry already",
        next_step="Change the one that is there.",
    )
