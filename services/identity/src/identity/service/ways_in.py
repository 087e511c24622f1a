"""Giving up a way to sign in, whichever it is: another one must stay."""

import asyncio
from typing import Protocol

from common.ids import UserId
from identity.domain.accounts import User
from identity.domain.authenticators import Authenticator
from identity.domain.federation import ConnectedAccounts
from identity.domain.ways_in import Way, what_stays


class AccountStore(Protocol):
    async def accounts(self, user: UserId) -> ConnectedAccounts: ...


class PasskeyStore(Protocol):
    async def authenticators(self, user: UserId) -> list[Authenticator]: ...


class WaysIn:
    def __init__(self, accounts: AccountStore, passkeys: PasskeyStore) -> None:
        self._accounts = accounts
        self._passkeys = passkeys

    async def without(self, user: User, identity: str) -> tuple[Way, ...]:
        """What stays when this one goes, to be saved in the same change; `Conflict` when nothing would."""
        accounts, authenticators = await asyncio.gather(
            self._accounts.accounts(user.id), self._passkeys.authenticators(user.id)
        )
        return what_stays(user, accounts, authenticators, identity)
