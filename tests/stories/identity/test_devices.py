"""Where I am signed in, and ending it; what is unusual is told by mail."""

from collections.abc import Mapping
from datetime import timedelta
from types import MappingProxyType
from typing import Any

from common.contracts.identity import SessionRevoked

ELSEWHERE = {"X-Forwarded-For": "198.51.100.9", "User-Agent": "Another browser"}


async def sign_in(
    portal: Any, headers: Mapping[str, str] = MappingProxyType({}), *, permanent: bool = False
) -> dict[str, Any]:
    body = {"login": "ada@acme.example", "password": "correct horse", "permanent": permanent}
    _, step = await portal.post("sign-ins", body, **headers)
    code = await portal.mailbox.next_code()
    status, tokens = await portal.post(f"sign-ins/{step['id']}/verify", {"code": code}, **headers)
    assert status == 200, tokens
    return dict(tokens)


async def test_the_list_says_where_since_when_and_which_one_this_is(portal: Any) -> None:
    await portal.with_account()
    first = await sign_in(portal, {"User-Agent": "Phone"})
    portal.house.clock.advance(timedelta(minutes=1))
    await sign_in(portal, ELSEWHERE, permanent=True)
    status, listed = await portal.get("sessions", first["access_token"])

    assert status == 200
    newest, oldest = listed["items"]
    assert (newest["agent"], newest["network"], newest["kind"], newest["current"]) == (
        "Another browser", "198.51.100.0/24", "permanent", False,
    )  # fmt: skip
    assert (oldest["agent"], oldest["kind"], oldest["current"], oldest["second_factor"]) == (
        "Phone", "idle", True, "email",
    )  # fmt: skip


async def test_what_idled_out_is_not_listed(portal: Any) -> None:
    await portal.with_account()
    await sign_in(portal)
    portal.house.clock.advance(timedelta(minutes=30))
    later = await sign_in(portal)

    assert len((await portal.get("sessions", later["access_token"]))[1]["items"]) == 1


async def test_one_device_is_signed_out_from_another(portal: Any) -> None:
    await portal.with_account()
    here, there = await sign_in(portal), await sign_in(portal, ELSEWHERE)
    _, listed = await portal.get("sessions", here["access_token"])
    other = next(one for one in listed["items"] if not one["current"])
    assert (await portal.send("DELETE", f"sessions/{other['id']}", here["access_token"]))[0] == 204

    assert [event.reason for event in portal.house.bus.said(SessionRevoked)] == ["ended_by_user"]
    assert (await portal.get("me", there["access_token"]))[0] == 401
    assert (await portal.get("me", here["access_token"]))[0] == 200


async def test_signing_out_everywhere_else_keeps_this_one(portal: Any) -> None:
    await portal.with_account()
    here, *others = [await sign_in(portal) for _ in range(4)]
    assert (await portal.send("DELETE", "sessions", here["access_token"]))[0] == 204

    for tokens in others:
        assert (await portal.post("tokens", {"refresh_token": tokens["refresh_token"]}))[0] == 401
    assert (await portal.post("tokens", {"refresh_token": here["refresh_token"]}))[0] == 200


async def test_nobody_ends_or_sees_somebody_elses_session(portal: Any) -> None:
    await portal.with_account()
    mine = await sign_in(portal)
    staff = await portal.signed_in(login="staff@vedette.example", password="staff password")
    _, listed = await portal.get("sessions", mine["access_token"])
    path = f"sessions/{listed['items'][0]['id']}"
    status, problem = await portal.send("DELETE", path, staff["access_token"])

    assert (status, problem["code"]) == (404, "session_unknown")
    assert (await portal.send("DELETE", "sessions/nonsense", staff["access_token"]))[0] == 404
    assert len((await portal.get("sessions", staff["access_token"]))[1]["items"]) == 1


async def test_a_new_browser_in_a_new_network_is_told_by_mail_and_an_old_one_is_not(portal: Any) -> None:
    await portal.with_account()
    await sign_in(portal, {"User-Agent": "Phone"})
    await sign_in(portal, {"User-Agent": "Phone", "X-Forwarded-For": "192.0.2.1"})
    assert portal.mailbox.letters.empty()
    await sign_in(portal, ELSEWHERE)

    letter = await portal.mailbox.next()
    assert letter.subject == "K vašemu účtu Vedette se přihlásilo nové zařízení"
    assert "Another browser" in letter.text
    assert "198.51.100.0/24" in letter.text


async def test_a_refresh_token_that_is_shown_twice_is_told_by_mail_once(portal: Any) -> None:
    await portal.with_account()
    tokens = await sign_in(portal)
    for _ in range(3):
        await portal.post("tokens", {"refresh_token": tokens["refresh_token"]})

    assert (await portal.mailbox.next()).subject == "Ukončili jsme jednu relaci vašeho účtu Vedette"
    assert len([row for row in portal.rows("mails") if row["template"] == "refresh_reused"]) == 1
