"""Secrets at rest: sealed with AES-256-GCM under a key that only the environment knows.

The purpose (for example `provisioning.root_password:cam123`) is bound as associated data, so a sealed value
copied to another record does not open there.
"""

import base64
import os

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from pydantic import SecretStr

_VERSION = b"\x01"


class Sealed(Exception):
    """The value does not open: wrong key, wrong purpose, or it was changed."""


class Sealer:
    """Seals and opens small secrets. One per process, made from VEDETTE_MASTER_KEY."""

    def __init__(self, master_key: SecretStr) -> None:
        self._root = base64.b64decode(master_key.get_secret_value())
        self._aead = AESGCM(self.derive("sealing", 32))

    def derive(self, purpose: str, length: int = 32) -> bytes:
        """A key of its own for `purpose` (HKDF-SHA256, RFC 5869)."""
        return HKDF(algorithm=hashes.SHA256(), length=length, salt=None, info=purpose.encode()).derive(
            self._root
        )

    def seal(self, secret: bytes, purpose: str) -> bytes:
        nonce = os.urandom(12)
        return _VERSION + nonce + self._aead.encrypt(nonce, secret, purpose.encode())

    def open(self, sealed: bytes, purpose: str) -> bytes:
        if sealed[:1] != _VERSION:
            raise Sealed("unknown version")
        try:
            return self._aead.decrypt(sealed[1:13], sealed[13:], purpose.encode())
        except InvalidTag:
            raise Sealed(purpose) from None
