"""Claims: typing a camera's id and secret (PR-3, PR-4)."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from common.auth import Actor
from common.clock import Clock
from common.errors import Conflict, FieldError, Invalid
from common.ids import CameraId, ClaimId, OrganisationId, UserId, new_id
from common.races import settled
from provisioning.domain import (
    Camera,
    Changes,
    Claim,
    DeviceId,
    DeviceKeys,
    Tried,
    canonical,
    clean_name,
    lost,
)
from provisioning.service.needs import Custody, Inventory, KnownDevices
from provisioning.service.places import Places
from provisioning.service.transfers import TransferService
from provisioning.service.tries import Tries
from provisioning.service.vault import Vault
from provisioning.service.waiting_room import WaitingRoom, key_of


@dataclass(frozen=True, slots=True)
class Terms:
    """How long things hold."""

    lifetime: timedelta = timedelta(days=30)
    """A claim that no device proves ends after so long."""
    reset: timedelta = timedelta(hours=1)
    """A camera that was reset may still be claimed elsewhere for so long (PR-13, the other way round)."""


@dataclass(frozen=True, slots=True)
class Typed:
    """What somebody typed, checked as far as it can be without asking anybody."""

    organisation: OrganisationId
    user: UserId
    device: DeviceId
    secret: str | DeviceKeys
    """Keys: a camera brought them itself, with a code."""
    name: str
    parent: str | None
    origin: str = ""
    """Digest of the network it came from; empty: an import, whose tries are not counted."""

    @classmethod
    def of(
        cls, actor: Actor, device_id: str, secret: str, name: str | None, parent: str | None, origin: str
    ) -> "Typed":
        """`Invalid` when id or name cannot be one. Without a name it is called by its id."""
        device = canonical(device_id)
        name = clean_name(name if name is not None else device.partition(":")[2][:45])
        return cls(actor.organisation, actor.user, device, secret, name, parent, origin)


class ClaimService:
    def __init__(
        self,
        store: Inventory,
        custody: Custody,
        transfers: TransferService,
        vault: Vault,
        room: WaitingRoom,
        known: KnownDevices,
        tries: Tries,
        places: Places,
        clock: Clock,
        terms: Terms = Terms(),
    ) -> None:
        self._store = store
        self._custody = custody
        self._transfers = transfers
        self._vault = vault
        self._room = room
        self._known = known
        self._tries = tries
        self._places = places
        self._clock = clock
        self._terms = terms

    async def claim(
        self,
        actor: Actor,
        device_id: str,
        secret: str,
        name: str | None,
        parent: str | None,
        origin: str = "unknown",
    ) -> Claim:
        """A tentative claim and its camera. Other organisations may claim the same device (D14); in one
        organisation a device has one live claim (`Conflict`). `Throttled` after too many tries in vain."""
        typed = Typed.of(actor, device_id, secret, name, parent, origin)
        await self.check_place(typed.organisation, parent)
        tries = await self._tries.count(typed.organisation, typed.user, origin, typed.device)
        claim = await settled(lambda: self._claim(typed, tries))
        self.noticed(claim)
        return claim

    async def _claim(self, typed: Typed, tries: Sequence[Tried]) -> Claim:
        claims = await self._store.claims_of_device(typed.device)
        changes = await self._beginning(typed, claims)
        try:
            await self._store.save(*changes.aggregates, *tries, events=changes.events)
        except Conflict as error:
            # Only now, by the unique index: a repeated request shall first find its own mark.
            if error.code == "already_exists" and _has_it(typed, claims):
                raise _already_claimed() from error
            raise
        return changes.claims[0]

    def noticed(self, claim: Claim) -> None:
        """It was saved: this replica's camera port looks for it from now on."""
        self._known.add(key_of(claim.device))

    async def check_place(self, organisation: OrganisationId, parent: str | None) -> None:
        """Whether one more camera may be put there."""
        if parent is not None and not await self._store.has_container(organisation, parent):
            raise Invalid(
                "parent_invalid",
                "The camera cannot be put there",
                errors=[FieldError("parent", "no folder or location of this organisation")],
            )
        await self._places.check(organisation)

    async def places_left(self, organisation: OrganisationId) -> int:
        return await self._places.left(organisation)

    async def beginning(self, typed: Typed) -> Changes:
        """Everything that changes with this claim; its first claim is the new one. `Conflict` when the
        organisation has the camera."""
        claims = await self._store.claims_of_device(typed.device)
        if _has_it(typed, claims):
            raise _already_claimed()
        return await self._beginning(typed, claims)

    async def counted(self, typed: Typed) -> tuple[Changes, list[Tried]]:
        """The same, with a place for the camera and as a try."""
        await self._places.check(typed.organisation)
        tries = await self._tries.count(typed.organisation, typed.user, typed.origin, typed.device)
        return await self.beginning(typed), tries

    async def _beginning(self, typed: Typed, claims: Sequence[Claim]) -> Changes:
        """When the device was reset a moment ago and proved this very secret to its present holder, it is
        moved in the same step; it hears that it must ask again with its next heartbeat."""
        claim, camera = self._new(typed, await self._custody.connected_before(typed.device))
        holder = next((one for one in claims if one.holds_device), None)
        now = claim.created_at
        if holder is None or not await self._given_up(holder, typed, now):
            return Changes([claim], [camera], events=[claim.claimed()])
        claim = claim.proved(now)
        changes = Changes([claim], [camera], events=[claim.claimed(), claim.progress(now)])
        left = await self._store.camera(holder.organisation, holder.camera)
        changes.add(self._transfers.handover(holder, left, claim, now, told=True))
        changes.add(lost([one for one in claims if one != holder], now))
        return changes

    async def _given_up(self, holder: Claim, typed: Typed, now: datetime) -> bool:
        if holder.organisation == typed.organisation or isinstance(typed.secret, DeviceKeys):
            return False  # a code moves nothing (decision 20)
        if holder.reset_at is None or now - holder.reset_at > self._terms.reset:
            return False
        if not self._vault.same_secret(holder, typed.device, typed.secret):
            return False
        barring = await self._transfers.barring(typed.device)
        return not any(move.bars(holder.id, typed.organisation) for move in barring)

    def _new(self, typed: Typed, claimed_before: bool) -> tuple[Claim, Camera]:
        now, claim_id, camera_id = self._clock.now(), ClaimId(new_id()), CameraId(new_id())
        camera = Camera(
            id=camera_id,
            organisation=typed.organisation,
            parent=typed.parent,
            name=typed.name,
            kind="camera",
            device=typed.device,
            claim=claim_id,
            version=1,
            created_at=now,
        )
        claim = Claim(
            id=claim_id,
            organisation=typed.organisation,
            camera=camera_id,
            device=typed.device,
            name=typed.name,
            claimed_by=typed.user,
            keys=self._vault.keys_for(claim_id, typed.device, typed.secret),
            state="waiting",
            version=1,
            created_at=now,
            changed_at=now,
            expires_at=now + self._terms.lifetime,
            origin=typed.origin,
            claimed_before=claimed_before,
            by_code=isinstance(typed.secret, DeviceKeys),
        )
        if seen := self._room.last_and_next(typed.device):
            claim = replace(claim, last_poll=seen[0], next_poll_expected=seen[1])
        return claim, camera

    async def get(self, organisation: OrganisationId, claim: ClaimId) -> Claim:
        return await self._store.claim(organisation, claim)

    async def page(self, organisation: OrganisationId, after: str | None, limit: int) -> list[Claim]:
        """Newest last, one more than `limit` when there are more."""
        return await self._store.claims(organisation, after, limit + 1)


def _has_it(typed: Typed, claims: Sequence[Claim]) -> bool:
    return any(claim.organisation == typed.organisation for claim in claims)


def _already_claimed() -> Conflict:
    return Conflict(
        "already_claimed",
        "This organisation has this camera already",
        next_step="Remove the camera first to type its password again.",
    )
