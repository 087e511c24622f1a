"""A signed-in browser or device: the family of its refresh tokens (ID-12, ID-13, rule 10)."""

import hmac
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Literal

from common.contracts.identity import SessionRevoked
from common.ids import OrganisationId, SessionId, UserId

IDLE_LIMIT = timedelta(minutes=30)
"""Without a refresh for so long the session is over, unless it is permanent (S0:24)."""
ACCESS_LIFETIME = timedelta(minutes=5)

EndReason = Literal["logout", "expired", "refresh_reused", "password_changed", "removed", "ended_by_user"]
Verdict = Literal["current", "reused", "expired", "ended"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Session:
    """`refresh` is the digest of the one refresh token that is good now; all earlier ones are spent."""

    id: SessionId
    user: UserId
    organisation: OrganisationId
    permanent: bool
    refresh: bytes
    agent: str
    created_at: datetime
    used_at: datetime
    ended_at: datetime | None = None
    reason: EndReason | None = None
    version: int = 1

    def judge(self, presented: bytes, now: datetime) -> Verdict:
        """What a genuine refresh token of this family means. Anything but the current one was spent before:
        either a thief or the owner holds a copy, and nobody can tell which."""
        if self.ended_at is not None:
            return "ended"
        if not hmac.compare_digest(self.refresh, presented):
            return "reused"
        if not self.permanent and now - self.used_at >= IDLE_LIMIT:
            return "expired"
        return "current"

    def refreshed(self, successor: bytes, organisation: OrganisationId, now: datetime) -> "Session":
        """The token was current: its successor takes its place, for the same organisation or another."""
        return replace(
            self, refresh=successor, organisation=organisation, used_at=now, version=self.version + 1
        )

    def ended(self, reason: EndReason, now: datetime) -> tuple["Session", SessionRevoked]:
        session = replace(self, ended_at=now, reason=reason, version=self.version + 1)
        return session, SessionRevoked(
            organisation=self.organisation,
            session=self.id,
            user=self.user,
            reason=reason,
            version=session.version,
            at=now,
        )
