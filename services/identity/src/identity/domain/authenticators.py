"""What somebody owns to prove who they are: authenticator apps, passkeys, recovery codes (ID-25, rule 13)."""

import hmac
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Literal

from common.errors import Conflict, NotFound
from common.ids import UserId

MOST = 20
"""Authenticators of one person."""
ENROLMENT = timedelta(minutes=10)
"""How long somebody has to confirm a new one."""
STEP = 30
"""Seconds a code of an authenticator app is shown (RFC 6238)."""
DRIFT = 1
"""Steps by which somebody's phone may be early or late."""
RECOVERY_CODES = 10


def totp_purpose(authenticator: str) -> str:
    """What the secret of this authenticator app is sealed for."""
    return f"identity.totp:{authenticator}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Totp:
    """The shared secret of an authenticator app, sealed for `totp_purpose`."""

    sealed: bytes
    last_step: int = 0
    """The latest step whose code was used: it and earlier ones never work again."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Passkey:
    """A WebAuthn credential."""

    credential: bytes
    public_key: bytes
    """COSE."""
    sign_count: int
    """How often it signed, if it counts: a copy of it would fall behind and show."""
    alone: bool = False
    """It has verified its owner (by finger, face or PIN), so that it may be the only factor."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Authenticator:
    """One of possibly many. Pending until a first code or signature has shown that it works."""

    id: str
    user: UserId
    kind: Literal["totp", "passkey"]
    name: str
    state: Literal["pending", "active", "removed"] = "pending"
    totp: Totp | None = None
    passkey: Passkey | None = None
    created_at: datetime
    used_at: datetime | None = None
    forget_at: datetime | None = None
    version: int = 1

    def pending(self, now: datetime) -> bool:
        return self.state == "pending" and now < self.created_at + ENROLMENT

    def confirmed_by_code(self, step: int, now: datetime) -> "Authenticator":
        """The first code was right."""
        return self._active(now, totp=self._stepped(step))

    def confirmed_by_passkey(self, passkey: Passkey, now: datetime) -> "Authenticator":
        return self._active(now, passkey=passkey)

    def used_code(self, step: int, now: datetime) -> "Authenticator":
        return replace(self, totp=self._stepped(step), used_at=now, version=self.version + 1)

    @property
    def signs_in_alone(self) -> bool:
        return self.state == "active" and self.passkey is not None and self.passkey.alone

    def used_passkey(self, sign_count: int, now: datetime, *, alone: bool) -> "Authenticator":
        assert self.passkey is not None, "not a passkey"
        passkey = replace(self.passkey, sign_count=sign_count, alone=self.passkey.alone or alone)
        return replace(self, passkey=passkey, used_at=now, version=self.version + 1)

    def touched(self) -> "Authenticator":
        """The same, saved along with what relies on it."""
        return replace(self, version=self.version + 1)

    def renamed(self, name: str) -> "Authenticator":
        return replace(self, name=name, version=self.version + 1)

    def removed(self, now: datetime) -> "Authenticator":
        """It works no more, and its secret is gone."""
        return replace(
            self, state="removed", totp=None, passkey=None, forget_at=now, version=self.version + 1
        )

    def _active(
        self, now: datetime, *, totp: Totp | None = None, passkey: Passkey | None = None
    ) -> "Authenticator":
        if not self.pending(now):
            raise unknown_authenticator()
        return replace(
            self,
            state="active",
            totp=totp,
            passkey=passkey,
            used_at=now,
            forget_at=None,
            version=self.version + 1,
        )

    def _stepped(self, step: int) -> Totp:
        assert self.totp is not None, "not an authenticator app"
        return replace(self.totp, last_step=step)


@dataclass(frozen=True, slots=True, kw_only=True)
class RecoveryCodes:
    """What is left of somebody's printed codes, as digests; each works once. `id` is the user's."""

    id: UserId
    digests: tuple[bytes, ...]
    made_at: datetime
    version: int = 1

    def used(self, digest: bytes) -> "RecoveryCodes | None":
        """Without the code of this digest; None when there is none."""
        left = tuple(kept for kept in self.digests if not hmac.compare_digest(kept, digest))
        if len(left) == len(self.digests):
            return None
        return replace(self, digests=left, version=self.version + 1)


def check_room(owned: int) -> None:
    if owned >= MOST:
        raise Conflict(
            "too_many_authenticators",
            f"Nobody can have more than {MOST} authenticators",
            next_step="Remove one that you do not use any more.",
        )


def unknown_authenticator() -> NotFound:
    """The same for somebody else's, removed and expired ones."""
    return NotFound("authenticator_unknown", "There is no such authenticator", next_step="Add it again.")


def last_factor() -> Conflict:
    return Conflict(
        "last_factor",
        "One of your organisations needs a second factor, and this is your last one",
        next_step="Add another authenticator first.",
    )
