"""Joining as a partner: a registry of partner codes kept by staff, and requests that staff decide (ID-61 to
ID-67)."""

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Literal

from common.errors import Conflict, FieldError, Invalid
from common.ids import UserId
from identity.domain.accounts import Acceptance
from identity.domain.names import canonical_email
from identity.domain.registrations import Form

MOST_EMAILS = 50
"""Bound to one partner code."""
UNDECIDED, DECIDED = timedelta(days=180), timedelta(days=90)
"""How long a request is kept that nobody decides, and one that was decided. Who asked, approved or declined
is in staff's audit log: a name and an address need not stay for that."""
_CODE = re.compile(r"[A-Z0-9][A-Z0-9-]{3,39}")
CodeStatus = Literal["active", "blocked"]
RequestState = Literal["requested", "approved", "declined"]


def canonical_code(text: str) -> str:
    """One spelling of a partner code: capitals, digits and dashes."""
    return text.strip().upper()


@dataclass(frozen=True, slots=True, kw_only=True)
class PartnerCode:
    """A partner that has a contract. `id` is the code itself."""

    id: str
    company: str
    status: CodeStatus
    emails: tuple[str, ...]
    """Who may ask with this code; empty: any address."""
    created_at: datetime
    version: int = 1

    @classmethod
    def new(
        cls, code: str, company: str, status: CodeStatus, emails: Sequence[str], now: datetime
    ) -> "PartnerCode":
        code = canonical_code(code)
        if not _CODE.fullmatch(code):
            message = "A partner code has 4 to 40 letters A to Z, digits and dashes."
            raise Invalid("partner_code_invalid", message, errors=[FieldError("code", message)])
        return cls(id=code, company=company, status=status, emails=_addresses(emails), created_at=now)

    def changed(
        self, company: str | None, status: CodeStatus | None, emails: Sequence[str] | None
    ) -> "PartnerCode":
        """What is None stays."""
        return replace(
            self,
            company=self.company if company is None else company,
            status=status or self.status,
            emails=self.emails if emails is None else _addresses(emails),
            version=self.version + 1,
        )

    def admits(self, email: str) -> bool:
        return self.status == "active" and (not self.emails or email in self.emails)


def _addresses(emails: Sequence[str]) -> tuple[str, ...]:
    return tuple(sorted({canonical_email(email) for email in emails}))


@dataclass(frozen=True, slots=True, kw_only=True)
class PartnerRequest:
    """A partner's form that waits for staff. One open per e-mail address."""

    id: str
    form: Form
    accepted: tuple[Acceptance, ...]
    asked_at: datetime
    forget_at: datetime
    state: RequestState = "requested"
    decided_at: datetime | None = None
    decided_by: UserId | None = None
    reason: str | None = None
    """Why it was declined; the partner reads it."""
    version: int = 1

    @classmethod
    def asked(
        cls, identity: str, form: Form, accepted: tuple[Acceptance, ...], now: datetime
    ) -> "PartnerRequest":
        return cls(id=identity, form=form, accepted=accepted, asked_at=now, forget_at=now + UNDECIDED)

    def resubmitted(self, form: Form, accepted: tuple[Acceptance, ...], now: datetime) -> "PartnerRequest":
        """The latest form counts."""
        return replace(
            self, form=form, accepted=accepted, forget_at=now + UNDECIDED, version=self.version + 1
        )

    def approved(self, code: PartnerCode | None, by: UserId, now: datetime) -> "PartnerRequest":
        """`Conflict` when it was decided before, or when the code has been withdrawn since."""
        if code is None or not code.admits(self.form.email):
            raise Conflict(
                "partner_code_not_valid",
                "The partner code is not valid for this e-mail address any more",
                next_step="Correct the partner code, or decline the request.",
            )
        return self._decided("approved", by, now)

    def declined(self, reason: str, by: UserId, now: datetime) -> "PartnerRequest":
        """`Conflict` when it was decided before."""
        return replace(self._decided("declined", by, now), reason=reason)

    def _decided(self, state: RequestState, by: UserId, now: datetime) -> "PartnerRequest":
        if self.state != "requested":
            raise Conflict("request_decided", f"This request has been {self.state} already")
        return replace(
            self,
            state=state,
            decided_at=now,
            decided_by=by,
            forget_at=now + DECIDED,
            version=self.version + 1,
        )
