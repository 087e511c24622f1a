"""The lines of a month: what each licence cost in it, and what earlier months must be corrected by.

Two rules make every cent traceable:

- A closing notes how far each licence's log had been read. So what it has billed can be computed again at
  any time from the log up to there, whatever is appended later.
- What a licence is billed for a month, over all invoices, is the rounded fee of that month by the log as it
  is known. A fact heard late adds a line with the difference to the next invoice; differences telescope, so
  no remainder is lost or invented.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from common.ids import CameraId, LicenceId
from licensing.domain.billing_information import BillingInformation
from licensing.domain.fees import fee
from licensing.domain.invoice import Line, Reason
from licensing.domain.months import Month
from licensing.domain.plans import plan_named
from licensing.domain.timeline import Entry, Interval, intervals
from licensing.domain.vat import Treatment, treatment


@dataclass(frozen=True, slots=True)
class LicenceLog:
    """A licence's log as far as it is needed, and how far it was billed before."""

    licence: LicenceId
    camera: CameraId
    device: str
    entries: Sequence[Entry]
    billed: int
    """Entries up to this number were known to the closing before; 0: none."""


@dataclass(frozen=True, slots=True)
class Closing:
    """A month of an organisation, billed."""

    organisation: str
    month: str
    previous: str | None
    """The closing before."""
    read: Mapping[LicenceId, int]
    """Licence -> the last entry of its log that was known."""
    invoice: str | None
    """None: there was nothing to bill."""

    @property
    def id(self) -> str:
        return closing_id(self.organisation, self.month)


def closing_id(organisation: str, month: str) -> str:
    return f"{organisation}-{month}"


class Terms:
    """Currency, months and taxes that hold when a month is billed."""

    def __init__(self, information: BillingInformation, month: str, seller: str) -> None:
        self.calendar = information.calendar
        self.month = self.calendar.month(month)
        self.details = information.of(month)
        self._information = information
        self._seller = seller
        self._treatments: dict[str, Treatment] = {}

    def price(self, entry: Entry) -> int:
        # An earlier month is corrected in the currency of the invoice: priced, never converted.
        return plan_named(entry.plan, entry.plan_version).price(self.details.currency)

    def treatment(self, month: Month) -> Treatment:
        """A correction is taxed like the month that it corrects."""
        found = self._treatments.get(month.name)
        if found is None:
            details = self._information.of(month.name)
            zone = ZoneInfo(self.calendar.zone(month.name))
            last_day = (month.end - timedelta(seconds=1)).astimezone(zone).date()
            found = treatment(self._seller, details.country, details.tax_status, last_day)
            self._treatments[month.name] = found
        return found


def month_lines(terms: Terms, logs: Iterable[LicenceLog]) -> tuple[Line, ...]:
    """The lines of one invoice: fees of the month, then corrections, each by licence."""
    lines: list[Line] = []
    late: list[tuple[LicenceLog, datetime]] = []
    start = terms.month.start
    for log in logs:
        timeline = intervals(log.entries)
        cost = fee(timeline, terms.month, terms.month.end, terms.price)
        if cost.seconds:
            lines.append(_line(terms, log, timeline, terms.month, len(lines) + 1, cost.seconds, cost.amount))
        past = [one.since for one in log.entries if one.number > log.billed and one.since < start]
        if past:
            late.append((log, min(past)))
    for log, since in late:
        for month in terms.calendar.months(since, terms.month):
            timeline = intervals(log.entries)
            seconds, amount = _difference(terms, log, timeline, month)
            if seconds or amount:
                lines.append(_line(terms, log, timeline, month, len(lines) + 1, seconds, amount))
    return tuple(lines)


def _difference(terms: Terms, log: LicenceLog, timeline: list[Interval], month: Month) -> tuple[int, int]:
    """Seconds and money between what the log says now and what it said when the month was billed."""
    billed = intervals(one for one in log.entries if one.number <= log.billed)
    before = fee(billed, month, month.end, terms.price)
    now = fee(timeline, month, month.end, terms.price)
    return now.seconds - before.seconds, now.amount - before.amount


def _line(
    terms: Terms,
    log: LicenceLog,
    timeline: list[Interval],
    month: Month,
    number: int,
    seconds: int,
    amount: int,
) -> Line:
    charged = [one.entry for one in timeline if one.charged and _touches(one, month)]
    return Line(
        number=number,
        reason=Reason.FEES if month is terms.month else Reason.CORRECTION,
        licence=log.licence,
        camera=log.camera,
        device=log.device,
        plan=(charged or log.entries)[-1].plan,
        month=month.name,
        seconds=seconds,
        amount=amount,
        entries=tuple(entry.number for entry in charged),
        treatment=terms.treatment(month),
    )


def _touches(interval: Interval, month: Month) -> bool:
    return interval.start < month.end and (interval.end is None or interval.end > month.start)
