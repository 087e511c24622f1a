"""A camera asks for its token, gets it, and connects with it."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from common.clock import Clock
from common.contracts import Event
from common.errors import Stale, Unauthenticated
from common.ids import new_id
from common.races import settled
from provisioning.domain import Camera, Claim, Credentials, DeviceId, Proof, winner
from provisioning.service.needs import Inventory, KnownDevices
from provisioning.service.presence import Presence
from provisioning.service.vault import DeviceToken, Vault, encrypted, hash_of, new_access_token, new_password
from provisioning.service.waiting_room import key_of

"""Tries against others who change the same claim at the same moment."""


@dataclass(frozen=True, slots=True)
class Delivery:
    """What the endpoints hand out besides the token."""

    connect_url: Callable[[], str]
    time_servers: tuple[str, ...]
    token_lifetime: timedelta


class DeliveryService:
    def __init__(
        self,
        store: Inventory,
        vault: Vault,
        known: KnownDevices,
        presence: Presence,
        clock: Clock,
        delivery: Delivery,
    ) -> None:
        self._store = store
        self._vault = vault
        self._known = known
        self._presence = presence
        self._clock = clock
        self._delivery = delivery

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
        proved = [claim for claim in claims if proof.holds(device, self._vault.keys_of(claim).user_hashes)]
        chosen = winner(claims, proved)
        if chosen is not None and proof.order > chosen.last_proof:
            return await self._deliver(chosen, claims, proof)
        if not proved:
            await self._tell_those_who_wait(claims, next_poll)
        return None

    async def _deliver(self, chosen: Claim, claims: Sequence[Claim], proof: Proof) -> bytes:
        now = self._clock.now()
        claim, event = chosen.delivered(now, proof.order)
        changed: list[Claim | Camera] = [claim]
        events: list[Event] = [event]
        if not chosen.holds_device:  # the others lose when it is decided, not at every later delivery
            for other in claims:
                if other.id != chosen.id:
                    lost, event = other.lost(now)
                    changed.append(lost)
                    events.append(event)
        camera = await self._store.camera(claim.organisation, claim.camera)
        token, credentials = self._new_credentials(now)
        password = (
            self._vault.open_root_password(camera.id, camera.root_password)
            if camera.root_password
            else new_password()
        )
        camera = camera.equipped(credentials, self._vault.seal_root_password(camera.id, password))
        await self._store.save(*changed, camera, events=events)
        content = DeviceToken(
            device=claim.device,
            camera=camera.id,
            connect=self._delivery.connect_url(),
            access_token=token,
            root_password=password,
            time_servers=self._delivery.time_servers,
            issued_at=int(credentials.issued_at.timestamp()),
            expires_at=int(credentials.expires_at.timestamp()),
            key_id=credentials.key_id,
        )
        return encrypted(content, self._vault.keys_of(claim).token_key)

    def _new_credentials(self, now: datetime) -> tuple[str, Credentials]:
        token, token_hash = new_access_token()
        return token, Credentials(
            token_hash=token_hash,
            key_id=new_id(),
            issued_at=now,
            expires_at=now + self._delivery.token_lifetime,
        )

    async def _tell_those_who_wait(self, claims: Sequence[Claim], next_poll: float) -> None:
        now = self._clock.now()
        expected = datetime.fromtimestamp(int(next_poll), UTC)
        told = [claim.refused(now, expected) for claim in claims if not claim.holds_device]
        if told:
            await self._store.save(*(claim for claim, _ in told), events=[event for _, event in told])

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
        if camera is None or camera.credentials is None or camera.credentials.expires_at <= now:
            raise Unauthenticated("camera_token_invalid", "This access token is not valid")
        if not camera.credentials.used:
            await self._connect_first(camera, now, model, firmware)
            return
        described = camera.described(model, firmware)
        if described is not camera:
            await self._store.save(described, events=[])
        self._presence.beat(camera.id)

    async def _connect_first(
        self, camera: Camera, now: datetime, model: str | None, firmware: str | None
    ) -> None:
        connected, event = camera.connected(now, model, firmware)
        claim = await self._store.claim(camera.organisation, camera.claim)
        claim, progress = claim.connected(now)
        await self._store.save(connected, claim, events=[event, progress], seen={camera.id: now})
