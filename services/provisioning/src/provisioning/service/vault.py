"""Secrets of devices: made, sealed and opened in one place."""

import secrets
from dataclasses import asdict, dataclass
from hashlib import sha256
from hmac import compare_digest

import orjson
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from joserfc import jwe
from joserfc.jwk import OctKey

from common.ids import CameraId, ClaimId
from common.sealing import DERIVED, Envelopes, Sealer
from provisioning.domain import (
    Camera,
    Claim,
    DeviceId,
    DeviceKeys,
    as_printed,
    root_password_purpose,
    user_hashes,
)

_PASSWORD_LETTERS = "abcdefghijkmnpqrstuvwxyzABCDEFGHJKLMNPQRSTUVWXYZ23456789"  # noqa: S105 - an alphabet
_PASSWORD_LENGTH = 20


@dataclass(frozen=True, slots=True)
class DeviceToken:
    """The content of the encrypted access token (PR-2). Times are Unix seconds."""

    device: str
    camera: str
    connect: str
    """Where to connect."""
    access_token: str
    root_password: str
    """The camera's new administrator password (PR-22)."""
    time_servers: tuple[str, ...]
    issued_at: int
    expires_at: int
    key_id: str


class Vault:
    """Keys of claims are sealed under the master key. Root passwords, which people can see again, are in
    envelopes of their own, so that their keys can be replaced."""

    def __init__(self, sealer: Sealer, envelopes: Envelopes | None = None) -> None:
        """Without `envelopes` their key is derived from the master key."""
        self._sealer = sealer
        self.envelopes = envelopes or Envelopes(derived_key(sealer))

    def keys_for(self, claim: ClaimId, device: DeviceId, secret: str | DeviceKeys) -> bytes:
        """What is kept of a secret, sealed; the keys themselves when the camera made them."""
        if isinstance(secret, str):
            secret = as_printed(secret)
            secret = DeviceKeys(user_hashes(device, secret), token_key(device, secret))
        return self._sealer.seal(secret.packed(), f"provisioning.claim_keys:{claim}")

    def keys_of(self, claim: Claim) -> DeviceKeys:
        return DeviceKeys.unpacked(self._sealer.open(claim.keys, f"provisioning.claim_keys:{claim.id}"))

    def keys_again(self, claim: Claim, to: ClaimId) -> bytes:
        """The keys of one claim, sealed for another of the same device."""
        return self._sealer.seal(self.keys_of(claim).packed(), f"provisioning.claim_keys:{to}")

    def seal_root_password(self, camera: CameraId, password: str) -> bytes:
        return self.envelopes.seal(password.encode(), root_password_purpose(camera))

    def root_password(self, camera: Camera) -> str | None:
        """None: the camera was never given one."""
        if camera.root_password is None:
            return None
        if Envelopes.key_of(camera.root_password) is None:  # sealed before there were envelopes
            return self._sealer.open(camera.root_password, root_password_purpose(camera.id)).decode()
        return self.envelopes.open(camera.root_password, root_password_purpose(camera.id)).decode()

    def same_secret(self, claim: Claim, device: DeviceId, secret: str) -> bool:
        """Whether this secret is the one that the claim was made with."""
        return compare_digest(self.keys_of(claim).token_key, token_key(device, as_printed(secret)))


def derived_key(sealer: Sealer) -> dict[str, bytes]:
    """The key-encryption key of who has set none; it opens for ever, so that one can be set later."""
    return {DERIVED: sealer.derive("provisioning.root_passwords")}


def token_key(device: DeviceId, secret: str) -> bytes:
    """The key both ends make from what only they know (docs/camera-protocol.md)."""
    info = f"vedette camera token v1 {device}".encode()
    return HKDF(algorithm=hashes.SHA256(), length=32, salt=None, info=info).derive(secret.encode())


def encrypted(token: DeviceToken, key: bytes) -> bytes:
    """A compact JWE (RFC 7516), `dir` with A256GCM."""
    header = {"alg": "dir", "enc": "A256GCM", "kid": token.key_id, "cty": "json"}
    return jwe.encrypt_compact(header, orjson.dumps(asdict(token)), OctKey.import_key(key)).encode()


def new_access_token() -> tuple[str, str]:
    """A token of 32 random bytes, and the hash that is kept of it."""
    token = secrets.token_urlsafe(32)
    return token, hash_of(token)


def hash_of(access_token: str) -> str:
    return sha256(access_token.encode()).hexdigest()


def new_password() -> str:
    """116 random bits in letters that are not confused with one another."""
    return "".join(secrets.choice(_PASSWORD_LETTERS) for _ in range(_PASSWORD_LENGTH))
