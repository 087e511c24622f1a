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
    SUPPORT = "support"
    """Staff inside a customer's organisation, under a live grant (ID-80 to ID-87)."""


class Action(StrEnum):
    """Something a role may or may not do, `resource:verb`."""

    READ_ORGANISATION = "organisation:read"
    CHANGE_ORGANISATION = "organisation:change"
    """Name, language, sign-in policy."""
    READ_MEMBERS = "members:read"
    MANAGE_MEMBERS = "members:manage"
    """Invite, change roles, sign out, remove."""
    MANAGE_PARTNERS = "partners:manage"
    """Which partners may enter, where and until when."""
    MANAGE_SUPPORT_ACCESS = "support_access:manage"
    MANAGE_API_KEYS = "api_keys:manage"
    """The organisation's keys; everybody manages personal ones."""
    READ_AUDIT = "audit:read"
    READ_CUSTOMERS = "customers:read"
    """A partner's list of customers (ID-66)."""
    ENTER_CUSTOMER = "customers:enter"
    READ_CAMERAS = "cameras:read"
    CLAIM_CAMERA = "cameras:claim"
    CHANGE_CAMERA = "cameras:change"
    """Rename, move, arrange the tree."""
    REMOVE_CAMERA = "cameras:remove"
    ROTATE_CAMERA_TOKEN = "cameras:rotate_token"  # noqa: S105 (an action)
    REVEAL_ROOT_PASSWORD = "cameras:reveal_root_password"  # noqa: S105 (an action)
    READ_LICENCES = "licences:read"
    CHANGE_LICENCE = "licences:change"
    READ_FEES = "fees:read"
    READ_BILLING = "billing:read"
    """Invoices, payments, billing information."""
    CHANGE_BILLING = "billing:change"
    PAY = "billing:pay"
    READ_SERVERS = "servers:read"
    REGISTER_SERVER = "servers:register"
    OPEN_REMOTE_SESSION = "remote_sessions:open"
    READ_USAGE = "usage:read"
    MANAGE_PARTNER_CODES = "partner_codes:manage"
    APPROVE_PARTNERS = "partner_requests:approve"
    DECIDE_CONTESTS = "camera_contests:decide"
    """Whose a camera is that moved between organisations, when the old one says it should not have."""
    ENTER_SUPPORT = "support:enter"
    """Staff may open a session in an organisation that has granted it; without a grant it opens nothing."""
    ROTATE_SIGNING_KEYS = "signing_keys:rotate"
    MANAGE_PLANS = "plans:manage"
    RECORD_PAYMENT = "payments:record"
    CORRECT_BILL = "bills:correct"
    """Credit notes and refunds."""
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
    Action.READ_MEMBERS,
    Action.MANAGE_MEMBERS,
    Action.MANAGE_SUPPORT_ACCESS,
    Action.MANAGE_API_KEYS,
    Action.READ_AUDIT,
    Action.CLAIM_CAMERA,
    Action.REMOVE_CAMERA,
    Action.ROTATE_CAMERA_TOKEN,
    Action.REVEAL_ROOT_PASSWORD,
    Action.CHANGE_LICENCE,
    Action.READ_FEES,
    Action.READ_BILLING,
    Action.REGISTER_SERVER,
}
_OWN = _ADMINISTER | {
    Action.CHANGE_ORGANISATION,
    Action.MANAGE_PARTNERS,
    Action.CHANGE_BILLING,
    Action.PAY,
}
_PARTNER = frozenset({Action.READ_ORGANISATION, Action.READ_CUSTOMERS, Action.ENTER_CUSTOMER})
# Staff see no customer's data by role (ID-86).
_STAFF = frozenset({Action.READ_ORGANISATION, Action.ENTER_SUPPORT})

PERMISSIONS: dict[Role, frozenset[Action]] = {
    Role.VIEWER: _LOOK,
    Role.OPERATOR: _OPERATE,
    Role.ADMIN: _ADMINISTER,
    Role.SUPER_ADMIN: _OWN,
    Role.TECHNICIAN: _PARTNER,
    Role.PARTNER_SUPER_ADMIN: _PARTNER
    | {
        Action.CHANGE_ORGANISATION,
        Action.READ_MEMBERS,
        Action.MANAGE_MEMBERS,
        Action.MANAGE_API_KEYS,
        Action.READ_AUDIT,
    },
    Role.STAFF: _STAFF,
    Role.STAFF_ADMIN: _STAFF
    | {
        Action.READ_MEMBERS,
        Action.MANAGE_MEMBERS,
        Action.READ_AUDIT,
        Action.MANAGE_PARTNER_CODES,
        Action.APPROVE_PARTNERS,
        Action.DECIDE_CONTESTS,
        Action.ROTATE_SIGNING_KEYS,
        Action.MANAGE_PLANS,
        Action.RECORD_PAYMENT,
        Action.CORRECT_BILL,
        # These two exist in development only.
        Action.MOVE_TEST_CLOCK,
        Action.SIMULATE_USAGE,
    },
    Role.SUPPORT: _OPERATE - {Action.OPEN_REMOTE_SESSION},
}

STRONG: frozenset[Action] = frozenset(
    {
        Action.CHANGE_ORGANISATION,
        Action.MANAGE_MEMBERS,
        Action.MANAGE_PARTNERS,
        Action.MANAGE_SUPPORT_ACCESS,
        Action.MANAGE_API_KEYS,
        Action.READ_AUDIT,
        Action.ENTER_CUSTOMER,
        Action.REVEAL_ROOT_PASSWORD,
        Action.CHANGE_BILLING,
        Action.OPEN_REMOTE_SESSION,
        Action.MANAGE_PARTNER_CODES,
        Action.APPROVE_PARTNERS,
        Action.DECIDE_CONTESTS,
        Action.ENTER_SUPPORT,
        Action.ROTATE_SIGNING_KEYS,
        Action.MANAGE_PLANS,
        Action.RECORD_PAYMENT,
        Action.CORRECT_BILL,
    }
)
"""Administration and remote access: only with a second factor, whatever the organisation's policy (D3)."""

OWN_PEOPLE: frozenset[Action] = frozenset(
    {
        Action.CHANGE_ORGANISATION,
        Action.MANAGE_MEMBERS,
        Action.MANAGE_PARTNERS,
        Action.MANAGE_SUPPORT_ACCESS,
        Action.MANAGE_API_KEYS,
        Action.CHANGE_BILLING,
        Action.PAY,
        Action.READ_CUSTOMERS,
        Action.ENTER_CUSTOMER,
        Action.ENTER_SUPPORT,
    }
)
"""Closed to visitors, whatever the role of their grant: nobody gives away rights that outlive their own, or
goes on from here to somebody else."""


def permits(role: Role, action: Action) -> bool:
    return action in PERMISSIONS[role]
