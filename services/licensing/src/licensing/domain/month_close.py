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
from typing import Protocol
from zoneinfo import ZoneInfo

from common.ids import CameraId, LicenceId
from licensing.domain.billing_information import BillingInformation
from licensing.domain.catalogue import SHIPPED_CATALOGUE, Catalogue
from licensing.domain.invoice import Line, Reason
from licensing.domain.months import Month
from licensing.domain.rating import PLAN, Prices, part_fee, parts
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
    """Currency, prices, months and taxes that hold when a month is billed."""

    def __init__(
        self,
        information: BillingInformation,
        month: str,
        seller: str,
        catalogue: Catalogue = SHIPPED_CATALOGUE,
    ) -> None:
        self.calendar = information.calendar
        self.month = self.calendar.month(month)
        self.details = information.of(month)
        self._information = information
        self._seller = seller
        self.prices = Prices(catalogue, self.details.currency)
        self._treatments: dict[str, Treatment] = {}

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
        for key in parts(log.entries):
            cost = part_fee(timeline, terms.month, terms.month.end, terms.prices, key)
            if cost.seconds:
                lines.append(_line(terms, log, timeline, terms.month, len(lines) + 1, key, cost))
        past = [one.since for one in log.entries if one.number > log.billed and one.since < start]
        if past:
            late.append((log, min(past)))
    for log, since in late:
        for month in terms.calendar.months(since, terms.month):
            timeline = intervals(log.entries)
            for key in parts(log.entries):
                difference = _difference(terms, log, timeline, month, key)
                if difference.seconds or difference.amount:
                    lines.append(_line(terms, log, timeline, month, len(lines) + 1, key, difference))
    return tuple(lines)


class Charge(Protocol):
    """What a line is about: time and money."""

    @property
    def seconds(self) -> int: ...

    @property
    def amount(self) -> int: ...


@dataclass(frozen=True, slots=True)
class Difference:
    """Between what the log says now and what it said when a month was billed."""

    seconds: int
    amount: int


def _difference(
    terms: Terms, log: LicenceLog, timeline: list[Interval], month: Month, key: str
) -> Difference:
    billed = intervals(one for one in log.entries if one.number <= log.billed)
    before = part_fee(billed, month, month.end, terms.prices, key)
    now = part_fee(timeline, month, month.end, terms.prices, key)
    return Difference(now.seconds - before.seconds, now.amount - before.amount)


def _line(
    terms: Terms,
    log: LicenceLog,
    timeline: list[Interval],
    month: Month,
    number: int,
    key: str,
    charge: Charge,
) -> Line:
    charged = [
        one.entry
        for one in timeline
        if one.charged and _touches(one, month) and (key == PLAN or key in one.entry.add_ons)
    ]
    had = (charged or [one for one in log.entries if key == PLAN or key in one.add_ons])[-1].plan
    add_on = had.add_on(key)
    return Line(
        number=number,
        reason=Reason.FEES if month is terms.month else Reason.CORRECTION,
        licence=log.licence,
        camera=log.camera,
        device=log.device,
        plan=had.name,
        month=month.name,
        seconds=charge.seconds,
        amount=charge.amount,
        entries=tuple(entry.number for entry in charged),
        treatment=terms.treatment(month),
        add_on=key,
        add_on_name=add_on.name(terms.details.language) if add_on is not None else "",
    )


def _touches(interval: Interval, month: Month) -> bool:
    return interval.start < month.end and (interval.end is None or interval.end > month.start)
