"""Claim codes: made by who may add cameras, used by a camera that saw one (PR-16, decision 20)."""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Protocol

from prometheus_client import Counter

from common.auth import Actor, Revocations, Role
from common.clock import Clock
from common.contracts.audit import ActRecorded
from common.errors import Conflict, Invalid, Throttled, Unauthenticated
from common.ids import OrganisationId, SessionId
from common.races import settled
from provisioning.domain import DeviceId, DeviceKeys, Proof, clean_name, spellings
from provisioning.domain.claim_code import ClaimCode, brought_keys, code_id, new_code, unknown_code
from provisioning.service.claiming import ClaimService, Typed
from provisioning.service.needs import Inventory

WAITING = 50
"""Codes of one organisation that wait for their camera."""
USED = Counter("vedette_provisioning_claim_codes_total", "Claim codes shown to cameras", ["outcome"])
"""`claimed`, `had_already`, `unknown`: never made, used, expired, or its maker's rights changed."""


class Codes(Protocol):
    async def code(self, identity: str) -> ClaimCode | None: ...

    async def waiting(self, organisation: OrganisationId, now: datetime, limit: int) -> int:
        """Codes that were not used and hold, counted up to `limit`."""
        ...


@dataclass(frozen=True, slots=True)
class Made:
    code: str
    expires_at: datetime


class ClaimCodes:
    def __init__(
        self,
        store: Inventory,
        codes: Codes,
        claims: ClaimService,
        revocations: Revocations,
        clock: Clock,
        lifetime: timedelta,
    ) -> None:
        self._store = store
        self._codes = codes
        self._claims = claims
        self._revocations = revocations
        self._clock = clock
        self._lifetime = lifetime

    async def make(self, actor: Actor, name: str | None, parent: str | None, origin: str) -> Made:
        """Told once, kept as a hash."""
        now, code = self._clock.now(), new_code()
        await self._claims.check_place(actor.organisation, parent)
        if await self._codes.waiting(actor.organisation, now, WAITING) >= WAITING:
            raise Throttled(
                "too_many_codes",
                "Too many codes wait for their camera",
                next_step="Use those made before, or wait until they have expired.",
                retry_after=self._lifetime.total_seconds(),
            )
        made = ClaimCode(
            id=code_id(code),
            organisation=actor.organisation,
            user=actor.user,
            name=clean_name(name) if name is not None else None,
            parent=parent,
            origin=origin,
            made_at=now,
            expires_at=now + self._lifetime,
        )
        await self._store.save(made, events=[self._act("claim_code.made", made, now)])
        return Made(code, made.expires_at)

    async def use(
        self, code: str, device: DeviceId, proof: Proof, user_hash: bytes, token_key: bytes
    ) -> None:
        """The camera adds itself. The proof shows that it can use the keys it brings; whose the device is, is
        decided when it asks for its token."""
        if proof.username not in spellings(device) or not proof.answers(user_hash):
            raise Invalid("keys_invalid", "The proof was not made with these keys")
        keys = brought_keys(device, proof.username, user_hash, token_key)
        await settled(lambda: self._use(code_id(code), device, keys))

    async def _use(self, identity: str, device: DeviceId, keys: DeviceKeys) -> None:
        code, now = await self._codes.code(identity), self._clock.now()
        if code is None or not self._holds(code, device, now):
            USED.labels("unknown").inc()
            raise unknown_code()
        if code.device == device:
            return  # its answer was lost
        typed = Typed(
            code.organisation, code.user, device, keys, code.name or device.partition(":")[2][:45],
            code.parent, code.origin,
        )  # fmt: skip
        if code.parent and not await self._store.has_container(code.organisation, code.parent):
            typed = replace(typed, parent=None)  # removed meanwhile
        try:
            changes, tries = await self._claims.counted(typed)
        except Conflict as error:
            if error.code != "already_claimed":
                raise
            USED.labels("had_already").inc()
            return
        used = code.used(device, changes.claims[0].id, now)
        recorded = self._act("claim_code.used", used, now)
        await self._store.save(*changes.aggregates, *tries, used, events=[*changes.events, recorded])
        self._claims.noticed(changes.claims[0])
        USED.labels("claimed").inc()

    def _holds(self, code: ClaimCode, device: DeviceId, now: datetime) -> bool:
        """Not used by another camera, not expired, and its maker's rights are those it was made with."""
        if now >= code.expires_at or code.device not in (None, device):
            return False
        maker = Actor(
            code.user, code.organisation, Role.VIEWER, SessionId(""), 0, issued=code.made_at.timestamp()
        )
        try:
            self._revocations.check(maker)
        except Unauthenticated:
            return False
        return True

    def _act(self, act: str, code: ClaimCode, now: datetime) -> ActRecorded:
        details = {"user": code.user, "expires_at": code.expires_at.isoformat()}
        if code.device:
            details["device"] = code.device
        return ActRecorded(
            organisation=code.organisation,
            version=code.version,
            at=now,
            act=act,
            object=code.claim or code.id[:16],
            details=details,
        )
