"""The one table of who may do what. Roles concern the cloud only, never a recorder's own users (ID-35)."""

from enum import StrEnum


class Role(StrEnum):
    """A person's role in the organisation the token was issued for."""

    SUPER_ADMIN = "super_admin"
    ADMIN = "admin"
    OPERATOR = "operator"
    VIEWER = "viewer"
    PARTNER_SUPER_ADMIN = "partner_super_admin"
    TECHNICIAN = "technician"
    STAFF = "staff"
    STAFF_ADMIN = "staff_admin"


class Action(StrEnum):
    """Something a role may or may not do, `resource:verb`."""

    READ_ORGANISATION = "organisation:read"
    READ_CAMERAS = "cameras:read"
    CLAIM_CAMERA = "cameras:claim"
    CHANGE_CAMERA = "cameras:change"
    REMOVE_CAMERA = "cameras:remove"
    READ_LICENCES = "licences:read"
    CHANGE_LICENCE = "licences:change"
    READ_FEES = "fees:read"
    READ_SERVERS = "servers:read"
    REGISTER_SERVER = "servers:register"
    OPEN_REMOTE_SESSION = "remote_sessions:open"
    READ_USAGE = "usage:read"
    MOVE_TEST_CLOCK = "test_clocks:move"
    SIMULATE_USAGE = "usage:simulate"


_LOOK = frozenset(
    {
        Action.READ_ORGANISATION,
        Action.READ_CAMERAS,
        Action.READ_LICENCES,
        Action.READ_SERVERS,
        Action.READ_USAGE,
        Action.OPEN_REMOTE_SESSION,
    }
)
_OPERATE = _LOOK | {Action.CHANGE_CAMERA}
_ADMINISTER = _OPERATE | {
    Action.CLAIM_CAMERA,
    Action.REMOVE_CAMERA,
    Action.CHANGE_LICENCE,
    Action.READ_FEES,
    Action.REGISTER_SERVER,
}

PERMISSIONS: dict[Role, frozenset[Action]] = {
    Role.VIEWER: _LOOK,
    Role.OPERATOR: _OPERATE,
    Role.ADMIN: _ADMINISTER,
    Role.SUPER_ADMIN: _ADMINISTER,
    Role.TECHNICIAN: frozenset({Action.READ_ORGANISATION}),
    Role.PARTNER_SUPER_ADMIN: frozenset({Action.READ_ORGANISATION}),
    # Staff see no customer's data by role (ID-86); these two exist in development only.
    Role.STAFF: frozenset(),
    Role.STAFF_ADMIN: frozenset({Action.MOVE_TEST_CLOCK, Action.SIMULATE_USAGE}),
}


def permits(role: Role, action: Action) -> bool:
    return action in PERMISSIONS[role]
