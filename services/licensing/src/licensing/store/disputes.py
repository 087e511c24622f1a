"""Disputes of card payments."""

from collections.abc import Sequence
from dataclasses import asdict
from datetime import datetime

from common.contracts import Event
from common.database import Database, Document, Index, Save, Update, Write
from licensing.domain.account import Account
from licensing.domain.dispute import Dispute, DisputeState
from licensing.domain.ledger import Booking
from licensing.store.accounts import account_write, ledger_write
from licensing.store.due import due

DISPUTES = "disputes"
DISPUTE_INDEXES = (Index(DISPUTES, (("due", 1),)),)


class DisputeStore:
    def __init__(self, database: Database) -> None:
        self._database = database

    async def dispute(self, identity: str) -> Dispute | None:
        row = await self._database.get(DISPUTES, {"_id": identity})
        return _dispute(row) if row else None

    async def put_off_dispute(self, dispute: Dispute) -> None:
        """Not if it has changed meanwhile."""
        where = {"_id": dispute.id, "version": dispute.version}
        await self._database.commit([Update(DISPUTES, where, {"$set": {"due": dispute.due}})])

    async def next_dispute(self) -> datetime | None:
        rows = await self._database.find(DISPUTES, due("due"), sort=[("due", 1)], limit=1, fields=["due"])
        return rows[0]["due"] if rows else None

    async def disputes_due(self, by: datetime, *, limit: int) -> list[Dispute]:
        rows = await self._database.find(DISPUTES, due("due", by), sort=[("due", 1)], limit=limit)
        return [_dispute(row) for row in rows]

    async def save_dispute(
        self, dispute: Dispute, account: Account | None, booking: Booking | None, events: Sequence[Event]
    ) -> None:
        """Account and ledger, when money has moved."""
        writes: list[Write] = []
        if account is not None:
            writes.append(account_write(account))
        writes.append(Save(DISPUTES, _row(dispute)))
        if booking is not None:
            writes.append(ledger_write(booking))
        await self._database.commit(writes, events)


def _row(dispute: Dispute) -> Document:
    row = asdict(dispute) | {"state": dispute.state and dispute.state.value}
    row["_id"] = row.pop("id")
    return row


def _dispute(row: Document) -> Dispute:
    known = {key: value for key, value in row.items() if key != "_id"}
    return Dispute(id=row["_id"], **known | {"state": DisputeState(row["state"])})
