"""Making a camera's access token: what is in it, and what is kept of it."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta

from common.ids import new_id
from provisioning.domain import Camera, Claim, Credentials
from provisioning.service.vault import DeviceToken, Vault, encrypted, new_access_token, new_password


@dataclass(frozen=True, slots=True)
class Delivery:
    """What the endpoints hand out besides the token."""

    connect_url: Callable[[], str]
    time_servers: tuple[str, ...]
    token_lifetime: timedelta
    overlap: timedelta = timedelta(minutes=10)
    """How long a token that was replaced by hand still works."""


@dataclass(frozen=True, slots=True)
class Issued:
    """A token made, not given out yet: first the camera must be saved."""

    camera: Camera
    encrypted: bytes
    key_id: str
    expires_at: datetime


class Tokens:
    def __init__(self, vault: Vault, delivery: Delivery) -> None:
        self._vault = vault
        self._delivery = delivery

    def issued(self, camera: Camera, claim: Claim, now: datetime, *, by_hand: bool = False) -> Issued:
        """A new token for the device that proved `claim`, with the same root password as before, if any.

        The old one is dead; given out by hand (PR-12) it works until the new one is in the camera, but not
        longer than the overlap.
        """
        token, token_hash = new_access_token()
        credentials = Credentials(
            token_hash=token_hash,
            key_id=new_id(),
            issued_at=now,
            expires_at=now + self._delivery.token_lifetime,
            by_hand=by_hand,
        )
        password = self._vault.root_password(camera) or new_password()
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
        if by_hand:
            camera = camera.rotated(credentials, now + self._delivery.overlap)
        else:
            camera = camera.equipped(credentials, self._vault.seal_root_password(camera.id, password))
        compact = encrypted(content, self._vault.keys_of(claim).token_key)
        return Issued(camera, compact, credentials.key_id, credentials.expires_at)
