"""Claims: typing a camera's id and secret (PR-3, PR-4)."""

from common.auth import Actor
from common.clock import Clock
from common.errors import Conflict, FieldError, Invalid
from common.ids import CameraId, ClaimId, OrganisationId, new_id
from provisioning.domain import Camera, Claim, DeviceId, canonical, clean_name
from provisioning.service.needs import Inventory, KnownDevices
from provisioning.service.vault import Vault
from provisioning.service.waiting_room import WaitingRoom, key_of


class ClaimService:
    def __init__(
        self, store: Inventory, vault: Vault, room: WaitingRoom, known: KnownDevices, clock: Clock
    ) -> None:
        self._store = store
        self._vault = vault
        self._room = room
        self._known = known
        self._clock = clock

    async def claim(
        self, actor: Actor, device_id: str, secret: str, name: str | None, parent: str | None
    ) -> Claim:
        """A tentative claim and its camera. Other organisations may claim the same device (D14); in one
        organisation a device has one live claim (`Conflict`)."""
        device = canonical(device_id)
        name = clean_name(name if name is not None else device.partition(":")[2][:45])
        if parent is not None and not await self._store.has_container(actor.organisation, parent):
            raise Invalid(
                "parent_invalid",
                "The camera cannot be put there",
                errors=[FieldError("parent", "no folder or location of this organisation")],
            )
        claim, camera = self._new(actor, device, secret, name, parent)
        try:
            await self._store.save(claim, camera, events=[claim.claimed()])
        except Conflict as error:
            raise Conflict(
                "already_claimed",
                "This organisation has this camera already",
                next_step="Remove the camera first to type its password again.",
            ) from error
        self._known.add(key_of(device))
        return claim

    def _new(
        self, actor: Actor, device: DeviceId, secret: str, name: str, parent: str | None
    ) -> tuple[Claim, Camera]:
        now, claim_id, camera_id = self._clock.now(), ClaimId(new_id()), CameraId(new_id())
        seen = self._room.last_and_next(device)
        claim = Claim(
            id=claim_id,
            organisation=actor.organisation,
            camera=camera_id,
            device=device,
            name=name,
            claimed_by=actor.user,
            keys=self._vault.keys_for(claim_id, device, secret),
            state="waiting",
            version=1,
            created_at=now,
            changed_at=now,
            last_poll=seen[0] if seen else None,
            next_poll_expected=seen[1] if seen else None,
        )
        return claim, Camera(
            id=camera_id,
            organisation=actor.organisation,
            parent=parent,
            name=name,
            kind="camera",
            device=device,
            claim=claim_id,
            version=1,
            created_at=now,
        )

    async def get(self, organisation: OrganisationId, claim: ClaimId) -> Claim:
        return await self._store.claim(organisation, claim)

    async def page(self, organisation: OrganisationId, after: str | None, limit: int) -> list[Claim]:
        """Newest last, one more than `limit` when there are more."""
        return await self._store.claims(organisation, after, limit + 1)
