"""What an organisation demands of those who sign in to it (D3, rules 10 and 14)."""

from dataclasses import dataclass
from datetime import timedelta
from typing import Literal

from identity.domain.factors import Factor

LONGEST_IDLE = 30
"""Minutes without activity after which a session is over (ID-12). A policy may only be stricter."""
SHORTEST_IDLE = 5
"""An access token lives five minutes, so nothing shorter could be kept."""
LONGEST_SESSION = timedelta(hours=24)
"""A session ends then however busy it is, unless it is permanent (NIST SP 800-63B-4, 2.2.3)."""
LONGEST_PERMANENT = 400
"""Days after which a permanent one ends as well; browsers keep no cookie for longer (RFC 6265bis, 5.5). A
policy may only be stricter."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SignInPolicy:
    """How people prove themselves here, and how long that holds."""

    second_factor: Literal["required", "optional"]
    email_factor: bool = True
    """The mailed one-time password counts as a second factor."""
    permanent_login: bool = True
    """"Permanent login" (ID-13) works here; without, such sessions idle out like all others."""
    permanent_days: int = LONGEST_PERMANENT
    """How long a permanent login lasts at the longest."""
    idle_minutes: int = LONGEST_IDLE

    def counts(self, factor: Factor | None) -> bool:
        """A session with this factor is a strong one here."""
        return factor is not None and (factor != "email" or self.email_factor)

    def admits(self, factor: Factor | None) -> bool:
        """A session with this factor may be in this organisation at all."""
        return self.second_factor == "optional" or self.counts(factor)

    def idle_limit(self, *, permanent: bool) -> timedelta | None:
        """After how long without a refresh a session is over; None: never."""
        if permanent and self.permanent_login:
            return None
        return timedelta(minutes=self.idle_minutes)

    def longest(self, *, permanent: bool) -> timedelta:
        """After how long a session is over, however busy it is."""
        if permanent and self.permanent_login:
            return timedelta(days=self.permanent_days)
        return LONGEST_SESSION


STRICT = SignInPolicy(second_factor="required")
"""Until somebody decides otherwise: organisations of several people."""
RELAXED = SignInPolicy(second_factor="optional")
"""Until somebody decides otherwise: a person's own."""
