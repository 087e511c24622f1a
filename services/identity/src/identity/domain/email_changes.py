"""Another e-mail address, confirmed on both: a stolen session alone, or a mailbox alone, changes nothing."""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from common.ids import UserId
from identity.domain.codes import OneTimeCode

CODE_LIFETIME = timedelta(hours=24)
CODE_TRIES = 10


@dataclass(frozen=True, slots=True, kw_only=True)
class EmailChange:
    """`id` is the person: one change at a time."""

    id: UserId
    email: str
    """The new address."""
    old_code: OneTimeCode
    new_code: OneTimeCode
    old_confirmed: bool = False
    new_confirmed: bool = False
    forget_at: datetime
    version: int = 1

    @property
    def complete(self) -> bool:
        return self.old_confirmed and self.new_confirmed

    def cancelled(self, now: datetime) -> "EmailChange":
        """Its codes are worthless, also those on their way."""
        return replace(self, forget_at=now, version=self.version + 1)

    def done(self, now: datetime) -> "EmailChange":
        """Made. Belongs to the same change as `tried`, hence the same version."""
        return replace(self, forget_at=now)

    def alive(self, now: datetime) -> bool:
        return now < self.forget_at and (self.old_code.tries_left > 0 or self.new_code.tries_left > 0)

    def tried(self, as_old: bytes, as_new: bytes, now: datetime) -> tuple["EmailChange", bool]:
        """After a code was typed, which may be either mailbox's; the digests are of the same code, as each
        of the two. A wrong one counts against both."""
        old, right_old = self.old_code.tried(as_old, now)
        new, right_new = self.new_code.tried(as_new, now)
        if right_old or right_new:
            return replace(
                self,
                old_confirmed=self.old_confirmed or right_old,
                new_confirmed=self.new_confirmed or right_new,
                version=self.version + 1,
            ), True
        return replace(self, old_code=old, new_code=new, version=self.version + 1), False
