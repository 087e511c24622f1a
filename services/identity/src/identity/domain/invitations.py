"""Invitations into an organisation: an entity from sending to its end (ID-33 to ID-38, rules 1-5, 9)."""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Literal

from common.contracts.audit import ActRecorded
from common.errors import Conflict, Forbidden, NotFound
from common.ids import OrganisationId, UserId
from identity.domain.accounts import Membership
from identity.domain.codes import OneTimeCode
from identity.domain.members import Rights
from identity.domain.names import masked
from identity.domain.throttles import Policy

LIFETIME = timedelta(days=7)
KEPT = timedelta(days=90)
"""How long one that has ended stays in the list."""
MOST_PENDING = 500
"""In one organisation."""
INVITING = Policy(
    free=50, first_delay=timedelta(minutes=1), longest=timedelta(hours=1), forget=timedelta(days=1)
)
"""Per organisation: invitations carry our name into strangers' mailboxes."""
State = Literal["pending", "accepted", "revoked", "expired"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Invitation:
    """One pending for each organisation and address, however often it is mailed.

    It is bound to the invited address: whoever accepts has proved it, by a verified account or by the code
    itself, which reached them there.
    """

    id: str
    organisation: OrganisationId
    email: str
    """In canonical spelling (rule 3)."""
    rights: Rights
    invited_by: UserId
    code: OneTimeCode
    created_at: datetime
    state: State = "pending"
    ended_at: datetime | None = None
    forget_at: datetime | None = None
    version: int = 1

    @property
    def expires_at(self) -> datetime:
        return self.code.expires_at

    def alive(self, now: datetime) -> bool:
        return self.state == "pending" and now < self.expires_at

    def state_at(self, now: datetime) -> State:
        """Expired is what has expired, also before anybody has written it down."""
        return "expired" if self.state == "pending" and not self.alive(now) else self.state

    def sent(self) -> ActRecorded:
        return self._act("sent", self.created_at, role=self.rights.role.value)

    def sent_again(self, now: datetime) -> tuple["Invitation", ActRecorded]:
        """With the same code (rule 11). `Throttled` when the last mail has only just left."""
        self._must_be_pending(now)
        again = replace(self, code=self.code.sent_again(now), version=self.version + 1)
        return again, again._act("sent_again", now)

    def revoked(self, now: datetime) -> tuple["Invitation", ActRecorded]:
        self._must_be_pending(now)
        return self._ended("revoked", now)

    def expired(self, now: datetime) -> tuple["Invitation", ActRecorded]:
        return self._ended("expired", now)

    def check(self, digest: bytes, now: datetime) -> None:
        """`NotFound` in the same words for a wrong code and an invitation that is over."""
        if not self.code.matches(digest) or not self.alive(now):
            raise over()

    def check_address(self, email: str) -> None:
        """`Forbidden` for an account with another address than the invited one (rule 4, ID-37)."""
        if email != self.email:
            raise Forbidden(
                "invitation_for_another_address",
                f"This invitation was sent to {masked(self.email)}; you are signed in as {email}",
                next_step="Sign in with the invited address, or ask for an invitation to this one.",
            )

    def accepted(self, user: UserId, now: datetime) -> tuple["Invitation", Membership, ActRecorded]:
        """The person is a member, with exactly the rights that were offered."""
        invitation, act = self._ended("accepted", now)
        member = Membership(
            organisation=self.organisation,
            user=user,
            role=self.rights.role,
            items=self.rights.items,
            servers=self.rights.servers,
            since=now,
        )
        return invitation, member, act

    def _ended(self, state: State, now: datetime) -> tuple["Invitation", ActRecorded]:
        ended = replace(self, state=state, ended_at=now, forget_at=now + KEPT, version=self.version + 1)
        return ended, ended._act(state, now)

    def _must_be_pending(self, now: datetime) -> None:
        if not self.alive(now):
            message = f"This invitation is {self.state_at(now)}"
            raise Conflict("invitation_over", message, next_step="Send a new one.")

    def _act(self, what: str, now: datetime, **details: str) -> ActRecorded:
        return ActRecorded(
            organisation=self.organisation,
            act=f"invitation.{what}",
            object=self.id,
            details={"recipient": masked(self.email), **details},
            version=self.version,
            at=now,
        )


def over() -> NotFound:
    """The same for unknown, accepted, revoked and expired invitations, and for a wrong code."""
    return NotFound(
        "invitation_unknown",
        "This invitation does not hold, or does not hold any more",
        next_step="Ask whoever invited you for a new one.",
    )
