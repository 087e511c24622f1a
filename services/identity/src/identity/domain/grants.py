"""Grants: the doors by which others enter an organisation, and who is inside (ID-66, ID-80 to ID-87, D16)."""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import ClassVar, Literal, Self

from common.auth import Role
from common.contracts.audit import ActRecorded
from common.contracts.identity import VisitorEntered, VisitorLeft
from common.errors import Conflict, FieldError, Invalid, NotFound
from common.ids import OrganisationId, SessionId, UserId
from identity.domain.accounts import Membership

State = Literal["invited", "live", "declined", "ended"]
PARTNER_ROLES = frozenset({Role.ADMIN, Role.OPERATOR, Role.VIEWER})
INVITATION_LIFETIME = timedelta(days=30)
REMIND_EVERY = timedelta(days=30)
LONGEST_UNTIL = timedelta(days=3650)
KEPT = timedelta(days=365)
"""How long an ended grant stays in the list; the audit log keeps it for good."""
MOST_INSIDE = 20
"""Visitors under one grant at the same time."""
MOST_OPEN = 100
"""Grants of one kind that an organisation has open."""


@dataclass(frozen=True, slots=True)
class Entry:
    """Somebody who is inside now, and the session they are in."""

    user: UserId
    name: str
    """Of the person, and of the organisation that sent it."""
    home: str
    session: SessionId
    since: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Grant:
    """What all doors have in common. Who is inside is part of it, so that nobody slips in while it ends."""

    kind: ClassVar[Literal["partner", "support"]]

    id: str
    organisation: OrganisationId
    role: Role
    items: tuple[str, ...] | None
    """Items whose subtrees may be reached; None: the entire account."""
    until: datetime | None
    """None: without end."""
    state: State
    granted_by: UserId
    created_at: datetime
    entries: tuple[Entry, ...] = ()
    due_at: datetime | None = None
    """When this grant needs attention next."""
    ended_at: datetime | None = None
    forget_at: datetime | None = None
    version: int = 1

    def live(self, now: datetime) -> bool:
        return self.state == "live" and (self.until is None or now < self.until)

    def open(self, now: datetime) -> bool:
        """Live, or waiting to become so."""
        waiting = self.state == "invited" and (self.due_at is None or now < self.due_at)
        return waiting or self.live(now)

    def rights(self, user: UserId, now: datetime) -> Membership:
        """What somebody who enters may do."""
        return Membership(
            organisation=self.organisation,
            user=user,
            role=self.role,
            since=now,
            via=self.kind,
            grant=self.id,
            items=self.items,
            until=self.until,
        )

    def entered(self, entry: Entry) -> Self:
        if not self.live(entry.since):
            raise unknown()
        if len(self.entries) >= MOST_INSIDE:
            raise Conflict("too_many_visitors", f"{MOST_INSIDE} visitors are inside already")
        return replace(self, entries=(*self.entries, entry), version=self.version + 1)

    def welcomed(self, entry: Entry) -> VisitorEntered:
        """The event that shows a visitor to the organisation's people."""
        return VisitorEntered(
            organisation=self.organisation,
            session=entry.session,
            user=entry.user,
            name=entry.name,
            home=entry.home,
            via=self.kind,
            grant=self.id,
            role=self.role.value,
            items=self.items,
            until=self.until,
            version=1,
            at=entry.since,
        )

    def left_by(self, entry: Entry, reason: str, now: datetime) -> VisitorLeft:
        """The event of a visit's end."""
        return VisitorLeft(
            organisation=self.organisation,
            session=entry.session,
            user=entry.user,
            via=self.kind,
            grant=self.id,
            reason=reason,
            version=2,
            at=now,
        )

    def left(self, session: SessionId) -> Self:
        staying = tuple(entry for entry in self.entries if entry.session != session)
        return replace(self, entries=staying, version=self.version + 1)

    def ended(self, what: str, now: datetime, *, state: State = "ended") -> tuple[Self, ActRecorded]:
        """Closed for good, with nobody inside; `what` says how it came: `withdrawn`, `expired`."""
        if self.state not in ("invited", "live"):
            raise Conflict("grant_ended", "This has ended already")
        grant = replace(
            self,
            state=state,
            entries=(),
            due_at=None,
            ended_at=now,
            forget_at=now + KEPT,
            version=self.version + 1,
        )
        return grant, grant.act(what, now)

    def act(self, what: str, now: datetime, **details: str) -> ActRecorded:
        """What happened to this grant, for the record."""
        scope = {"items": " ".join(self.items)} if self.items else {}
        until = {"until": self.until.isoformat()} if self.until else {}
        return ActRecorded(
            organisation=self.organisation,
            act=f"{self.kind}_grant.{what}",
            object=self.id,
            details={"role": self.role.value, **scope, **until, **details},
            version=self.version,
            at=now,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class PartnerGrant(Grant):
    """A partner may look after this customer. Begins when the partner has accepted."""

    kind = "partner"

    invited: str
    """What the customer typed: a partner code or an address."""
    address: str | None = None
    """Somebody with this address accepts for their partner organisation."""
    partner: OrganisationId | None = None

    def accepted(self, partner: OrganisationId, now: datetime) -> "tuple[PartnerGrant, ActRecorded]":
        if self.state != "invited" or not self.open(now):
            raise unknown()
        grant = replace(self, state="live", partner=partner, due_at=self.until, version=self.version + 1)
        return grant, grant.act("accepted", now, partner=partner)

    def changed(
        self, role: Role, items: tuple[str, ...] | None, until: datetime | None, now: datetime
    ) -> "tuple[PartnerGrant, ActRecorded]":
        """Other rights; who is inside has to enter again."""
        if not self.open(now):
            raise Conflict("grant_ended", "This has ended already", next_step="Invite the partner again.")
        check_terms(role, until, now)
        due = until if self.state == "live" else self.due_at
        version = self.version + 1
        grant = replace(self, role=role, items=items, until=until, entries=(), due_at=due, version=version)
        return grant, grant.act("changed", now)


@dataclass(frozen=True, slots=True, kw_only=True)
class SupportGrant(Grant):
    """Our support may enter: until an instant, or for good with a reminder every month (D16)."""

    kind = "support"

    @property
    def permanent(self) -> bool:
        return self.until is None

    def reminded(self, now: datetime) -> "tuple[SupportGrant, ActRecorded]":
        grant = replace(self, due_at=now + REMIND_EVERY, version=self.version + 1)
        return grant, grant.act("reminded", now)

    def confirmed(self, now: datetime) -> "tuple[SupportGrant, ActRecorded]":
        """Somebody has said that it is still wanted."""
        if not (self.permanent and self.live(now)):
            raise Conflict("grant_ended", "Only permanent access that holds can be confirmed")
        grant = replace(self, due_at=now + REMIND_EVERY, version=self.version + 1)
        return grant, grant.act("confirmed", now)


def check_terms(role: Role, until: datetime | None, now: datetime) -> None:
    """`Invalid` for a role that no grant carries and an end that is none."""
    errors = []
    if role not in PARTNER_ROLES:
        errors.append(FieldError("role", "A partner may be admin, operator or viewer."))
    errors += _end_errors(until, now)
    if errors:
        raise Invalid("grant_not_accepted", "Please correct the marked fields.", errors=errors)


def check_end(until: datetime | None, now: datetime) -> None:
    """`Invalid` for an end that has passed, or is so far away that it is none."""
    if errors := _end_errors(until, now):
        raise Invalid("grant_not_accepted", "Please correct the marked fields.", errors=errors)


def _end_errors(until: datetime | None, now: datetime) -> list[FieldError]:
    if until is None or now < until <= now + LONGEST_UNTIL:
        return []
    return [FieldError("until", "The end must be in the future, and within ten years.")]


def unknown() -> NotFound:
    """The same for another organisation's, an ended one and none at all."""
    return NotFound("grant_unknown", "There is no such access here")
