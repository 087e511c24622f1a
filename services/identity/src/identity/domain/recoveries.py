"""A forgotten password: a mailed code stands in for it once."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from common.ids import UserId
from identity.domain.codes import OneTimeCode

CODE_LIFETIME = timedelta(hours=1)
CODE_TRIES = 100
"""Many, so that strangers who guess cannot use up somebody's code; the delays of `throttles` keep guessing
hopeless: a code has 40 bits."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Recovery:
    """`id` is the person: one code at a time, whoever asks for it from wherever."""

    id: UserId
    code: OneTimeCode
    forget_at: datetime
    version: int = 1

    @classmethod
    def begun(cls, user: UserId, code: OneTimeCode) -> "Recovery":
        return cls(id=user, code=code, forget_at=code.expires_at)

    def asked_again(self, new_code: Callable[[], OneTimeCode], now: datetime) -> tuple["Recovery", bool]:
        """After the wish for another mail, and whether one is due; a code that holds stays (rule 11)."""
        code, due = self.code.again(new_code, now)
        return replace(self, code=code, forget_at=code.expires_at, version=self.version + 1), due

    def spent(self) -> "Recovery":
        """Its code is worthless, also one on its way: the person has proved who they are in another way."""
        return replace(self, code=self.code.spent(), version=self.version + 1)

    def tried(self, digest: bytes, now: datetime) -> tuple["Recovery", bool]:
        """After a try, and whether it was right; the right one uses the code up."""
        code, right = self.code.tried(digest, now)
        code = code.spent() if right else code
        return replace(self, code=code, version=self.version + 1), right
