"""Cameras that moved to another organisation, and what the old one can say to it (PR-13, PR-14)."""

from datetime import datetime, timedelta

from common.auth import Actor
from common.clock import Clock
from common.contracts.audit import ActRecorded
from common.errors import NotFound
from common.ids import OrganisationId, new_id
from common.races import settled
from provisioning.domain import Camera, Changes, Claim, DeviceId, Transfer, handed_over
from provisioning.service.needs import Custody, Inventory


class TransferService:
    def __init__(self, store: Inventory, custody: Custody, clock: Clock, contest: timedelta) -> None:
        self._store = store
        self._custody = custody
        self._clock = clock
        self._contest = contest

    async def barring(self, device: DeviceId) -> list[Transfer]:
        """What keeps the device from going on: its moves that are contested, or were taken back."""
        return await self._custody.barring(device)

    def handover(self, holder: Claim, camera: Camera, to: Claim, now: datetime, *, told: bool) -> Changes:
        """The old organisation's side of a move, to be saved together with the new one's."""
        return handed_over(holder, camera, to, transfer=new_id(), now=now, contest=self._contest, told=told)

    async def get(self, organisation: OrganisationId, transfer: str) -> Transfer:
        return await self._custody.transfer(organisation, transfer)

    async def page(self, organisation: OrganisationId, after: str | None, limit: int) -> list[Transfer]:
        """Oldest first, one more than `limit` when there are more."""
        return await self._custody.transfers(organisation, after, limit + 1)

    async def contest(self, actor: Actor, transfer: str, reason: str) -> Transfer:
        return await settled(lambda: self._change(actor, transfer, reason))

    async def answer(self, actor: Actor, transfer: str, statement: str) -> Transfer:
        """The new organisation's side of a contest."""
        return await settled(lambda: self._answer(actor, transfer, statement))

    async def _answer(self, actor: Actor, identity: str, statement: str) -> Transfer:
        transfer = await self._custody.transfer(actor.organisation, identity)
        if transfer.to_organisation != actor.organisation:
            raise NotFound("transfer_not_found", "There is no such transfer to answer for")
        changed = transfer.answered(statement)
        recorded = self._act(actor, "camera_transfer.answered", transfer, self._clock.now())
        await self._store.save(changed, events=[recorded])
        return changed

    async def withdraw(self, actor: Actor, transfer: str) -> Transfer:
        return await settled(lambda: self._change(actor, transfer, None))

    async def _change(self, actor: Actor, identity: str, reason: str | None) -> Transfer:
        transfer = await self._custody.transfer(actor.organisation, identity)
        if transfer.from_organisation != actor.organisation:
            raise NotFound("transfer_not_found", "There is no such transfer to contest")
        now = self._clock.now()
        changed = transfer.withdrawn() if reason is None else transfer.contested(actor.user, reason, now)
        act = "camera_transfer.withdrawn" if reason is None else "camera_transfer.contested"
        recorded = self._act(actor, act, transfer, now)
        await self._store.save(changed, events=[*changed.news(now), recorded])
        return changed

    def _act(self, actor: Actor, act: str, transfer: Transfer, now: datetime) -> ActRecorded:
        return ActRecorded(
            organisation=actor.organisation,
            version=1,
            at=now,
            act=act,
            object=transfer.id,
            details={"device": transfer.device, "name": transfer.name},
        )
