"""The lines of a month: what each licence cost in it, and what earlier months must be corrected by.

Two rules make every cent traceable:

- A closing notes how far each licence's log had been read. So what it has billed can be computed again at
  any time from the log up to there, whatever is appended later.
- What a licence is billed for a month, over all invoices, is the rounded fee of that month by the log as it
  is known. A fact heard late adds a line with the difference to the next invoice; differences telescope, so
  no remainder is lost or invented.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
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
    fees, corrections = [], []
    for log in logs:
        timeline = intervals(log.entries)
        line = _line(terms, log, timeline, terms.month)
        if line is not None:
            fees.append(line)
        late = [one.since for one in log.entries if one.number > log.billed and one.since < terms.month.start]
        if late:
            billed = intervals(one for one in log.entries if one.number <= log.billed)
            for month in terms.calendar.months(min(late), terms.month):
                line = _line(terms, log, timeline, month, billed)
                if line is not None:
                    corrections.append(line)
    return tuple(make(number) for number, make in enumerate([*fees, *corrections], 1))


def _line(
    terms: Terms,
    log: LicenceLog,
    timeline: list[Interval],
    month: Month,
    billed: list[Interval] | None = None,
) -> Callable[[int], Line] | None:
    """The line of a month, waiting for its number; with `billed`, what it differs by from that."""
    cost = fee(timeline, month, month.end, terms.price)
    seconds, amount = cost.seconds, cost.amount
    if billed is not None:
        before = fee(billed, month, month.end, terms.price)
        seconds, amount = seconds - before.seconds, amount - before.amount
    if not seconds and not amount:
        return None
    charged = [one for one in timeline if one.charged and _touches(one, month)]
    plan = (charged or timeline)[-1].entry.plan
    reason = Reason.FEES if billed is None else Reason.CORRECTION
    numbers = tuple(one.entry.number for one in charged)
    tax = terms.treatment(month)
    return lambda number: Line(
        number, reason, log.licence, log.camera, log.device, plan, month.name, seconds, amount, numbers, tax
    )


def _touches(interval: Interval, month: Month) -> bool:
    return interval.start < month.end and (interval.end is None or interval.end > month.start)
