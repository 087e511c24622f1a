"""What others know of a person: the words that a password must not be."""

from typing import Protocol

from common.ids import OrganisationId, UserId
from identity.domain.accounts import Membership, Organisation, User


class KnownStore(Protocol):
    async def memberships(self, user: UserId) -> list[Membership]: ...

    async def organisations(self, identities: list[OrganisationId]) -> list[Organisation]: ...


async def known_of(store: KnownStore, user: User) -> tuple[str, ...]:
    """Names, addresses, and what the person's organisations are called."""
    belongs = await store.memberships(user.id)
    organisations = await store.organisations([member.organisation for member in belongs])
    return (*user.known_by, *(organisation.name for organisation in organisations))
