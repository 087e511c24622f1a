"""Payments and the account: routes, and a few lines for each."""

from common.auth import Action
from common.http import Answer, Call, NoQuery, Page, PageQuery, Route
from common.ids import OrganisationId
from licensing.api.payment_bodies import (
    AccountView,
    NewPayment,
    NewPaymentImport,
    PaymentImportView,
    PaymentView,
)
from licensing.service import ImportService, PaymentService
from licensing.service.payments import Receipt


class PaymentApi:
    def __init__(self, payments: PaymentService, imports: ImportService) -> None:
        self._payments = payments
        self._imports = imports

    def routes(self) -> list[Route]:
        return [
            Route(
                method="GET",
                path="/api/v1/billing-account",
                handler=self.account,
                summary="What the organisation owes, and its credit",
                tag="payments",
                allow=Action.READ_BILLING,
                answer=AccountView,
            ),
            Route(
                method="GET",
                path="/api/v1/payments",
                handler=self.page,
                summary="Payments of the organisation, the latest first",
                tag="payments",
                allow=Action.READ_BILLING,
                query=PageQuery,
                answer=Page[PaymentView],
            ),
            Route(
                method="POST",
                path="/api/v1/payments",
                handler=self.record,
                summary="Record a bank transfer (staff); the same reference is booked once (then 200)",
                tag="payments",
                allow=Action.RECORD_PAYMENT,
                body=NewPayment,
                answer=PaymentView,
                status=201,
                idempotent=True,
                problems=(404, 409),
            ),
            Route(
                method="POST",
                path="/api/v1/payment-imports",
                handler=self.take,
                summary="Book a bank's file (staff), row by row; safe to repeat, rows are known by reference",
                tag="payments",
                allow=Action.RECORD_PAYMENT,
                body=NewPaymentImport,
                answer=PaymentImportView,
            ),
        ]

    async def account(self, call: Call[None, NoQuery]) -> AccountView:
        return AccountView.of(await self._payments.account(call.actor.organisation))

    async def page(self, call: Call[None, PageQuery]) -> Page[PaymentView]:
        query = call.query
        found = await self._payments.page(call.actor.organisation, before=query.after(), limit=query.limit)
        items = [PaymentView.of(one) for one in found]
        return Page[PaymentView].of(items, query.limit, lambda one: one.id)

    async def record(self, call: Call[NewPayment, NoQuery]) -> Answer:
        body = call.body
        payment, new = await self._payments.receive(
            Receipt(
                organisation=OrganisationId(body.organisation),
                provider="manual",
                reference=body.reference,
                amount=body.amount,
                currency=body.currency,
                received_on=body.received_on,
                text=body.text,
            )
        )
        return Answer(PaymentView.of(payment), status=201 if new else 200)

    async def take(self, call: Call[NewPaymentImport, NoQuery]) -> PaymentImportView:
        return PaymentImportView.of(await self._imports.take(call.body.format, call.body.content))
