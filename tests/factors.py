"""What people hold in their hands: a phone with an authenticator app, a passkey."""

import base64
import hashlib
from datetime import datetime
from typing import Any

import pyotp
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from soft_webauthn import SoftWebauthnDevice

ORIGIN = "https://portal.example"


def app_code(secret: str, now: datetime) -> str:
    """What the app shows at this moment."""
    return pyotp.TOTP(secret).at(now)


class SoftPasskey:
    """A passkey in software. `verifies`: it asks for finger, face or PIN."""

    def __init__(self, *, verifies: bool = True) -> None:
        self._device = SoftWebauthnDevice()
        self._verifies = verifies

    @property
    def count(self) -> int:
        return int(self._device.sign_count)

    @count.setter
    def count(self, value: int) -> None:
        self._device.sign_count = value

    def create(self, options: dict[str, Any], origin: str = ORIGIN) -> dict[str, Any]:
        """What `navigator.credentials.create` returns, as JSON."""
        user = {**options["user"], "id": _bytes(options["user"]["id"])}
        own = {**options, "user": user, "challenge": _bytes(options["challenge"])}
        return self._plain(self._device.create({"publicKey": own}, origin))

    def get(self, options: dict[str, Any], origin: str = ORIGIN) -> dict[str, Any]:
        """What `navigator.credentials.get` returns, as JSON."""
        own = {**options, "challenge": _bytes(options["challenge"])}
        answer = self._device.get({"publicKey": own}, origin)
        if self._verifies:
            response = answer["response"]
            data = bytearray(response["authenticatorData"])
            data[32] |= 0x04  # the owner was verified
            signed = bytes(data) + hashlib.sha256(response["clientDataJSON"]).digest()
            response["authenticatorData"] = bytes(data)
            response["signature"] = self._device.private_key.sign(signed, ec.ECDSA(hashes.SHA256()))
        return self._plain(answer)

    def _plain(self, answer: dict[str, Any]) -> dict[str, Any]:
        response = {key: _text(value) for key, value in answer["response"].items()}
        identity = _text(answer["rawId"])
        return {"id": identity, "rawId": identity, "type": "public-key", "response": response}


def _bytes(text: str) -> bytes:
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


def _text(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).decode().rstrip("=")
