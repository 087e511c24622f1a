"""Between the right password and a session: the second factor (ID-20 to ID-24)."""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Literal

from common.errors import NotFound, Unauthenticated
from common.ids import UserId
from identity.domain.codes import OneTimeCode

CODE_LIFETIME = timedelta(minutes=10)
CODE_TRIES = 5


@dataclass(frozen=True, slots=True, kw_only=True)
class SignIn:
    """The password was right; the mailed one-time password is awaited.

    Signing in again from the same network while it is awaited continues this one, so that the code in the
    mailbox stays the right one (rule 11).
    """

    id: str
    user: UserId
    network: str
    permanent: bool
    code: OneTimeCode
    state: Literal["pending", "done"] = "pending"
    forget_at: datetime
    version: int = 1

    def alive(self, now: datetime) -> bool:
        return self.state == "pending" and self.code.alive(now)

    def again(self, now: datetime, *, permanent: bool) -> tuple["SignIn", bool]:
        """The same sign-in continued, and whether its code is to be mailed again."""
        mail = self.code.resend_after(now) == 0
        code = self.code.sent_again(now) if mail else self.code
        return replace(self, permanent=permanent, code=code, version=self.version + 1), mail

    def resent(self, now: datetime) -> "SignIn":
        self._must_be_alive(now)
        return replace(self, code=self.code.sent_again(now), version=self.version + 1)

    def tried(self, digest: bytes, now: datetime) -> tuple["SignIn", bool]:
        """After a try, always a new version, also when right: two right tries at once must not both count,
        and a wrong one in the same moment must not be overlooked."""
        self._must_be_alive(now)
        code, right = self.code.tried(digest, now)
        return replace(self, code=code, version=self.version + 1), right

    def done(self) -> "SignIn":
        """Used up. Belongs to the same change as `tried`, hence the same version."""
        return replace(self, state="done")

    def wrong_code(self, now: datetime) -> Unauthenticated | NotFound:
        """What to say after a wrong try."""
        if not self.alive(now):
            return over()
        return Unauthenticated(
            "code_invalid",
            f"This one-time password is not right. Tries left: {self.code.tries_left}.",
        )

    def _must_be_alive(self, now: datetime) -> None:
        if not self.alive(now):
            raise over()


def over() -> NotFound:
    """The same for unknown, expired, used and used-up sign-ins."""
    return NotFound("sign_in_over", "This sign-in is over", next_step="Sign in again.")
