"""Passkeys (WebAuthn level 2): keys that a device holds, and that work on our own site only."""

import json
from collections.abc import Sequence
from typing import Any
from urllib.parse import urlsplit

import webauthn
from webauthn.helpers import base64url_to_bytes
from webauthn.helpers.exceptions import WebAuthnException
from webauthn.helpers.structs import (
    AuthenticatorSelectionCriteria,
    PublicKeyCredentialDescriptor,
    ResidentKeyRequirement,
    UserVerificationRequirement,
)

from common.errors import Invalid
from common.ids import UserId
from identity.domain.accounts import User
from identity.domain.authenticators import Authenticator, Passkey

NAME = "Vedette"
WAIT_MS = 300_000


class Passkeys:
    """`public_url`: where people's browsers see the portal; its host is what the keys are bound to."""

    def __init__(self, public_url: str) -> None:
        parts = urlsplit(public_url)
        self._host = parts.hostname or ""
        self._origin = f"{parts.scheme}://{parts.netloc}"

    def creation(self, user: User, challenge: bytes, owned: Sequence[Authenticator]) -> dict[str, Any]:
        """Options for `navigator.credentials.create`. A key that can sign in alone is preferred."""
        options = webauthn.generate_registration_options(
            rp_id=self._host,
            rp_name=NAME,
            user_id=bytes.fromhex(user.id),
            user_name=user.email,
            user_display_name=f"{user.first_name} {user.last_name}",
            challenge=challenge,
            timeout=WAIT_MS,
            authenticator_selection=AuthenticatorSelectionCriteria(
                resident_key=ResidentKeyRequirement.PREFERRED,
                user_verification=UserVerificationRequirement.PREFERRED,
            ),
            exclude_credentials=_descriptors(owned),
        )
        return _plain(webauthn.options_to_json(options))

    def created(self, answer: str, challenge: bytes) -> Passkey:
        """The new key, from what `create` returned; `Invalid` when it does not hold."""
        try:
            made = webauthn.verify_registration_response(
                credential=answer,
                expected_challenge=challenge,
                expected_rp_id=self._host,
                expected_origin=self._origin,
            )
        except (WebAuthnException, ValueError, KeyError, TypeError):
            raise Invalid(
                "passkey_invalid", "This passkey was not accepted", next_step="Try it once more."
            ) from None
        return Passkey(
            credential=made.credential_id,
            public_key=made.credential_public_key,
            sign_count=made.sign_count,
            alone=made.user_verified,
        )

    def request(self, challenge: bytes, owned: Sequence[Authenticator] = ()) -> dict[str, Any]:
        """Options for `navigator.credentials.get`. With none `owned` the device says who it is, and then it
        must have verified its owner (by finger, face or PIN): it is the only factor."""
        alone = UserVerificationRequirement.PREFERRED if owned else UserVerificationRequirement.REQUIRED
        options = webauthn.generate_authentication_options(
            rp_id=self._host,
            challenge=challenge,
            timeout=WAIT_MS,
            allow_credentials=_descriptors(owned),
            user_verification=alone,
        )
        return _plain(webauthn.options_to_json(options))

    def sign_count(self, answer: str, passkey: Passkey, challenge: bytes, *, alone: bool) -> int | None:
        """The key's new count of signatures, from what `get` returned; None when it does not hold."""
        try:
            verified = webauthn.verify_authentication_response(
                credential=answer,
                expected_challenge=challenge,
                expected_rp_id=self._host,
                expected_origin=self._origin,
                credential_public_key=passkey.public_key,
                credential_current_sign_count=passkey.sign_count,
                require_user_verification=alone,
            )
        except (WebAuthnException, ValueError, KeyError, TypeError):
            return None
        return verified.new_sign_count


def credential_of(answer: str) -> bytes | None:
    """Which key claims to have signed; None when it cannot be read."""
    try:
        return base64url_to_bytes(str(json.loads(answer)["id"]))
    except (ValueError, KeyError, TypeError):
        return None


def owner_of(answer: str) -> UserId | None:
    """Whom the device takes for its owner (the user handle)."""
    try:
        return UserId(base64url_to_bytes(str(json.loads(answer)["response"]["userHandle"])).hex())
    except (ValueError, KeyError, TypeError):
        return None


def _descriptors(owned: Sequence[Authenticator]) -> list[PublicKeyCredentialDescriptor]:
    return [PublicKeyCredentialDescriptor(id=one.passkey.credential) for one in owned if one.passkey]


def _plain(text: str) -> dict[str, Any]:
    options: dict[str, Any] = json.loads(text)
    return options
