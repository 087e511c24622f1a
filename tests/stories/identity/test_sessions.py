"""Tokens are refreshed, switched and ended."""

import asyncio
from datetime import timedelta
from typing import Any

from common.contracts.identity import SessionRevoked


async def refresh(portal: Any, token: str, **more: str) -> tuple[int, dict[str, Any]]:
    status, body = await portal.post("tokens", {"refresh_token": token, **more})
    return status, body


async def test_a_refresh_token_is_exchanged_for_the_next_pair(portal: Any) -> None:
    await portal.with_account()
    first = await portal.signed_in()
    status, second = await refresh(portal, first["refresh_token"])

    assert status == 200
    assert second["refresh_token"] != first["refresh_token"]
    assert (await portal.get("me", second["access_token"]))[0] == 200


async def test_showing_a_spent_refresh_token_ends_the_session_and_says_so(portal: Any) -> None:
    await portal.with_account()
    first = await portal.signed_in()
    _, second = await refresh(portal, first["refresh_token"])

    assert (await refresh(portal, first["refresh_token"]))[0] == 401
    assert (await refresh(portal, second["refresh_token"]))[0] == 401
    assert (await portal.get("me", second["access_token"]))[0] == 401
    (revoked,) = portal.house.bus.said(SessionRevoked)
    assert revoked.reason == "refresh_reused"


async def test_of_two_refreshes_at_the_same_instant_at_most_one_succeeds(portal: Any) -> None:
    await portal.with_account()
    tokens = await portal.signed_in()
    answers = await asyncio.gather(*(refresh(portal, tokens["refresh_token"]) for _ in range(5)))

    assert [status for status, _ in answers].count(200) == 1


async def test_an_invented_refresh_token_ends_nothing(portal: Any) -> None:
    await portal.with_account()
    tokens = await portal.signed_in()
    real = tokens["refresh_token"]
    for invented in ("x", "A" * 86, real[:-4] + "AAAA", real[:40] + "AAAA" + real[44:]):
        assert (await refresh(portal, invented))[0] == 401

    assert (await refresh(portal, real))[0] == 200


async def test_thirty_minutes_without_activity_end_a_session(portal: Any) -> None:
    await portal.with_account()
    tokens = await portal.signed_in()
    for _ in range(3):  # sliding: ninety minutes, never thirty idle
        portal.house.clock.advance(timedelta(minutes=29))
        _, tokens = await refresh(portal, tokens["refresh_token"])
    portal.house.clock.advance(timedelta(minutes=30))

    assert (await refresh(portal, tokens["refresh_token"]))[0] == 401
    assert [event.reason for event in portal.house.bus.said(SessionRevoked)] == ["expired"]


async def test_after_a_day_a_session_ends_however_busy_it_is(portal: Any) -> None:
    await portal.with_account()
    tokens = await portal.signed_in()
    for _ in range(57):
        portal.house.clock.advance(timedelta(minutes=25))
        status, tokens = await refresh(portal, tokens["refresh_token"])
        assert status == 200
    portal.house.clock.advance(timedelta(minutes=15))

    assert (await refresh(portal, tokens["refresh_token"]))[0] == 401


async def test_a_permanent_login_survives_inactivity(portal: Any) -> None:
    await portal.with_account()
    tokens = await portal.signed_in(permanent=True)
    portal.house.clock.advance(timedelta(days=90))

    assert (await refresh(portal, tokens["refresh_token"]))[0] == 200


async def test_a_permanent_login_ends_after_four_hundred_days_however_busy_it_is(portal: Any) -> None:
    await portal.with_account()
    tokens = await portal.signed_in(permanent=True)
    for _ in range(8):
        portal.house.clock.advance(timedelta(days=49))
        status, tokens = await refresh(portal, tokens["refresh_token"])
        assert status == 200
    _, listed = await portal.get("sessions", tokens["access_token"])
    assert listed["items"][0]["ends_at"] == "2027-04-05T12:00:00Z"
    portal.house.clock.advance(timedelta(days=8))

    assert (await refresh(portal, tokens["refresh_token"]))[0] == 401
    assert [event.reason for event in portal.house.bus.said(SessionRevoked)] == ["expired"]


async def test_an_access_token_lives_five_minutes(portal: Any) -> None:
    await portal.with_account()
    tokens = await portal.signed_in()
    portal.house.clock.advance(timedelta(minutes=5, seconds=6))  # five of them for clocks that differ

    status, problem = await portal.get("me", tokens["access_token"])
    assert (status, problem["code"]) == (401, "token_expired")


async def test_switching_the_organisation_needs_membership(portal: Any) -> None:
    await portal.with_account()
    tokens = await portal.signed_in()
    other = await portal.second_organisation()

    assert (await refresh(portal, tokens["refresh_token"], organisation="org-x"))[0] == 403
    status, switched = await refresh(portal, tokens["refresh_token"], organisation=other)
    assert (status, switched["organisation"]) == (200, other)
    _, me = await portal.get("me", switched["access_token"])
    assert me["role"] == "viewer"


async def test_signing_out_ends_the_session_everywhere(portal: Any) -> None:
    await portal.with_account()
    tokens = await portal.signed_in()
    headers = {"Authorization": f"Bearer {tokens['access_token']}"}
    async with portal.client.delete("/api/v1/sessions/current", headers=headers) as answer:
        assert answer.status == 204

    (revoked,) = portal.house.bus.said(SessionRevoked)
    assert revoked.reason == "logout"
    assert (await portal.get("me", tokens["access_token"]))[0] == 401
    assert (await refresh(portal, tokens["refresh_token"]))[0] == 401


async def test_the_public_keys_are_cacheable_and_hold_nothing_private(portal: Any) -> None:
    async with portal.client.get("/.well-known/jwks.json") as answer:
        (key,) = (await answer.json())["keys"]
        assert answer.headers["Cache-Control"].startswith("public, max-age=")

    assert (key["kty"], key["crv"], key["alg"], key["use"]) == ("OKP", "Ed25519", "Ed25519", "sig")
    assert "d" not in key
