"""Growing delays for those who fail again and again.

Never a lock: a stranger's failures delay only the stranger's own network (rule 12), and every delay ends.
"""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from common.errors import Throttled


@dataclass(frozen=True, slots=True)
class Policy:
    """`free` tries cost nothing, then the wait doubles from `first_delay` up to `longest`."""

    free: int
    first_delay: timedelta = timedelta(seconds=2)
    longest: timedelta = timedelta(minutes=15)
    forget: timedelta = timedelta(hours=1)
    """After so long without a try everything is forgotten."""

    def delay(self, tries: int) -> timedelta:
        if tries < self.free:
            return timedelta(0)
        # The exponent is bounded: beyond it every delay is the longest anyway.
        doubled: int = 2 ** min(tries - self.free, 20)
        return min(self.longest, self.first_delay * doubled)


PASSWORD = Policy(free=5)
"""Per account and network."""
ACTIVATION = Policy(free=5)
"""Per e-mail address and network."""
SECOND_FACTOR = Policy(free=10, first_delay=timedelta(minutes=1), longest=timedelta(hours=1))
"""Wrong one-time passwords per person, over all their sign-ins; only who has the password gets here."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Throttle:
    """How often something was tried lately. `version` 0: never."""

    id: str
    tries: int = 0
    last_at: datetime
    forget_at: datetime
    version: int = 0

    @classmethod
    def unused(cls, identity: str, now: datetime) -> "Throttle":
        return cls(id=identity, last_at=now, forget_at=now)

    def wait(self, now: datetime, policy: Policy) -> timedelta:
        """How long the next try must still wait."""
        if now >= self.forget_at:
            return timedelta(0)
        return max(timedelta(0), self.last_at + policy.delay(self.tries) - now)

    def check(self, now: datetime, policy: Policy) -> None:
        """`Throttled` while the wait is not over; being refused does not make it longer."""
        wait = self.wait(now, policy)
        if wait:
            raise Throttled(
                "too_many_tries",
                "Too many tries. Please wait a moment before the next one.",
                retry_after=wait.total_seconds(),
            )

    def tried(self, now: datetime, policy: Policy) -> "Throttle":
        """One more try, which is counted BEFORE it is looked at, so that parallel tries all count."""
        self.check(now, policy)
        tries = 1 if now >= self.forget_at else self.tries + 1
        return replace(
            self, tries=tries, last_at=now, forget_at=now + policy.forget, version=self.version + 1
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Counted:
    """One more failure of a throttle that many share (an address): added, whoever else adds meanwhile."""

    id: str
    at: datetime
    forget_at: datetime
    afresh: bool
    """What was counted before is forgotten."""


@dataclass(frozen=True, slots=True)
class Forgiven:
    """The right password came: what was counted is void."""

    id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Origin:
    """Where a request came from."""

    address: str
    """A single IPv4 address or an IPv6 /64: what one household or server has."""
    network: str
    """The IPv4 /24 or IPv6 /56 around it."""
    agent: str
    """User-Agent, shortened, for the list of one's own sessions."""
