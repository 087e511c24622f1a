"""Owners, rights, invitations and grants: what is true whatever happens."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from common.auth import Role
from common.auth.permissions import PERMISSIONS
from common.errors import Conflict, Forbidden, Invalid, NotFound
from common.ids import OrganisationId, SessionId, UserId
from identity.domain.accounts import HIGHEST, Kind, Organisation
from identity.domain.grants import MOST_INSIDE, Entry, PartnerGrant, SupportGrant
from identity.domain.members import MAY_GIVE, NARROW, Rights, check_may_give

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
PEOPLE = [UserId(name) for name in ("ada", "bob", "eve")]
KINDS: tuple[Kind, ...] = ("customer", "personal", "partner", "staff")


def organisation(kind: Kind = "customer") -> Organisation:
    founded, _, _ = Organisation(
        id=OrganisationId("o"), name="Acme", kind=kind, country="DE", time_zone="UTC", currency="EUR",
        language="en", created_at=NOW,
    ).founded(PEOPLE[0], NOW)  # fmt: skip
    return founded


@given(
    st.sampled_from(KINDS),
    st.lists(st.tuples(st.sampled_from(PEOPLE), st.sampled_from([*Role, None])), max_size=30),
)
def test_whatever_roles_are_given_and_taken_somebody_keeps_the_highest(
    kind: Kind, steps: list[tuple[UserId, Role | None]]
) -> None:
    one, roles = organisation(kind), {PEOPLE[0]: HIGHEST[kind]}
    for person, role in steps:
        before = one
        try:
            one = one.with_role(person, role)
        except Conflict:
            continue
        assert one.version == before.version + (one is not before)
        roles.pop(person, None)
        if role is not None:
            roles[person] = role
    assert set(one.owners) == {person for person, role in roles.items() if role is HIGHEST[kind]}
    assert one.owners


def test_nobody_gives_a_role_that_permits_more_than_their_own() -> None:
    for giver, roles in MAY_GIVE.items():
        for role in roles:
            assert PERMISSIONS[role] <= PERMISSIONS[giver], (giver, role)


@given(st.sampled_from(list(Role)), st.lists(st.sampled_from(list(Role)), min_size=1))
def test_one_role_out_of_reach_refuses_all(giver: Role, roles: list[Role]) -> None:
    if set(roles) <= MAY_GIVE.get(giver, frozenset()):
        check_may_give(giver, *roles)
    else:
        with pytest.raises(Forbidden, match="role_out_of_reach"):
            check_may_give(giver, *roles)


@pytest.mark.parametrize("role", list(Role))
def test_only_roles_that_administer_nothing_can_be_narrowed(role: Role) -> None:
    narrowed = Rights(role=role, items=("hall",))
    if role in NARROW:
        narrowed.check(())
    else:
        with pytest.raises(Invalid, match="rights_not_accepted"):
            narrowed.check(())


def grant(**more: Any) -> SupportGrant:
    fields: dict[str, Any] = {
        "id": "g", "organisation": OrganisationId("o"), "role": Role.SUPPORT, "items": None,
        "until": None, "state": "live", "granted_by": PEOPLE[0], "created_at": NOW,
    }  # fmt: skip
    return SupportGrant(**fields | more)


def entry(number: int) -> Entry:
    return Entry(UserId(f"u{number}"), "Agent", "Vedette", SessionId(f"s{number}"), NOW)


@given(
    st.timedeltas(timedelta(seconds=1), timedelta(days=900)), st.timedeltas(timedelta(0), timedelta(days=900))
)
def test_a_grant_holds_until_its_end_to_the_instant(lifetime: timedelta, later: timedelta) -> None:
    assert grant(until=NOW + lifetime).live(NOW + later) == (later < lifetime)


def test_an_ended_grant_has_nobody_inside_and_does_not_end_twice() -> None:
    ended, act = grant().entered(entry(1)).ended("withdrawn", NOW)
    assert (ended.entries, ended.live(NOW), act.act) == ((), False, "support_grant.withdrawn")
    with pytest.raises(Conflict, match="grant_ended"):
        ended.ended("expired", NOW)


@pytest.mark.parametrize("more", [{"state": "ended"}, {"state": "invited"}, {"until": NOW}])
def test_nobody_enters_by_a_grant_that_does_not_hold(more: dict[str, Any]) -> None:
    with pytest.raises(NotFound, match="grant_unknown"):
        grant(**more).entered(entry(1))


def test_visitors_under_one_grant_are_bounded() -> None:
    full = grant()
    for number in range(MOST_INSIDE):
        full = full.entered(entry(number))
    with pytest.raises(Conflict, match="too_many_visitors"):
        full.entered(entry(99))
    assert len(full.left(SessionId("s3")).entries) == MOST_INSIDE - 1


def test_a_partners_invitation_runs_out() -> None:
    invited = PartnerGrant(
        id="g", organisation=OrganisationId("o"), role=Role.VIEWER, items=None, until=None, state="invited",
        granted_by=PEOPLE[0], created_at=NOW, due_at=NOW + timedelta(days=30), invited="x",
    )  # fmt: skip
    live, _ = invited.accepted(OrganisationId("p"), NOW + timedelta(days=29))
    assert live.due_at is None
    assert live.live(NOW + timedelta(days=900))
    assert replace(live, until=NOW).live(NOW) is False
    assert not invited.open(NOW + timedelta(days=30))
