"""Credit notes that are issued, and billing information that changes: commits over several collections."""

from collections.abc import Sequence

from common.contracts import Event
from common.database import Database, Write
from licensing.domain.account import Account
from licensing.domain.billing_information import BillingInformation
from licensing.domain.invoice import Invoice
from licensing.domain.ledger import Booking
from licensing.domain.numbering import NumberRow
from licensing.store.accounts import account_write, ledger_write
from licensing.store.billing import information_write, number_write
from licensing.store.invoices import invoice_write


class CorrectionStore:
    def __init__(self, database: Database) -> None:
        self._database = database

    async def save_credit_note(
        self, note: Invoice, account: Account, booking: Booking, numbers: NumberRow
    ) -> None:
        writes: list[Write] = [
            number_write(numbers),
            account_write(account),
            invoice_write(note),
            ledger_write(booking),
        ]
        await self._database.commit(writes, [note.event])

    async def save_information(
        self, information: BillingInformation, account: Account | None, events: Sequence[Event]
    ) -> None:
        """`account`: when it is billed at another time than before."""
        writes: list[Write] = [information_write(information)]
        if account is not None:
            writes.append(account_write(account))
        await self._database.commit(writes, events)
