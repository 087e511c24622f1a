"""Deleting an account: a wish that can be taken back for a while, then nothing that tells who it was."""

from dataclasses import replace
from datetime import datetime, timedelta

from common.errors import Conflict
from identity.domain.accounts import HIGHEST, LoginGone, Membership, Organisation, User

GRACE = timedelta(days=14)
"""Between the wish and the end."""


def leaving(user: User, now: datetime) -> User:
    """The account is to be removed after `GRACE`."""
    return replace(user, state="leaving", leaving_since=now, leaves_at=now + GRACE, version=user.version + 1)


def staying(user: User) -> User:
    """The person has changed their mind."""
    return replace(user, state="active", leaving_since=None, leaves_at=None, version=user.version + 1)


def gone(user: User) -> User:
    """The id stays, because logs and events name it."""
    return replace(
        user,
        email=f"{user.id}@gone.invalid",
        username=None,
        first_name="",
        last_name="",
        password_hash="!",  # noqa: S106 (the hash of no password)
        time_zone=None,
        state="gone",
        leaves_at=None,
        version=user.version + 1,
    )


def delayed(user: User, now: datetime) -> User:
    """It cannot be done now: tomorrow again."""
    return replace(user, leaves_at=now + timedelta(days=1), version=user.version + 1)


def names_gone(user: User) -> list[LoginGone]:
    names = dict.fromkeys([user.email, (user.username or user.email).lower()])
    return [LoginGone(name, user.id) for name in names]


def left(organisation: Organisation, user: User, members: list[Membership]) -> Organisation:
    """The organisation without this person (the same object when nothing changes); `Conflict` when others
    would be left without a Super Admin. Who is alone may go: nobody is left behind."""
    if all(member.user == user.id for member in members):
        return replace(organisation, owners=(), version=organisation.version + 1)
    try:
        return organisation.with_role(user.id, None)
    except Conflict:
        role = HIGHEST[organisation.kind].value.replace("_", " ").title()
        raise Conflict(
            "last_super_admin",
            f"You are the last {role} of {organisation.name}, which has other members",
            next_step=f"Make somebody else {role} there, then delete your account.",
        ) from None
