"""Password, one-time password, tokens."""

import asyncio
from datetime import timedelta
from typing import Any

import structlog

from common.contracts.identity import OrganisationCreated


def code_but(code: str) -> str:
    """Another code than this one."""
    return f"{(int(code) + 1) % 1_000_000:06}"


async def test_the_one_time_password_goes_to_a_masked_address(portal: Any) -> None:
    await portal.with_account()
    status, challenge = await portal.start("ADA@acme.example ")

    assert status == 201
    assert challenge["recipient"] == "a***@a***.example"
    assert challenge["second_factor"] == "email"
    assert challenge["resend_after"] == 30


async def test_an_unknown_account_costs_and_answers_the_same_as_a_wrong_password(portal: Any) -> None:
    await portal.with_account()
    before = portal.hasher.computed
    wrong_status, wrong = await portal.start(password="wrong horse")
    wrong_cost = portal.hasher.computed - before
    unknown_status, unknown = await portal.start("stranger@acme.example")
    unknown_cost = portal.hasher.computed - before - wrong_cost

    assert wrong_status == unknown_status == 401
    assert wrong_cost == unknown_cost == 1
    wrong.pop("request_id"), unknown.pop("request_id")
    assert wrong == unknown


async def test_wrong_passwords_are_slowed_down_for_one_network_only(portal: Any) -> None:
    await portal.with_account()
    there = {"X-Forwarded-For": "203.0.113.7"}
    wrong = {"login": "ada@acme.example", "password": "wrong horse"}
    statuses = [(await portal.post("sign-ins", wrong, **there))[0] for _ in range(6)]
    right = {"login": "ada@acme.example", "password": "correct horse"}

    assert statuses == [401] * 5 + [429]
    assert (await portal.post("sign-ins", right, **there))[0] == 429
    assert (await portal.post("sign-ins", right, **{"X-Forwarded-For": "198.51.100.9"}))[0] == 201
    portal.house.clock.advance(timedelta(seconds=3))  # a delay, never a lock
    assert (await portal.post("sign-ins", right, **there))[0] == 201


async def test_an_unknown_account_is_slowed_down_just_the_same(portal: Any) -> None:
    statuses = [(await portal.start("stranger@acme.example"))[0] for _ in range(6)]

    assert statuses == [401] * 5 + [429]


async def test_parallel_guesses_are_counted_one_by_one(portal: Any) -> None:
    await portal.with_account()
    before = portal.hasher.computed
    await asyncio.gather(*(portal.start(password="wrong horse") for _ in range(30)))

    assert portal.hasher.computed - before <= 5


async def test_five_wrong_one_time_passwords_end_the_sign_in(portal: Any) -> None:
    await portal.with_account()
    _, challenge = await portal.start()
    code = await portal.mailbox.next_code()
    path = f"sign-ins/{challenge['id']}/verify"
    statuses = [(await portal.post(path, {"code": code_but(code)}))[0] for _ in range(5)]

    assert statuses == [401] * 4 + [404]
    status, problem = await portal.post(path, {"code": code})
    assert (status, problem["code"]) == (404, "sign_in_over")


async def test_a_one_time_password_works_once_and_for_ten_minutes(portal: Any) -> None:
    await portal.with_account()
    _, challenge = await portal.start()
    code = await portal.mailbox.next_code()
    path = f"sign-ins/{challenge['id']}/verify"
    assert (await portal.post(path, {"code": code}))[0] == 200
    assert (await portal.post(path, {"code": code}))[0] == 404

    _, challenge = await portal.start()
    code = await portal.mailbox.next_code()
    portal.house.clock.advance(timedelta(minutes=10))
    assert (await portal.post(f"sign-ins/{challenge['id']}/verify", {"code": code}))[0] == 404


async def test_a_resend_carries_the_same_one_time_password_after_a_pause(portal: Any) -> None:
    await portal.with_account()
    _, challenge = await portal.start()
    code = await portal.mailbox.next_code()
    path = f"sign-ins/{challenge['id']}/resend"
    assert (await portal.post(path))[0] == 429

    portal.house.clock.advance(timedelta(seconds=30))
    status, again = await portal.post(path)
    assert (status, again["resend_after"]) == (202, 60)
    assert await portal.mailbox.next_code() == code


async def test_going_back_and_signing_in_again_keeps_the_code_that_was_mailed(portal: Any) -> None:
    await portal.with_account()
    _, first = await portal.start()
    code = await portal.mailbox.next_code()
    _, second = await portal.start()

    assert second["id"] == first["id"]
    assert (await portal.post(f"sign-ins/{second['id']}/verify", {"code": code}))[0] == 200


async def test_with_one_organisation_nobody_is_asked(portal: Any) -> None:
    await portal.with_account()
    tokens = await portal.signed_in()

    assert tokens["status"] == "signed_in"
    assert tokens["expires_in"] == 300
    assert [place["name"] for place in tokens["organisations"]] == ["Acme s.r.o."]


async def test_with_several_organisations_one_is_chosen_before_there_is_a_token(portal: Any) -> None:
    await portal.with_account()
    other = await portal.second_organisation()
    _, challenge = await portal.start()
    code = await portal.mailbox.next_code()
    path = f"sign-ins/{challenge['id']}/verify"

    _, list_only = await portal.post(path, {"code": code})
    assert list_only["status"] == "choose_organisation"
    assert list_only["access_token"] is None
    assert [place["name"] for place in list_only["organisations"]] == ["Acme s.r.o.", "Beta"]
    assert (await portal.post(path, {"code": code, "organisation": "org-x"}))[0] == 403
    _, tokens = await portal.post(path, {"code": code, "organisation": other})
    assert tokens["organisation"] == other
    _, me = await portal.get("me", tokens["access_token"])
    assert (me["role"], me["organisation"]["name"]) == ("viewer", "Beta")


async def test_right_guesses_cannot_hide_among_many_at_once(portal: Any) -> None:
    await portal.with_account()
    await portal.second_organisation()
    _, challenge = await portal.start()
    code = await portal.mailbox.next_code()
    path = f"sign-ins/{challenge['id']}/verify"
    wrong = [{"code": code_but(code)}] * 20
    await asyncio.gather(*(portal.post(path, body) for body in wrong))

    (sign_in,) = portal.rows("sign_ins")
    assert sign_in["code"]["tries_left"] >= 0
    assert sign_in["version"] == 1 + (5 - sign_in["code"]["tries_left"])


async def test_the_bootstrapped_staff_admin_signs_in_the_same_way_and_is_no_customer(portal: Any) -> None:
    tokens = await portal.signed_in(login="staff@vedette.example", password="staff password")
    _, me = await portal.get("me", tokens["access_token"])

    assert me["role"] == "staff_admin"
    assert portal.house.bus.said(OrganisationCreated) == []


async def test_every_failure_to_sign_in_is_logged_with_who_and_where_and_without_what_was_typed(
    portal: Any,
) -> None:
    await portal.with_account()
    with structlog.testing.capture_logs() as logged:
        await portal.start(login="nobody@acme.example", password="wrong horse")
        await portal.start(password="wrong horse")
        _, challenge = await portal.start()
        await portal.post(f"sign-ins/{challenge['id']}/verify", {"code": "000000"})

    told = [(line["event"], line["user"] is not None) for line in logged if line["event"].startswith("wrong")]
    assert told == [("wrong password", False), ("wrong password", True), ("wrong factor", True)]
    assert {line["network"] for line in logged if "network" in line} == {"127.0.0.0/24"}
    assert [line["why"] for line in logged if line["event"] == "not let in"] == [
        "sign_in_refused", "sign_in_refused", "code_invalid",
    ]  # fmt: skip
    for typed in ("nobody@acme.example", "wrong horse"):
        assert typed not in str(logged)
