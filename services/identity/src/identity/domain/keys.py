"""The keys that sign access tokens."""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

LEAD = timedelta(minutes=15)
"""A new key is published for so long before it signs: as long as caches may keep the set without it."""
OVERLAP = timedelta(minutes=10)
"""The old key stays published after it has signed for the last time: longer than any token it signed lives,
clocks that differ and a replica that looks late included."""


def private_key_purpose(number: int) -> str:
    """What the private part of this key is sealed for."""
    return f"identity.signing_key:{number}"


@dataclass(frozen=True, slots=True, kw_only=True)
class SigningKey:
    """An Ed25519 key pair. `number` counts up and is unique, so replicas cannot make two of the same.

    Rotation with overlap: a key is published from the moment it exists, signs from `signs_from` on (when
    every verifier has had time to read it), and stays published until `published_until` (when the last
    token it signed has expired; None: no end yet).
    """

    number: int
    kid: str
    public: dict[str, Any]
    """As a JSON Web Key (RFC 7517, RFC 8037)."""
    sealed: bytes
    """The private JSON Web Key, sealed for `private_key_purpose`."""
    signs_from: datetime
    published_until: datetime | None = None
    version: int = 1

    def succeeded(self, successor: "SigningKey") -> "SigningKey":
        """Signs until its successor does, and is published until its last token has expired."""
        return replace(self, published_until=successor.signs_from + OVERLAP, version=self.version + 1)

    def published(self, now: datetime) -> bool:
        return self.published_until is None or now < self.published_until


def signer(keys: tuple[SigningKey, ...], now: datetime) -> SigningKey | None:
    """The newest key that signs already."""
    ready = [key for key in keys if key.published(now) and key.signs_from <= now]
    return max(ready, key=lambda key: key.number, default=None)
