"""Service plans: what a licence gives (LI-3) and what a month of it costs.

A plan version never changes; another price or parameter is another version, so what was charged under the
old one stays explicable for ever. An add-on belongs to a version of a plan: it changes some parameters for a
price of its own.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta

from common.errors import Conflict
from licensing.domain.states import EFFECTS, State

EVER = datetime(2000, 1, 1, tzinfo=UTC)
"""Since when what ships has been valid."""


@dataclass(frozen=True, slots=True)
class Recording:
    """How a camera's pictures are kept in one place; no days means not at all."""

    mode: str
    days: int


@dataclass(frozen=True, slots=True)
class AddOn:
    """More of something, for a licence that wants it."""

    key: str
    names: Mapping[str, str]
    """By language; English is always there."""
    simultaneous_accesses: int
    """That many more."""
    retention_days: int
    """That many more."""
    analytics: tuple[str, ...]
    """Besides those of the plan."""
    prices: Mapping[str, int]
    """Like a plan's."""

    def name(self, language: str) -> str:
        return self.names.get(language, self.names["en"])

    def price(self, currency: str) -> int:
        return _priced(self.prices, currency, self.key)


@dataclass(frozen=True, slots=True)
class Plan:
    """One version of a plan: the six parameters of LI-3, a price, and what may be added."""

    name: str
    """Its key; the same in all versions."""
    version: int
    names: Mapping[str, str]
    """By language, for people; English is always there."""
    description: str
    primary_function: str
    simultaneous_accesses: int
    live_view: bool
    remote_recording: Recording
    local_recording: Recording
    retention_days: int
    """Of archives on our servers."""
    analytics: tuple[str, ...]
    prices: Mapping[str, int]
    """A whole calendar month, by ISO 4217 currency, in its minor unit (cents; yen)."""
    add_ons: tuple[AddOn, ...] = ()
    valid_from: datetime = EVER
    """From here on it is the version that a licence gets."""
    published_at: datetime = EVER
    notice_days: int = 0
    """Running licences move to it so long after it was published, or later."""

    @property
    def reaches_from(self) -> datetime:
        """From here on it may reach running licences."""
        return max(self.valid_from, self.published_at + timedelta(days=self.notice_days))

    def title(self, language: str) -> str:
        return self.names.get(language, self.names["en"])

    def add_on(self, key: str) -> AddOn | None:
        return next((one for one in self.add_ons if one.key == key), None)

    def known(self, keys: Collection[str]) -> tuple[str, ...]:
        """Those of the add-ons that this version has."""
        return tuple(one.key for one in self.add_ons if one.key in keys)

    def price(self, currency: str) -> int:
        """Raises `Conflict`, code `currency_not_priced`, rather than guess a rate."""
        return _priced(self.prices, currency, self.name)

    def monthly(self, currency: str, add_ons: Collection[str] = ()) -> int:
        """A whole month with these add-ons."""
        more = (one.price(currency) for one in self.add_ons if one.key in add_ons)
        return self.price(currency) + sum(more)

    def extended(self, add_ons: Collection[str]) -> "Plan":
        """Its parameters with these add-ons."""
        made = self
        for one in self.add_ons:
            if one.key in add_ons:
                new = tuple(name for name in one.analytics if name not in made.analytics)
                made = replace(
                    made,
                    simultaneous_accesses=made.simultaneous_accesses + one.simultaneous_accesses,
                    retention_days=made.retention_days + one.retention_days,
                    analytics=made.analytics + new,
                )
        return made


@dataclass(frozen=True, slots=True)
class Entitlements:
    """What a camera may do just now: its plan, cut to what the licence's state allows."""

    portal_features: bool
    live_view: bool
    simultaneous_accesses: int
    recording: bool
    retention_days: int
    analytics: tuple[str, ...]
    charged: bool


def entitlements(plan: Plan, state: State, add_ons: Collection[str] = ()) -> Entitlements:
    effects = EFFECTS[state]
    plan = plan.extended(add_ons) if add_ons else plan
    return Entitlements(
        portal_features=effects.portal_features,
        live_view=effects.portal_features and plan.live_view,
        simultaneous_accesses=plan.simultaneous_accesses if effects.portal_features else 0,
        recording=effects.recording,
        # What is stored already is kept as long as the plan says while storage goes on (LI-8).
        retention_days=plan.retention_days if effects.recording else 0,
        analytics=plan.analytics if effects.portal_features else (),
        charged=effects.charged,
    )


def _priced(prices: Mapping[str, int], currency: str, what: str) -> int:
    if currency not in prices:
        raise Conflict(
            "currency_not_priced",
            f"{what} has no price in {currency}",
            next_step="Ask support for a price in this currency.",
        )
    return prices[currency]
