"""What card processors tell us unasked: signed, perhaps twice, late, or out of order."""

from collections.abc import Awaitable, Callable, Mapping

import structlog
from prometheus_client import Counter

from common.errors import Conflict, NotFound, Unauthenticated
from licensing.service.card_provider import About, CardProvider
from licensing.service.cards import CardService
from licensing.service.charges import ChargeService
from licensing.service.disputes import DisputeService
from licensing.service.refunds import RefundService

LONGEST = 256 * 1024
"""Bytes of one message."""
HEARD = Counter("vedette_licensing_payment_events_total", "What card processors told us", ["outcome"])
log = structlog.get_logger("payment-events")


class PaymentEventService:
    def __init__(
        self,
        provider: CardProvider | None,
        charges: ChargeService,
        cards: CardService,
        refunds: RefundService,
        disputes: DisputeService,
    ) -> None:
        self._provider = provider
        self._readers: Mapping[About, Callable[[str], Awaitable[bool]]] = {
            About.CHARGE: charges.told,
            About.SETUP: cards.told,
            About.REFUND: refunds.told,
            About.DISPUTE: disputes.told,
        }

    async def take(self, provider: str, body: bytes, headers: Mapping[str, str]) -> None:
        if self._provider is None or provider != self._provider.name:
            raise NotFound("provider_unknown", "No card processor of this name is set up here")
        try:
            if len(body) > LONGEST:
                raise Unauthenticated("message_too_long", "This is longer than any message of a processor's")
            notice = self._provider.notice(body, headers)
        except Unauthenticated:
            HEARD.labels("refused").inc()
            raise
        if notice is None:
            HEARD.labels("unwanted").inc()
            return
        try:
            known = await self._readers[notice.about](notice.reference)
        except Conflict as conflict:  # a card that has no room or is not confirmed: nothing to tell again
            log.info("event without effect", reference=notice.reference, why=conflict.code)
            known = True
        HEARD.labels("taken" if known else "unknown").inc()
