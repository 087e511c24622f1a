"""Who may give which role, and how far rights may reach (ID-30 to ID-39)."""

from collections.abc import Collection
from dataclasses import dataclass

from common.auth import Role
from common.errors import FieldError, Forbidden, Invalid

MAY_GIVE: dict[Role, frozenset[Role]] = {
    Role.SUPER_ADMIN: frozenset({Role.SUPER_ADMIN, Role.ADMIN, Role.OPERATOR, Role.VIEWER}),
    Role.ADMIN: frozenset({Role.ADMIN, Role.OPERATOR, Role.VIEWER}),
    Role.PARTNER_SUPER_ADMIN: frozenset({Role.PARTNER_SUPER_ADMIN, Role.TECHNICIAN}),
    Role.STAFF_ADMIN: frozenset({Role.STAFF_ADMIN, Role.STAFF}),
}
"""Role -> the roles it makes and unmakes; a role that is missing makes none."""
NARROW = frozenset({Role.OPERATOR, Role.VIEWER})
"""Roles whose rights may end at some items or servers; administering concerns the whole organisation."""
LONGEST_SCOPE = 100
MOST_MEMBERS = 1000


@dataclass(frozen=True, slots=True, kw_only=True)
class Rights:
    """A role, and where it holds. `items`: subtrees; None: everywhere."""

    role: Role
    items: tuple[str, ...] | None = None
    servers: tuple[str, ...] | None = None

    def check(self, known_servers: Collection[str]) -> None:
        """`Invalid` when the role cannot be narrowed, or a server is not one of the organisation's."""
        errors = []
        if self.role not in NARROW and (self.items is not None or self.servers is not None):
            message = f"The role {self.role.value} holds in the whole organisation."
            errors.append(FieldError("items" if self.items is not None else "servers", message))
        if not set(self.servers or ()) <= set(known_servers):
            errors.append(FieldError("servers", "There is no such server in this organisation."))
        if errors:
            raise Invalid("rights_not_accepted", "These rights cannot be given.", errors=errors)


def check_may_give(giver: Role, *roles: Role) -> None:
    """`Forbidden` unless the giver may make and unmake each of the roles."""
    beyond = [role for role in roles if role not in MAY_GIVE.get(giver, frozenset())]
    if beyond:
        raise Forbidden(
            "role_out_of_reach",
            f"The role {giver.value} neither gives nor takes the role {beyond[0].value}",
            next_step="Ask somebody with a higher role.",
        )
