"""A signed-in browser or device: the family of its refresh tokens (ID-12, ID-13, rule 10)."""

import hmac
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Literal

from common.auth import Role, Via
from common.contracts.audit import ActRecorded
from common.contracts.identity import EndReason, SessionRevoked
from common.ids import OrganisationId, SessionId, UserId
from identity.domain.factors import FRESH, Factor
from identity.domain.policies import LONGEST_PERMANENT, SignInPolicy

ACCESS_LIFETIME = timedelta(minutes=5)
KEPT = timedelta(days=30)
"""How long a session that idled out, or was ended, is remembered."""

Verdict = Literal["current", "late", "reused", "expired", "ended"]
LATE = timedelta(seconds=10)
"""How long a browser may still show the token before: its tabs share one, and answers overtake requests."""


@dataclass(frozen=True, slots=True)
class Seen:
    """Whence somebody signed in once, as far as it is recognised again."""

    agent: str
    network: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Visit:
    """The session is in somebody else's organisation, under a grant: as what, and how far it reaches.

    Such a session never leaves that organisation, and ends with its grant.
    """

    role: Role
    via: Via
    grant: str
    scoped: bool
    until: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Session:
    """`refresh` is the digest of the one refresh token that is good now; all earlier ones are spent."""

    id: SessionId
    user: UserId
    organisation: OrganisationId
    permanent: bool
    refresh: bytes
    previous: bytes = b""
    """The digest before it."""
    agent: str
    network: str = ""
    factor: Factor | None = None
    """The second factor that was shown, if any."""
    confirmed_at: datetime | None = None
    """When it was shown last."""
    visit: Visit | None = None
    created_at: datetime
    used_at: datetime
    forget_at: datetime | None = None
    """From then on nobody needs to know of it any more."""
    ended_at: datetime | None = None
    reason: EndReason | None = None
    version: int = 1

    def started(self) -> ActRecorded:
        return self.recorded("session.started", self.created_at)

    def recorded(self, act: str, now: datetime) -> ActRecorded:
        """For the record of the organisation it is in."""
        return ActRecorded(
            organisation=self.organisation,
            act=act,
            object=self.id,
            details={
                "user": self.user,
                "agent": self.agent,
                "network": self.network,
                "second_factor": self.factor or "none",
            },
            version=self.version,
            at=now,
        )

    def judge(
        self, presented: bytes, policy: SignInPolicy, now: datetime, *, shared: bool = False
    ) -> Verdict:
        """What a genuine refresh token of this family means under the policy of the session's organisation.
        Anything but the current one was spent before: either a thief or the owner holds a copy, and nobody
        can tell which. Only a token that several tabs share (`shared`) may be a moment late, once; it
        gets nothing."""
        if self.ended_at is not None:
            return "ended"
        if not hmac.compare_digest(self.refresh, presented):
            before = bool(self.previous) and hmac.compare_digest(self.previous, presented)
            return "late" if shared and before and now - self.used_at < LATE else "reused"
        return "current" if self.alive(policy, now) else "expired"

    def alive(self, policy: SignInPolicy, now: datetime) -> bool:
        """Neither ended, nor idle for too long or too old, nor past the end of the grant it stands on."""
        limit = policy.idle_limit(permanent=self.permanent)
        idle = limit is not None and now - self.used_at >= limit
        return self.ended_at is None and not idle and now < self.ends_at(policy)

    def ends_at(self, policy: SignInPolicy) -> datetime:
        """However busy it is."""
        last = self.created_at + policy.longest(permanent=self.permanent)
        until = self.visit.until if self.visit else None
        return min(last, until) if until is not None else last

    def fresh(self, now: datetime) -> bool:
        """A second factor was shown a moment ago."""
        return self.confirmed_at is not None and now - self.confirmed_at < FRESH

    def refreshed(self, successor: bytes, organisation: OrganisationId, now: datetime) -> "Session":
        """The token was current: its successor takes its place, for the same organisation or another."""
        return replace(
            self,
            refresh=successor,
            previous=self.refresh,
            organisation=organisation,
            used_at=now,
            forget_at=forgotten(self.created_at, now, permanent=self.permanent),
            version=self.version + 1,
        )

    def confirmed(self, factor: Factor, now: datetime) -> "Session":
        """A second factor was shown; a weaker one does not take a stronger one's place."""
        kept = self.factor if factor == "email" and self.factor else factor
        return replace(self, factor=kept, confirmed_at=now, version=self.version + 1)

    def ended(self, reason: EndReason, now: datetime) -> tuple["Session", SessionRevoked]:
        session = replace(
            self,
            ended_at=now,
            reason=reason,
            forget_at=forgotten(self.created_at, now, permanent=False),
            version=self.version + 1,
        )
        return session, SessionRevoked(
            organisation=self.organisation,
            session=self.id,
            user=self.user,
            reason=reason,
            version=session.version,
            at=now,
        )


def forgotten(created_at: datetime, used_at: datetime, *, permanent: bool) -> datetime:
    """When a session is forgotten: of a permanent one its longest life counts, of others their last use. All
    day long the same, so that refreshing it does not move it in the index of what is to be forgotten."""
    last = created_at + timedelta(days=LONGEST_PERMANENT) if permanent else used_at
    return last.replace(hour=0, minute=0, second=0, microsecond=0) + KEPT + timedelta(days=1)
