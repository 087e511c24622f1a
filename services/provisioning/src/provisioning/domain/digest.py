"""What a camera proves with HTTP Digest (RFC 7616, SHA-256, qop=auth): that it knows its secret.

Kept per claim are only hashes and a key made from the secret, never the secret.
"""

import re
from dataclasses import dataclass
from hashlib import sha256
from hmac import compare_digest

from provisioning.domain.device_id import DeviceId, spellings

REALM = "vedette-camera"
_HASH = 32
_OWNER_KEY = re.compile(r"([A-Za-z0-9]{4})[ -]([A-Za-z0-9]{4})[ -]([A-Za-z0-9]{4})")


@dataclass(frozen=True, slots=True)
class DeviceKeys:
    """Made from device id and secret when a camera is claimed; sealed at rest."""

    user_hashes: bytes
    """H(A1) of RFC 7616, 32 bytes for each spelling of the id, in the order of `spellings`."""
    token_key: bytes
    """32 bytes; encrypts what the service tells this device."""

    def packed(self) -> bytes:
        return self.token_key + self.user_hashes

    @classmethod
    def unpacked(cls, packed: bytes) -> "DeviceKeys":
        return cls(packed[_HASH:], packed[:_HASH])


def as_printed(secret: str) -> str:
    """An owner key (three groups of four letters or digits, as on the box) is written in capitals with
    hyphens, however it was typed; any other secret is taken to the letter."""
    groups = _OWNER_KEY.fullmatch(secret.strip())
    return "-".join(groups.groups()).upper() if groups else secret


def user_hashes(device: DeviceId, secret: str) -> bytes:
    return b"".join(sha256(f"{name}:{REALM}:{secret}".encode()).digest() for name in spellings(device))


@dataclass(slots=True)
class Proof:
    """The fields of an `Authorization: Digest` header whose nonce was found to be ours and fresh."""

    username: str
    uri: str
    nonce: str
    count: str
    cnonce: str
    response: str
    method: str = "GET"

    @property
    def order(self) -> str:
        """Grows with every honest use of a nonce: nonces begin with their time, the count has 8 digits."""
        return self.nonce[:14] + self.count

    def holds(self, device: DeviceId, hashes: bytes) -> bool:
        """Whether the sender knows the secret behind `hashes`. Takes the same time either way."""
        names = spellings(device)
        known = self.username in names
        start = names.index(self.username) * _HASH if known else 0
        return self.answers(hashes[start : start + _HASH]) & known

    def answers(self, user_hash: bytes) -> bool:
        request = sha256(f"{self.method}:{self.uri}".encode()).hexdigest()
        text = f"{user_hash.hex()}:{self.nonce}:{self.count}:{self.cnonce}:auth:{request}"
        return compare_digest(sha256(text.encode()).hexdigest().encode(), self.response.encode())
