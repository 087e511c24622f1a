"""A camera's secrets for people: a token by hand (PR-12), and its root password (PR-22)."""

from common.auth import Actor
from common.clock import Clock
from common.contracts.audit import ActRecorded
from common.errors import Conflict, NotFound
from common.ids import CameraId
from common.races import settled
from provisioning.domain import Camera
from provisioning.service.needs import Inventory
from provisioning.service.tokens import Issued, Tokens
from provisioning.service.vault import Vault


class CredentialService:
    def __init__(self, store: Inventory, vault: Vault, tokens: Tokens, clock: Clock) -> None:
        self._store = store
        self._vault = vault
        self._tokens = tokens
        self._clock = clock

    async def rotate(self, actor: Actor, camera: CameraId) -> Issued:
        """A new token to be put into the camera by hand; it is told once and never again."""
        return await settled(lambda: self._rotate(actor, camera))

    async def _rotate(self, actor: Actor, identity: CameraId) -> Issued:
        camera = await self._store.camera(actor.organisation, identity)
        if camera.kind != "camera":
            raise NotFound("camera_not_found", "There is no such camera")
        claim = await self._store.claim(actor.organisation, camera.claim)
        if not claim.holds_device or camera.credentials is None:
            raise Conflict(
                "camera_not_proved",
                "This camera has not proved its password yet",
                next_step="Switch it on: it gets its first token by itself.",
            )
        issued = self._tokens.issued(camera, claim, self._clock.now(), by_hand=True)
        recorded = self._act(actor, "camera_token.rotated", camera, key_id=issued.key_id)
        await self._store.save(issued.camera, events=[recorded])
        return issued

    async def reveal(self, actor: Actor, identity: CameraId) -> str:
        """The root password, of a removed camera too: it is still set there. First it is written down who
        saw it; if that fails nobody sees it."""
        camera = await self._store.camera(actor.organisation, identity)
        password = self._vault.root_password(camera)
        if password is None:
            raise Conflict(
                "no_root_password",
                "No root password is known for this camera",
                next_step="It is made with the camera's first token, and forgotten when it moves away.",
            )
        await self._store.save(events=[self._act(actor, "root_password.revealed", camera)])
        return password

    def _act(self, actor: Actor, act: str, camera: Camera, **details: str) -> ActRecorded:
        return ActRecorded(
            organisation=actor.organisation,
            version=1,
            at=self._clock.now(),
            act=act,
            object=camera.id,
            details={"name": camera.name, "user": actor.user} | details,
        )
