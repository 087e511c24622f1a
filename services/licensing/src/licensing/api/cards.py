"""Paying by card: routes, and a few lines for each."""

from common.auth import Action
from common.http import Answer, Call, NoQuery, Route
from common.ids import OrganisationId
from licensing.api.card_bodies import (
    CardChoice,
    CardsView,
    ChargesView,
    ChargeView,
    NewInvoicePayment,
    NewRefund,
    RefundView,
    SetupView,
)
from licensing.service.cards import CardService
from licensing.service.charges import ChargeService
from licensing.service.invoices import InvoiceService
from licensing.service.payment_events import PaymentEventService
from licensing.service.refunds import RefundService


class CardApi:
    def __init__(
        self,
        cards: CardService,
        charges: ChargeService,
        refunds: RefundService,
        events: PaymentEventService,
        invoices: InvoiceService,
    ) -> None:
        self._cards = cards
        self._charges = charges
        self._refunds = refunds
        self._events = events
        self._invoices = invoices

    def routes(self) -> list[Route]:
        cards, pay = "/api/v1/payment-methods", "/api/v1/invoices/{invoice}/payments"
        return [
            Route(
                method="POST",
                path=cards,
                handler=self.start,
                summary="Begin to add a card: the browser enters it at the card processor's",
                tag="cards",
                allow=Action.CHANGE_BILLING,
                answer=SetupView,
                status=201,
                problems=(409, 503),
            ),
            Route(
                method="POST",
                path=f"{cards}/{{card}}/confirm",
                handler=self.finish,
                summary="The card was entered: keep it; repeating it changes nothing",
                tag="cards",
                allow=Action.CHANGE_BILLING,
                answer=CardsView,
                problems=(404, 409, 503),
            ),
            Route(
                method="GET",
                path=cards,
                handler=self.show,
                summary="The organisation's cards, and which of them is charged",
                tag="cards",
                allow=Action.READ_BILLING,
                answer=CardsView,
                problems=(409,),
            ),
            Route(
                method="PUT",
                path=f"{cards}/default",
                handler=self.choose,
                summary="Which card is charged, and whether coming invoices charge it by themselves",
                tag="cards",
                allow=Action.CHANGE_BILLING,
                body=CardChoice,
                answer=CardsView,
                problems=(404, 409),
            ),
            Route(
                method="DELETE",
                path=f"{cards}/{{card}}",
                handler=self.remove,
                summary="Remove a card, at the card processor's too",
                tag="cards",
                allow=Action.CHANGE_BILLING,
                problems=(404, 409, 503),
            ),
            Route(
                method="POST",
                path=pay,
                handler=self.pay,
                summary="Charge a card for what is owed; while a charge runs, that one is the answer",
                tag="cards",
                allow=Action.PAY,
                body=NewInvoicePayment,
                answer=ChargeView,
                idempotent=True,
                problems=(404, 409, 429),
            ),
            Route(
                method="GET",
                path=pay,
                handler=self.of_invoice,
                summary="Charges of an invoice, the newest first",
                tag="cards",
                allow=Action.READ_BILLING,
                answer=ChargesView,
                problems=(404,),
            ),
            Route(
                method="POST",
                path="/api/v1/refunds",
                handler=self.give_back,
                summary="Give a credit note's money back to the card it came from (staff)",
                tag="cards",
                allow=Action.CORRECT_BILL,
                body=NewRefund,
                answer=RefundView,
                status=201,
                idempotent=True,
                problems=(404, 409),
            ),
            Route(
                method="POST",
                path="/api/v1/payment-events/{provider}",
                handler=self.hear,
                summary="A card processor's signed message",
                tag="cards",
                public=True,
                status=204,
                problems=(401, 404, 503),
            ),
        ]

    async def start(self, call: Call[None, NoQuery]) -> SetupView:
        setup, started = await self._cards.start(call.actor.organisation)
        return SetupView.of(setup, started)

    async def finish(self, call: Call[None, NoQuery]) -> CardsView:
        return CardsView.of(await self._cards.finish(call.actor.organisation, call.path["card"]))

    async def show(self, call: Call[None, NoQuery]) -> CardsView:
        return CardsView.of(await self._cards.wallet(call.actor.organisation))

    async def choose(self, call: Call[CardChoice, NoQuery]) -> CardsView:
        body = call.body
        return CardsView.of(await self._cards.choose(call.actor.organisation, body.card, body.automatic))

    async def remove(self, call: Call[None, NoQuery]) -> None:
        await self._cards.remove(call.actor.organisation, call.path["card"])

    async def pay(self, call: Call[NewInvoicePayment, NoQuery]) -> Answer:
        invoice = call.path["invoice"]
        charge, intent = await self._charges.pay(call.actor.organisation, invoice, call.body.card)
        return Answer(ChargeView.of(charge, intent), status=202 if charge.live else 200)

    async def of_invoice(self, call: Call[None, NoQuery]) -> ChargesView:
        invoice = await self._invoices.get(call.actor.organisation, call.path["invoice"])
        found = await self._charges.of_invoice(call.actor.organisation, invoice.id)
        return ChargesView(items=[ChargeView.of(one) for one in found])

    async def give_back(self, call: Call[NewRefund, NoQuery]) -> RefundView:
        body = call.body
        organisation = OrganisationId(body.organisation)
        return RefundView.of(await self._refunds.give_back(organisation, body.credit_note, body.amount))

    async def hear(self, call: Call[None, NoQuery]) -> None:
        body = await call.request.read()
        await self._events.take(call.path["provider"], body, call.request.headers)
