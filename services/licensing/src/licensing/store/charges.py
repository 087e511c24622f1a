"""Charges of cards and their refunds."""

from collections.abc import Sequence
from dataclasses import asdict
from datetime import datetime

from common.contracts import Event
from common.database import Database, Document, Index, Save, Update, Write
from common.ids import OrganisationId
from licensing.domain.account import Account
from licensing.domain.charge import Charge, ChargeState
from licensing.domain.ledger import Booking
from licensing.domain.refund import MOST_REFUNDS, Refund, RefundState
from licensing.store.accounts import account_write, ledger_write
from licensing.store.due import due

CHARGES, REFUNDS = "charges", "refunds"
CHARGE_INDEXES = (
    # Two that pay one invoice at once rest on this one: the second finds the first.
    Index(CHARGES, (("invoice", 1),), unique=True, where={"live": True}),
    Index(CHARGES, (("organisation", 1), ("invoice", 1), ("begun_at", 1))),
    Index(CHARGES, (("provider", 1), ("intent", 1)), where={"sent": True}),
    Index(CHARGES, (("due", 1),)),
    Index(CHARGES, (("retry_at", 1),)),
    Index(REFUNDS, (("organisation", 1), ("credit_note", 1))),
    Index(REFUNDS, (("provider", 1), ("reference", 1))),
    Index(REFUNDS, (("due", 1),)),
)


class ChargeStore:
    def __init__(self, database: Database) -> None:
        self._database = database

    async def charge(self, identity: str) -> Charge | None:
        row = await self._database.get(CHARGES, {"_id": identity})
        return _charge(row) if row else None

    async def live_charge(self, organisation: OrganisationId, invoice: str) -> Charge | None:
        where = {"invoice": invoice, "live": True, "organisation": organisation}
        row = await self._database.get(CHARGES, where)
        return _charge(row) if row else None

    async def charges_of(self, organisation: OrganisationId, invoice: str, *, limit: int) -> list[Charge]:
        """The newest first."""
        where = {"organisation": organisation, "invoice": invoice}
        rows = await self._database.find(CHARGES, where, sort=[("begun_at", -1)], limit=limit)
        return [_charge(row) for row in rows]

    async def charge_of(self, provider: str, intent: str) -> Charge | None:
        where = {"provider": provider, "intent": intent, "sent": True}
        row = await self._database.get(CHARGES, where)
        return _charge(row) if row else None

    async def save_charge(self, charge: Charge, events: Sequence[Event] = ()) -> None:
        await self._database.commit([charge_write(charge)], events)

    async def put_off_charge(self, charge: Charge) -> None:
        await self._database.commit([_put_off(CHARGES, charge)])

    async def next_charge(self) -> datetime | None:
        return await self._next(CHARGES)

    async def charges_due(self, by: datetime, *, limit: int) -> list[Charge]:
        return [_charge(row) for row in await self._due(CHARGES, by, limit)]

    async def next_retry(self) -> datetime | None:
        return await self._next(CHARGES, "retry_at")

    async def retries_due(self, by: datetime, *, limit: int) -> list[Charge]:
        return [_charge(row) for row in await self._due(CHARGES, by, limit, "retry_at")]

    # Refunds

    async def refund(self, identity: str) -> Refund | None:
        row = await self._database.get(REFUNDS, {"_id": identity})
        return _refund(row) if row else None

    async def refunds_of(self, organisation: OrganisationId, credit_note: str) -> list[Refund]:
        where = {"organisation": organisation, "credit_note": credit_note}
        rows = await self._database.find(REFUNDS, where, limit=MOST_REFUNDS)
        return [_refund(row) for row in rows]

    async def refund_of(self, provider: str, reference: str) -> Refund | None:
        row = await self._database.get(REFUNDS, {"provider": provider, "reference": reference})
        return _refund(row) if row else None

    async def save_refund(self, refund: Refund, events: Sequence[Event]) -> None:
        await self._database.commit([_refund_write(refund)], events)

    async def save_moved(
        self, refund: Refund, charge: Charge, account: Account, booking: Booking, events: Sequence[Event]
    ) -> None:
        """Credit, ledger and refund move together."""
        writes: list[Write] = [
            account_write(account),
            charge_write(charge),
            _refund_write(refund),
            ledger_write(booking),
        ]
        await self._database.commit(writes, events)

    async def put_off_refund(self, refund: Refund) -> None:
        await self._database.commit([_put_off(REFUNDS, refund)])

    async def next_refund(self) -> datetime | None:
        return await self._next(REFUNDS)

    async def refunds_due(self, by: datetime, *, limit: int) -> list[Refund]:
        return [_refund(row) for row in await self._due(REFUNDS, by, limit)]

    async def _next(self, collection: str, when: str = "due") -> datetime | None:
        rows = await self._database.find(collection, due(when), sort=[(when, 1)], limit=1, fields=[when])
        return rows[0][when] if rows else None

    async def _due(self, collection: str, by: datetime, limit: int, when: str = "due") -> list[Document]:
        return await self._database.find(collection, due(when, by), sort=[(when, 1)], limit=limit)


def charge_write(charge: Charge) -> Save:
    row = asdict(charge) | {
        "state": charge.state.value,
        "live": charge.live,
        "sent": charge.intent is not None,
    }
    row["_id"] = row.pop("id")
    return Save(CHARGES, row)


def _put_off(collection: str, one: Charge | Refund) -> Update:
    """Not if it has changed meanwhile."""
    where = {"_id": one.id, "version": one.version}
    return Update(collection, where, {"$set": {"due": one.due, "tries": one.tries}})


def _charge(row: Document) -> Charge:
    known = {key: value for key, value in row.items() if key not in ("_id", "live", "sent")}
    return Charge(id=row["_id"], **known | {"state": ChargeState(row["state"])})


def _refund_write(refund: Refund) -> Save:
    row = asdict(refund) | {"state": refund.state.value}
    row["_id"] = row.pop("id")
    return Save(REFUNDS, row)


def _refund(row: Document) -> Refund:
    known = {key: value for key, value in row.items() if key != "_id"}
    return Refund(id=row["_id"], **known | {"state": RefundState(row["state"])})
