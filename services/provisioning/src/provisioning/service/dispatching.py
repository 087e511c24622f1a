"""One-click connection: a camera that proves its owner key is given a certificate and sent to its home.

The certificate is the device's, not an organisation's: whose camera it is, is decided when it asks at home.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import UTC, datetime

from cryptography.x509 import CertificateSigningRequest

from common.clock import Clock
from common.contracts.audit import ActRecorded
from common.errors import Stale
from common.races import settled
from provisioning.domain import Claim, DeviceId, Proof, first_seen
from provisioning.service.authority import Authority, Issued
from provisioning.service.delivery import DeliveryService
from provisioning.service.needs import Inventory
from provisioning.service.vault import Vault


@dataclass(frozen=True, slots=True)
class Dispatched:
    issued: Issued
    home: str
    """Base URL of everything the camera does from now on."""


class DispatchService:
    def __init__(
        self,
        store: Inventory,
        vault: Vault,
        delivery: DeliveryService,
        authority: Authority,
        clock: Clock,
        home: Callable[[], str],
    ) -> None:
        self._store = store
        self._vault = vault
        self._delivery = delivery
        self._authority = authority
        self._clock = clock
        self._home = home

    async def dispatch(
        self, device: DeviceId, proof: Proof, request: CertificateSigningRequest, next_poll: float
    ) -> Dispatched | None:
        """None unless a live claim matches id and key, for a proof that was not used before."""
        try:
            return await settled(lambda: self._dispatch(device, proof, request, next_poll))
        except Stale:
            return None  # it will ask again

    async def _dispatch(
        self, device: DeviceId, proof: Proof, request: CertificateSigningRequest, next_poll: float
    ) -> Dispatched | None:
        claims = await self._store.claims_of_device(device)
        proved = [claim for claim in claims if proof.holds(device, self._vault.keys_of(claim).user_hashes)]
        if not proved:  # people who wait are told of a wrong key as at any poll in vain
            await self._delivery.token_for(device, proof, next_poll)
            return None
        if any(proof.order <= claim.last_dispatch for claim in proved):
            return None
        now, expected = self._clock.now(), datetime.fromtimestamp(int(next_poll), UTC)
        proved, seen = first_seen(proved, now, expected)
        issued = self._authority.sign(device, request)
        # A proof does not cover the body: who could send it again would get a certificate for another key.
        used = [_used(claim, proof) for claim in proved]
        told = next((claim for claim in used if claim.holds_device), used[0])
        await self._store.save(*seen.claims, *used, events=[*seen.events, self._issued(told, issued)])
        return Dispatched(issued, self._home())

    def _issued(self, claim: Claim, issued: Issued) -> ActRecorded:
        return ActRecorded(
            organisation=claim.organisation,
            version=claim.version,
            at=self._clock.now(),
            act="camera_certificate.issued",
            object=claim.camera,
            details={"serial": issued.serial, "expires_at": issued.expires_at.isoformat()},
        )


def _used(claim: Claim, proof: Proof) -> Claim:
    return replace(claim, last_dispatch=proof.order, version=claim.version + 1)
