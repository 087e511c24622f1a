"""Partners: invited by code or address, in with exactly what was granted, out with one call."""

import asyncio
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any

import pytest

from common.auth import Role
from common.contracts.identity import AccessChanged, SessionRevoked, VisitorEntered, VisitorLeft
from common.contracts.licensing import LicenceChanged
from common.contracts.provisioning import CameraConnected, CameraRemoved, PresenceChanged
from common.ids import OrganisationId
from identity.domain.accounts import Membership
from stories.identity.crowd import Crowd, Person


@dataclass(slots=True)
class Scene:
    """A customer with its owner; a partner with its Super Admin and a technician."""

    crowd: Crowd
    acme: OrganisationId
    owner: Person
    partner: OrganisationId
    boss: Person
    tech: Person

    async def granted(self, **terms: Any) -> str:
        """The partner has accepted; the id of the grant."""
        body = {"email": self.boss.email, "role": "operator", **terms}
        status, invited = await self.owner.post("partners", body)
        assert status == 201, invited
        await self.crowd.letter()
        status, _ = await self.boss.post(f"customer-invitations/{invited['id']}/accept")
        assert status == 200
        return str(invited["id"])

    async def entered(self) -> Person:
        status, tokens = await self.tech.post(f"customers/{self.acme}/sessions")
        assert status == 201, tokens
        return self.tech.inside(tokens)


@pytest.fixture
async def scene(crowd: Crowd) -> Scene:
    acme, owner = await crowd.organisation("Acme")
    partner, boss = await crowd.organisation("Steps", "partner")
    tech = await crowd.member(partner, Role.TECHNICIAN, "tech@steps.example")
    return Scene(crowd, acme, owner, partner, boss, tech)


async def test_a_partner_is_invited_by_address_accepts_and_enters(scene: Scene) -> None:
    status, invited = await scene.owner.post("partners", {"email": scene.boss.email, "role": "operator"})
    assert (status, invited["state"], invited["partner"]) == (201, "invited", None)
    letter = await scene.crowd.letter()
    assert letter.to == scene.boss.email
    assert "Acme" in letter.subject
    assert (await scene.boss.get("customers"))[1]["items"] == []
    _, wanted = await scene.boss.get("customer-invitations")
    assert [one["organisation"] for one in wanted["items"]] == ["Acme"]

    status, customer = await scene.boss.post(f"customer-invitations/{invited['id']}/accept")
    assert (status, customer["name"], customer["role"]) == (200, "Acme", "operator")
    inside = await scene.entered()
    _, me = await inside.get("me")
    assert (me["role"], me["organisation"]["id"]) == ("operator", scene.acme)
    _, listed = await scene.owner.get("partners")
    assert [(one["partner"], one["state"]) for one in listed["items"]] == [("Steps", "live")]
    acts = scene.crowd.acts()
    assert [act for act in acts if "grant" in act or "customer" in act] == [
        "partner_grant.invited", "partner_grant.accepted", "customer.accepted", "customer.entered",
    ]  # fmt: skip


async def test_a_technician_who_is_signed_out_at_home_is_out_of_the_customers_too(scene: Scene) -> None:
    await scene.granted()
    inside = await scene.entered()
    scene.crowd.clock.advance(timedelta(seconds=1))
    assert (await scene.boss.post(f"members/{scene.tech.id}/sign-out"))[0] == 204

    assert (await inside.get("me"))[0] == 401
    assert (await scene.tech.get("me"))[0] == 401
    assert scene.crowd.said(VisitorLeft)[-1].reason == "ended_by_administrator"
    assert {one.reason for one in scene.crowd.said(SessionRevoked)} == {"ended_by_administrator"}
    assert (await scene.owner.get("visits"))[1]["items"] == []


async def test_a_partner_is_invited_by_its_code(scene: Scene) -> None:
    steps = await scene.crowd.store.organisation(scene.partner)
    assert steps is not None
    await scene.crowd.store.save(replace(steps, partner_code="STEP-1", version=steps.version + 1))
    status, _ = await scene.owner.post("partners", {"code": " step-1", "role": "viewer"})
    assert status == 201
    assert (await scene.crowd.letter()).to == scene.boss.email
    _, wanted = await scene.boss.get("customer-invitations")
    assert len(wanted["items"]) == 1
    status, problem = await scene.owner.post("partners", {"code": "STEP-9", "role": "viewer"})
    assert (status, problem["code"]) == (404, "partner_unknown")


async def test_whether_an_address_is_a_partners_is_not_told(scene: Scene) -> None:
    answers = [
        await scene.owner.post("partners", {"email": email, "role": "viewer"})
        for email in (scene.boss.email, "nobody@nowhere.example")
    ]
    shapes = [(status, {**body, "id": "", "invited": ""}) for status, body in answers]
    assert shapes[0] == shapes[1]


async def test_the_customer_sees_who_is_inside_from_the_first_moment(scene: Scene) -> None:
    grant = await scene.granted(items=["hall-1"])
    inside = await scene.entered()

    said = scene.crowd.said(VisitorEntered)[-1]
    assert (said.organisation, said.name, said.home, said.via, said.grant, said.items) == (
        scene.acme, "Tech Test", "Steps", "partner", grant, ("hall-1",),
    )  # fmt: skip
    rights = scene.crowd.said(AccessChanged)[-1]
    assert (rights.user, rights.role, rights.via, rights.items) == (
        scene.tech.id, "operator", "partner", ("hall-1",),
    )  # fmt: skip
    _, visits = await scene.owner.get("visits")
    assert [(one["visitor"]["name"], one["visitor"]["session"]) for one in visits["items"]] == [
        ("Tech Test", said.session)
    ]
    assert (await inside.get("visits"))[0] == 403


async def test_the_end_of_a_grant_ends_every_session_under_it_and_nothing_else(scene: Scene) -> None:
    grant = await scene.granted()
    inside = await scene.entered()
    assert (await scene.owner.delete(f"partners/{grant}"))[0] == 204

    assert [one.reason for one in scene.crowd.said(SessionRevoked)] == ["grant_ended"]
    assert scene.crowd.said(AccessChanged)[-1].role is None
    assert (await inside.get("me"))[0] == 401
    assert (await inside.switch())[0] == 401
    assert (await scene.tech.get("me"))[0] == 200
    status, problem = await scene.tech.post(f"customers/{scene.acme}/sessions")
    assert (status, problem["code"]) == (404, "customer_unknown")
    assert (await scene.owner.get("visits"))[1]["items"] == []


async def test_another_role_or_scope_shows_the_technicians_out(scene: Scene) -> None:
    grant = await scene.granted()
    inside = await scene.entered()
    status, body = await scene.owner.ask(
        "PUT", f"partners/{grant}", {"role": "viewer", "items": ["hall-2"], "until": None}
    )
    assert (status, body["role"], body["visitors"]) == (200, "viewer", [])
    assert (await inside.get("me"))[0] == 401
    again = await scene.entered()
    assert (await again.get("me"))[1]["role"] == "viewer"


async def test_who_leaves_the_partner_is_out_of_its_customers(scene: Scene) -> None:
    await scene.granted()
    inside = await scene.entered()
    assert (await scene.boss.delete(f"members/{scene.tech.id}"))[0] == 204

    assert (await inside.get("me"))[0] == 401
    assert [one.reason for one in scene.crowd.said(VisitorLeft)] == ["removed"]
    assert (await scene.owner.get("visits"))[1]["items"] == []


async def test_of_leaving_the_partner_and_entering_at_once_nobody_stays_inside(scene: Scene) -> None:
    await scene.granted()
    await asyncio.gather(
        scene.boss.delete(f"members/{scene.tech.id}"),
        *(scene.tech.post(f"customers/{scene.acme}/sessions") for _ in range(3)),
    )
    assert (await scene.owner.get("visits"))[1]["items"] == []
    assert [row for row in scene.crowd.portal.rows("sessions") if row["visit"] and not row["ended_at"]] == []


async def test_of_the_end_of_a_grant_and_entering_at_once_nobody_stays_inside(scene: Scene) -> None:
    grant = await scene.granted()
    await asyncio.gather(
        *(scene.tech.post(f"customers/{scene.acme}/sessions") for _ in range(3)),
        scene.owner.delete(f"partners/{grant}"),
    )
    assert (await scene.owner.get("visits"))[1]["items"] == []
    assert [row for row in scene.crowd.portal.rows("sessions") if row["visit"] and not row["ended_at"]] == []


async def test_of_the_end_of_a_grant_and_entering_again_at_once_nobody_stays_inside(scene: Scene) -> None:
    grant = await scene.granted()
    await scene.entered()
    await asyncio.gather(
        *(scene.tech.post(f"customers/{scene.acme}/sessions") for _ in range(3)),
        scene.owner.delete(f"partners/{grant}"),
        scene.tech.post(f"customers/{scene.acme}/sessions"),
    )
    assert (await scene.owner.get("visits"))[1]["items"] == []
    assert [row for row in scene.crowd.portal.rows("sessions") if row["visit"] and not row["ended_at"]] == []


async def test_however_a_visitors_session_ends_the_rights_end_with_it(scene: Scene) -> None:
    await scene.granted()
    await scene.entered()
    scene.crowd.clock.advance(timedelta(minutes=1))
    session = await scene.crowd.store.session(scene.crowd.said(VisitorEntered)[-1].session)
    assert session is not None
    ended, event = session.ended("password_changed", scene.crowd.clock.now())
    await scene.crowd.store.save(ended, events=(event,))
    await scene.crowd.portal.house.bus.deliver()

    assert scene.crowd.said(AccessChanged)[-1].role is None
    assert [one.reason for one in scene.crowd.said(VisitorLeft)] == ["password_changed"]
    assert (await scene.owner.get("visits"))[1]["items"] == []


async def test_entering_again_ends_the_earlier_visit(scene: Scene) -> None:
    await scene.granted()
    first = await scene.entered()
    second = await scene.entered()
    assert (await first.get("me"))[0] == 401
    assert (await second.get("me"))[0] == 200
    assert len((await scene.owner.get("visits"))[1]["items"]) == 1


@pytest.mark.parametrize("by", ["customer", "technician", "idleness", "time"])
async def test_a_visit_ends(scene: Scene, by: str) -> None:
    until = (scene.crowd.clock.now() + timedelta(minutes=20)).isoformat()
    await scene.granted(until=until)
    inside = await scene.entered()
    session = scene.crowd.said(VisitorEntered)[-1].session
    match by:
        case "customer":
            assert (await scene.owner.delete(f"visits/{session}"))[0] == 204
        case "technician":
            assert (await inside.delete("sessions/current"))[0] == 204
        case "time":
            scene.crowd.clock.advance(timedelta(minutes=20))
            assert (await inside.switch())[0] == 401
            await scene.crowd.due("grants")
        case "idleness":
            scene.crowd.clock.advance(timedelta(minutes=30))
            await scene.crowd.due("visits")
    assert [one.session for one in scene.crowd.said(VisitorLeft)] == [session]
    assert scene.crowd.said(AccessChanged)[-1].role is None
    assert (await inside.get("me"))[0] == 401


async def test_a_visitor_with_an_administrators_grant_gives_nobody_rights(scene: Scene) -> None:
    await scene.granted(role="admin")
    inside = await scene.entered()
    for method, path, body in (
        ("POST", "invitations", {"email": "x@y.example", "role": "viewer"}),
        ("PATCH", f"members/{scene.owner.id}", {"role": "viewer"}),
        ("POST", "support-grants", {"permanent": True}),
        ("POST", "partners", {"email": "x@y.example", "role": "admin"}),
        ("POST", f"customers/{scene.acme}/sessions", None),
    ):
        status, problem = await inside.ask(method, path, body)
        assert (status, problem["code"]) == (403, "visitors_may_not"), path
    assert (await inside.delete("members/me"))[0] == 403


async def test_a_member_of_the_customer_does_not_enter_it_as_a_visitor(scene: Scene) -> None:
    await scene.granted()
    both = await scene.crowd.member(scene.partner, Role.TECHNICIAN, "both@steps.example")
    found = await scene.crowd.store.membership(scene.partner, both.id)
    assert found is not None
    now = scene.crowd.clock.now()
    await scene.crowd.store.save(
        Membership(organisation=scene.acme, user=both.id, role=Role.VIEWER, since=now)
    )
    status, problem = await both.post(f"customers/{scene.acme}/sessions")
    assert (status, problem["code"]) == (409, "member_here")


async def test_others_see_and_touch_none_of_it(scene: Scene) -> None:
    grant = await scene.granted()
    inside = await scene.entered()
    session = scene.crowd.said(VisitorEntered)[-1].session
    _, stranger = await scene.crowd.organisation("Beta")
    _, rival = await scene.crowd.organisation("Rival", "partner")
    terms = {"role": "viewer", "items": None, "until": None}
    for person, method, path, body in (
        (stranger, "PUT", f"partners/{grant}", terms),
        (stranger, "DELETE", f"partners/{grant}", None),
        (stranger, "DELETE", f"visits/{session}", None),
        (rival, "POST", f"customers/{scene.acme}/sessions", None),
        (rival, "DELETE", f"customers/{scene.acme}", None),
        (rival, "POST", f"customer-invitations/{grant}/accept", None),
    ):
        status, _ = await person.ask(method, path, body)
        assert status == 404, path
    assert (await inside.get("me"))[0] == 200


async def test_an_invitation_by_address_is_for_that_address_and_for_partners_only(scene: Scene) -> None:
    _, invited = await scene.owner.post("partners", {"email": "owner@beta.example", "role": "viewer"})
    await scene.crowd.letter()
    _, customer = await scene.crowd.organisation("Beta")
    path = f"customer-invitations/{invited['id']}/accept"
    assert (await scene.boss.post(path))[0] == 404
    status, problem = await customer.post(path)
    assert (status, problem["code"]) == (403, "partners_only")
    assert (await scene.tech.post(path))[0] == 403


async def test_the_landing_page_tells_how_customers_are_doing(scene: Scene) -> None:
    await scene.granted()
    base = {"organisation": scene.acme, "at": scene.crowd.clock.now()}
    camera = {"camera": "cam1", "device": "mac:0040ff112233", "name": "Door"}
    connected = CameraConnected(**base, **camera, version=2, first=True)
    other = CameraConnected(**base, **{**camera, "camera": "cam2"}, version=2, first=True)
    removed = CameraRemoved(**base, **{**camera, "camera": "cam2"}, version=3)
    events = [
        connected, connected, removed, other,
        licence(base, "lic1", "suspended", 1), licence(base, "lic1", "suspended", 2),
        licence(base, "lic2", "inactive", 3), licence(base, "lic2", "active", 4),
        licence(base, "lic2", "suspended", 2),
    ]  # fmt: skip
    scene.crowd.portal.house.bus.publish(events)
    _, page = await scene.tech.get("customers")
    assert [(one["name"], one["cameras"], one["unpaid_licences"]) for one in page["items"]] == [
        ("Acme", 0, 0)
    ]
    await scene.crowd.portal.house.bus.deliver()
    _, page = await scene.tech.get("customers")
    assert [(one["name"], one["cameras"], one["unpaid_licences"]) for one in page["items"]] == [
        ("Acme", 1, 1)
    ]


async def test_the_landing_page_counts_cameras_that_are_online(scene: Scene) -> None:
    await scene.granted()
    base = {"organisation": scene.acme, "at": scene.crowd.clock.now()}

    def connected(name: str) -> CameraConnected:
        return CameraConnected(
            **base, camera=name, device="mac:0040ff112233", name="Door", version=2, first=True
        )

    def presence(name: str, version: int, online: bool) -> PresenceChanged:
        return PresenceChanged(**base, camera=name, version=version, online=online, last_seen=base["at"])

    async def counted() -> tuple[int, int]:
        await scene.crowd.portal.house.bus.deliver()
        _, page = await scene.tech.get("customers")
        return page["items"][0]["cameras"], page["items"][0]["online_cameras"]

    bus = scene.crowd.portal.house.bus
    bus.publish([connected("cam1"), presence("cam1", 2, True), connected("cam2")])
    assert await counted() == (2, 1)
    bus.publish([presence("cam3", 4, True)])
    assert await counted() == (2, 1), "heard before its connection: it counts from then on"
    bus.publish([connected("cam3"), presence("cam2", 9, True), presence("cam2", 7, False)])
    assert await counted() == (3, 3), "what is older is ignored"
    bus.publish([presence("cam1", 5, False), presence("cam1", 5, False)])
    assert await counted() == (3, 2)
    removed = CameraRemoved(**base, camera="cam2", device="mac:0040ff112233", name="Door", version=3)
    bus.publish([removed, presence("cam2", 12, False)])
    assert await counted() == (2, 1)


def licence(base: dict[str, Any], identity: str, state: Any, version: int) -> LicenceChanged:
    return LicenceChanged(
        **base, licence=identity, camera="cam1", state=state, previous=None, cause="test",
        since=base["at"], plan="standard", portal_features=True, recording=True, charged=True,
        simultaneous_accesses=1, version=version,
    )  # fmt: skip


async def test_a_partner_of_some_items_is_told_nothing_of_the_rest(scene: Scene) -> None:
    await scene.granted(items=["hall-1"])
    _, page = await scene.tech.get("customers")
    assert [(one["cameras"], one["items"]) for one in page["items"]] == [(None, ["hall-1"])]


@pytest.mark.parametrize(
    "terms", [{"role": "super_admin"}, {"role": "technician"}, {"until": "2020-01-01T00:00:00Z"}]
)
async def test_terms_must_make_sense(scene: Scene, terms: dict[str, str]) -> None:
    body = {"email": "a@b.example", "role": "viewer", **terms}
    status, problem = await scene.owner.post("partners", body)
    assert (status, problem["errors"][0]["field"]) == (422, next(iter(terms)))


async def test_the_same_partner_is_invited_once_and_may_be_invited_again_after_its_end(scene: Scene) -> None:
    grant = await scene.granted()
    body = {"email": scene.boss.email, "role": "viewer"}
    assert (await scene.owner.post("partners", body))[1]["code"] == "already_invited"
    assert (await scene.boss.delete(f"customers/{scene.acme}"))[0] == 204
    assert (await scene.owner.get("partners"))[1]["items"][0]["state"] == "ended"
    assert (await scene.owner.delete(f"partners/{grant}"))[1]["code"] == "grant_ended"
    assert (await scene.owner.post("partners", body))[0] == 201
