"""Members: roles bounded by one's own, the last Super Admin stays, rights that change hold at once."""

import asyncio
from datetime import timedelta
from typing import Any

import pytest

from common.auth import Role
from common.contracts.audit import ActRecorded
from common.contracts.identity import AccessChanged, SessionRevoked
from common.contracts.relay import ServerStatusChanged
from identity.domain.accounts import Membership
from identity.domain.members import MAY_GIVE
from stories.identity.crowd import Crowd, Person

SECOND = timedelta(seconds=1)


async def test_members_are_listed_with_role_and_scope(crowd: Crowd) -> None:
    acme, owner = await crowd.organisation("Acme")
    await crowd.member(acme, Role.VIEWER, "vera@acme.example", items=("hall-1",))
    await crowd.organisation("Beta")
    status, body = await owner.get("members")

    assert status == 200
    assert [(one["email"], one["role"], one["items"]) for one in body["items"]] == [
        ("owner@acme.example", "super_admin", None),
        ("vera@acme.example", "viewer", ["hall-1"]),
    ]


async def test_the_first_member_of_a_new_organisation_is_announced(portal: Any) -> None:
    await portal.with_account()
    (said,) = [one for one in portal.house.bus.said(AccessChanged) if one.organisation != "staff"]
    assert (said.role, said.via, said.items, said.version) == ("super_admin", "membership", None, 1)


async def test_another_role_holds_at_once_and_is_announced(crowd: Crowd) -> None:
    acme, owner = await crowd.organisation("Acme")
    vera = await crowd.member(acme, Role.ADMIN, "vera@acme.example")
    assert (await vera.get("members"))[0] == 200
    crowd.clock.advance(SECOND)

    status, body = await owner.ask("PATCH", f"members/{vera.id}", {"role": "viewer", "items": ["hall-1"]})
    assert (status, body["role"], body["items"]) == (200, "viewer", ["hall-1"])
    said = crowd.said(AccessChanged)[-1]
    assert (said.user, said.role, said.items, said.version) == (vera.id, "viewer", ("hall-1",), 2)
    status, problem = await vera.get("members")
    assert (status, problem["code"]) == (401, "rights_changed")
    assert (await vera.switch())[0] == 200
    assert (await vera.get("members"))[0] == 403


async def test_what_a_change_leaves_out_stays(crowd: Crowd) -> None:
    acme, owner = await crowd.organisation("Acme")
    vera = await crowd.member(acme, Role.VIEWER, "vera@acme.example", items=("hall-1",))
    _, body = await owner.ask("PATCH", f"members/{vera.id}", {"role": "operator"})
    assert (body["role"], body["items"]) == ("operator", ["hall-1"])
    status, problem = await owner.ask("PATCH", f"members/{vera.id}", {"role": "admin"})
    assert (status, problem["errors"][0]["field"]) == (422, "items")


@pytest.mark.parametrize("role", [role for role in Role if role is not Role.SUPPORT])
async def test_nobody_gives_or_takes_a_role_beyond_their_own(crowd: Crowd, role: Role) -> None:
    acme, owner = await crowd.organisation("Acme")
    admin = await crowd.member(acme, Role.ADMIN, "adam@acme.example")
    vera = await crowd.member(acme, Role.VIEWER, "vera@acme.example")
    for giver in (admin, owner):
        before = Role.SUPER_ADMIN if giver is owner else Role.ADMIN
        status, body = await giver.ask("PATCH", f"members/{vera.id}", {"role": role.value})
        assert (status == 200) == (role in MAY_GIVE[before]), body
        if status != 200:
            assert body["code"] == "role_out_of_reach"
    status, body = await admin.ask("PATCH", f"members/{owner.id}", {"role": "viewer"})
    assert (status, body["code"]) == (403, "role_out_of_reach")
    assert (await admin.delete(f"members/{owner.id}"))[0] == 403


async def test_the_last_super_admin_is_neither_demoted_nor_removed_and_does_not_leave(crowd: Crowd) -> None:
    acme, owner = await crowd.organisation("Acme")
    for answer in (
        await owner.ask("PATCH", f"members/{owner.id}", {"role": "admin"}),
        await owner.delete(f"members/{owner.id}"),
        await owner.delete("members/me"),
    ):
        assert (answer[0], answer[1]["code"]) == (409, "last_super_admin")
        assert "Super Admin" in answer[1]["next"]
    vera = await crowd.member(acme, Role.VIEWER, "vera@acme.example")
    assert (await owner.ask("PATCH", f"members/{vera.id}", {"role": "super_admin"}))[0] == 200
    assert (await owner.delete("members/me"))[0] == 204


async def test_of_two_super_admins_who_remove_each_other_at_once_one_stays(crowd: Crowd) -> None:
    acme, first = await crowd.organisation("Acme")
    second = await crowd.member(acme, Role.SUPER_ADMIN, "second@acme.example")
    answers = await asyncio.gather(first.delete(f"members/{second.id}"), second.delete(f"members/{first.id}"))

    assert sorted(status for status, _ in answers) == [204, 409]
    assert len(await crowd.store.members(acme)) == 1


async def test_who_is_removed_has_nothing_there_any_more_and_may_come_back(crowd: Crowd) -> None:
    acme, owner = await crowd.organisation("Acme")
    vera = await crowd.member(acme, Role.VIEWER, "vera@acme.example")
    crowd.clock.advance(SECOND)
    assert (await owner.delete(f"members/{vera.id}"))[0] == 204
    said = crowd.said(AccessChanged)[-1]
    assert (said.user, said.role, said.version) == (vera.id, None, 2)
    assert (await vera.get("me"))[0] == 401
    status, problem = await vera.switch()
    assert (status, problem["code"]) == (403, "not_a_member")
    assert (await owner.delete(f"members/{vera.id}"))[0] == 404


async def test_an_administrator_ends_a_members_sessions_here_and_no_others(crowd: Crowd) -> None:
    acme, owner = await crowd.organisation("Acme")
    beta, vera = await crowd.organisation("Beta", owner="vera@beta.example")
    here, visiting = [await crowd.again(vera, beta) for _ in range(2)]
    member = Membership(organisation=acme, user=vera.id, role=Role.VIEWER, since=crowd.clock.now())
    await crowd.store.save(member)
    assert (await here.switch(acme))[0] == 200
    before_switching = Person(crowd, vera.id, vera.email)
    assert (await visiting.switch(acme))[0] == 200
    before_switching.access = visiting.access
    assert (await visiting.switch(beta))[0] == 200
    crowd.clock.advance(SECOND)

    assert (await owner.post(f"members/{vera.id}/sign-out"))[0] == 204
    assert [one.reason for one in crowd.said(SessionRevoked)] == ["ended_by_administrator"]
    assert (await here.get("me"))[1]["code"] == "session_ended"
    assert (await here.switch())[1]["code"] == "session_over"
    # A token of before for this organisation, held by a session that is elsewhere by now.
    assert (await before_switching.get("me"))[1]["code"] == "rights_changed"
    for elsewhere in (vera, visiting):
        assert (await elsewhere.get("me"))[0] == 200
        status, problem = await elsewhere.switch(acme)
        assert (status, problem["code"]) == (403, "signed_out_by_administrator")
        assert "Sign in again" in problem["next"]
        assert (await elsewhere.switch())[0] == 200

    crowd.clock.advance(SECOND)
    again = await crowd.again(vera, acme)
    assert (await again.get("me"))[0] == 200
    assert (await again.switch())[0] == 200
    (act,) = [one for one in crowd.said(ActRecorded) if one.act == "member.signed_out"]
    assert (act.organisation, act.object, act.details) == (acme, vera.id, {"sessions": "1"})


async def test_who_may_not_remove_somebody_does_not_sign_them_out_either(crowd: Crowd) -> None:
    acme, owner = await crowd.organisation("Acme")
    admin = await crowd.member(acme, Role.ADMIN, "adam@acme.example")
    vera = await crowd.member(acme, Role.VIEWER, "vera@acme.example")
    _, stranger = await crowd.organisation("Beta")
    crowd.clock.advance(SECOND)

    status, problem = await admin.post(f"members/{owner.id}/sign-out")
    assert (status, problem["code"]) == (403, "role_out_of_reach")
    assert (await vera.post(f"members/{admin.id}/sign-out"))[0] == 403
    for nobody in (vera.id, "0" * 32):
        status, problem = await stranger.post(f"members/{nobody}/sign-out")
        assert (status, problem["code"]) == (404, "member_unknown")
    assert crowd.said(SessionRevoked) == []
    assert (await admin.post(f"members/{vera.id}/sign-out"))[0] == 204
    assert (await admin.post(f"members/{vera.id}/sign-out"))[0] == 204
    assert len(crowd.said(SessionRevoked)) == 1


async def test_a_device_that_is_refreshed_at_the_same_instant_is_signed_out_all_the_same(
    crowd: Crowd,
) -> None:
    acme, owner = await crowd.organisation("Acme")
    vera = await crowd.member(acme, Role.VIEWER, "vera@acme.example")
    crowd.clock.advance(SECOND)
    await asyncio.gather(owner.post(f"members/{vera.id}/sign-out"), vera.switch())

    assert (await vera.switch())[0] == 401


async def test_members_of_another_organisation_are_like_nobody(crowd: Crowd) -> None:
    await crowd.organisation("Acme")
    _, stranger = await crowd.organisation("Beta")
    answers = [
        await stranger.ask(method, f"members/{user}", body)
        for user in ("owner-at-acme.example", "0" * 32)
        for method, body in (("PATCH", {"role": "viewer"}), ("DELETE", None))
    ]
    told = {(status, body["code"], body["detail"]) for status, body in answers}
    assert told == {(404, "member_unknown", "There is no such member in this organisation")}


async def test_servers_must_be_the_organisations_own(crowd: Crowd) -> None:
    acme, owner = await crowd.organisation("Acme")
    vera = await crowd.member(acme, Role.VIEWER, "vera@acme.example")
    for organisation, server in ((acme, "srv-a"), ("beta", "srv-b")):
        known = ServerStatusChanged(
            organisation=organisation, server=server, name=f"NVR {server}", status="green", version=1,
            at=crowd.clock.now(),
        )  # fmt: skip
        await crowd.portal.house.bus.tell(known)
    assert (await owner.ask("PATCH", f"members/{vera.id}", {"servers": ["srv-a"]}))[0] == 200
    status, problem = await owner.ask("PATCH", f"members/{vera.id}", {"servers": ["srv-b"]})
    assert (status, problem["errors"][0]["field"]) == (422, "servers")


async def test_a_scoped_member_is_told_so_in_the_token_also_after_switching(crowd: Crowd) -> None:
    acme, _ = await crowd.organisation("Acme")
    vera = await crowd.member(acme, Role.ADMIN, "vera@acme.example", items=("hall-1",))
    for _ in range(2):
        status, problem = await vera.get("members")
        assert (status, problem["code"]) == (403, "whole_organisation_only")
        await vera.switch()
