"""Service plans: what a licence gives (LI-3) and what a month of it costs.

A plan version never changes; another price or parameter is another version, so what was charged under the
old one stays explicable for ever.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from common.errors import Conflict, NotFound
from licensing.domain.states import EFFECTS, State


@dataclass(frozen=True, slots=True)
class Recording:
    """How a camera's pictures are kept in one place; no days means not at all."""

    mode: str
    days: int


@dataclass(frozen=True, slots=True)
class Plan:
    """The six parameters of LI-3 and a price."""

    name: str
    version: int
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

    def price(self, currency: str) -> int:
        """Raises `Conflict`, code `currency_not_priced`, rather than guess a rate."""
        if currency not in self.prices:
            raise Conflict(
                "currency_not_priced",
                f"The plan {self.name} has no price in {currency}",
                next_step="Ask support for a price in this currency.",
            )
        return self.prices[currency]


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


STANDARD = Plan(
    name="standard",
    version=1,
    primary_function="video_surveillance",
    simultaneous_accesses=5,
    live_view=True,
    remote_recording=Recording("on_motion", 30),
    local_recording=Recording("continuous", 7),
    retention_days=30,
    analytics=("motion",),
    prices={"EUR": 500, "USD": 550, "GBP": 450, "CHF": 500, "CZK": 12_500, "PLN": 2_200, "JPY": 800},
)
BASIC = Plan(
    name="basic",
    version=1,
    primary_function="live_view",
    simultaneous_accesses=2,
    live_view=True,
    remote_recording=Recording("off", 0),
    local_recording=Recording("on_motion", 7),
    retention_days=0,
    analytics=(),
    prices={"EUR": 200, "USD": 220, "GBP": 180, "CHF": 200, "CZK": 5_000, "PLN": 900, "JPY": 320},
)
PREMIUM = Plan(
    name="premium",
    version=1,
    primary_function="video_analytics",
    simultaneous_accesses=20,
    live_view=True,
    remote_recording=Recording("continuous", 90),
    local_recording=Recording("continuous", 30),
    retention_days=90,
    analytics=("motion", "line_crossing", "licence_plates"),
    prices={
        "EUR": 1_500,
        "USD": 1_650,
        "GBP": 1_300,
        "CHF": 1_500,
        "CZK": 37_500,
        "PLN": 6_500,
        "JPY": 2_400,
    },
)
_SHIPPED = {(plan.name, plan.version): plan for plan in (BASIC, STANDARD, PREMIUM)}


def plan_named(name: str, version: int) -> Plan:
    """The plan as it was at `version`. KeyError: a licence names a plan that never existed."""
    return _SHIPPED[name, version]


def plans_on_offer() -> list[Plan]:
    """The latest version of each plan."""
    latest: dict[str, Plan] = {}
    for plan in sorted(_SHIPPED.values(), key=lambda plan: plan.version):
        latest[plan.name] = plan
    return list(latest.values())


def plan_on_offer(name: str) -> Plan:
    """Raises `NotFound`, code `plan_not_found`."""
    for plan in plans_on_offer():
        if plan.name == name:
            return plan
    raise NotFound(
        "plan_not_found", "There is no such plan", next_step="GET /api/v1/plans lists what there is."
    )


def entitlements(plan: Plan, state: State) -> Entitlements:
    effects = EFFECTS[state]
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
