"""To whom an organisation's bills are made out, and where, in what currency and time zone.

A change holds from the next month on, so a month has one currency, one zone and one tax treatment. The first
entry is no change: it holds for the running month already. What held earlier is kept, dated, because bills
are recomputed from it.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime
from zoneinfo import ZoneInfo

from stdnum import get_cc_module
from stdnum.eu import vat as eu_vat
from stdnum.exceptions import ValidationError

from common.errors import FieldError, Invalid
from common.ids import OrganisationId
from licensing.domain.money import must_be_known
from licensing.domain.months import Calendar, Month, following
from licensing.domain.registration import Organisation
from licensing.domain.vat import EU, TaxStatus


@dataclass(frozen=True, slots=True)
class Details:
    legal_name: str
    street: str
    postal_code: str
    city: str
    country: str
    """ISO 3166-1 alpha-2."""
    tax_status: TaxStatus
    tax_id: str | None
    contacts: tuple[str, ...]
    """E-mail addresses that bills are sent to besides those of the organisation's owners."""
    currency: str
    time_zone: str
    language: str

    def checked(self, seller: str) -> "Details":
        """Normalised. Raises `Invalid`, field by field. `seller`: our country."""
        must_be_known(self.currency)
        errors = []
        try:
            ZoneInfo(self.time_zone)
        except (KeyError, ValueError, OSError):
            errors.append(FieldError("time_zone", "There is no such time zone"))
        tax_id = self.tax_id
        if tax_id is not None:
            try:
                tax_id = compact_tax_id(self.country, tax_id)
            except ValidationError:
                errors.append(FieldError("tax_id", f"This is no tax id of {self.country}"))
        elif self.tax_status is TaxStatus.BUSINESS and self.country in EU and self.country != seller:
            errors.append(FieldError("tax_id", "A business in another EU country needs its VAT id here"))
        if errors:
            raise Invalid("invalid", "The billing information was not accepted", errors=errors)
        return replace(self, tax_id=tax_id)


@dataclass(frozen=True, slots=True)
class Dated:
    """What holds from the month `since` on."""

    since: str
    recorded_at: datetime
    details: Details


@dataclass(frozen=True, slots=True)
class BillingInformation:
    organisation: OrganisationId
    usual: Details
    """What holds as long as nothing was entered."""
    dated: tuple[Dated, ...] = ()
    version: int = 0
    usual_later: tuple[Dated, ...] = ()
    """What is usual from some month on: the organisation has other preferences since."""

    @property
    def in_order(self) -> tuple[Dated, ...]:
        """All that ever holds after what is usual at first. What was entered is never overruled by
        preferences."""
        first = self.dated[0].since if self.dated else None
        usual = (one for one in self.usual_later if first is None or one.since < first)
        return (*usual, *self.dated)

    @property
    def latest(self) -> Details:
        return self.in_order[-1].details if self.in_order else self.usual

    @property
    def calendar(self) -> Calendar:
        zones = [("", self.usual.time_zone), *((one.since, one.details.time_zone) for one in self.in_order)]
        return Calendar(tuple(zones))

    def of(self, month: str) -> Details:
        """What holds in a month."""
        found = (one.details for one in reversed(self.in_order) if one.since <= month)
        return next(found, self.usual)

    def following(self, month: str) -> Dated | None:
        """What will hold after `month`, when that is something else."""
        known = self.in_order
        return known[-1] if known and known[-1].since > month else None

    def entered(self, details: Details, running: Month, now: datetime) -> "BillingInformation":
        """Entered again before it began to hold, it replaces what was entered."""
        since = following(running.name) if self._held(running.name) else running.name
        kept = tuple(one for one in self.dated if one.since < since)
        dated = (*kept, Dated(since, now, details))
        return replace(self, dated=dated, version=self.version + 1)

    def _held(self, month: str) -> bool:
        return any(one.since <= month for one in self.dated)


def usual_later(organisation: Organisation, seller: str) -> tuple[Dated, ...]:
    usual = usual_details(organisation, seller)
    return tuple(
        Dated(one.since, one.recorded_at, replace(usual, currency=one.currency, time_zone=one.time_zone))
        for one in organisation.preferences
    )


def usual_details(organisation: Organisation, seller: str) -> Details:
    """An organisation that has entered nothing pays as a private customer in our country."""
    return Details(
        legal_name=organisation.name,
        street="",
        postal_code="",
        city="",
        country=seller,
        tax_status=TaxStatus.PRIVATE,
        tax_id=None,
        contacts=(),
        currency=organisation.currency,
        time_zone=organisation.time_zone,
        language=organisation.language,
    )


def compact_tax_id(country: str, text: str) -> str:
    """The id as it is written on bills. Raises stdnum's `ValidationError` when it cannot be one."""
    if country in EU:
        prefix = "EL" if country == "GR" else country
        written = text.upper().replace(" ", "")
        return str(eu_vat.validate(written if written.startswith(prefix) else prefix + written))
    module = get_cc_module(country.lower(), "vat")
    validate: Callable[[str], str] = module.validate if module else str.strip
    return validate(text)
