"""A camera asks for its token, gets it, and connects with it."""

from collections.abc import Sequence
from datetime import UTC, datetime

from prometheus_client import Counter

from common.clock import Clock
from common.errors import Stale, Unauthenticated
from common.races import settled
from provisioning.domain import (
    Camera,
    Changes,
    Claim,
    Decision,
    DeviceId,
    Proof,
    decide,
    first_seen,
    given_back,
    lost,
    was_reset,
)
from provisioning.service.needs import Aggregate, Inventory, KnownDevices
from provisioning.service.presence import Presence
from provisioning.service.tokens import Tokens
from provisioning.service.transfers import TransferService
from provisioning.service.vault import Vault, hash_of
from provisioning.service.waiting_room import key_of

ASKED_AGAIN = Counter(
    "vedette_provisioning_asked_again_total", "Devices with a token that asked for one", ["because"]
)
"""`reset`: it had a good token. `answer_lost`: it never used the one before. `expired`."""


class DeliveryService:
    def __init__(
        self,
        store: Inventory,
        vault: Vault,
        known: KnownDevices,
        presence: Presence,
        transfers: TransferService,
        tokens: Tokens,
        clock: Clock,
    ) -> None:
        self._store = store
        self._vault = vault
        self._known = known
        self._presence = presence
        self._transfers = transfers
        self._tokens = tokens
        self._clock = clock

    async def token_for(self, device: DeviceId, proof: Proof, next_poll: float) -> bytes | None:
        """The encrypted token if and only if a claim matches id and secret (PR-7), else None.

        `next_poll`: Unix seconds of the device's next request, for people who wait.
        """
        try:
            return await settled(lambda: self._token_for(device, proof, next_poll))
        except Stale:
            return None  # it will ask again

    async def _token_for(self, device: DeviceId, proof: Proof, next_poll: float) -> bytes | None:
        adds = self._known.adds
        claims = await self._store.claims_of_device(device)
        if not claims:
            self._known.discard(key_of(device), unless_added_since=adds)
            return None
        if proof.order <= max(claim.last_proof for claim in claims):
            return None  # a replay
        now, expected = self._clock.now(), datetime.fromtimestamp(int(next_poll), UTC)
        claims, seen = first_seen(claims, now, expected)
        proved = [claim for claim in claims if proof.holds(device, self._vault.keys_of(claim).user_hashes)]
        barring = await self._transfers.barring(device) if any(one.tentative for one in proved) else []
        decision = decide(claims, proved, barring)
        told = _told(decision, now, expected)
        if decision.owner is None:
            seen.add(told)
            await self._save(seen)
            return None
        owner, camera, changes, reset = await self._owner(decision, claims, told, now)
        seen.add(changes)
        return await self._deliver(owner, camera, proof, seen, now, reset=reset)

    async def _owner(
        self, decision: Decision, claims: Sequence[Claim], told: Changes, now: datetime
    ) -> tuple[Claim, Camera, Changes, bool]:
        """Whose the device is after all, that camera, what else changes, and whether it was reset."""
        owner, challenger = decision.owner, decision.challenger
        assert owner is not None, "asked only when there is one"
        camera = await self._store.camera(owner.organisation, owner.camera)
        if not owner.holds_device:
            return owner, camera, lost([claim for claim in claims if claim != owner], now), False
        reset = was_reset(camera, now)
        ASKED_AGAIN.labels(_because(camera, now, reset)).inc()
        if not reset or challenger is None:
            return owner, camera, told, reset
        others = [claim for claim in claims if claim not in (owner, challenger)]
        changes = lost(others, now)
        changes.add(self._transfers.handover(owner, camera, challenger, now, told=False))
        camera = await self._store.camera(challenger.organisation, challenger.camera)
        return challenger, camera, changes, False

    async def _deliver(
        self, owner: Claim, camera: Camera, proof: Proof, changes: Changes, now: datetime, *, reset: bool
    ) -> bytes:
        claim, event = owner.delivered(now, proof.order, reset=reset)
        issued = self._tokens.issued(camera, claim, now)
        changes.add(Changes([claim], [issued.camera], events=[event]))
        await self._save(changes, *given_back(owner))
        return issued.encrypted

    async def _save(self, changes: Changes, *more: Aggregate) -> None:
        if changes.claims:
            await self._store.save(*changes.aggregates, *more, events=changes.events)

    async def connect(
        self, access_token: str, model: str | None, firmware: str | None, certified: str | None = None
    ) -> None:
        """The camera calls with its token: the first call connects it, later ones are heartbeats.

        `certified`: the device that its TLS client certificate was made for; it must be this one.
        """
        await settled(lambda: self._connect(hash_of(access_token), model, firmware, certified))

    async def _connect(
        self, token_hash: str, model: str | None, firmware: str | None, certified: str | None
    ) -> None:
        camera = await self._store.camera_of_token(token_hash)
        if camera is not None and certified is not None and certified != camera.device:
            camera = None
        now = self._clock.now()
        if camera is not None and camera.moved_token == token_hash:
            raise Unauthenticated(
                "camera_moved", "This camera was added elsewhere: ask for a new token", retry_after=1
            )
        if camera is None or not camera.accepts(token_hash, now):
            raise Unauthenticated("camera_token_invalid", "This access token is not valid")
        if not camera.heard_with(token_hash):
            await self._connect_first(camera, now, model, firmware)
            return
        described = camera.described(model, firmware)
        if described is not camera:
            await self._store.save(described, events=[])
        self._presence.beat(camera.id, camera.organisation)

    async def _connect_first(
        self, camera: Camera, now: datetime, model: str | None, firmware: str | None
    ) -> None:
        connected, event = camera.connected(now, model, firmware)
        claim = await self._store.claim(camera.organisation, camera.claim)
        claim, progress = claim.connected(now)
        await self._store.save(connected, claim, events=[event, progress], seen={camera.id: now})
        self._presence.beat(camera.id, camera.organisation)


def _told(decision: Decision, now: datetime, next_poll: datetime) -> Changes:
    """News for those who wait and whose the device is not. Of one who calls more often than announced nothing
    is written: however many strangers ask, it is one line for each poll that is due."""
    changes = Changes()
    refused = [claim for claim in decision.refused if claim.state != "disputed"]  # its device proved it
    for claims, state, happened in (
        (refused, "wrong_secret", Claim.refused),
        (decision.disputed, "disputed", Claim.disputed),
    ):
        for claim in claims:
            if claim.state != state or claim.poll_due(now):
                changed, event = happened(claim, now, next_poll)
                changes.add(Changes([changed], events=[event]))
    return changes


def _because(camera: Camera, now: datetime, reset: bool) -> str:
    token = camera.credentials
    if reset:
        return "reset"
    return "answer_lost" if token is not None and token.expires_at > now else "expired"
