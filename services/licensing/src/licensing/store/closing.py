"""Months that are closed: everything of many organisations in one commit."""

from collections.abc import Sequence

from common.contracts import Event
from common.database import Database, Update, Write
from licensing.domain.closed_month import ClosedMonth
from licensing.domain.numbering import NumberRow
from licensing.store.accounts import account_write, ledger_write
from licensing.store.billing import closing_write, number_write
from licensing.store.invoices import invoice_write
from licensing.store.licences import LICENCES, change_writes


class ClosingStore:
    def __init__(self, database: Database) -> None:
        self._database = database

    async def save(self, months: Sequence[ClosedMonth], numbers: NumberRow | None) -> None:
        """The numbers first: whoever else takes some just now is met before anything else is written."""
        writes: list[Write] = [number_write(numbers)] if numbers else []
        events: list[Event] = []
        for month in months:
            writes += [account_write(month.account), closing_write(month.closing)]
            if month.invoice is not None:
                writes.append(invoice_write(month.invoice))
                events.append(month.invoice.event)
            writes += [ledger_write(booking) for booking in month.bookings]
            for change in month.changes:
                writes += change_writes(change)
                events.append(change.event)
            for licence in month.ended:
                known = {"_id": licence.id, "version": licence.version}
                writes.append(Update(LICENCES, known, {"$set": {"unbilled": False}}))
        await self._database.commit(writes, events)
