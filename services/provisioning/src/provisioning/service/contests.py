"""Contests of a move, decided by staff: what machines cannot tell apart (decision 15), people do.

A decision is one commit. Upheld: whoever has the device loses it at that instant (token, licence, root
password) and the old organisation has it again, by a claim with the secret that the device proved there
before. The camera hears it with its next heartbeat, proves that secret once more and is given its token:
nobody climbs a ladder.
"""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from prometheus_client import Gauge

from common.auth import Actor
from common.clock import Clock
from common.contracts.audit import ActRecorded
from common.ids import CameraId, ClaimId, OrganisationId, new_id
from common.races import settled
from provisioning.domain import Camera, Changes, Claim, Transfer, let_go, lost
from provisioning.service.claiming import ClaimService
from provisioning.service.needs import Custody, Inventory
from provisioning.service.transfers import TransferService
from provisioning.service.vault import Vault

OPEN = Gauge("vedette_provisioning_open_contests", "Contests of a move that wait for a decision")
OLDEST = Gauge("vedette_provisioning_oldest_contest_seconds", "Age of the contest that waits longest")
COUNTED = 1_000
"""More that wait are counted as so many."""


@dataclass(frozen=True, slots=True)
class Side:
    """What an organisation can show for the device being its own. Names stay its own (ID-86)."""

    organisation: OrganisationId
    camera: CameraId
    claimed_at: datetime
    proved_at: datetime | None
    connected_at: datetime | None
    reset_at: datetime | None
    """When the device was reset while it was theirs."""
    has_it: bool


@dataclass(frozen=True, slots=True)
class Contest:
    transfer: Transfer
    old: Side
    new: Side
    elsewhere: OrganisationId | None
    """Who has the device now, if neither of them."""


class ContestService:
    def __init__(
        self,
        store: Inventory,
        custody: Custody,
        transfers: TransferService,
        claims: ClaimService,
        vault: Vault,
        clock: Clock,
    ) -> None:
        self._store = store
        self._custody = custody
        self._transfers = transfers
        self._claims = claims
        self._vault = vault
        self._clock = clock

    async def page(self, after: str | None, limit: int) -> list[Contest]:
        """Those that wait, oldest move first, one more than `limit` when there are more."""
        waiting = await self._custody.open_contests(after, limit + 1)
        return list(await asyncio.gather(*map(self._shown, waiting)))

    async def get(self, transfer: str) -> Contest:
        return await self._shown(await self._custody.contest(transfer))

    async def uphold(self, actor: Actor, transfer: str, note: str) -> Contest:
        """It should not have moved: the old organisation has it again."""
        claim = await settled(lambda: self._uphold(actor, transfer, note))
        self._claims.noticed(claim)
        return await self.get(transfer)

    async def reject(self, actor: Actor, transfer: str, note: str) -> Contest:
        """The move stands."""
        await settled(lambda: self._reject(actor, transfer, note))
        return await self.get(transfer)

    async def measure(self) -> None:
        """For the metrics. Nothing of it is due by itself: people decide."""
        waiting = await self._custody.open_contests(None, COUNTED)
        since = min((one.contested_at for one in waiting if one.contested_at), default=None)
        OPEN.set(len(waiting))
        OLDEST.set((self._clock.now() - since).total_seconds() if since else 0.0)

    async def _reject(self, actor: Actor, identity: str, note: str) -> None:
        now = self._clock.now()
        rejected = (await self._custody.contest(identity)).rejected(actor.user, note, now)
        await self._store.save(rejected, events=[*rejected.news(now), _act(actor, rejected, now)])

    async def _uphold(self, actor: Actor, identity: str, note: str) -> Claim:
        transfer, now = await self._custody.contest(identity), self._clock.now()
        claims = await self._store.claims_of_device(transfer.device)
        holder = next((claim for claim in claims if claim.holds_device), None)
        own = next((claim for claim in claims if claim.organisation == transfer.from_organisation), None)
        last_proof = max((claim.last_proof for claim in claims), default="")
        claim, changes = await self._again(transfer, own, last_proof, now)
        upheld = transfer.upheld(actor.user, note, now, claim.id)
        if holder is not None and holder.organisation != claim.organisation:
            changes.add(await self._taken_from(holder, transfer, claim, now))
        changes.add(lost([one for one in claims if one not in (holder, own)], now))
        changes.add(Changes(transfers=[upheld], events=[*upheld.news(now), _act(actor, upheld, now)]))
        await self._store.save(*changes.aggregates, events=changes.events)
        return claim

    async def _again(
        self, transfer: Transfer, own: Claim | None, last_proof: str, now: datetime
    ) -> tuple[Claim, Changes]:
        """The claim by which the old organisation has the device: its present or a new one."""
        if own is not None and own.holds_device:
            return own, Changes()
        old = await self._store.camera(transfer.from_organisation, transfer.from_camera)
        proved = await self._store.claim(old.organisation, old.claim)
        if own is not None:
            claim, event = own.awarded(now, self._vault.keys_again(proved, own.id))
            return claim, Changes([claim], events=[event])
        claim, camera = self._like(proved, old, last_proof, now)
        if camera.parent and not await self._store.has_container(camera.organisation, camera.parent):
            camera = replace(camera, parent=None)
        return claim, Changes([claim], [camera], events=[claim.claimed(), claim.progress(now)])

    def _like(self, proved: Claim, old: Camera, last_proof: str, now: datetime) -> tuple[Claim, Camera]:
        """A new claim and a new camera: a licence that has ended does not come to life again."""
        identity, camera = ClaimId(new_id()), CameraId(new_id())
        return Claim(
            id=identity, organisation=old.organisation, camera=camera, device=old.device, name=old.name,
            claimed_by=proved.claimed_by, keys=self._vault.keys_again(proved, identity), state="proved",
            version=1, created_at=now, changed_at=now, proved_at=now, last_proof=last_proof,
        ), Camera(
            id=camera, organisation=old.organisation, parent=old.parent, name=old.name, kind="camera",
            version=1, created_at=now, device=old.device, claim=identity, location=old.location,
            time_zone=old.time_zone, model=old.model, firmware=old.firmware,
        )  # fmt: skip

    async def _taken_from(self, holder: Claim, transfer: Transfer, to: Claim, now: datetime) -> Changes:
        """From the one who is party to the contest, or from who has it after him: that is a move of its own,
        which can be contested."""
        camera = await self._store.camera(holder.organisation, holder.camera)
        if holder.organisation == transfer.to_organisation:
            return let_go(holder, camera, transfer=transfer.id, now=now, told=True)
        return self._transfers.handover(holder, camera, to, now, told=True)

    async def _shown(self, transfer: Transfer) -> Contest:
        claims = await self._store.claims_of_device(transfer.device)
        holders = [claim.organisation for claim in claims if claim.holds_device]
        sides = (
            (transfer.from_organisation, transfer.from_camera),
            (transfer.to_organisation, transfer.to_camera),
        )
        old, new = [await self._side(*side, holders) for side in sides]
        elsewhere = [one for one in holders if one not in (old.organisation, new.organisation)]
        return Contest(transfer, old, new, elsewhere[0] if elsewhere else None)

    async def _side(
        self, organisation: OrganisationId, camera: CameraId, holders: Sequence[OrganisationId]
    ) -> Side:
        item = await self._store.camera(organisation, camera)
        claim = await self._store.claim(organisation, item.claim)
        return Side(
            organisation,
            camera,
            claim.created_at,
            claim.proved_at,
            item.connected_at,
            claim.reset_at,
            organisation in holders,
        )


def _act(actor: Actor, transfer: Transfer, now: datetime) -> ActRecorded:
    return ActRecorded(
        organisation=actor.organisation,
        version=1,
        at=now,
        act=f"camera_contest.{transfer.state}",
        object=transfer.id,
        details={"device": transfer.device, "note": transfer.note},
    )
