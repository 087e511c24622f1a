"""Secrets at rest: sealed with AES-256-GCM under a key that only the environment knows.

The purpose (for example `provisioning.root_password:cam123`) is bound as associated data, so a sealed value
copied to another record does not open there.
"""

import base64
import os
from collections.abc import Mapping

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


class Envelopes:
    """Envelope encryption: every secret has a data key of its own, sealed by a key-encryption key.

    Key-encryption keys go by id; the first one seals, all of them open. So a key is replaced by putting a new
    one in front and re-wrapping: only data keys are sealed anew, the secrets are not touched.
    """

    _VERSION = b"\x02"
    _WRAPPED = 12 + 32 + 16

    def __init__(self, keys: Mapping[str, bytes]) -> None:
        self._keys = {name: AESGCM(key) for name, key in keys.items()}
        self.current = next(iter(keys))

    @property
    def others(self) -> list[str]:
        """Keys that open but do not seal any more."""
        return [name for name in self._keys if name != self.current]

    @classmethod
    def key_of(cls, sealed: bytes) -> str | None:
        """Id of the key that it is sealed under; None when it is no envelope."""
        return sealed[2 : 2 + sealed[1]].decode() if sealed[:1] == cls._VERSION else None

    def seal(self, secret: bytes, purpose: str) -> bytes:
        data_key, nonce = AESGCM.generate_key(256), os.urandom(12)
        content = nonce + AESGCM(data_key).encrypt(nonce, secret, purpose.encode())
        return self._wrapped(data_key, purpose) + content

    def open(self, sealed: bytes, purpose: str) -> bytes:
        data_key, content = self._unwrapped(sealed, purpose)
        try:
            return AESGCM(data_key).decrypt(content[:12], content[12:], purpose.encode())
        except InvalidTag:
            raise Sealed(purpose) from None

    def rewrapped(self, sealed: bytes, purpose: str) -> bytes:
        """The same under the key that seals now."""
        data_key, content = self._unwrapped(sealed, purpose)
        return self._wrapped(data_key, purpose) + content

    def _wrapped(self, data_key: bytes, purpose: str) -> bytes:
        name, nonce = self.current.encode(), os.urandom(12)
        sealed = self._keys[self.current].encrypt(nonce, data_key, f"key of {purpose}".encode())
        return self._VERSION + bytes([len(name)]) + name + nonce + sealed

    def _unwrapped(self, sealed: bytes, purpose: str) -> tuple[bytes, bytes]:
        name = self.key_of(sealed)
        key = self._keys.get(name) if name is not None else None
        if name is None or key is None:
            raise Sealed(f"no key {name!r}")
        start = 2 + len(name.encode())
        wrapped, content = sealed[start : start + self._WRAPPED], sealed[start + self._WRAPPED :]
        try:
            data_key = key.decrypt(wrapped[:12], wrapped[12:], f"key of {purpose}".encode())
        except InvalidTag:
            raise Sealed(purpose) from None
        return data_key, content


DERIVED = "master"
"""The id of the key that is derived from the master key, and the one that has no key written beside it."""


def read_keys(text: str) -> dict[str, bytes]:
    """Keys by id from `id:base64 id:base64 ...` (spaces, commas or lines between). Errors: ValueError.

    `master` alone stands for the derived key, which the caller puts in (`read_keys(text) | derived`, which
    keeps its place): in front, it goes on sealing until every replica knows the first key of one's own.
    """
    keys: dict[str, bytes] = {}
    for entry in text.replace(",", " ").split():
        name, _, value = entry.partition(":")
        if entry == DERIVED and name not in keys:
            keys[name] = b""
            continue
        key = base64.b64decode(value, validate=True)
        if not name.isalnum() or len(name.encode()) > 40 or len(key) != 32 or name in {*keys, DERIVED}:
            raise ValueError("must be `id:key` pairs, each id once, each key 32 bytes in base64")
        keys[name] = key
    return keys
