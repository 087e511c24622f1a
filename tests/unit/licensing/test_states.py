"""The transition table, cell by cell, against a grid that was written by hand from the requirements."""

from itertools import product
from pathlib import Path

import pytest

from licensing.domain.states import EFFECTS, TABLE, Cause, Circumstance, State, target
from licensing.domain.states_page import page

# A dot: the cause changes nothing there.
GRID = """
cause                   when     none       demo       active     suspended  inactive   off        ended
registered              trial    demo       .          .          .          .          .          .
registered              clear    active     .          .          .          .          .          .
registered              overdue  suspended  .          .          .          .          .          .
registered              arrears  inactive   .          .          .          .          .          .
trial_ended             trial    .          .          .          .          .          .          .
trial_ended             clear    .          active     .          .          .          .          .
trial_ended             overdue  .          suspended  .          .          .          .          .
trial_ended             arrears  .          inactive   .          .          .          .          .
turned_off              trial    .          off        off        off        off        .          .
turned_off              clear    .          off        off        off        off        .          .
turned_off              overdue  .          off        off        off        off        .          .
turned_off              arrears  .          off        off        off        off        .          .
turned_on               trial    .          .          .          .          .          demo       .
turned_on               clear    .          .          .          .          .          active     .
turned_on               overdue  .          .          .          .          .          suspended  .
turned_on               arrears  .          .          .          .          .          inactive   .
payment_overdue         trial    .          .          suspended  .          .          .          .
payment_overdue         clear    .          .          suspended  .          .          .          .
payment_overdue         overdue  .          .          suspended  .          .          .          .
payment_overdue         arrears  .          .          suspended  .          .          .          .
previous_period_unpaid  trial    .          .          inactive   inactive   .          .          .
previous_period_unpaid  clear    .          .          inactive   inactive   .          .          .
previous_period_unpaid  overdue  .          .          inactive   inactive   .          .          .
previous_period_unpaid  arrears  .          .          inactive   inactive   .          .          .
debts_paid              trial    .          .          .          .          .          .          .
debts_paid              clear    .          .          .          active     active     .          .
debts_paid              overdue  .          .          .          .          .          .          .
debts_paid              arrears  .          .          .          .          .          .          .
plan_changed            trial    .          demo       active     suspended  inactive   off        .
plan_changed            clear    .          demo       active     suspended  inactive   off        .
plan_changed            overdue  .          demo       active     suspended  inactive   off        .
plan_changed            arrears  .          demo       active     suspended  inactive   off        .
plan_renewed            trial    .          demo       active     suspended  inactive   off        .
plan_renewed            clear    .          demo       active     suspended  inactive   off        .
plan_renewed            overdue  .          demo       active     suspended  inactive   off        .
plan_renewed            arrears  .          demo       active     suspended  inactive   off        .
add_ons_changed         trial    .          demo       active     suspended  inactive   off        .
add_ons_changed         clear    .          demo       active     suspended  inactive   off        .
add_ons_changed         overdue  .          demo       active     suspended  inactive   off        .
add_ons_changed         arrears  .          demo       active     suspended  inactive   off        .
removed                 trial    .          ended      ended      ended      ended      ended      .
removed                 clear    .          ended      ended      ended      ended      ended      .
removed                 overdue  .          ended      ended      ended      ended      ended      .
removed                 arrears  .          ended      ended      ended      ended      ended      .
"""


def _cells() -> dict[tuple[Cause, State | None, Circumstance], State | None]:
    head, *rows = [line.split() for line in GRID.strip().splitlines()]
    states = [None if name == "none" else State(name) for name in head[2:]]
    return {
        (Cause(row[0]), state, Circumstance(row[1])): None if to == "." else State(to)
        for row in rows
        for state, to in zip(states, row[2:], strict=True)
    }


CELLS = _cells()


def test_the_grid_has_a_cell_for_every_combination() -> None:
    assert set(CELLS) == set(product(Cause, [None, *State], Circumstance))


@pytest.mark.parametrize("cell", CELLS, ids=lambda cell: "-".join(str(part) for part in cell))
def test_every_cell_leads_where_the_requirements_say(
    cell: tuple[Cause, State | None, Circumstance],
) -> None:
    assert target(*cell) == CELLS[cell]


def test_no_two_lines_of_the_table_speak_of_the_same_case() -> None:
    cases = [
        (rule.cause, rule.source, circumstance)
        for rule in TABLE
        for circumstance in Circumstance
        if rule.when in (None, circumstance)
    ]
    assert len(cases) == len(set(cases))


def test_fees_are_charged_in_active_and_suspended_only() -> None:
    assert {state for state, effects in EFFECTS.items() if effects.charged} == {State.ACTIVE, State.SUSPENDED}


def test_a_suspended_camera_records_but_shows_nothing_in_the_portal() -> None:
    assert EFFECTS[State.SUSPENDED].recording
    assert not EFFECTS[State.SUSPENDED].portal_features


def test_the_page_in_the_docs_is_the_one_the_table_draws() -> None:
    written = Path(__file__).parents[3] / "docs" / "licence-states.md"
    assert written.read_text() == page(), "python -m licensing.domain.states_page > docs/licence-states.md"
