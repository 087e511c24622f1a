"""One suite for the store of organisations' people and visitors, on the memory parts and on MongoDB."""

import asyncio
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from common.auth import Role
from common.database import Database, Index
from common.errors import Conflict
from common.ids import OrganisationId, SessionId, UserId
from identity.domain.accounts import Membership, Organisation
from identity.domain.codes import OneTimeCode
from identity.domain.grants import Entry, PartnerGrant, SupportGrant
from identity.domain.health import Counted, Health, KnownCamera, KnownLicence, KnownServer
from identity.domain.invitations import Invitation
from identity.domain.members import Rights
from identity.domain.sessions import Session, Visit
from identity.store import INDEXES, OrganisationStore

NOW = datetime(2026, 3, 1, 12, 0, 0, 123_000, tzinfo=UTC)
DAY = timedelta(days=1)
A, B, P = OrganisationId("org-a"), OrganisationId("org-b"), OrganisationId("partner")
ADA, BOB = UserId("ada"), UserId("bob")


@pytest.fixture
def indexes() -> tuple[Index, ...]:
    return INDEXES


@pytest.fixture
def store(database: Database) -> OrganisationStore:
    return OrganisationStore(database)


def invitation(identity: str = "i1", **more: Any) -> Invitation:
    fields: dict[str, Any] = {
        "id": identity, "organisation": A, "email": "nina@new.example", "invited_by": ADA, "created_at": NOW,
        "rights": Rights(role=Role.VIEWER, items=("hall",), servers=None),
        "code": OneTimeCode(digest=b"d", sealed=b"s", expires_at=NOW + DAY, tries_left=1, sent_at=NOW),
    }  # fmt: skip
    return Invitation(**fields | more)


def partner_grant(identity: str = "g1", **more: Any) -> PartnerGrant:
    fields: dict[str, Any] = {
        "id": identity, "organisation": A, "role": Role.OPERATOR, "items": ("hall",), "until": None,
        "state": "invited", "granted_by": ADA, "created_at": NOW, "due_at": NOW + DAY, "invited": "b@p.example",
        "address": "b@p.example",
    }  # fmt: skip
    return PartnerGrant(**fields | more)


def support_grant(identity: str = "s1", **more: Any) -> SupportGrant:
    fields: dict[str, Any] = {
        "id": identity, "organisation": A, "role": Role.SUPPORT, "items": None, "until": NOW + DAY,
        "state": "live", "granted_by": ADA, "created_at": NOW, "due_at": NOW + DAY,
        "entries": (Entry(BOB, "Bob", "Vedette", SessionId("ses"), NOW),),
    }  # fmt: skip
    return SupportGrant(**fields | more)


def member(user: UserId, **more: Any) -> Membership:
    fields: dict[str, Any] = {"organisation": A, "user": user, "role": Role.VIEWER, "since": NOW}
    return Membership(**fields | more)


async def test_everything_comes_back_as_it_was_saved(store: OrganisationStore) -> None:
    owned = Organisation(
        id=A, name="Acme", kind="customer", country="DE", time_zone="UTC", currency="EUR", language="en",
        created_at=NOW, owners=(ADA,),
    )  # fmt: skip
    await store.save(owned, invitation(), partner_grant(), support_grant(), member(BOB, items=("hall",)))
    assert await store.organisation(A) == owned
    assert await store.invitation("i1") == invitation()
    assert await store.grant("g1") == partner_grant()
    assert await store.grant("s1") == support_grant()
    assert await store.membership(A, BOB) == member(BOB, items=("hall",))


async def test_members_are_not_visitors_and_not_those_who_left(store: OrganisationStore) -> None:
    visitor = member(UserId("vic"), via="support", grant="s1")
    gone = member(UserId("gone"), ended_at=NOW)
    await store.save(member(BOB), visitor, gone, member(BOB, organisation=B))
    assert await store.members(A) == [member(BOB)]
    assert [one.organisation for one in await store.memberships(BOB)] == [A, B]
    assert await store.membership(A, visitor.user) is None
    assert await store.membership(A, gone.user) is None
    assert await store.standing(A, gone.user) == gone
    assert await store.visited(visitor.user) == [visitor]
    assert await store.visited(BOB) == []


async def test_one_invitation_is_pending_for_each_address(store: OrganisationStore) -> None:
    await store.save(invitation("i1"), invitation("i2", organisation=B))
    with pytest.raises(Conflict, match="already_exists"):
        await store.save(invitation("i3"))
    expired, _ = invitation("i1").expired(NOW)
    await store.save(expired, invitation("i3"))
    assert await store.pending_invitation(A, "nina@new.example") == invitation("i3")
    assert [one.id for one in await store.invitations(A, "expired", None, 9)] == ["i1"]
    assert [one.id for one in await store.invitations_due(NOW + DAY, 9)] in (["i2", "i3"], ["i3", "i2"])
    assert await store.next_invitation_due() == NOW + DAY


async def test_a_partner_has_one_live_grant_and_one_invitation(store: OrganisationStore) -> None:
    live, _ = partner_grant("g1").accepted(P, NOW)
    await store.save(partner_grant("g1"))
    with pytest.raises(Conflict):
        await store.save(partner_grant("g2"))
    await store.save(live)
    await store.save(partner_grant("g2"))
    with pytest.raises(Conflict):
        await store.save(partner_grant("g2").accepted(P, NOW)[0])
    await store.save(support_grant("s1"), support_grant("s2"))
    assert await store.customer(P, A) == live
    assert await store.customer(P, B) is None
    assert await store.grants_for_address("b@p.example", 9) == [partner_grant("g2")]


async def test_what_has_run_out_is_not_listed_and_is_due(store: OrganisationStore) -> None:
    permanent = support_grant("s2", until=None, organisation=B, due_at=NOW + 30 * DAY)
    await store.save(
        support_grant("s1"), permanent, partner_grant("g1", state="live", partner=P, due_at=None)
    )
    assert [one.id for one in await store.live_support_grants(NOW, None, 9)] == ["s2", "s1"]
    assert [one.id for one in await store.live_support_grants(NOW, "s2", 9)] == ["s1"]
    assert [one.id for one in await store.live_support_grants(NOW + DAY, None, 9)] == ["s2"]
    assert [one.id for one in await store.grants_of_partner(P, "live", NOW, None, 9)] == ["g1"]
    assert await store.next_grant_due() == NOW + DAY
    assert [one.id for one in await store.grants_due(NOW + DAY, 9)] == ["s1"]
    assert [one.id for one in await store.grants(A, "support", 9)] == ["s1"]


async def test_idle_visits_are_found_and_members_sessions_are_not(store: OrganisationStore) -> None:
    visit = Visit(role=Role.SUPPORT, via="support", grant="s1", scoped=False)

    def session(name: str, **more: Any) -> Session:
        fields: dict[str, Any] = {
            "id": SessionId(name), "user": BOB, "organisation": A, "permanent": False, "refresh": b"r",
            "agent": "", "created_at": NOW, "used_at": NOW, "visit": visit,
        }  # fmt: skip
        return Session(**fields | more)

    await store.save(
        session("idle"), session("busy", used_at=NOW + DAY), session("over", ended_at=NOW), session("own", visit=None)
    )  # fmt: skip
    assert await store.longest_idle_visit() == NOW
    assert await store.idle_visits(NOW, 9) == [session("idle")]


async def test_counts_add_up_whoever_else_counts(store: OrganisationStore) -> None:
    await asyncio.gather(*(store.save(Counted(organisation=A, cameras=1)) for _ in range(20)))
    await store.save(Counted(organisation=A, cameras=-3, unpaid_licences=2))
    assert await store.health([A, B]) == {A: Health(cameras=17, unpaid_licences=2)}


async def test_what_was_heard_is_kept(store: OrganisationStore) -> None:
    server = KnownServer(id="srv", organisation=A, name="NVR", removed=False, told=1)
    camera = KnownCamera(id="cam", organisation=A, removed=False, told=1)
    licence = KnownLicence(id="lic", organisation=A, unpaid=True, told=1)
    await store.save(server, camera, licence)
    assert await store.servers(A) == {"srv": "NVR"}
    assert await store.servers(B) == {}
    assert (await store.known_server("srv"), await store.known_camera("cam"), await store.known_licence("lic")) == (
        server, camera, licence,
    )  # fmt: skip
    await store.save(replace(server, removed=True, version=2))
    assert await store.servers(A) == {}
