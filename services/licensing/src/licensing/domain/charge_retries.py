"""A card that an invoice charges by itself may say no: it is tried again, on days known beforehand."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from common.contracts.licensing import ChargeDeclined, DeclineReason
from licensing.domain.charge import Charge, ChargeState

REASONS: Mapping[str, DeclineReason] = {
    "insufficient_funds": "insufficient_funds",
    "withdrawal_count_limit_exceeded": "insufficient_funds",
    "card_velocity_exceeded": "insufficient_funds",
    "expired_card": "card_expired",
    "lost_card": "card_blocked",
    "stolen_card": "card_blocked",
    "pickup_card": "card_blocked",
    "restricted_card": "card_blocked",
    "card_not_supported": "card_blocked",
    "currency_not_supported": "card_blocked",
    "incorrect_number": "details_wrong",
    "incorrect_cvc": "details_wrong",
    "invalid_cvc": "details_wrong",
    "invalid_expiry_month": "details_wrong",
    "invalid_expiry_year": "details_wrong",
    "authentication_required": "authentication_needed",
}
"""A processor's code -> what people are told. What is not here is `card_refused`: banks seldom say why."""
HOPELESS = frozenset({"card_expired", "card_blocked", "details_wrong"})
"""The same card will say the same: asking again and again is what card networks punish."""


@dataclass(frozen=True, slots=True)
class Schedule:
    """`days`: after the first try, in growing order."""

    days: tuple[int, ...] = (1, 3, 5, 7)

    def after(self, tried: int, first: datetime) -> datetime | None:
        """When to try again; None: it was tried often enough."""
        return first + timedelta(days=self.days[tried - 1]) if tried <= len(self.days) else None


def reason_of(charge: Charge) -> DeclineReason:
    if charge.state is ChargeState.AUTHENTICATION_NEEDED:
        return "authentication_needed"
    return REASONS.get(charge.reason, "card_refused")


def planned(charge: Charge, schedule: Schedule) -> Charge:
    """What was just heard is kept with the time of the next try, if there is one."""
    again = None
    if charge.automatic and charge.state is ChargeState.DECLINED and reason_of(charge) not in HOPELESS:
        again = schedule.after(charge.attempt, charge.first_at or charge.begun_at)
    return replace(charge, retry_at=again)


def declined(charge: Charge, now: datetime) -> list[ChargeDeclined]:
    """What there is to tell: nobody sits before a screen when an invoice charges a card by itself."""
    if not charge.automatic or charge.state not in (ChargeState.DECLINED, ChargeState.AUTHENTICATION_NEEDED):
        return []
    return [
        ChargeDeclined(
            organisation=charge.organisation,
            version=charge.version,
            at=now,
            charge=charge.id,
            invoice=charge.invoice,
            number=charge.number,
            amount=charge.amount,
            currency=charge.currency,
            reason=reason_of(charge),
            attempt=charge.attempt,
            next_try=charge.retry_at,
        )
    ]
