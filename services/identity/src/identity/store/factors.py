"""Authenticators and recovery codes, as they are kept in MongoDB; `IdentityStore` writes them."""

from common.coalesced import by_field, by_id
from common.database import Database, Document, Index
from common.ids import UserId
from identity.domain.authenticators import Authenticator, Passkey, RecoveryCodes, Totp
from identity.store.accounts import AUTHENTICATORS, RECOVERY_CODES, IdentityStore, named

INDEXES = (
    Index(AUTHENTICATORS, (("user", 1), ("state", 1), ("_id", 1))),
    Index(
        AUTHENTICATORS,
        (("passkey.credential", 1),),
        unique=True,
        where={"passkey.credential": {"$exists": True}},
    ),
    Index(AUTHENTICATORS, (("forget_at", 1),), expire_after=0),
)


class FactorStore:
    """Reads by what people know; writes through the store that knows all documents."""

    def __init__(self, database: Database, writer: IdentityStore) -> None:
        self._database = database
        self.save = writer.save
        self._working = by_field(database, AUTHENTICATORS, "user", {"state": "active"}, sort=[("_id", 1)])
        self._recovery_codes = by_id(database, RECOVERY_CODES)

    async def authenticators(self, user: UserId) -> list[Authenticator]:
        """Those that work, oldest first."""
        return [_authenticator(row) for row in await self._working.get(user) or ()]

    async def authenticator(self, identity: str, user: UserId) -> Authenticator | None:
        row = await self._database.get(AUTHENTICATORS, {"_id": identity, "user": user})
        return _authenticator(row) if row else None

    async def passkey(self, credential: bytes) -> Authenticator | None:
        """Whosever it is."""
        row = await self._database.get(AUTHENTICATORS, {"passkey.credential": credential})
        return _authenticator(row) if row else None

    async def recovery_codes(self, user: UserId) -> RecoveryCodes | None:
        row = await self._recovery_codes.get(user)
        if row is None:
            return None
        return RecoveryCodes(**(named(row) | {"digests": tuple(row["digests"])}))


def _authenticator(row: Document) -> Authenticator:
    totp, passkey = row["totp"], row["passkey"]
    parts = {"totp": Totp(**totp) if totp else None, "passkey": Passkey(**passkey) if passkey else None}
    return Authenticator(**(named(row) | parts))
