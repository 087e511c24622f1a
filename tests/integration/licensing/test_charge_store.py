"""One suite for charges, refunds and cards, on the memory parts and on MongoDB; every lookup has its index."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from common.database import Database, Index
from common.errors import Conflict, Stale
from common.ids import OrganisationId
from common.mongo import MongoDatabase, open_client
from licensing.domain.account import Account
from licensing.domain.card import Card, Setup, Wallet
from licensing.domain.charge import Charge, ChargeState, Intent, IntentState
from licensing.domain.dispute import Dispute, DisputeOutcome, DisputeState
from licensing.domain.ledger import Book
from licensing.domain.refund import Refund
from licensing.store import INDEXES, AccountStore, CardStore, ChargeStore, DisputeStore

NOW = datetime(2026, 3, 1, 12, 0, 0, 123_000, tzinfo=UTC)
A, B = OrganisationId("org-a"), OrganisationId("org-b")
MINUTE = timedelta(minutes=1)


@pytest.fixture
def indexes() -> tuple[Index, ...]:
    return INDEXES


def charge(name: str, organisation: OrganisationId = A, invoice: str = "", minutes: int = 0) -> Charge:
    at = NOW + minutes * MINUTE
    return Charge(
        name,
        organisation,
        invoice or f"invoice-{name}",
        "1",
        605,
        "EUR",
        "stripe",
        "cus_1",
        "pm_1",
        False,
        at,
        at,
    )


def refund(name: str, of: Charge) -> Refund:
    return Refund(name, of.organisation, "note", of.id, of.intent or "", 100, "EUR", "stripe", NOW, NOW)


def intent(state: IntentState) -> Intent:
    return Intent("pi_1", state, 605, "EUR")


async def test_an_invoice_has_one_charge_that_runs(database: Database) -> None:
    store = ChargeStore(database)
    first = charge("1", invoice="i")
    await store.save_charge(first)
    with pytest.raises(Conflict):
        await store.save_charge(charge("2", invoice="i"))
    assert await store.live_charge(A, "i") == first
    assert await store.live_charge(B, "i") is None
    declined = first.prepared(intent(IntentState.DECLINED))
    await store.save_charge(declined)
    assert await store.charge_of("stripe", "pi_1") == declined
    declined = declined.hears(intent(IntentState.DECLINED), NOW)
    await store.save_charge(declined)
    with pytest.raises(Stale):
        await store.save_charge(declined)
    second = charge("2", invoice="i", minutes=1)
    await store.save_charge(second)
    assert await store.charges_of(A, "i", limit=9) == [second, declined]
    assert await store.charges_of(B, "i", limit=9) == []
    assert await store.charge_of("other", "pi_1") is None


async def test_what_is_due_is_found_in_order_and_what_changed_is_not_put_off(database: Database) -> None:
    store = ChargeStore(database)
    assert await store.next_charge() is None
    late, soon = charge("1", minutes=5), charge("2", minutes=1)
    for one in (late, soon):
        await store.save_charge(one)
    assert await store.next_charge() == NOW + MINUTE
    assert await store.charges_due(NOW + 5 * MINUTE, limit=9) == [soon, late]
    await store.put_off_charge(soon.put_off(NOW + 10 * MINUTE))
    assert await store.next_charge() == NOW + 5 * MINUTE
    paid = late.prepared(intent(IntentState.PAID)).hears(intent(IntentState.PAID), NOW, "payment")
    await store.save_charge(late.prepared(intent(IntentState.PAID)))
    await store.save_charge(paid)
    await store.put_off_charge(late.put_off(NOW))
    found = await store.charge("1")
    assert found == paid
    assert found is not None
    assert (found.state, found.due) == (ChargeState.PAID, None)


async def test_a_refund_moves_with_credit_charge_and_ledger_or_not_at_all(database: Database) -> None:
    store, accounts = ChargeStore(database), AccountStore(database)
    paid = charge("1").prepared(intent(IntentState.PAID))
    await store.save_charge(charge("1"))
    await store.save_charge(paid)
    account = Account(A, credits={"EUR": 100}, version=1)
    await accounts.save_account(account)
    begun = refund("r", paid)
    given, lower = paid.gives_back(100), account.pays_out(100, "EUR")
    await store.save_moved(begun, given, lower, begun.booking(NOW), [])
    assert await store.refunds_of(A, "note") == [begun]
    assert await store.refunds_of(B, "note") == []
    assert (await accounts.account(A)).credits == {}
    other = refund("s", paid)
    with pytest.raises(Stale):
        await store.save_moved(other, given, lower, other.booking(NOW), [])
    assert await store.refund("s") is None
    done = replace(begun, reference="re_1", version=2)
    await store.save_refund(done, [])
    assert await store.refund_of("stripe", "re_1") == done
    assert await store.refunds_due(NOW, limit=9) == [done]


async def test_a_wallet_comes_back_as_it_was_saved_and_a_setup_is_used_once(database: Database) -> None:
    store = CardStore(database)
    setup = Setup("s", A, "stripe", "seti_1", NOW + 60 * MINUTE)
    await store.save_setup(setup)
    known = Wallet(A, "stripe").known_as("cus_1")
    await store.save_wallet(known)
    wallet, _ = known.adds(Card("pm_1", "visa", "4242", "2030-12", id="s"), NOW)
    await store.save_card(wallet, setup, [])
    assert await store.wallet(A, "stripe") == wallet
    assert await store.wallet(B, "stripe") == Wallet(B, "stripe")
    assert (
        await store.setup(A, "s") == await store.setup_told("stripe", "seti_1") == replace(setup, used=True)
    )
    assert await store.setup(B, "s") is None
    with pytest.raises(Stale):
        await store.save_wallet(wallet)


async def test_a_dispute_is_kept_with_account_and_ledger_and_found_when_it_is_due(database: Database) -> None:
    store, accounts = DisputeStore(database), AccountStore(database)
    made = Dispute("stripe:dp_1", A, "stripe", "dp_1", "c", "p", "i", "1", "EUR", 605, NOW)
    told = DisputeOutcome("dp_1", "pi_1", DisputeState.OPEN, 605, "EUR", "fraudulent")
    heard, more = made.hears(told, 605, NOW)
    booking = heard.booking(more, 5, NOW)
    await store.save_dispute(heard, Account(A, version=1), booking, [])
    assert await store.dispute("stripe:dp_1") == heard
    assert [(one.book, one.amount) for (found,) in [await accounts.bookings(A)] for one in found.postings] == [
        (Book.PAYMENTS, -605), (Book.CREDITS, 5), (Book.RECEIVABLES, 600),
    ]  # fmt: skip
    assert await store.next_dispute() == heard.due
    assert await store.disputes_due(NOW, limit=9) == []
    await store.put_off_dispute(heard.put_off(NOW + MINUTE))
    assert [one.due for one in await store.disputes_due(NOW + timedelta(days=2), limit=9)] == [
        NOW + timedelta(days=1) + MINUTE
    ]
    with pytest.raises((Conflict, Stale)):
        await store.save_dispute(heard, Account(A, version=1), booking, [])
    decided, less = heard.hears(replace(told, state=DisputeState.WON), 605, NOW)
    assert less == -605
    await store.save_dispute(decided, None, None, [])
    assert await store.next_dispute() is None


class Watched:
    """A database that keeps what it was asked."""

    def __init__(self, database: MongoDatabase) -> None:
        self._database = database
        self.asked: list[tuple[str, Mapping[str, Any], Any]] = []

    async def find(self, collection: str, where: Mapping[str, Any], **more: Any) -> Any:
        self.asked.append((collection, where, more.get("sort", ())))
        return await self._database.find(collection, where, **more)

    async def get(self, collection: str, where: Mapping[str, Any]) -> Any:
        self.asked.append((collection, where, ()))
        return await self._database.get(collection, where)


@pytest.mark.servers
async def test_every_lookup_has_its_index(mongo_url: str, prefix: str) -> None:
    client = open_client(mongo_url)
    database = MongoDatabase(client, f"{prefix}_licensing")
    await database.ensure(INDEXES)
    watched: Any = Watched(database)
    store, cards, disputes = ChargeStore(watched), CardStore(watched), DisputeStore(watched)
    for ask in (
        store.charge("1"),
        store.live_charge(A, "i"),
        store.charges_of(A, "i", limit=9),
        store.charge_of("stripe", "pi_1"),
        store.next_charge(),
        store.charges_due(NOW, limit=9),
        store.next_retry(),
        store.retries_due(NOW, limit=9),
        store.refund("r"),
        store.refunds_of(A, "note"),
        store.refund_of("stripe", "re_1"),
        store.next_refund(),
        store.refunds_due(NOW, limit=9),
        disputes.dispute("stripe:dp_1"),
        disputes.next_dispute(),
        disputes.disputes_due(NOW, limit=9),
        cards.wallet(A, "stripe"),
        cards.setup(A, "s"),
        cards.setup_told("stripe", "seti_1"),
    ):
        await ask
    for collection, where, sort in watched.asked:
        cursor = database._database[collection].find(dict(where))
        plan = str(
            (await (cursor.sort(list(sort)) if sort else cursor).explain())["queryPlanner"]["winningPlan"]
        )
        assert "COLLSCAN" not in plan, (collection, where)
        assert "'SORT'" not in plan, (collection, where)
    client.close()
