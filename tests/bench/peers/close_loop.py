"""Closing months the usual way: account after account, licence after licence, a read and an insert for each
thing. The same domain code, the same bills, as durable."""

from datetime import datetime

from common.database import Insert, Update, Write
from common.ids import LicenceId
from common.mongo import MongoDatabase
from licensing.app import seller_of
from licensing.app.stores import Stores
from licensing.domain.closed_month import draft
from licensing.domain.invoice import Kind
from licensing.domain.month_close import LicenceLog, Terms, closing_id, month_lines
from licensing.domain.numbering import NumberRow
from licensing.domain.standing import PaymentTerms
from licensing.domain.timeline import Entry
from licensing.settings import Settings
from licensing.store.accounts import account_write, ledger_write
from licensing.store.billing import closing_write
from licensing.store.invoices import invoice_write
from many_accounts import organisation


class Loop:
    def __init__(self, made: MongoDatabase, settings: Settings) -> None:
        self._database = made
        self._stores = Stores.of(made, settings)
        self._seller = seller_of(settings)

    async def bill(self, place: int, now: datetime) -> None:
        stores, owner = self._stores, organisation(place)
        account = await stores.accounts.account(owner)
        known = await stores.organisations.organisation(owner)
        assert account.month is not None
        assert known is not None
        terms = Terms((await stores.billing.information([known]))[owner], account.month, "CZ")
        before = closing_id(owner, account.closed or "")
        closing = (await stores.billing.closings([before])).get(before)
        billed = dict(closing.read) if closing else {}
        licences = (await stores.licences.unbilled([owner]))[owner]
        logs: dict[LicenceId, list[Entry]] = {}
        for licence in licences:
            logs |= await stores.licences.logs([licence.id])
            log = LicenceLog(
                licence.id, licence.camera, licence.device, logs[licence.id], billed.get(licence.id, 0)
            )
            for line in month_lines(terms, [log]):
                found = {"_id": f"{line.licence}:{account.month}:{line.month}", "amount": line.amount}
                await self._database.commit([Insert("loop_lines", found)])
        made = draft(account, terms, licences, logs, billed, self._seller, PaymentTerms(), now)
        row, numbers = (await stores.billing.number_row(NumberRow.at(Kind.INVOICE, now))).take(1)
        month = made.issued(numbers[0])
        assert month.invoice is not None, "everybody has paid, so there is something to bill"
        taken = {"$set": {"last": row.last, "version": row.version}}
        writes: list[Write] = [
            Update("numbers", {"_id": row.id}, taken, upsert=True),
            invoice_write(month.invoice),
            *(ledger_write(booking) for booking in month.bookings),
            closing_write(month.closing),
            account_write(month.account),
        ]
        for write in writes:
            await self._database.commit([write])
