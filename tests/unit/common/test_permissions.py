"""Who may do what, cell by cell. Changing a cell here is a decision; docs/permissions.md is made from the code."""

import pytest

from common.auth import Action, Actor, Role
from common.auth.permissions import OWN_PEOPLE, PERMISSIONS, STRONG
from common.errors import Forbidden
from common.ids import OrganisationId, SessionId, UserId

ROLES = (
    Role.VIEWER,
    Role.OPERATOR,
    Role.ADMIN,
    Role.SUPER_ADMIN,
    Role.SUPPORT,
    Role.TECHNICIAN,
    Role.PARTNER_SUPER_ADMIN,
    Role.STAFF,
    Role.STAFF_ADMIN,
)
"""The columns. x: may; s: may, with a second factor; -: may not."""
TABLE = """
    organisation:read             x x x x x x x x x
    organisation:change           - - - s - - s - -
    members:read                  - - x x - - x - x
    members:manage                - - s s - - s - s
    partners:manage               - - - s - - - - -
    support_access:manage         - - s s - - - - -
    api_keys:manage               - - s s - - s - -
    audit:read                    - - s s - - s - s
    customers:read                - - - - - x x - -
    customers:enter               - - - - - s s - -
    cameras:read                  x x x x x - - - -
    cameras:claim                 - - x x - - - - -
    cameras:change                - x x x x - - - -
    cameras:remove                - - x x - - - - -
    cameras:rotate_token          - - x x - - - - -
    cameras:reveal_root_password  - - s s - - - - -
    licences:read                 x x x x x - - - -
    licences:change               - - x x - - - - -
    fees:read                     - - x x - - - - -
    billing:read                  - - x x - - - - -
    billing:change                - - - s - - - - -
    billing:pay                   - - - x - - - - -
    servers:read                  x x x x x - - - -
    servers:register              - - x x - - - - -
    remote_sessions:open          s s s s - - - - -
    usage:read                    x x x x x - - - -
    partner_codes:manage          - - - - - - - - s
    partner_requests:approve      - - - - - - - - s
    camera_contests:decide        - - - - - - - - s
    support:enter                 - - - - - - - s s
    signing_keys:rotate           - - - - - - - - s
    plans:manage                  - - - - - - - - s
    payments:record               - - - - - - - - s
    bills:correct                 - - - - - - - - s
    test_clocks:move              - - - - - - - - x
    usage:simulate                - - - - - - - - x
"""
ROWS = [line.split() for line in TABLE.strip().splitlines()]
CELLS = [
    pytest.param(Action(action), role, cell, id=f"{role.value}-{action}")
    for action, *cells in ROWS
    for role, cell in zip(ROLES, cells, strict=True)
]


def actor(role: Role, **more: object) -> Actor:
    fields = {"strong": True, **more}
    return Actor(UserId("u"), OrganisationId("o"), role, SessionId("s"), 0, **fields)  # type: ignore[arg-type]  # mixed


def test_the_table_names_every_action_and_every_role() -> None:
    assert {row[0] for row in ROWS} == {action.value for action in Action}
    assert set(ROLES) == set(Role) == set(PERMISSIONS)


@pytest.mark.parametrize(("action", "role", "cell"), CELLS)
def test_a_cell(action: Action, role: Role, cell: str) -> None:
    assert actor(role).may(action) == (cell != "-")
    assert (cell == "s") == (cell != "-" and action in STRONG)
    if cell == "s":
        with pytest.raises(Forbidden, match="second_factor_needed"):
            actor(role, strong=False).must_be_allowed(action)


@pytest.mark.parametrize("action", sorted(OWN_PEOPLE))
@pytest.mark.parametrize("via", ["partner", "support"])
@pytest.mark.parametrize("role", ROLES)
def test_no_visitor_gives_away_rights_whatever_the_role_of_the_grant(
    role: Role, via: str, action: Action
) -> None:
    visitor = actor(role, via=via, grant="g")
    assert not visitor.may(action)
    with pytest.raises(Forbidden, match="visitors_may_not"):
        visitor.must_be_allowed(action)


def test_an_api_key_does_no_more_than_it_was_made_for() -> None:
    key = actor(Role.ADMIN, via="key", actions=frozenset({Action.READ_CAMERAS}))
    assert key.may(Action.READ_CAMERAS)
    assert not key.may(Action.CHANGE_CAMERA)


def test_staff_read_nothing_of_a_customer_by_role() -> None:
    everything = PERMISSIONS[Role.STAFF] | PERMISSIONS[Role.STAFF_ADMIN]
    of_customers = {action for action in everything if action.value.split(":")[0] in OF_CUSTOMERS}
    assert of_customers == set()


OF_CUSTOMERS = {"cameras", "licences", "fees", "billing", "servers", "remote_sessions", "customers"}
