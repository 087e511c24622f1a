"""What other services tell reaches an organisation's people with one question for all of them."""

from datetime import UTC, datetime
from typing import Any

import pytest
from pymongo import AsyncMongoClient

from common.auth import Role
from common.cause import Cause, because_of
from common.contracts.relay import AllowanceCrossed
from common.database import Insert
from common.ids import OrganisationId, UserId
from common.mongo import MongoDatabase, open_client
from common.testing import FixedClock, memory_sealer
from identity.clients.letters import write
from identity.domain.accounts import Membership, Organisation, User
from identity.domain.mails import Letter
from identity.service.announcements import READERS_LIMIT, Announcements
from identity.service.mails import PostOffice
from identity.service.secrets import Secrets
from identity.store import INDEXES, OrganisationStore

pytestmark = pytest.mark.servers
NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
ACME = OrganisationId("acme")


class Nowhere:
    async def carry(self, letter: Letter) -> None:
        """Nothing is sent here."""


def people(number: int) -> tuple[User, Membership]:
    user = User(
        id=UserId(f"u{number}"), email=f"u{number}@acme.example", first_name=f"U{number}", last_name="",
        language="en", password_hash="h", accepted=(), created_at=NOW,
    )  # fmt: skip
    return user, Membership(organisation=ACME, user=user.id, role=Role.ADMIN, since=NOW)


async def test_all_readers_are_looked_up_together_by_an_index(mongo_url: str, prefix: str) -> None:
    client: AsyncMongoClient[dict[str, Any]] = AsyncMongoClient(mongo_url)
    driver = open_client(mongo_url)
    database = MongoDatabase(driver, prefix)
    await database.ensure(INDEXES)
    store, profiled = OrganisationStore(database), client[prefix]
    acme = Organisation(
        id=ACME, name="Acme", kind="customer", country="DE", time_zone="UTC", currency="EUR", language="en",
        created_at=NOW,
    )  # fmt: skip
    await store.save(acme, *(thing for number in range(READERS_LIMIT + 10) for thing in people(number)))
    post = PostOffice(store, Secrets(memory_sealer()), FixedClock(), write, Nowhere())
    event = AllowanceCrossed(
        organisation=ACME, version=1, at=NOW, period="2026-03", percent=80, used_bytes=8, allowance_bytes=10
    )
    await profiled.command("profile", 2)
    with because_of(Cause(Insert("inbox", {"_id": "e1"}), "e1")):
        await Announcements(store, post, "https://portal.example").hear(event)
    await profiled.command("profile", 0)

    asked = await profiled["system.profile"].find({"op": "query", "ns": f"{prefix}.users"}).to_list()
    assert len(asked) == 1
    assert "IXSCAN" in asked[0]["planSummary"]
    assert await profiled["mails"].count_documents({}) == READERS_LIMIT
    await client.drop_database(prefix)
    await client.close()
    driver.close()
