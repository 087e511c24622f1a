"""Keys for programs (ID-17): a person's own, or the organisation's.

A personal key acts as its person, in one organisation, never as more than the person may be there now. An
organisation's key has a role of its own and stays when the person who made it leaves.
"""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Literal

from common.auth import Action, Actor, Role, permits
from common.auth.permissions import PERMISSIONS
from common.contracts import Event
from common.contracts.audit import ActRecorded
from common.contracts.identity import SessionRevoked
from common.errors import Conflict, Forbidden, Unauthenticated
from common.ids import OrganisationId, SessionId, UserId
from identity.domain.accounts import Membership, Organisation

LONGEST_LIFE = timedelta(days=365)
REMIND_BEFORE = timedelta(days=7)
KEPT = timedelta(days=90)
"""How long a key that is over is still listed."""
MOST = {"personal": 50, "organisation": 200}
"""Live keys of one person in one organisation; of one organisation."""
NEVER: frozenset[Action] = frozenset({Action.MANAGE_API_KEYS, Action.ENTER_CUSTOMER, Action.ENTER_SUPPORT})
"""What no key may do: make keys, or enter somebody else's organisation."""
_FAMILIES = (
    (Role.SUPER_ADMIN, Role.ADMIN, Role.OPERATOR, Role.VIEWER),
    (Role.PARTNER_SUPER_ADMIN, Role.TECHNICIAN),
    (Role.STAFF_ADMIN, Role.STAFF),
)
Kind = Literal["personal", "organisation"]
State = Literal["active", "expired", "revoked"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Wish:
    """What somebody wants a key for. `role`: for the organisation's keys."""

    name: str
    actions: frozenset[Action]
    lifetime: timedelta
    role: Role | None = None


@dataclass(frozen=True, slots=True)
class Standing:
    """As what a key acts, and whether its person's rights end at some items or servers."""

    role: Role
    scoped: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class ApiKey:
    """`id` is also the session of every token that the key is exchanged for, so ending it ends them."""

    id: SessionId
    organisation: OrganisationId
    kind: Kind
    owner: UserId
    """Who made it; of a personal key also whose rights it has."""
    role: Role | None
    """An organisation's key has its own; a personal one has its person's of the moment."""
    actions: tuple[Action, ...]
    name: str
    digest: bytes
    hint: str
    """The key's last letters, so that people can tell which one it is."""
    strong: bool
    """Made in a session with a second factor."""
    created_at: datetime
    expires_at: datetime
    reminder: Literal["waiting", "sent", "none"]
    remind_at: datetime
    forget_at: datetime
    used_at: datetime | None = None
    ended_at: datetime | None = None
    version: int = 1

    @property
    def subject(self) -> UserId:
        """Who a token made from it says it is: its person, or nobody but itself."""
        return self.owner if self.kind == "personal" else UserId(self.id)

    def state(self, now: datetime) -> State:
        if self.ended_at is not None:
            return "revoked"
        return "active" if now < self.expires_at else "expired"

    def standing(self, member: Membership | None, place: Organisation | None, now: datetime) -> Standing:
        """As what it acts now; `Unauthenticated` when it is over. Who left took their keys with them, also
        when they came back: a membership younger than the key is another one."""
        if place is None or self.state(now) != "active":
            raise _over()
        if not (self.strong or place.policy.admits(None)):
            raise Unauthenticated(
                "api_key_too_weak",
                "This organisation needs a second factor, and this API key was made without one",
                next_step="Make a new one after signing in with a second factor.",
            )
        if self.role is not None:
            return Standing(self.role, scoped=False)
        if member is None or not member.holds(now) or member.since > self.created_at:
            raise _over()
        return Standing(member.role, member.scoped)

    def revoked(self, now: datetime) -> tuple["ApiKey", tuple[Event, ...]]:
        """Over at once, together with every token made from it."""
        key = replace(self, ended_at=now, reminder="none", version=self.version + 1)
        revoked = SessionRevoked(
            organisation=self.organisation,
            session=self.id,
            user=self.subject,
            reason="key_revoked",
            version=key.version,
            at=now,
        )
        return key, (revoked, key.act("api_key.revoked", now))

    def reminded(self) -> "ApiKey":
        return replace(self, reminder="sent", version=self.version + 1)

    def act(self, act: str, now: datetime) -> ActRecorded:
        """For the record."""
        return ActRecorded(
            organisation=self.organisation,
            act=act,
            object=self.id,
            details={"name": self.name, "kind": self.kind, "actions": " ".join(sorted(self.actions))},
            version=self.version,
            at=now,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class KeyUsed:
    """A key was exchanged for a token."""

    id: SessionId
    at: datetime


def _over() -> Unauthenticated:
    return Unauthenticated(
        "api_key_over", "This API key has expired or was revoked", next_step="Make a new one."
    )


def grantable(actor: Actor) -> frozenset[Action]:
    """What this person can give to a key."""
    return frozenset(action for action in Action if actor.may(action)) - NEVER


def made(
    identity: SessionId,
    wish: Wish,
    actor: Actor,
    live: Iterable[ApiKey],
    digest: bytes,
    hint: str,
    now: datetime,
) -> tuple[ApiKey, ActRecorded]:
    """A new key of `actor`'s, beside the `live` ones; `Forbidden` when it could do more than its maker."""
    kind: Kind = "personal" if wish.role is None else "organisation"
    if actor.via != "membership" or actor.scoped:
        raise Forbidden("members_only", "Only members with rights on the whole organisation can make keys")
    if not wish.actions <= grantable(actor) or not _can_hand_on(actor, wish):
        raise Forbidden("more_than_yours", "A key cannot be given more than you may do yourself")
    if sum(1 for _ in live) >= MOST[kind]:
        raise Conflict("too_many_keys", f"There are {MOST[kind]} keys already", next_step="Revoke one first.")
    expires = now + min(wish.lifetime, LONGEST_LIFE)
    key = ApiKey(
        id=identity,
        organisation=actor.organisation,
        kind=kind,
        owner=actor.user,
        role=wish.role,
        actions=tuple(sorted(wish.actions)),
        name=wish.name,
        digest=digest,
        hint=hint,
        strong=actor.strong,
        created_at=now,
        expires_at=expires,
        reminder="waiting" if wish.lifetime > REMIND_BEFORE else "none",
        remind_at=expires - REMIND_BEFORE,
        forget_at=expires + KEPT,
    )
    return key, key.act("api_key.created", now)


def _can_hand_on(actor: Actor, wish: Wish) -> bool:
    """The key's role permits what it is for, and is no stranger to nor stronger than the maker's."""
    role = wish.role
    if role is None:
        return True
    family = next(family for family in (*_FAMILIES, (actor.role,)) if actor.role in family)
    return (
        role in family
        and PERMISSIONS[role] <= PERMISSIONS[actor.role]
        and all(permits(role, action) for action in wish.actions)
    )
