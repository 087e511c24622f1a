"""The keys that sign access tokens."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any


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
    """The private JSON Web Key, sealed for `signing_key:<number>`."""
    signs_from: datetime
    published_until: datetime | None = None

    def published(self, now: datetime) -> bool:
        return self.published_until is None or now < self.published_until


def signer(keys: tuple[SigningKey, ...], now: datetime) -> SigningKey | None:
    """The newest key that signs already."""
    ready = [key for key in keys if key.published(now) and key.signs_from <= now]
    return max(ready, key=lambda key: key.number, default=None)
