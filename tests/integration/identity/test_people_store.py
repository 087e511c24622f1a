"""Requests, codes and departures as they are kept: one suite, against memory and against MongoDB."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from pymongo import AsyncMongoClient

from common.database import Database, Index
from common.errors import Conflict, Stale
from common.ids import UserId
from common.mongo import MongoDatabase, open_client
from identity.domain.accounts import Acceptance, User
from identity.domain.codes import OneTimeCode
from identity.domain.email_changes import EmailChange
from identity.domain.federation import ConnectedAccount, ConnectedAccounts, Linked
from identity.domain.leaving import leaving
from identity.domain.partner_requests import PartnerCode, PartnerRequest
from identity.domain.recoveries import Recovery
from identity.domain.registrations import Form
from identity.store import INDEXES, FederationStore, PeopleStore

pytestmark = pytest.mark.servers

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
CODE = OneTimeCode(digest=b"d", sealed=b"s", expires_at=NOW + timedelta(hours=1), tries_left=3, sent_at=NOW)
FORM = Form(
    organisation_name="Fitters", first_name="Pat", last_name="P", email="pat@fitters.example", country="GB",
    time_zone="Europe/London", currency="GBP", language="en", kind="partner", partner_code="STEP-0042",
)  # fmt: skip
ACCEPTED = (Acceptance(document="terms", edition="2026-01", at=NOW),)


@pytest.fixture
def indexes() -> tuple[Index, ...]:
    return INDEXES


@pytest.fixture
def store(database: Database) -> PeopleStore:
    return PeopleStore(database)


def user(number: int) -> User:
    return User(
        id=UserId(f"u{number}"), email=f"u{number}@acme.example", first_name="U", last_name="N", language="en",
        password_hash="h", accepted=ACCEPTED, created_at=NOW,
    )  # fmt: skip


async def test_what_is_kept_comes_back_as_it_was(store: PeopleStore) -> None:
    code = PartnerCode.new("step-0042", "Fitters", "active", ["b@x.example", "a@x.example"], NOW)
    request = PartnerRequest.asked("r1", FORM, ACCEPTED, NOW)
    recovery = Recovery.begun(UserId("u1"), CODE)
    change = EmailChange(id=UserId("u1"), email="n@x.example", old_code=CODE, new_code=CODE, forget_at=NOW)
    await store.save(code, request, recovery, change)

    assert await store.partner_code("STEP-0042") == code
    assert await store.partner_request("r1") == request
    assert await store.open_partner_request(FORM.email) == request
    assert await store.recovery(UserId("u1")) == recovery
    assert await store.email_change(UserId("u1")) == change


async def test_one_open_request_for_each_address(store: PeopleStore) -> None:
    request = PartnerRequest.asked("r1", FORM, ACCEPTED, NOW)
    await store.save(request)
    with pytest.raises(Conflict):
        await store.save(replace(request, id="r2"))
    await store.save(request.declined("No.", UserId("staff"), NOW))
    await store.save(replace(request, id="r2"))

    assert [one.id for one in await store.partner_requests("requested", None, 9)] == ["r2"]
    assert [one.id for one in await store.partner_requests("declined", None, 9)] == ["r1"]


async def test_of_two_decisions_the_second_is_stale(store: PeopleStore) -> None:
    request = PartnerRequest.asked("r1", FORM, ACCEPTED, NOW)
    await store.save(request)
    await store.save(request.declined("No.", UserId("a"), NOW))
    with pytest.raises(Stale):
        await store.save(request.declined("No.", UserId("b"), NOW))


async def test_who_leaves_first_comes_first_and_takes_what_is_theirs(store: PeopleStore) -> None:
    users = [leaving(user(number), NOW + timedelta(days=number)) for number in (3, 1, 2)]
    await store.save(user(0), *(replace(one, version=1) for one in users))
    await store.save(Recovery.begun(UserId("u1"), CODE))
    due = await store.leaving(NOW + timedelta(days=16), 9)

    assert await store.next_leaving() == NOW + timedelta(days=15)
    assert [one.id for one in due] == ["u1", "u2"]
    await store.part(replace(due[0], state="gone", version=2), due[0].email, events=())
    assert await store.recovery(UserId("u1")) is None
    assert [one.id for one in await store.leaving(NOW + timedelta(days=16), 9)] == ["u2"]


async def test_an_account_elsewhere_signs_nobody_in_who_has_gone(
    store: PeopleStore, database: Database
) -> None:
    elsewhere = FederationStore(database, store)
    account = ConnectedAccount(
        id="c1", provider="work", key="https://issuer.example ada", email="ada@work.example", connected_at=NOW
    )
    user_one = user(1)
    await store.save(user_one)
    known = ConnectedAccounts(id=user_one.id, accounts=(account,), version=1)
    await elsewhere.save(known, Linked(account.key, user_one.id))
    assert await elsewhere.user_by_key(account.key) == user_one
    await store.part(replace(user_one, state="gone", version=2), user_one.email, events=())

    assert await elsewhere.user_by_key(account.key) is None
    assert (await elsewhere.accounts(user_one.id)).accounts == ()


async def test_every_query_has_an_index(mongo_url: str, prefix: str) -> None:
    client: AsyncMongoClient[dict[str, Any]] = AsyncMongoClient(mongo_url)
    driver = open_client(mongo_url)
    real = MongoDatabase(driver, prefix)
    await real.ensure(INDEXES)
    store, profiled = PeopleStore(real), client[prefix]
    await test_who_leaves_first_comes_first_and_takes_what_is_theirs(store)
    await profiled.command("profile", 2)
    await store.partner_codes("A", 3)
    await store.partner_requests("requested", "r0", 3)
    await store.open_partner_request("a@b.example")
    await store.sign_ins_of(UserId("u1"))
    await store.personal_keys(UserId("u1"))
    await store.next_leaving()
    await store.leaving(NOW, 3)
    await store.part(replace(user(2), state="gone", version=2), user(2).email, events=())
    await profiled.command("profile", 0)
    seen = await profiled["system.profile"].find({"ns": {"$ne": f"{prefix}.system.profile"}}).to_list()
    planned = [entry for entry in seen if "planSummary" in entry]

    assert len(planned) == 7 + 10
    assert [entry["ns"] for entry in planned if "COLLSCAN" in entry["planSummary"]] == []
    assert [entry["ns"] for entry in planned if entry.get("hasSortStage")] == []
    await client.drop_database(prefix)
    await client.close()
    driver.close()
