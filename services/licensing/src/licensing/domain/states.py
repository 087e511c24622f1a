"""The states of a licence as one table: cause -> from -> to (LI-5 to LI-11, D4, D6, D17 to D19).

The table is read three times: by `Licence`, which obeys it; by `licensing.domain.states_page`, which draws it
(docs/licence-states.md); and by the tests, whose oracle it is. A state's effects stand beside it.
"""

from dataclasses import dataclass
from enum import StrEnum


class State(StrEnum):
    """Where a licence is. ENDED is history: the camera left the organisation."""

    DEMO = "demo"
    ACTIVE = "active"
    SUSPENDED = "suspended"
    INACTIVE = "inactive"
    OFF = "off"
    ENDED = "ended"


class Cause(StrEnum):
    """Why a licence may change its state."""

    REGISTERED = "registered"
    TRIAL_ENDED = "trial_ended"
    TURNED_OFF = "turned_off"
    TURNED_ON = "turned_on"
    PAYMENT_OVERDUE = "payment_overdue"
    PREVIOUS_PERIOD_UNPAID = "previous_period_unpaid"
    DEBTS_PAID = "debts_paid"
    PLAN_CHANGED = "plan_changed"
    """By the customer, from that second on."""
    PLAN_RENEWED = "plan_renewed"
    """A later version of the plan holds from the beginning of a period on."""
    ADD_ONS_CHANGED = "add_ons_changed"
    REMOVED = "removed"


class Circumstance(StrEnum):
    """What decides between two targets of one cause. Exactly one holds at any instant."""

    TRIAL = "trial"
    """The trial of this licence is running: debts play no part, nothing is charged."""
    CLEAR = "clear"
    """No trial, and the organisation owes nothing that is overdue."""
    OVERDUE = "overdue"
    """No trial, and a payment is overdue."""
    ARREARS = "arrears"
    """No trial, and the period before is still unpaid."""


@dataclass(frozen=True, slots=True)
class Effects:
    """What a state allows and costs (LI-4). The camera's own connection is never touched (LI-12, D12)."""

    portal_features: bool
    recording: bool
    charged: bool
    meaning: str


@dataclass(frozen=True, slots=True)
class Rule:
    """One line of the table; `when` None is: in all circumstances."""

    cause: Cause
    source: State | None
    target: State
    when: Circumstance | None
    because: str
    """The requirement or decision it comes from."""


EFFECTS: dict[State, Effects] = {
    State.DEMO: Effects(True, True, False, "The device's one trial: everything works, nothing is charged"),
    State.ACTIVE: Effects(True, True, True, "Everything works, fees accrue"),
    State.SUSPENDED: Effects(False, True, True, "Fees are unpaid: recording goes on, the portal is closed"),
    State.INACTIVE: Effects(False, False, False, "The period before is unpaid: nothing works, no new fees"),
    State.OFF: Effects(False, False, False, "Switched off by hand: nothing works, no fees"),
    State.ENDED: Effects(False, False, False, "The camera was removed: history"),
}


def _by_standing(cause: Cause, source: State | None, because: str) -> tuple[Rule, ...]:
    """Into the charged part of the table, to the place that the organisation's debts command (D17)."""
    return (
        Rule(cause, source, State.ACTIVE, Circumstance.CLEAR, because),
        Rule(cause, source, State.SUSPENDED, Circumstance.OVERDUE, because + ", D17"),
        Rule(cause, source, State.INACTIVE, Circumstance.ARREARS, because + ", D17"),
    )


def _in_place(cause: Cause) -> tuple[Rule, ...]:
    """Other terms in the same state."""
    return tuple(Rule(cause, state, state, None, "LI-3") for state in State if state is not State.ENDED)


TABLE: tuple[Rule, ...] = (
    Rule(Cause.REGISTERED, None, State.DEMO, Circumstance.TRIAL, "LI-5"),
    *_by_standing(Cause.REGISTERED, None, "D7"),
    *_by_standing(Cause.TRIAL_ENDED, State.DEMO, "LI-6"),
    Rule(Cause.TURNED_OFF, State.DEMO, State.OFF, None, "LI-10"),
    Rule(Cause.TURNED_OFF, State.ACTIVE, State.OFF, None, "LI-10"),
    Rule(Cause.TURNED_OFF, State.SUSPENDED, State.OFF, None, "LI-10"),
    Rule(Cause.TURNED_OFF, State.INACTIVE, State.OFF, None, "LI-10"),
    Rule(Cause.TURNED_ON, State.OFF, State.DEMO, Circumstance.TRIAL, "LI-10, D18"),
    *_by_standing(Cause.TURNED_ON, State.OFF, "LI-10"),
    Rule(Cause.PAYMENT_OVERDUE, State.ACTIVE, State.SUSPENDED, None, "LI-8"),
    Rule(Cause.PREVIOUS_PERIOD_UNPAID, State.ACTIVE, State.INACTIVE, None, "LI-9"),
    Rule(Cause.PREVIOUS_PERIOD_UNPAID, State.SUSPENDED, State.INACTIVE, None, "LI-9"),
    Rule(Cause.DEBTS_PAID, State.SUSPENDED, State.ACTIVE, Circumstance.CLEAR, "LI-8"),
    Rule(Cause.DEBTS_PAID, State.INACTIVE, State.ACTIVE, Circumstance.CLEAR, "LI-9, D6"),
    *_in_place(Cause.PLAN_CHANGED),
    *_in_place(Cause.PLAN_RENEWED),
    *_in_place(Cause.ADD_ONS_CHANGED),
    Rule(Cause.REMOVED, State.DEMO, State.ENDED, None, "D19"),
    Rule(Cause.REMOVED, State.ACTIVE, State.ENDED, None, "D19"),
    Rule(Cause.REMOVED, State.SUSPENDED, State.ENDED, None, "D19"),
    Rule(Cause.REMOVED, State.INACTIVE, State.ENDED, None, "D19"),
    Rule(Cause.REMOVED, State.OFF, State.ENDED, None, "D19"),
)

_TARGETS: dict[tuple[Cause, State | None, Circumstance], State] = {
    (rule.cause, rule.source, circumstance): rule.target
    for rule in TABLE
    for circumstance in Circumstance
    if rule.when in (None, circumstance)
}


def target(cause: Cause, state: State | None, circumstance: Circumstance) -> State | None:
    """Where `cause` leads a licence (`state` None: there is none yet); None: it changes nothing."""
    return _TARGETS.get((cause, state, circumstance))
