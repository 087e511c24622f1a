"""A new authenticator on its way: made, shown once, and working when a first code or signature was right."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Literal

from common.clock import Clock
from common.errors import FieldError, Invalid
from common.ids import new_id
from identity.domain.accounts import User
from identity.domain.authenticators import (
    RECOVERY_CODES,
    Authenticator,
    RecoveryCodes,
    Totp,
    check_room,
    totp_purpose,
    unknown_authenticator,
)
from identity.service.factors import Factors, Owned, recovery_purpose
from identity.service.passkeys import Passkeys
from identity.service.secrets import Secrets
from identity.service.totp import new_secret, qr, uri

Kind = Literal["totp", "passkey"]
KEPT = timedelta(days=1)
"""How long one that was never confirmed lies about."""


@dataclass(frozen=True, slots=True)
class Enrolment:
    """A pending authenticator and what its device needs: the secret as text, link and QR code, or the options
    for `navigator.credentials.create`."""

    authenticator: Authenticator
    secret: str | None = None
    uri: str | None = None
    qr: str | None = None
    options: dict[str, Any] | None = None


class Enrolments:
    """Decides and computes; whoever asked saves."""

    def __init__(self, secrets: Secrets, passkeys: Passkeys, factors: Factors, clock: Clock) -> None:
        self._secrets = secrets
        self._passkeys = passkeys
        self._factors = factors
        self._clock = clock

    def begun(self, user: User, kind: Kind, name: str, owned: Owned) -> Enrolment:
        check_room(len(owned.authenticators))
        now, identity = self._clock.now(), new_id()
        secret = new_secret() if kind == "totp" else None
        pending = Authenticator(
            id=identity,
            user=user.id,
            kind=kind,
            name=name,
            totp=self._sealed(secret, identity) if secret else None,
            created_at=now,
            forget_at=now + KEPT,
        )
        if secret:
            link = uri(secret, user.email)
            return Enrolment(pending, secret, link, qr(link))
        options = self._passkeys.creation(user, self._factors.challenge(identity), owned.of("passkey"))
        return Enrolment(pending, options=options)

    def _sealed(self, secret: str, identity: str) -> Totp:
        return Totp(sealed=self._secrets.seal_lasting(secret.encode(), totp_purpose(identity)))

    def confirmed(self, authenticator: Authenticator, answer: str) -> Authenticator:
        """It works: `answer` is a first code, or what `create` returned. `Invalid` when it does not."""
        now = self._clock.now()
        if not authenticator.pending(now):
            raise unknown_authenticator()
        if authenticator.kind == "passkey":
            passkey = self._passkeys.created(answer, self._factors.challenge(authenticator.id))
            return authenticator.confirmed_by_passkey(passkey, now)
        step = self._factors.step_of(authenticator, answer)
        if step is None:
            message = "This is not the code that the app shows now."
            raise Invalid(
                "code_invalid",
                message,
                errors=[FieldError("code", message)],
                next_step="Check that the clock of the device is right, and enter the next code.",
            )
        return authenticator.confirmed_by_code(step, now)

    def recovery(self, user: User, known: RecoveryCodes | None) -> tuple[RecoveryCodes, list[str]]:
        """New codes, which take the place of all earlier ones; as digests, and to be shown once."""
        digest: Callable[[str], bytes] = lambda code: self._secrets.code_digest(  # noqa: E731
            recovery_purpose(user.id), code
        )
        plain = self._secrets.recovery_codes(RECOVERY_CODES)
        digests = tuple(digest(code) for code in plain)
        version = known.version + 1 if known else 1
        made = RecoveryCodes(id=user.id, digests=digests, made_at=self._clock.now(), version=version)
        return made, plain
