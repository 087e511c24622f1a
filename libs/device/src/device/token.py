"""The access token: encrypted with a key that only this device and the service can make."""

import json
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from joserfc import jwe
from joserfc.errors import JoseError
from joserfc.jwk import OctKey

from device.one_click import Home


class TokenUnreadable(Exception):
    """It was not made for this device, or not with this secret."""


@dataclass(frozen=True, slots=True)
class Token:
    """What a camera needs to know (docs/camera-protocol.md). Times are Unix seconds."""

    device: str
    camera: str
    connect: str
    access_token: str
    root_password: str
    time_servers: list[str]
    issued_at: int
    expires_at: int
    key_id: str

    @classmethod
    def of(cls, content: dict[str, Any]) -> "Token":
        """Fields of later versions are ignored."""
        try:
            return cls(**{name: content[name] for name in cls.__slots__})
        except KeyError as error:
            raise TokenUnreadable(f"{error} is missing") from None


def decrypted(compact: bytes, device: str, secret: str) -> Token:
    """`device`: the canonical id, as `device` in the token says it."""
    key = OctKey.import_key(key_of(device, secret))
    try:
        plain = jwe.decrypt_compact(compact.decode(), key, algorithms=["dir", "A256GCM"])
    except (JoseError, ValueError) as error:
        raise TokenUnreadable(str(error)) from None
    token = Token.of(json.loads(plain.plaintext or b"{}"))
    if token.device != device:
        raise TokenUnreadable("it is another device's")
    return token


def key_of(device: str, secret: str) -> bytes:
    """The key of this device's tokens."""
    info = f"vedette camera token v1 {device}".encode()
    return HKDF(algorithm=hashes.SHA256(), length=32, salt=None, info=info).derive(secret.encode())


class Memory:
    """Where a camera keeps its token, and its home, over power cuts: files of mode 600, or this object."""

    def __init__(self, path: Path | None = None) -> None:
        self._path = path
        self._token: Token | None = None
        self._home: Home | None = None

    def load(self) -> Token | None:
        if self._path is None:
            return self._token
        if not self._path.exists():
            return None
        return Token.of(json.loads(self._path.read_text()))

    def store(self, token: Token | None) -> None:
        """None forgets it."""
        self._token = token
        if self._path is None:
            return
        if token is None:
            self._path.unlink(missing_ok=True)
            return
        new = self._path.with_suffix(".new")
        new.touch(mode=0o600)
        new.write_text(json.dumps(asdict(token)))
        new.replace(self._path)

    def load_home(self) -> Home | None:
        return self._home if self._path is None else Home.load(self._path.with_suffix(".home"))

    def store_home(self, home: Home | None) -> None:
        """None forgets it."""
        self._home = home
        if self._path is None:
            return
        if home is None:
            self._path.with_suffix(".home").unlink(missing_ok=True)
        else:
            home.store(self._path.with_suffix(".home"))
