"""Accounts elsewhere that sign somebody in here (OpenID Connect; ID-17).

Only what was connected signs in: an issuer's word for an e-mail address never opens the account that has that
address here, or whoever runs (or fools) an issuer could take it over. Connecting is done from inside.
"""

import hmac
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

from common.auth import Actor
from common.contracts.audit import ActRecorded
from common.errors import Conflict, Forbidden, NotFound
from common.ids import OrganisationId, UserId

LIFETIME = timedelta(minutes=10)
MOST = 10
"""Connected accounts of one person."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Provider:
    """An issuer that this installation trusts to say who somebody is there."""

    id: str
    name: str
    issuer: str
    client_id: str
    client_secret: str
    hosts: frozenset[str]
    """The only hosts that are asked, whatever the issuer's own description says."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Foreigner:
    """Somebody as an issuer knows them. `subject` is what stays the same; addresses and names do not."""

    issuer: str
    subject: str
    email: str | None
    """Only one that the issuer has verified."""
    first_name: str
    last_name: str

    @property
    def key(self) -> str:
        return f"{self.issuer}\n{self.subject}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Journey:
    """A trip to the issuer and back, once. The browser that left must be the one that returns: it alone has
    the proof (kept here as a digest, like `state`), which never stands in an address."""

    id: str
    provider: str
    state: bytes
    proof: bytes
    sealed: bytes
    """Nonce and code verifier."""
    user: UserId | None
    """Who connects an account; None: somebody signs in."""
    permanent: bool
    expires_at: datetime
    done: bool = False
    version: int = 1

    def returned(self, state: bytes, proof: bytes, user: UserId | None, now: datetime) -> "Journey":
        """The trip is over, whatever comes of it; `NotFound` when this is not its end."""
        right = hmac.compare_digest(self.state, state) & hmac.compare_digest(self.proof, proof)
        if self.done or now >= self.expires_at or not right or self.user != user:
            raise lost()
        return replace(self, done=True, version=self.version + 1)


def lost() -> NotFound:
    """The same for unknown, expired, used and somebody else's."""
    return NotFound("sign_in_over", "This sign-in is over", next_step="Begin again.")


@dataclass(frozen=True, slots=True, kw_only=True)
class ConnectedAccount:
    id: str
    provider: str
    key: str
    """Issuer and subject."""
    email: str | None
    connected_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class ConnectedAccounts:
    """All of one person, in one aggregate: of two that are disconnected at the same instant, the second
    finds itself to be the last way in."""

    id: UserId
    accounts: tuple[ConnectedAccount, ...] = ()
    version: int = 0

    def connected(self, account: ConnectedAccount, actor: Actor) -> "tuple[ConnectedAccounts, ActRecorded]":
        must_be_at_home(actor)
        if any(known.key == account.key for known in self.accounts):
            raise already_connected()
        if len(self.accounts) >= MOST:
            raise Conflict("too_many_accounts", f"No more than {MOST} accounts can be connected")
        person = replace(self, accounts=(*self.accounts, account), version=self.version + 1)
        return person, person._act("connected_account.added", account, actor, account.connected_at)

    def disconnected(
        self, identity: str, actor: Actor, now: datetime
    ) -> "tuple[ConnectedAccounts, ConnectedAccount, ActRecorded]":
        """Whether another way in stays is the matter of `ways_in`."""
        must_be_at_home(actor)
        account = next((known for known in self.accounts if known.id == identity), None)
        if account is None:
            raise NotFound("connected_account_not_found", "There is no such connected account")
        rest = tuple(known for known in self.accounts if known.id != identity)
        person = replace(self, accounts=rest, version=self.version + 1)
        return person, account, person._act("connected_account.removed", account, actor, now)

    def touched(self) -> "ConnectedAccounts":
        """The same, saved along with what relies on it."""
        return replace(self, version=self.version + 1)

    def _act(self, act: str, account: ConnectedAccount, actor: Actor, now: datetime) -> ActRecorded:
        return ActRecorded(
            organisation=OrganisationId(actor.organisation),
            act=act,
            object=account.id,
            details={"provider": account.provider},
            version=self.version,
            at=now,
        )


@dataclass(frozen=True, slots=True)
class Linked:
    """This account signs this person in: no other, that is what the database sees to."""

    key: str
    user: UserId


@dataclass(frozen=True, slots=True)
class Unlinked:
    """This account signs nobody in any more."""

    key: str


def already_connected() -> Conflict:
    return Conflict("already_connected", "This account is connected already, here or to somebody else")


def must_be_at_home(actor: Actor) -> None:
    """One's own account is no business of a customer's organisation that one visits."""
    if actor.visitor:
        raise Forbidden("members_only", "Go back to your own organisation first")


def foreigner(claims: Mapping[str, Any]) -> Foreigner:
    """Who a verified ID token speaks of."""
    email = claims.get("email") if claims.get("email_verified") is True else None
    return Foreigner(
        issuer=str(claims["iss"]),
        subject=str(claims["sub"]),
        email=email if isinstance(email, str) and 3 <= len(email) <= 254 else None,
        first_name=_name(claims.get("given_name")),
        last_name=_name(claims.get("family_name")),
    )


def _name(claim: object) -> str:
    return " ".join(claim.split())[:80] if isinstance(claim, str) and claim.isprintable() else ""
