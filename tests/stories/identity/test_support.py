"""Technical support: nothing without a grant, marked and told when it enters, out when the grant ends."""

from datetime import timedelta
from typing import Any

import pytest

from common.auth import Role
from common.contracts.identity import AccessChanged, SessionRevoked, VisitorEntered
from stories.identity.crowd import Crowd, Person


async def allowed(owner: Person, **body: Any) -> str:
    status, grant = await owner.post("support-grants", body or {"permanent": True})
    assert status == 201, grant
    return str(grant["id"])


async def entered(agent: Person, grant: str) -> Person:
    status, tokens = await agent.post(f"support-grants/{grant}/sessions")
    assert status == 201, tokens
    return agent.inside(tokens)


async def test_without_a_grant_support_sees_and_enters_nothing(crowd: Crowd) -> None:
    await crowd.organisation("Acme")
    agent = await crowd.staff()
    assert (await agent.get("support-grants/open"))[1]["items"] == []
    status, problem = await agent.post(f"support-grants/{'0' * 32}/sessions")
    assert (status, problem["code"]) == (404, "grant_unknown")
    assert (await agent.switch("acme"))[1]["code"] == "not_a_member"


async def test_staff_see_of_an_open_customer_its_name_and_how_far(crowd: Crowd) -> None:
    _, owner = await crowd.organisation("Acme")
    grant = await allowed(owner, item="hall-1", until="2026-03-02T12:00:00+01:00")
    agent = await crowd.staff()
    _, page = await agent.get("support-grants/open")
    assert page["items"] == [
        {"id": grant, "organisation": "Acme", "items": ["hall-1"], "until": "2026-03-02T11:00:00Z"}
    ]


async def test_entering_is_marked_shown_told_by_mail_and_recorded(crowd: Crowd) -> None:
    acme, owner = await crowd.organisation("Acme", language="cs")
    grant = await allowed(owner, permanent=True)
    agent = await crowd.staff()
    inside = await entered(agent, grant)

    letter = await crowd.letter()
    assert (letter.to, letter.subject) == (owner.email, "Technická podpora je v organizaci Acme")
    assert "Agent Test" in letter.text
    said = crowd.said(VisitorEntered)[-1]
    assert (said.organisation, said.via, said.name, said.home) == (
        acme, "support", "Agent Test", "Vedette staff",
    )  # fmt: skip
    _, me = await inside.get("me")
    assert (me["role"], me["via"], me["grant"]) == ("support", "support", grant)
    assert "support_grant.given" in crowd.acts()
    _, visits = await owner.get("visits")
    assert [one["via"] for one in visits["items"]] == ["support"]
    assert (await agent.get("me"))[1]["organisation"]["id"] == "staff"


@pytest.mark.parametrize("end", ["withdrawn", "expired", "agent_leaves"])
async def test_the_end_of_a_grant_ends_the_session(crowd: Crowd, end: str) -> None:
    _, owner = await crowd.organisation("Acme")
    boss = await crowd.staff(Role.STAFF_ADMIN, "boss@vedette.example")
    agent = await crowd.staff()
    until = (crowd.clock.now() + timedelta(minutes=10)).isoformat()
    grant = await allowed(owner, until=until)
    inside = await entered(agent, grant)
    match end:
        case "withdrawn":
            assert (await owner.delete(f"support-grants/{grant}"))[0] == 204
        case "expired":
            crowd.clock.advance(timedelta(minutes=10))
            assert (await inside.switch())[0] == 401
            await crowd.due("grants")
        case "agent_leaves":
            assert (await boss.delete(f"members/{agent.id}"))[0] == 204
    assert (await inside.get("me"))[0] == 401
    assert (await inside.switch())[0] == 401
    assert len(crowd.said(SessionRevoked)) == 1
    assert crowd.said(AccessChanged)[-1].role is None or end == "agent_leaves"


async def test_a_grant_that_has_expired_opens_nothing_before_anybody_has_written_it_down(
    crowd: Crowd,
) -> None:
    _, owner = await crowd.organisation("Acme")
    agent = await crowd.staff()
    grant = await allowed(owner, until=(crowd.clock.now() + timedelta(minutes=1)).isoformat())
    crowd.clock.advance(timedelta(minutes=1))
    assert (await agent.get("support-grants/open"))[1]["items"] == []
    assert (await agent.post(f"support-grants/{grant}/sessions"))[0] == 404


async def test_permanent_access_is_asked_about_every_month(crowd: Crowd) -> None:
    _, owner = await crowd.organisation("Acme", language="fr")
    grant = await allowed(owner, permanent=True)
    for _ in range(2):
        crowd.clock.advance(timedelta(days=30))
        await crowd.due("grants")
        letter = await crowd.letter()
        assert (letter.to, letter.subject) == (
            owner.email, "Le support technique a toujours accès à Acme",
        )  # fmt: skip
    crowd.clock.advance(timedelta(days=29))
    owner.take(await crowd.portal.signed_in(login=owner.email))
    assert (await owner.post(f"support-grants/{grant}/confirm"))[0] == 200
    crowd.clock.advance(timedelta(days=29))
    await crowd.due("grants")
    assert crowd.portal.mailbox.letters.empty()
    assert crowd.acts().count("support_grant.reminded") == 2


async def test_a_date_or_permanent_one_of_both(crowd: Crowd) -> None:
    _, owner = await crowd.organisation("Acme")
    later = (crowd.clock.now() + timedelta(days=1)).isoformat()
    for body in ({}, {"until": later, "permanent": True}, {"until": "2020-01-01T00:00:00Z"}):
        status, problem = await owner.post("support-grants", body)
        assert (status, problem["errors"][0]["field"]) == (422, "until")


async def test_who_may_grant_and_who_may_enter(crowd: Crowd) -> None:
    acme, owner = await crowd.organisation("Acme")
    grant = await allowed(owner, permanent=True)
    operator = await crowd.member(acme, Role.OPERATOR, "olga@acme.example")
    agent = await crowd.staff()
    assert (await operator.post("support-grants", {"permanent": True}))[0] == 403
    assert (await operator.get("support-grants"))[0] == 403
    assert (await owner.get("support-grants/open"))[0] == 403
    assert (await owner.post(f"support-grants/{grant}/sessions"))[0] == 403
    assert (await agent.post("support-grants", {"permanent": True}))[0] == 403
    assert (await agent.delete(f"support-grants/{grant}"))[0] == 403


async def test_another_organisations_grant_is_like_none(crowd: Crowd) -> None:
    _, owner = await crowd.organisation("Acme")
    grant = await allowed(owner, permanent=True)
    _, stranger = await crowd.organisation("Beta")
    for one in (grant, "0" * 32):
        for answer in (
            await stranger.delete(f"support-grants/{one}"),
            await stranger.post(f"support-grants/{one}/confirm"),
        ):
            assert (answer[0], answer[1]["code"]) == (404, "grant_unknown")


async def test_a_retried_allow_gives_one_grant(crowd: Crowd) -> None:
    _, owner = await crowd.organisation("Acme")
    for _ in range(2):
        status, _ = await owner.ask(
            "POST", "support-grants", {"permanent": True}, Idempotency_Key="the-same-click"
        )
        assert status == 201
    assert len((await owner.get("support-grants"))[1]["items"]) == 1
