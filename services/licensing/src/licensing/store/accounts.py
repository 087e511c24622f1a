"""Accounts of organisations, payments, and the ledger."""

from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Any
from zlib import crc32

from common.contracts import Event
from common.database import Database, Direction, Document, Index, Insert, Save, Update, Write
from common.ids import OrganisationId
from licensing.domain.account import Account
from licensing.domain.ledger import Book, Booking, Posting
from licensing.domain.open_invoice import OpenInvoice
from licensing.domain.payment import Allocation, Payment
from licensing.domain.standing import Debts, Turn
from licensing.domain.states import Circumstance
from licensing.domain.watch import Watch
from licensing.store.due import due

ACCOUNTS, PAYMENTS, LEDGER = "accounts", "payments", "ledger"
SHARDS = 16
"""Accounts are spread over so many leases: as many replicas can close months side by side."""
ACCOUNT_INDEXES = (
    Index(ACCOUNTS, (("shard", 1), ("due", 1), ("_id", 1))),
    Index(ACCOUNTS, (("due", 1), ("shard", 1))),
    Index(ACCOUNTS, (("look_at", 1), ("_id", 1))),
    Index(PAYMENTS, (("provider", 1), ("reference", 1)), unique=True),
    Index(PAYMENTS, (("organisation", 1), ("_id", 1))),
    Index(LEDGER, (("organisation", 1), ("_id", 1))),
)


class AccountStore:
    def __init__(self, database: Database) -> None:
        self._database = database

    async def account(self, organisation: OrganisationId) -> Account:
        """The account as it is; an empty one when nothing ever happened."""
        row = await self._database.get(ACCOUNTS, {"_id": organisation})
        return account_of(row) if row else Account(organisation)

    async def accounts(self, organisations: Collection[OrganisationId]) -> list[Account]:
        rows = await self._database.find(ACCOUNTS, {"_id": {"$in": list(organisations)}}, sort=[("_id", 1)])
        return [account_of(row) for row in rows]

    async def save_account(self, account: Account) -> None:
        await self._database.commit([account_write(account)])

    # What is due

    async def next_close(self, besides: Collection[OrganisationId]) -> datetime | None:
        rows = await self._database.find(
            ACCOUNTS, _due(None, besides), sort=[("due", 1)], limit=1, fields=["due"]
        )
        return rows[0]["due"] if rows else None

    async def close_dates(
        self, organisations: Collection[OrganisationId]
    ) -> list[tuple[OrganisationId, datetime]]:
        if not organisations:
            return []
        where = {"_id": {"$in": list(organisations)}, **due("due")}
        return [(row["_id"], row["due"]) for row in await self._database.find(ACCOUNTS, where)]

    async def shard_due(
        self, by: datetime, *, besides: Collection[OrganisationId], apart: Collection[int]
    ) -> tuple[int, datetime] | None:
        """Where something is due and since when, the most urgent first; none of the shards `apart`."""
        where = {**_due(by, besides), "shard": {"$nin": list(apart)}}
        order: list[tuple[str, Direction]] = [("due", 1), ("shard", 1)]
        rows = await self._database.find(ACCOUNTS, where, sort=order, limit=1, fields=["shard", "due"])
        return (rows[0]["shard"], rows[0]["due"]) if rows else None

    async def accounts_due(
        self, shard: int, by: datetime, *, besides: Collection[OrganisationId], limit: int
    ) -> list[Account]:
        where = {"shard": shard, **_due(by, besides)}
        rows = await self._database.find(ACCOUNTS, where, sort=[("due", 1), ("_id", 1)], limit=limit)
        return [account_of(row) for row in rows]

    async def put_off(self, account: Account, until: datetime) -> None:
        """Try again later; not if it has changed meanwhile."""
        where = {"_id": account.organisation, "version": account.version}
        await self._database.commit([Update(ACCOUNTS, where, {"$set": {"due": until}})])

    # Payments

    async def payment_told(self, provider: str, reference: str) -> Payment | None:
        """The payment that a provider told under this reference, whoever's it is."""
        row = await self._database.get(PAYMENTS, {"provider": provider, "reference": reference})
        return _payment(row) if row else None

    async def payments(
        self, organisation: OrganisationId, *, before: str | None, limit: int
    ) -> list[Payment]:
        where: dict[str, Any] = {"organisation": organisation}
        if before is not None:
            where["_id"] = {"$lt": before}
        rows = await self._database.find(PAYMENTS, where, sort=[("_id", -1)], limit=limit)
        return [_payment(row) for row in rows]

    async def save_payment(
        self, account: Account, payment: Payment, booking: Booking, events: Sequence[Event]
    ) -> None:
        writes: list[Write] = [
            account_write(account),
            Insert(PAYMENTS, _payment_row(payment)),
            ledger_write(booking),
        ]
        await self._database.commit(writes, events)

    async def bookings(self, organisation: OrganisationId) -> list[Booking]:
        rows = await self._database.find(LEDGER, {"organisation": organisation}, sort=[("_id", 1)])
        return [_booking(row) for row in rows]


def account_write(account: Account) -> Save:
    row = {
        "_id": account.organisation,
        "version": account.version,
        "shard": crc32(account.organisation.encode()) % SHARDS,
        "month": account.month,
        "due": account.due,
        "closed": account.closed,
        "licences": account.licences,
        "open": [
            {
                "invoice": one.invoice,
                "number": one.number,
                "month": one.month,
                "due_at": one.due_at,
                "overdue_at": one.overdue_at,
                "arrears_at": one.arrears_at,
                "currency": one.currency,
                "amount": one.amount,
            }
            for one in account.open
        ],
        "credits": dict(account.credits),
        "watch": _watch_row(account.watch),
        "look_at": account.watch.look_at(account.open),
    }
    return Save(ACCOUNTS, row)


def ledger_write(booking: Booking) -> Insert:
    row = {
        "_id": booking.id,
        "organisation": booking.organisation,
        "currency": booking.currency,
        "at": booking.at,
        "document": booking.document,
        "postings": [{"book": one.book.value, "amount": one.amount} for one in booking.postings],
    }
    return Insert(LEDGER, row)


def _due(by: datetime | None, besides: Collection[OrganisationId]) -> dict[str, Any]:
    return due("due", by) | ({"_id": {"$nin": list(besides)}} if besides else {})


def account_of(row: Document) -> Account:
    known = {key: value for key, value in row.items() if key not in ("_id", "shard", "look_at")}
    known["open"] = tuple(OpenInvoice(**one) for one in row["open"])
    known["watch"] = _watch(row["watch"])
    return Account(organisation=row["_id"], **known)


def _watch_row(watch: Watch) -> Document:
    return {
        "turns": [
            {"since": one.since, "standing": one.standing.value, "recorded_at": one.recorded_at}
            for one in watch.debts.turns
        ],
        "said": watch.said.value,
        "looks": watch.looks,
        "warned": watch.warned,
    }


def _watch(row: Document) -> Watch:
    turns = (Turn(one["since"], Circumstance(one["standing"]), one["recorded_at"]) for one in row["turns"])
    return Watch(Debts(tuple(turns)), Circumstance(row["said"]), row["looks"], row["warned"])


def _payment_row(payment: Payment) -> Document:
    return {
        "_id": payment.id,
        "organisation": payment.organisation,
        "amount": payment.amount,
        "currency": payment.currency,
        "provider": payment.provider,
        "reference": payment.reference,
        "text": payment.text,
        "received_on": payment.received_on.isoformat(),
        "recorded_at": payment.recorded_at,
        "allocations": [
            {"invoice": one.invoice, "number": one.number, "amount": one.amount}
            for one in payment.allocations
        ],
    }


def _payment(row: Document) -> Payment:
    known = {key: value for key, value in row.items() if key != "_id"}
    known["received_on"] = datetime.fromisoformat(row["received_on"]).date()
    known["allocations"] = tuple(Allocation(**one) for one in row["allocations"])
    return Payment(id=row["_id"], **known)


def _booking(row: Document) -> Booking:
    found = tuple(Posting(Book(one["book"]), one["amount"]) for one in row["postings"])
    known = {key: value for key, value in row.items() if key not in ("_id", "postings")}
    return Booking(id=row["_id"], postings=found, **known)
