"""One-time codes that are mailed: to activate an account, and as the second factor."""

import hmac
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from common.errors import Throttled

COOL_DOWN = timedelta(seconds=30)
"""Between the first two mails with the same code; doubles with each further one, so that nobody's mailbox
can be flooded: five mails in the life of a one-time password, eleven in that of an activation code."""


@dataclass(frozen=True, slots=True, kw_only=True)
class OneTimeCode:
    """A code with an end: in time, in tries, in mails.

    The digest is compared; the sealed form exists only so that a resend can carry the SAME code: a resend
    that makes a new one kills the code just received (rule 11).
    """

    digest: bytes
    sealed: bytes
    expires_at: datetime
    tries_left: int
    sends: int = 1
    sent_at: datetime

    def alive(self, now: datetime) -> bool:
        return now < self.expires_at and self.tries_left > 0

    def tried(self, digest: bytes, now: datetime) -> tuple["OneTimeCode", bool]:
        """The code after a try, and whether the try was right. Only wrong tries are counted."""
        if not self.alive(now):
            return self, False
        if hmac.compare_digest(self.digest, digest):
            return self, True
        return replace(self, tries_left=self.tries_left - 1), False

    def spent(self) -> "OneTimeCode":
        """It was right, and works once."""
        return replace(self, tries_left=0)

    def again(self, new_code: Callable[[], "OneTimeCode"], now: datetime) -> tuple["OneTimeCode", bool]:
        """After the wish for another mail, and whether one is due: the same code while it holds, a new one
        after; never sooner than the cool-down."""
        if not self.alive(now) and now >= self.sent_at + COOL_DOWN:
            return new_code(), True
        if self.alive(now) and self.resend_after(now) == 0:
            return self.sent_again(now), True
        return self, False

    def matches(self, digest: bytes) -> bool:
        """For codes too long to guess: tries need not be counted, and no stranger can use them up."""
        return hmac.compare_digest(self.digest, digest)

    def resend_after(self, now: datetime) -> float:
        """Seconds until it may be mailed again (0: now)."""
        pause: timedelta = COOL_DOWN * 2 ** (self.sends - 1)
        return max(0.0, (self.sent_at + pause - now).total_seconds())

    def sent_again(self, now: datetime) -> "OneTimeCode":
        """`Throttled` while it is too early."""
        wait = self.resend_after(now)
        if wait > 0:
            raise Throttled("resend_too_early", "The e-mail is on its way", retry_after=wait)
        return replace(self, sends=self.sends + 1, sent_at=now)
