"""Billing information, invoices and credit notes: routes, and a few lines for each."""

from aiohttp import web

from common.auth import Action
from common.http import Call, NoQuery, Page, PageQuery, Route
from common.ids import OrganisationId
from licensing.api.billing_bodies import (
    BillingDetails,
    BillingInformationView,
    InvoiceSummary,
    InvoiceView,
    NewCreditNote,
    ReplayView,
)
from licensing.api.invoice_pdf import invoice_pdf
from licensing.service import BillingService, CreditNoteService, InvoiceService, ReplayService


class BillingApi:
    def __init__(
        self,
        billing: BillingService,
        invoices: InvoiceService,
        replays: ReplayService,
        credit_notes: CreditNoteService,
    ) -> None:
        self._billing = billing
        self._invoices = invoices
        self._replays = replays
        self._credit_notes = credit_notes

    def routes(self) -> list[Route]:
        information, one = "/api/v1/billing-information", "/api/v1/invoices/{invoice}"
        return [
            Route(
                method="GET",
                path=information,
                handler=self.read_information,
                summary="To whom bills are made out, now and from the next month on",
                tag="billing",
                allow=Action.READ_BILLING,
                answer=BillingInformationView,
            ),
            Route(
                method="PUT",
                path=information,
                handler=self.enter_information,
                summary="Enter billing information: at first it holds at once, later from the next month on",
                tag="billing",
                allow=Action.CHANGE_BILLING,
                body=BillingDetails,
                answer=BillingInformationView,
            ),
            Route(
                method="GET",
                path="/api/v1/invoices",
                handler=self.page,
                summary="Invoices and credit notes, the newest first",
                tag="invoices",
                allow=Action.READ_BILLING,
                query=PageQuery,
                answer=Page[InvoiceSummary],
            ),
            Route(
                method="GET",
                path=one,
                handler=self.show,
                summary="An invoice with its lines",
                tag="invoices",
                allow=Action.READ_BILLING,
                answer=InvoiceView,
                problems=(404,),
            ),
            Route(
                method="GET",
                path=f"{one}/pdf",
                handler=self.pdf,
                summary="The invoice as an accessible PDF (PDF/UA), in the customer's language",
                tag="invoices",
                allow=Action.READ_BILLING,
                problems=(404,),
            ),
            Route(
                method="GET",
                path=f"{one}/replay",
                handler=self.replay,
                summary="Compute the invoice again from the licences' log and compare line by line",
                tag="invoices",
                allow=Action.READ_BILLING,
                answer=ReplayView,
                problems=(404, 409),
            ),
            Route(
                method="POST",
                path="/api/v1/credit-notes",
                handler=self.credit,
                summary="Take back lines of an invoice, or all that is left of it (staff)",
                tag="invoices",
                allow=Action.CORRECT_BILL,
                body=NewCreditNote,
                answer=InvoiceView,
                status=201,
                idempotent=True,
                problems=(404, 409),
            ),
        ]

    async def read_information(self, call: Call[None, NoQuery]) -> BillingInformationView:
        return BillingInformationView.told(await self._billing.read(call.actor.organisation))

    async def enter_information(self, call: Call[BillingDetails, NoQuery]) -> BillingInformationView:
        known = await self._billing.enter(call.actor.organisation, call.body.details())
        return BillingInformationView.told(known)

    async def page(self, call: Call[None, PageQuery]) -> Page[InvoiceSummary]:
        organisation, query = call.actor.organisation, call.query
        found = await self._invoices.page(organisation, before=query.after(), limit=query.limit)
        owed = await self._invoices.outstanding(organisation)
        items = [InvoiceSummary.of(one, owed.get(one.id, 0)) for one in found]
        return Page[InvoiceSummary].of(items, query.limit, lambda one: one.id)

    async def show(self, call: Call[None, NoQuery]) -> InvoiceView:
        organisation = call.actor.organisation
        invoice = await self._invoices.get(organisation, call.path["invoice"])
        owed = await self._invoices.outstanding(organisation)
        return InvoiceView.told(invoice, owed.get(invoice.id, 0))

    async def pdf(self, call: Call[None, NoQuery]) -> web.Response:
        invoice = await self._invoices.get(call.actor.organisation, call.path["invoice"])
        name = {"Content-Disposition": f'inline; filename="{invoice.number}.pdf"'}
        return web.Response(body=await invoice_pdf(invoice), content_type="application/pdf", headers=name)

    async def replay(self, call: Call[None, NoQuery]) -> ReplayView:
        return ReplayView.of(await self._replays.replay(call.actor.organisation, call.path["invoice"]))

    async def credit(self, call: Call[NewCreditNote, NoQuery]) -> InvoiceView:
        body = call.body
        amounts = {line.number: line.amount for line in body.lines} if body.lines is not None else None
        organisation = OrganisationId(body.organisation)
        made = await self._credit_notes.issue(organisation, body.invoice, amounts, body.note)
        return InvoiceView.told(made, 0)
