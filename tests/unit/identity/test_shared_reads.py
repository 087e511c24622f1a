"""What several who sign in at once read together is what each would have read alone."""

import asyncio
from datetime import UTC, datetime

import pytest

from common.errors import Throttled
from common.ids import OrganisationId, SessionId, UserId, new_id
from common.testing import FixedClock, MemoryDatabase, memory_sealer
from identity.domain.sessions import Seen, Session, forgotten
from identity.domain.throttles import PASSWORD, Origin, Policy
from identity.service.secrets import Secrets
from identity.service.throttles import Throttles
from identity.store import IdentityStore
from identity.store.sessions import LATEST

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
ADA, BOB, EVE = UserId("ada"), UserId("bob"), UserId("eve")
HERE = Origin(address="198.51.100.7", network="198.51.100.0/24", agent="Firefox")


def session(user: UserId, agent: str) -> Session:
    return Session(
        id=SessionId(new_id()), user=user, organisation=OrganisationId("o"), permanent=False, refresh=b"r",
        agent=agent, network="198.51.100.0/24", created_at=NOW, used_at=NOW,
        forget_at=forgotten(NOW, NOW, permanent=False),
    )  # fmt: skip


async def test_one_persons_many_sessions_do_not_hide_another_persons_one() -> None:
    store = IdentityStore(MemoryDatabase())
    await store.save(session(BOB, "Bob's"))
    for number in range(3 * LATEST):
        await store.save(session(EVE, f"Eve's {number}"))

    ada, bob, eve = await asyncio.gather(store.seen(ADA), store.seen(BOB), store.seen(EVE))

    assert ada == []
    assert bob == [Seen("Bob's", "198.51.100.0/24")]
    assert [one.agent for one in eve] == [f"Eve's {3 * LATEST - 1 - back}" for back in range(LATEST)]


async def test_a_try_from_an_address_that_must_wait_does_not_count_against_the_account() -> None:
    clock, store = FixedClock(), IdentityStore(MemoryDatabase())
    throttles = Throttles(store, Secrets(memory_sealer()), clock, Policy(free=1))
    counted, _ = await throttles.claim_from(HERE, "sign_in", "ada", PASSWORD)
    await store.save(counted)
    for _ in range(PASSWORD.free):
        with pytest.raises(Throttled):
            await throttles.claim_from(HERE, "sign_in", "ada", PASSWORD)

    elsewhere = Origin(address="203.0.113.9", network=HERE.network, agent="Firefox")
    await throttles.claim_from(elsewhere, "sign_in", "ada", PASSWORD)


async def test_tries_at_the_same_instant_all_count() -> None:
    clock, store = FixedClock(), IdentityStore(MemoryDatabase())
    throttles = Throttles(store, Secrets(memory_sealer()), clock, Policy(free=100))

    tries = (throttles.claim_from(HERE, "sign_in", "ada", PASSWORD) for _ in range(20))
    outcomes = await asyncio.gather(*tries, return_exceptions=True)

    assert sum(not isinstance(one, Throttled) for one in outcomes) <= PASSWORD.free
