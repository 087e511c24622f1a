"""What other services' events mean to people: which mail, for whom, saying what.

A table: another announcement is another line here and another template in each language.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import timedelta
from decimal import Decimal
from typing import Any

from babel.numbers import get_currency_precision

from common.auth import Action
from common.contracts import Event
from common.contracts.licensing import (
    ChargeDeclined,
    InvoiceIssued,
    NoticeDue,
    PaymentDisputed,
    PaymentReceived,
    PlanChangeAnnounced,
    StandingChanged,
)
from common.contracts.provisioning import TransferChanged
from common.contracts.relay import AllowanceCrossed
from identity.domain.mails import Template, Value

GIGABYTE = 10**9
"""As the allowance is counted (D10)."""


@dataclass(frozen=True, slots=True)
class Announcement:
    """`readers`: whoever may do this in the organisation gets the mail. `mail` makes of the event a template
    and its values, or None: nothing to be mailed; `name`, `organisation` and `link` (the portal) are put
    beside them."""

    readers: Action
    mail: Callable[[Any], tuple[Template, Mapping[str, Value]] | None]
    staff: tuple[Action, Callable[[Any], tuple[Template, Mapping[str, Value]]]] | None = None
    """Whoever of our staff may do this gets a mail of their own."""


def _allowance(event: AllowanceCrossed) -> tuple[Template, Mapping[str, Value]]:
    return "allowance_nears" if event.percent < 100 else "allowance_used_up", {
        "percent": event.percent,
        "used": event.used_bytes // GIGABYTE,
        "allowance": event.allowance_bytes // GIGABYTE,
        "period": event.period,
    }


def _amount(minor: int, currency: str) -> str:
    """Minor units (cents; yen) as a decimal number."""
    return str(Decimal(minor).scaleb(-get_currency_precision(currency)))


def _invoice(event: InvoiceIssued) -> tuple[Template, Mapping[str, Value]] | None:
    if event.amount <= 0:
        return None  # nothing to be paid; it is in the portal
    return "invoice_issued", {
        "number": event.number,
        "month": event.month,
        "amount": _amount(event.amount, event.currency),
        "currency": event.currency,
        "due_on": event.due_on.isoformat(),
    }


def _payment(event: PaymentReceived) -> tuple[Template, Mapping[str, Value]]:
    return "payment_received", {
        "amount": _amount(event.amount, event.currency),
        "outstanding": _amount(event.outstanding, event.currency),
        "currency": event.currency,
    }


def _declined(event: ChargeDeclined) -> tuple[Template, Mapping[str, Value]]:
    again: dict[str, Value] = {} if event.next_try is None else {"next_try": event.next_try}
    return "charge_declined", {
        "number": event.number,
        "amount": _amount(event.amount, event.currency),
        "currency": event.currency,
        "reason": event.reason,
        **again,
    }


def _disputed(event: PaymentDisputed) -> tuple[Template, Mapping[str, Value]] | None:
    if event.state == "inquiry":
        return None  # nothing has happened to the customer's money
    return "payment_disputed", _dispute(event)


def _staff_dispute(event: PaymentDisputed) -> tuple[Template, Mapping[str, Value]]:
    return "staff_dispute", {**_dispute(event), "dispute": event.dispute, "reason": event.reason}


def _dispute(event: PaymentDisputed) -> Mapping[str, Value]:
    return {
        "number": event.number,
        "amount": _amount(event.amount, event.currency),
        "outstanding": _amount(event.outstanding, event.currency),
        "currency": event.currency,
        "state": event.state,
    }


NOTICES: Mapping[str, Template] = {
    "trial_ends": "trial_ends_soon",
    "suspension": "suspension_nears",
    "inactivation": "inactivation_nears",
}


def _notice(event: NoticeDue) -> tuple[Template, Mapping[str, Value]]:
    return NOTICES[event.kind], {
        "at": event.effective_at,
        "last_day": event.effective_at - timedelta(microseconds=1),
        "amount": _amount(event.amount, event.currency),
        "currency": event.currency,
        "cameras": event.cameras,
        "invoices": ", ".join(event.invoices),
    }


STANDINGS: Mapping[str, Template] = {
    "overdue": "cameras_suspended",
    "arrears": "cameras_inactive",
    "clear": "cameras_restored",
}


def _standing(event: StandingChanged) -> tuple[Template, Mapping[str, Value]]:
    owed: dict[str, Value] = {}
    if event.currency is not None:
        owed = {"amount": _amount(event.amount, event.currency), "currency": event.currency}
    return STANDINGS[event.standing], {
        "at": event.since,
        "invoices": ", ".join(event.invoices),
        **owed,
    }


MOVES: Mapping[tuple[str, str], Template] = {
    ("away", "done"): "camera_moved_away",
    ("here", "contested"): "camera_contested",
    ("here", "withdrawn"): "camera_stays",
    ("here", "rejected"): "camera_stays",
    ("here", "upheld"): "camera_taken_back",
    ("away", "rejected"): "contest_rejected",
    ("away", "upheld"): "camera_returned",
}
"""What an organisation did itself it need not be told."""


def _move(event: TransferChanged) -> tuple[Template, Mapping[str, Value]] | None:
    template = MOVES.get((event.direction, event.state))
    return template and (
        template,
        {
            "camera": event.name,
            "device": event.device.partition(":")[2],
            "contest_until": event.contest_until,
        },
    )


def _plan_change(event: PlanChangeAnnounced) -> tuple[Template, Mapping[str, Value]]:
    return "plan_changes_soon", {
        "plan": event.name,
        "at": event.effective_at,
        "cameras": event.cameras,
        "before": _amount(event.amount_before, event.currency),
        "after": _amount(event.amount_after, event.currency),
        "currency": event.currency,
    }


ANNOUNCEMENTS: Mapping[type[Event], Announcement] = {
    AllowanceCrossed: Announcement(Action.MANAGE_MEMBERS, _allowance),
    InvoiceIssued: Announcement(Action.READ_BILLING, _invoice),
    PaymentReceived: Announcement(Action.READ_BILLING, _payment),
    ChargeDeclined: Announcement(Action.READ_BILLING, _declined),
    PaymentDisputed: Announcement(
        Action.READ_BILLING, _disputed, staff=(Action.RECORD_PAYMENT, _staff_dispute)
    ),
    NoticeDue: Announcement(Action.READ_BILLING, _notice),
    PlanChangeAnnounced: Announcement(Action.READ_BILLING, _plan_change),
    StandingChanged: Announcement(Action.READ_BILLING, _standing),
    TransferChanged: Announcement(Action.CLAIM_CAMERA, _move),
}
