"""Between the right password and a session: the second factor (ID-20 to ID-24)."""

import hmac
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Literal

from common.errors import NotFound, Unauthenticated
from common.ids import SessionId, UserId
from identity.domain.codes import OneTimeCode
from identity.domain.factors import Factor

CODE_LIFETIME = timedelta(minutes=10)
CODE_TRIES = 5


@dataclass(frozen=True, slots=True)
class Proof:
    """A factor that was shown and was right. Showing the very same again, to say more (which organisation,
    which new authenticator), needs no second check, and no second code."""

    factor: Factor
    digest: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class SignIn:
    """The password was right; a second factor is awaited.

    Signing in again from the same network while it is awaited continues this one, so that the code in the
    mailbox stays the right one (rule 11).
    """

    id: str
    user: UserId
    network: str
    permanent: bool
    session: SessionId | None = None
    """The session that shows its factor once more; None: a new one will be opened."""
    code: OneTimeCode | None = None
    """The mailed one-time password, once it was mailed."""
    tries_left: int = CODE_TRIES
    """Of other factors; the mailed code counts its own."""
    proof: Proof | None = None
    state: Literal["pending", "done"] = "pending"
    expires_at: datetime
    forget_at: datetime
    version: int = 1

    def alive(self, now: datetime) -> bool:
        tries = self.tries_left > 0 and (self.code is None or self.code.alive(now))
        return self.state == "pending" and now < self.expires_at and tries

    def again(self, *, permanent: bool | None = None) -> "SignIn":
        """The same sign-in, asked for once more."""
        kept = self.permanent if permanent is None else permanent
        return replace(self, permanent=kept, version=self.version + 1)

    def mailable(self, now: datetime) -> bool:
        """The code may be mailed (again) at this moment."""
        return self.code is None or self.code.resend_after(now) == 0

    def mailed(self, new: OneTimeCode, now: datetime) -> "SignIn":
        """The code is on its way: `new`, or once more the one it has. `Throttled` while it is too early.
        Belongs to the same change as what it is mailed for, hence the same version."""
        self._must_be_alive(now)
        return replace(self, code=self.code.sent_again(now) if self.code else new)

    def tried(self, digest: bytes, now: datetime) -> tuple["SignIn", bool]:
        """After a try of the mailed code, always a new version, also when right: two right tries at once must
        not both count, and a wrong one in the same moment must not be overlooked."""
        self._must_be_alive(now)
        if self.code is None:
            return self.counted(right=False), False
        code, right = self.code.tried(digest, now)
        return replace(self, code=code, version=self.version + 1), right

    def counted(self, *, right: bool) -> "SignIn":
        """After a try of another factor: a new version for the same reason."""
        return replace(self, tries_left=self.tries_left - (not right), version=self.version + 1)

    def shows(self, proof: Proof) -> bool:
        """Exactly this was shown before, and was right."""
        known = self.proof
        same = known is not None and hmac.compare_digest(known.digest, proof.digest)
        return same and known is not None and known.factor == proof.factor

    def proved(self, proof: Proof) -> "SignIn":
        """The factor was right. Belongs to the same change as the try, hence the same version."""
        return replace(self, proof=proof)

    def done(self) -> "SignIn":
        """Used up. Belongs to the same change as the try, hence the same version."""
        return replace(self, state="done")

    def wrong(self, factor: Factor, now: datetime) -> Unauthenticated | NotFound:
        """What to say after a wrong try."""
        if not self.alive(now):
            return over()
        if factor == "passkey":
            return Unauthenticated("code_invalid", "This passkey was not accepted.")
        left = self.code.tries_left if factor == "email" and self.code else self.tries_left
        what = "recovery code" if factor == "recovery_code" else "one-time password"
        return Unauthenticated("code_invalid", f"This {what} is not right. Tries left: {left}.")

    def _must_be_alive(self, now: datetime) -> None:
        if not self.alive(now):
            raise over()


def over() -> NotFound:
    """The same for unknown, expired, used and used-up sign-ins."""
    return NotFound("sign_in_over", "This sign-in is over", next_step="Sign in again.")
