"""Mails to be sent: written together with their cause, so that none is lost and none is sent for nothing."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Literal

from identity.domain.accounts import Language

Template = Literal[
    "account_connected",
    "account_exists",
    "account_gone",
    "account_leaving",
    "account_stays",
    "activation",
    "factor_added",
    "factor_removed",
    "new_device",
    "one_time_password",
    "refresh_reused",
    "address_in_use",
    "allowance_nears",
    "allowance_used_up",
    "api_key_expires",
    "camera_contested",
    "camera_moved_away",
    "camera_returned",
    "camera_stays",
    "camera_taken_back",
    "cameras_inactive",
    "cameras_restored",
    "cameras_suspended",
    "contest_rejected",
    "charge_declined",
    "email_changed",
    "email_code_new",
    "email_code_old",
    "one_time_password",
    "partner_activation",
    "partner_request_declined",
    "partner_request_received",
    "partner_request_refused",
    "partner_welcome",
    "password_changed",
    "password_reset",
    "personal_activation",
    "inactivation_nears",
    "invitation",
    "invoice_issued",
    "partner_invitation",
    "payment_disputed",
    "payment_received",
    "plan_changes_soon",
    "staff_dispute",
    "support_entered",
    "support_reminder",
    "suspension_nears",
    "trial_ends_soon",
]
"""The files in each language's folder of templates."""
Value = str | int | datetime | list[str]
FIRST_PAUSE, LONGEST_PAUSE = timedelta(seconds=5), timedelta(minutes=10)
GIVE_UP = timedelta(days=1)
HELD = timedelta(minutes=1)
"""A sender that died has its mail taken over after so long."""
KEPT = timedelta(days=30)
"""How long it is remembered that a mail was sent (its secrets are gone at once)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Mail:
    """`id` is made from the cause, so one cause is one mail. `sealed` holds what only the reader may see."""

    id: str
    template: Template
    language: Language
    to: str
    values: Mapping[str, Value]
    sealed: bytes | None
    due_at: datetime
    give_up_at: datetime
    """A code that has expired is not worth a mail any more."""
    forget_at: datetime
    time_zone: str | None = None
    """The reader's, IANA name; None: not known, times are written in UTC."""
    attempts: int = 0
    state: Literal["waiting", "sent", "given_up"] = "waiting"
    version: int = 1

    def taken(self, now: datetime) -> "Mail":
        """In the hands of one sender, who must report before it counts as abandoned."""
        return replace(self, attempts=self.attempts + 1, due_at=now + HELD, version=self.version + 1)

    def sent(self) -> "Mail":
        return replace(self, state="sent", sealed=None, version=self.version + 1)

    def failed(self, now: datetime, *, for_good: bool) -> "Mail":
        """Not sent: later again with growing pauses, or given up."""
        pause = min(LONGEST_PAUSE, FIRST_PAUSE * 2 ** min(self.attempts - 1, 20))
        due = now + pause
        if for_good or due >= self.give_up_at:
            return replace(self, state="given_up", sealed=None, version=self.version + 1)
        return replace(self, due_at=due, version=self.version + 1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Letter:
    """A mail as it is read."""

    id: str
    to: str
    subject: str
    text: str
    html: str
