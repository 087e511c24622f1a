"""Billing information, closings, and the numbers of documents."""

from collections.abc import Collection
from typing import Any

from common.database import Database, Document, Insert, Save
from common.ids import OrganisationId
from licensing.domain.billing_information import (
    BillingInformation,
    Dated,
    Details,
    usual_details,
    usual_later,
)
from licensing.domain.month_close import Closing
from licensing.domain.numbering import NumberRow
from licensing.domain.registration import Organisation
from licensing.domain.vat import TaxStatus

INFORMATION, CLOSINGS, NUMBERS = "billing_information", "closings", "numbers"


class BillingStore:
    """`seller`: our country."""

    def __init__(self, database: Database, seller: str) -> None:
        self._database = database
        self._seller = seller

    async def information(
        self, organisations: Collection[Organisation]
    ) -> dict[OrganisationId, BillingInformation]:
        """Billing information of each of these organisations; the usual when it has entered none."""
        where = {"_id": {"$in": [one.id for one in organisations]}}
        rows = {row["_id"]: row for row in await self._database.find(INFORMATION, where)}
        return {one.id: self._information(one, rows.get(one.id)) for one in organisations}

    async def closings(self, ids: Collection[str]) -> dict[str, Closing]:
        rows = await self._database.find(CLOSINGS, {"_id": {"$in": list(ids)}})
        return {row["_id"]: _closing(row) for row in rows}

    async def number_row(self, known: NumberRow) -> NumberRow:
        """How far the series has come; `known` when it is not kept yet."""
        row = await self._database.get(NUMBERS, {"_id": known.id})
        return NumberRow(known.kind, known.year, row["last"], row["version"]) if row else known

    def _information(self, organisation: Organisation, row: Document | None) -> BillingInformation:
        usual = usual_details(organisation, self._seller)
        later = usual_later(organisation, self._seller)
        if row is None:
            return BillingInformation(organisation.id, usual, usual_later=later)
        dated = tuple(
            Dated(one["since"], one["recorded_at"], details(one["details"])) for one in row["dated"]
        )
        return BillingInformation(organisation.id, usual, dated, row["version"], later)


def information_write(information: BillingInformation) -> Save:
    dated = [
        {"since": one.since, "recorded_at": one.recorded_at, "details": details_row(one.details)}
        for one in information.dated
    ]
    row = {"_id": information.organisation, "version": information.version, "dated": dated}
    return Save(INFORMATION, row)


def number_write(row: NumberRow) -> Save:
    return Save(NUMBERS, {"_id": row.id, "version": row.version, "last": row.last})


def closing_write(closing: Closing) -> Insert:
    row = {
        "_id": closing.id,
        "organisation": closing.organisation,
        "month": closing.month,
        "previous": closing.previous,
        "licences": list(closing.read),
        "read": list(closing.read.values()),
        "invoice": closing.invoice,
    }
    return Insert(CLOSINGS, row)


def details_row(details: Details) -> Document:
    return {
        "legal_name": details.legal_name,
        "street": details.street,
        "postal_code": details.postal_code,
        "city": details.city,
        "country": details.country,
        "tax_status": details.tax_status.value,
        "tax_id": details.tax_id,
        "contacts": list(details.contacts),
        "currency": details.currency,
        "time_zone": details.time_zone,
        "language": details.language,
    }


def details(row: Document) -> Details:
    known: dict[str, Any] = {
        **row,
        "tax_status": TaxStatus(row["tax_status"]),
        "contacts": tuple(row["contacts"]),
    }
    return Details(**known)


def _closing(row: Document) -> Closing:
    read = dict(zip(row["licences"], row["read"], strict=True))
    return Closing(row["organisation"], row["month"], row["previous"], read, row["invoice"])
