"""An organisation says what it demands of those who sign in; running sessions meet it too."""

from datetime import timedelta
from typing import Any

import pytest

from common.contracts.audit import ActRecorded
from common.contracts.identity import SessionRevoked
from factors import app_code

POLICY = "organisation/sign-in-policy"
STRICTEST = {
    "second_factor": "required", "email_factor": False, "permanent_login": False, "permanent_days": 400,
    "idle_minutes": 10,
}  # fmt: skip


async def personal(portal: Any) -> None:
    """Ada's organisation becomes a person's own: nothing is demanded there."""
    row = next(row for row in portal.rows("organisations") if row["name"] == "Acme s.r.o.")
    row["kind"] = "personal"


async def enrol(portal: Any, token: str) -> str:
    """An authenticator app for Ada; its secret."""
    _, made = await portal.send("POST", "authenticators", token, {"kind": "totp", "name": "Phone"})
    code = app_code(made["secret"], portal.house.clock.now())
    status, _ = await portal.send("POST", f"authenticators/{made['id']}/confirm", token, {"code": code})
    assert status == 200
    await portal.mailbox.next()
    portal.house.clock.advance(timedelta(seconds=30))
    return str(made["secret"])


async def strict(portal: Any) -> str:
    """Ada's organisation takes no mailed passwords any more; she has an app, whose secret is returned."""
    token = (await portal.signed_in())["access_token"]
    secret = await enrol(portal, token)
    status, answer = await portal.send("PUT", POLICY, token, STRICTEST)
    assert (status, answer) == (200, STRICTEST)
    return secret


async def test_a_customer_needs_a_second_factor_until_it_says_otherwise(portal: Any) -> None:
    await portal.with_account()
    token = (await portal.signed_in())["access_token"]
    assert await portal.send("GET", POLICY, token) == (
        200,
        {
            "second_factor": "required",
            "email_factor": True,
            "permanent_login": True,
            "permanent_days": 400,
            "idle_minutes": 30,
        },
    )
    status, _ = await portal.send("PUT", POLICY, token, {"second_factor": "optional"})
    assert status == 200
    status, step = await portal.start()
    assert (status, step["status"]) == (201, "signed_in")
    (act,) = [event for event in portal.house.bus.said(ActRecorded) if event.act == "sign_in_policy.changed"]
    assert act.details["second_factor"] == "optional"


async def test_where_nothing_is_demanded_a_password_signs_in_weakly(portal: Any) -> None:
    await portal.with_account()
    await personal(portal)
    status, step = await portal.start()
    assert (status, step["status"]) == (201, "signed_in")
    assert (await portal.get("me", step["access_token"]))[0] == 200
    refused = await portal.send("PUT", POLICY, step["access_token"], {"second_factor": "required"})
    assert (refused[0], refused[1]["code"]) == (403, "second_factor_needed")


async def test_a_weak_session_steps_up_and_stays_strong(portal: Any) -> None:
    await portal.with_account()
    await personal(portal)
    _, tokens = await portal.start()
    token, path = tokens["access_token"], "sessions/current/second-factor"
    status, step = await portal.send("POST", path, token, {})
    assert (status, step["second_factor"], step["recipient"]) == (201, "email", "a***@a***.example")
    code = await portal.mailbox.next_code()
    wrong = f"{(int(code) + 1) % 1_000_000:06}"
    assert (await portal.send("POST", f"{path}/verify", token, {"code": wrong}))[0] == 401
    status, stronger = await portal.send("POST", f"{path}/verify", token, {"code": code})
    assert status == 200
    assert (await portal.send("POST", f"{path}/verify", token, {"code": code}))[0] == 404

    _, refreshed = await portal.post("tokens", {"refresh_token": tokens["refresh_token"]})
    for strong in (stronger["access_token"], refreshed["access_token"]):
        assert (await portal.send("PUT", POLICY, strong, {"second_factor": "optional"}))[0] == 200


async def test_a_code_for_a_running_session_opens_no_new_one(portal: Any) -> None:
    await portal.with_account()
    token = (await portal.signed_in())["access_token"]
    _, step = await portal.send("POST", "sessions/current/second-factor", token, {})
    code = await portal.mailbox.next_code()

    assert (await portal.post(f"sign-ins/{step['id']}/verify", {"code": code}))[0] == 404
    assert (await portal.post(f"sign-ins/{step['id']}/resend"))[0] == 404


async def test_asking_twice_for_the_code_mails_it_once(portal: Any) -> None:
    await portal.with_account()
    token = (await portal.signed_in())["access_token"]
    path = "sessions/current/second-factor"
    _, first = await portal.send("POST", path, token, {})
    code = await portal.mailbox.next_code()
    _, second = await portal.send("POST", path, token, {})
    assert second["id"] == first["id"]
    assert (await portal.send("POST", path, token, {"mail": True}))[0] == 429
    assert portal.mailbox.letters.empty()
    assert (await portal.send("POST", f"{path}/verify", token, {"code": code}))[0] == 200


async def test_who_has_an_app_is_asked_for_it_also_where_nothing_is_demanded(portal: Any) -> None:
    await portal.with_account()
    await enrol(portal, (await portal.signed_in())["access_token"])
    await personal(portal)

    assert (await portal.start())[1]["status"] == "second_factor"


async def test_nobody_shuts_himself_out(portal: Any) -> None:
    await portal.with_account()
    token = (await portal.signed_in())["access_token"]
    status, problem = await portal.send("PUT", POLICY, token, STRICTEST)
    assert (status, problem["code"]) == (409, "would_end_your_session")


async def test_a_stricter_policy_ends_the_sessions_that_do_not_meet_it_and_no_others(portal: Any) -> None:
    await portal.with_account()
    by_mail, permanent = await portal.signed_in(), await portal.signed_in(permanent=True)
    secret = await strict(portal)
    revoked = portal.house.bus.said(SessionRevoked)
    assert {event.reason for event in revoked} == {"policy_changed"}
    assert len(revoked) == 2
    for tokens in (by_mail, permanent):
        assert (await portal.post("tokens", {"refresh_token": tokens["refresh_token"]}))[0] == 401
        assert (await portal.get("me", tokens["access_token"]))[0] == 401

    _, step = await portal.start(permanent=True)
    assert [offer["factor"] for offer in step["factors"]] == ["totp", "recovery_code"]
    assert (await portal.post(f"sign-ins/{step['id']}/resend"))[1]["code"] == "email_not_accepted"
    body = {"factor": "totp", "code": app_code(secret, portal.house.clock.now())}
    _, tokens = await portal.post(f"sign-ins/{step['id']}/verify", body)
    assert (tokens["status"], tokens["permanent"]) == ("signed_in", False)
    portal.house.clock.advance(timedelta(minutes=10))
    assert (await portal.post("tokens", {"refresh_token": tokens["refresh_token"]}))[0] == 401


async def test_the_last_factor_stays_where_the_mailbox_is_not_enough(portal: Any) -> None:
    await portal.with_account()
    secret = await strict(portal)
    _, step = await portal.start()
    body = {"factor": "totp", "code": app_code(secret, portal.house.clock.now())}
    _, tokens = await portal.post(f"sign-ins/{step['id']}/verify", body)
    _, mine = await portal.send("GET", "authenticators", tokens["access_token"])
    path = f"authenticators/{mine['items'][0]['id']}"
    status, problem = await portal.send("DELETE", path, tokens["access_token"])
    assert (status, problem["code"]) == (409, "last_factor")


async def test_somebody_without_a_strong_enough_factor_adds_one_on_the_way_in(portal: Any) -> None:
    await portal.with_account()
    other = await portal.second_organisation()
    row = next(row for row in portal.rows("organisations") if row["_id"] == other)
    row["sign_in"] = STRICTEST
    _, step = await portal.start()
    code = await portal.mailbox.next_code()
    path, proof = f"sign-ins/{step['id']}", {"code": code, "organisation": other}
    _, blocked = await portal.post(f"{path}/verify", proof)
    assert (blocked["status"], blocked["access_token"]) == ("enrol_factor", None)

    wrong = {**proof, "code": f"{(int(code) + 1) % 1_000_000:06}"}
    asked = {"kind": "totp", "name": "Phone"}
    assert (await portal.post(f"{path}/authenticators", {**wrong, **asked}))[0] == 401
    status, made = await portal.post(f"{path}/authenticators", {**proof, **asked})
    assert status == 201
    first = {"code": app_code(made["secret"], portal.house.clock.now())}
    confirm = f"{path}/authenticators/{made['id']}/confirm"
    status, done = await portal.post(confirm, {**proof, "confirmation": first})
    assert (status, done["status"], done["organisation"]) == (200, "signed_in", other)
    assert len(done["recovery_codes"]) == 10
    assert (await portal.post(confirm, {**proof, "confirmation": first}))[0] == 404


async def test_a_mailbox_alone_adds_nothing_beside_an_authenticator(portal: Any) -> None:
    await portal.with_account()
    await enrol(portal, (await portal.signed_in())["access_token"])
    _, step = await portal.start()
    path = f"sign-ins/{step['id']}"
    await portal.post(f"{path}/resend")
    code = await portal.mailbox.next_code()
    other = await portal.second_organisation()
    assert (await portal.post(f"{path}/verify", {"code": code}))[1]["status"] == "choose_organisation"
    body = {"code": code, "organisation": other, "kind": "totp", "name": "Thief"}
    status, problem = await portal.post(f"{path}/authenticators", body)
    assert (status, problem["code"]) == (409, "authenticator_there")


async def test_switching_to_an_organisation_that_demands_more_needs_a_stronger_session(portal: Any) -> None:
    await portal.with_account()
    await personal(portal)
    _, tokens = await portal.start()
    other = await portal.second_organisation()
    body = {"refresh_token": tokens["refresh_token"], "organisation": other}
    status, problem = await portal.post("tokens", body)
    assert (status, problem["code"]) == (403, "second_factor_needed")

    await portal.send("POST", "sessions/current/second-factor", tokens["access_token"], {})
    code = {"code": await portal.mailbox.next_code()}
    path = "sessions/current/second-factor/verify"
    assert (await portal.send("POST", path, tokens["access_token"], code))[0] == 200
    assert (await portal.post("tokens", body))[0] == 200


async def test_a_policy_shortens_permanent_logins_also_those_that_run(portal: Any) -> None:
    await portal.with_account()
    old = await portal.signed_in(permanent=True)
    portal.house.clock.advance(timedelta(days=40))
    young = await portal.signed_in(permanent=True)
    token = young["access_token"]
    body = {"second_factor": "required", "permanent_days": 30}
    status, policy = await portal.send("PUT", POLICY, token, body)
    assert (status, policy["permanent_days"]) == (200, 30)

    assert {event.reason for event in portal.house.bus.said(SessionRevoked)} == {"policy_changed"}
    assert (await portal.post("tokens", {"refresh_token": old["refresh_token"]}))[0] == 401
    portal.house.clock.advance(timedelta(days=29))
    status, young = await portal.post("tokens", {"refresh_token": young["refresh_token"]})
    assert status == 200
    portal.house.clock.advance(timedelta(days=1))
    assert (await portal.post("tokens", {"refresh_token": young["refresh_token"]}))[0] == 401


@pytest.mark.parametrize("days", [0, 401, -1])
async def test_no_policy_lets_a_permanent_login_last_longer_than_a_cookie(portal: Any, days: int) -> None:
    await portal.with_account()
    token = (await portal.signed_in())["access_token"]
    body = {"second_factor": "required", "permanent_days": days}
    assert (await portal.send("PUT", POLICY, token, body))[0] == 422


@pytest.mark.parametrize("minutes", [4, 31, 0, -1])
async def test_no_policy_is_laxer_than_thirty_minutes_or_shorter_than_a_token(
    portal: Any, minutes: int
) -> None:
    await portal.with_account()
    token = (await portal.signed_in())["access_token"]
    body = {"second_factor": "required", "idle_minutes": minutes}
    assert (await portal.send("PUT", POLICY, token, body))[0] == 422


async def test_a_viewer_reads_the_policy_and_does_not_change_it(portal: Any) -> None:
    await portal.with_account()
    tokens = await portal.signed_in()
    other = await portal.second_organisation()
    _, tokens = await portal.post("tokens", {"refresh_token": tokens["refresh_token"], "organisation": other})
    assert (await portal.send("GET", POLICY, tokens["access_token"]))[0] == 200
    status, problem = await portal.send("PUT", POLICY, tokens["access_token"], STRICTEST)
    assert (status, problem["code"]) == (403, "forbidden")
