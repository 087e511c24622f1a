"""What a licence is billed for, part by part: its plan, and each add-on that it had."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from licensing.domain.catalogue import Catalogue
from licensing.domain.fees import Fee, fee
from licensing.domain.months import Month
from licensing.domain.plans import Plan
from licensing.domain.timeline import Entry, Interval

PLAN = ""
"""The part of a licence's price that is its plan's; the others are its add-ons', by key."""


@dataclass(frozen=True, slots=True)
class Prices:
    """What a month costs in a currency, under an entry of a timeline."""

    catalogue: Catalogue
    currency: str

    def of_plan(self, entry: Entry) -> int:
        prices = entry.plan.prices
        if self.currency in prices:
            return prices[self.currency]
        return self._priced(entry.plan).price(self.currency)

    def of_add_on(self, entry: Entry, key: str) -> int:
        add_on = self._priced(entry.plan).add_on(key) or entry.plan.add_on(key)
        return add_on.price(self.currency) if add_on is not None else 0

    def _priced(self, plan: Plan) -> Plan:
        return self.catalogue.priced(plan, self.currency)


def parts(entries: Iterable[Entry]) -> list[str]:
    """A line for each."""
    keys = {key for one in entries if one.add_ons for key in one.add_ons}
    return [PLAN, *sorted(keys)] if keys else [PLAN]


def part_fee(timeline: Iterable[Interval], month: Month, until: datetime, prices: Prices, part: str) -> Fee:
    """The fee of one part of a licence in `month`, up to `until`."""
    if part == PLAN:
        return fee(timeline, month, until, prices.of_plan)
    having = [one for one in timeline if part in one.entry.add_ons]
    return fee(having, month, until, lambda entry: prices.of_add_on(entry, part))
