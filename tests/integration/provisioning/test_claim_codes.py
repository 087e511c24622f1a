"""Claim codes on a real MongoDB: one camera for a code, whichever replica it asks."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import timedelta
from hashlib import sha256
from typing import Any

import pytest

from common.auth import Actor, Revocations, Role
from common.clock import SystemClock
from common.ids import OrganisationId, SessionId, UserId
from common.mongo import MongoDatabase, open_client
from common.testing import MemoryHouse
from provisioning.domain import Proof, canonical, user_hashes
from provisioning.service import ClaimCodes
from provisioning.store import INDEXES, ClaimCodeStore, InventoryStore
from provisioning.store.claim_codes import CODES
from provisioning_site import claim_service

pytestmark = pytest.mark.servers
ACTOR = Actor(UserId("u"), OrganisationId("org-a"), Role.SUPER_ADMIN, SessionId("s"), 4_000_000_000)


@pytest.fixture
async def database(mongo_url: str, prefix: str) -> AsyncIterator[MongoDatabase]:
    client = open_client(mongo_url)
    opened = MongoDatabase(client, f"{prefix}_provisioning")
    await opened.ensure(INDEXES)
    yield opened
    await client.drop_database(opened.name)
    client.close()


def _replica(database: MongoDatabase) -> ClaimCodes:
    parts = replace(MemoryHouse().parts("provisioning"), database=database, clock=SystemClock())
    store, codes = InventoryStore(database), ClaimCodeStore(database)
    return ClaimCodes(
        store, codes, claim_service(parts), Revocations(), parts.clock, timedelta(minutes=15)
    )  # fmt: skip


async def _shown(replica: ClaimCodes, code: str, number: int) -> str:
    device = canonical(f"0040ff{number:06x}")
    user_hash = user_hashes(device, "secret")[:32]
    proof = Proof(device.partition(":")[2], "/", "n", "00000001", "c", "", "POST")
    request = sha256(b"POST:/").hexdigest()
    text = f"{user_hash.hex()}:{proof.nonce}:{proof.count}:{proof.cnonce}:auth:{request}"
    proof.response = sha256(text.encode()).hexdigest()
    try:
        await replica.use(code, device, proof, user_hash, bytes(32))
    except Exception as error:
        return str(getattr(error, "code", error))
    return "added"


async def test_a_code_seen_by_many_cameras_on_several_replicas_adds_one(database: MongoDatabase) -> None:
    replicas = [_replica(database) for _ in range(3)]
    made = await replicas[0].make(ACTOR, None, None, "network")
    outcomes = await asyncio.gather(*(_shown(replicas[n % 3], made.code, n) for n in range(12)))
    assert Counter(outcomes) == {"added": 1, "claim_code_unknown": 11}
    assert len(await database.find("claims", {})) == 1
    assert len(await database.find("items", {})) == 1


async def test_waiting_codes_are_counted_from_an_index(database: MongoDatabase) -> None:
    replica = _replica(database)
    codes = [await replica.make(ACTOR, None, None, "network") for _ in range(5)]
    await _shown(replica, codes[0].code, 1)
    now = SystemClock().now()
    assert await ClaimCodeStore(database).waiting(ACTOR.organisation, now, 50) == 4
    where = {"organisation": ACTOR.organisation, "waiting": True, "expires_at": {"$gt": now}}
    plan: Any = await database._database[CODES].find(where, {"_id": 1}).explain()
    assert "COLLSCAN" not in str(plan["queryPlanner"]["winningPlan"])
    assert plan["executionStats"]["totalDocsExamined"] <= 4
