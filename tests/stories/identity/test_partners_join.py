"""Joining as a partner: a valid code, staff's approval, only then the activation code and the organisation."""

import asyncio
from datetime import timedelta
from typing import Any

import pytest

from common.contracts.audit import ActRecorded
from common.contracts.identity import OrganisationCreated
from identity.store import INDEXES

FORM = {
    "organisation_name": "Fitters Ltd",
    "first_name": "Pat",
    "last_name": "Partner",
    "email": "pat@fitters.example",
    "country": "GB",
    "time_zone": "Europe/London",
    "currency": "GBP",
    "language": "en",
    "accept_terms": True,
    "accept_privacy": True,
    "partner_code": " step-0042 ",
}
CODE = {"code": "STEP-0042", "company": "Fitters Ltd", "emails": ["Pat@Fitters.example"]}


@pytest.fixture
async def staff(portal: Any) -> str:
    """The staff admin's token; the registry holds one code, bound to Pat."""
    token: str = await portal.as_staff()
    status, _ = await portal.ask("POST", "partner-codes", token, CODE)
    assert status == 201
    return token


async def ask(portal: Any, **changed: Any) -> tuple[int, dict[str, Any]]:
    status, body = await portal.post("partner-requests", {**FORM, **changed})
    return status, body


async def waiting(portal: Any, staff: str, state: str = "requested") -> list[dict[str, Any]]:
    _, page = await portal.ask("GET", f"partner-requests?state={state}", staff)
    items: list[dict[str, Any]] = page["items"]
    return items


async def test_a_partner_asks_staff_approves_and_the_partner_activates(portal: Any, staff: str) -> None:
    assert (await ask(portal))[0] == 202
    assert (await portal.mailbox.next()).subject == "Your partner request has arrived"
    assert portal.house.bus.said(OrganisationCreated) == []
    (request,) = await waiting(portal, staff)
    assert (request["partner_code"], request["email"]) == ("STEP-0042", "pat@fitters.example")

    status, _ = await portal.ask("POST", f"partner-requests/{request['id']}/approve", staff)
    assert status == 200
    code = await portal.mailbox.next_code()
    assert await portal.activate(code, "pat@fitters.example") == (
        200,
        {"message": "Your account is verified successfully."},
    )
    (created,) = portal.house.bus.said(OrganisationCreated)
    assert (created.kind, created.name) == ("partner", "Fitters Ltd")
    (organisation,) = [row for row in portal.rows("organisations") if row["kind"] == "partner"]
    assert organisation["partner_code"] == "STEP-0042"
    tokens = await portal.signed_in(login="pat@fitters.example")
    _, me = await portal.get("me", tokens["access_token"])
    assert me["role"] == "partner_super_admin"
    (partner,) = [row for row in portal.rows("organisations") if row["kind"] == "partner"]
    assert partner["partner_code"] == "STEP-0042"  # by which customers invite it
    assert await waiting(portal, staff) == []


@pytest.mark.parametrize(
    "wrong", [{"partner_code": "STEP-9999"}, {"email": "other@fitters.example"}], ids=["code", "address"]
)
async def test_a_code_that_is_not_valid_is_answered_the_same_and_told_by_mail(
    portal: Any, staff: str, wrong: dict[str, str]
) -> None:
    valid = await ask(portal)
    await portal.mailbox.next()

    assert await ask(portal, **wrong) == valid
    letter = await portal.mailbox.next()
    assert letter.subject == "Your partner code is not valid"
    assert letter.to == wrong.get("email", FORM["email"])
    await ask(portal, **wrong)  # within the hour: no second mail
    assert len([row for row in portal.rows("mails") if row["template"] == "partner_request_refused"]) == 1
    assert len(await waiting(portal, staff)) == 1


async def test_both_boxes_must_be_ticked(portal: Any, staff: str) -> None:
    for box in ("accept_terms", "accept_privacy"):
        status, problem = await ask(portal, **{box: False})
        assert (status, [error["field"] for error in problem["errors"]]) == (422, [box])


async def test_asking_again_corrects_the_request_that_waits(portal: Any, staff: str) -> None:
    await ask(portal)
    await ask(portal, organisation_name="Fitters and Sons")

    (request,) = await waiting(portal, staff)
    assert request["organisation_name"] == "Fitters and Sons"
    assert len([row for row in portal.rows("mails") if row["template"] == "partner_request_received"]) == 1


async def test_a_declined_partner_reads_why_and_gets_no_code(portal: Any, staff: str) -> None:
    await ask(portal)
    await portal.mailbox.next()
    (request,) = await waiting(portal, staff)
    path = f"partner-requests/{request['id']}"
    reason = "The contract has *ended*.\u00a0<b>Sorry</b>"
    status, _ = await portal.ask("POST", f"{path}/decline", staff, {"reason": reason})

    assert status == 200
    letter = await portal.mailbox.next()
    assert "The contract has *ended*. <b>Sorry</b>" in letter.text
    assert "The contract has *ended*. &lt;b&gt;Sorry&lt;/b&gt;" in letter.html
    assert portal.rows("registrations") == []
    status, problem = await portal.ask("POST", f"{path}/approve", staff)
    assert (status, problem["code"]) == (409, "request_decided")


async def test_a_request_is_forgotten_half_a_year_after_it_came_or_three_months_after_it_was_decided(
    portal: Any, staff: str
) -> None:
    await ask(portal)
    await portal.mailbox.next()
    portal.house.clock.advance(timedelta(days=10))
    await ask(portal)  # once more, which renews it
    (row,) = portal.rows("partner_requests")
    assert row["forget_at"] == portal.house.clock.now() + timedelta(days=180)
    staff = await portal.as_staff()
    (request,) = await waiting(portal, staff)
    status, _ = await portal.ask(
        "POST", f"partner-requests/{request['id']}/decline", staff, {"reason": "No contract."}
    )
    assert status == 200
    (row,) = portal.rows("partner_requests")
    assert row["forget_at"] == portal.house.clock.now() + timedelta(days=90)
    ttl = [index for index in INDEXES if (index.collection, index.expire_after) == ("partner_requests", 0)]
    assert [index.keys for index in ttl] == [(("forget_at", 1),)]


async def test_of_two_staff_who_decide_at_once_one_does(portal: Any, staff: str) -> None:
    await ask(portal)
    (request,) = await waiting(portal, staff)
    path = f"partner-requests/{request['id']}"
    answers = await asyncio.gather(
        portal.ask("POST", f"{path}/approve", staff),
        portal.ask("POST", f"{path}/decline", staff, {"reason": "No."}),
    )

    assert sorted(status for status, _ in answers) == [200, 409]


async def test_a_code_withdrawn_meanwhile_cannot_be_approved(portal: Any, staff: str) -> None:
    await ask(portal)
    (request,) = await waiting(portal, staff)
    await portal.ask("PATCH", "partner-codes/STEP-0042", staff, {"status": "blocked"})
    status, problem = await portal.ask("POST", f"partner-requests/{request['id']}/approve", staff)

    assert (status, problem["code"]) == (409, "partner_code_not_valid")


async def test_who_has_an_account_already_gets_the_partner_organisation_at_once(
    portal: Any, staff: str
) -> None:
    await portal.with_account()
    await portal.ask("PATCH", "partner-codes/STEP-0042", staff, {"emails": []})
    await ask(portal, email="ada@acme.example")
    await portal.mailbox.next()
    (request,) = await waiting(portal, staff)
    await portal.ask("POST", f"partner-requests/{request['id']}/approve", staff)

    assert (await portal.mailbox.next()).subject == "Váš partnerský účet Vedette je schválen"
    _, challenge = await portal.start()
    code = await portal.mailbox.next_code()
    _, chosen = await portal.post(f"sign-ins/{challenge['id']}/verify", {"code": code})
    assert chosen["status"] == "choose_organisation"
    assert {place["role"] for place in chosen["organisations"]} == {"super_admin", "partner_super_admin"}


async def test_an_approved_partner_is_not_turned_into_a_customer_by_anybodys_form(
    portal: Any, staff: str
) -> None:
    await ask(portal)
    await portal.mailbox.next()
    (request,) = await waiting(portal, staff)
    await portal.ask("POST", f"partner-requests/{request['id']}/approve", staff)
    code = await portal.mailbox.next_code()
    await portal.sign_up(email="pat@fitters.example", organisation_name="Mallory")
    await portal.activate(code, "pat@fitters.example")

    (created,) = portal.house.bus.said(OrganisationCreated)
    assert (created.kind, created.name) == ("partner", "Fitters Ltd")


async def test_the_registry_is_kept_by_staff_admins_alone(portal: Any, staff: str) -> None:
    await portal.with_account()
    customer = (await portal.signed_in())["access_token"]
    for method, path, body in (
        ("GET", "partner-codes", None),
        ("POST", "partner-codes", CODE),
        ("PATCH", "partner-codes/STEP-0042", {"status": "blocked"}),
        ("DELETE", "partner-codes/STEP-0042", None),
        ("GET", "partner-requests", None),
        ("POST", "partner-requests/x/approve", None),
        ("POST", "partner-requests/x/decline", {"reason": "No."}),
    ):
        assert (await portal.ask(method, path, customer, body))[0] == 403, path


async def test_the_registry_is_listed_changed_and_cleared(portal: Any, staff: str) -> None:
    for number in range(3):
        await portal.ask("POST", "partner-codes", staff, {"code": f"a-00{number}", "company": "A"})
    _, first = await portal.ask("GET", "partner-codes?limit=2", staff)
    _, second = await portal.ask("GET", f"partner-codes?limit=2&cursor={first['next']}", staff)
    assert [item["code"] for item in first["items"] + second["items"]] == [
        "A-000",
        "A-001",
        "A-002",
        "STEP-0042",
    ]

    status, problem = await portal.ask("POST", "partner-codes", staff, {**CODE, "code": "step-0042"})
    assert (status, problem["code"]) == (409, "partner_code_known")
    status, changed = await portal.ask("PATCH", "partner-codes/step-0042", staff, {"company": "Fitters plc"})
    assert (changed["company"], changed["emails"]) == ("Fitters plc", ["pat@fitters.example"])
    assert (await portal.ask("DELETE", "partner-codes/STEP-0042", staff))[0] == 204
    assert (await portal.ask("GET", "partner-codes/STEP-0042", staff))[0] == 404
    acts = [event.act for event in portal.house.bus.said(ActRecorded)]
    assert acts[-2:] == ["partner_code.changed", "partner_code.removed"]


@pytest.mark.parametrize("body", [{"code": "a b c d"}, {"code": "-ABC"}, {"code": "ABCD", "emails": ["x"]}])
async def test_a_code_that_cannot_be_one_is_refused(portal: Any, staff: str, body: dict[str, Any]) -> None:
    status, _ = await portal.ask("POST", "partner-codes", staff, {"company": "A", "emails": [], **body})
    assert status == 422
