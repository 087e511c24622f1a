"""The key that signs tokens changes, and nobody notices."""

import asyncio
from datetime import timedelta
from typing import Any

from common.due import DueLoop


async def kids(portal: Any) -> list[str]:
    async with portal.client.get("/.well-known/jwks.json") as answer:
        return [key["kid"] for key in (await answer.json())["keys"]]


async def rotate(portal: Any) -> tuple[int, dict[str, Any]]:
    staff = await portal.signed_in(login="staff@vedette.example", password="staff password")
    status, body = await portal.send("POST", "signing-keys", staff["access_token"])
    return status, body


async def test_a_new_key_is_known_before_it_signs_and_the_old_one_until_its_tokens_expired(
    portal: Any,
) -> None:
    (old,) = await kids(portal)
    status, done = await rotate(portal)
    assert (status, done["previous"]) == (201, old)
    assert await kids(portal) == [old, done["kid"]]
    await portal.with_account()
    tokens = await portal.signed_in()
    for minutes in range(1, 40):
        portal.house.clock.advance(timedelta(minutes=1))
        if minutes % 4 == 0:
            assert (await portal.get("me", tokens["access_token"]))[0] == 200
            _, tokens = await portal.post("tokens", {"refresh_token": tokens["refresh_token"]})
        known = await kids(portal)
        assert set(known) == ({old, done["kid"]} if minutes < 25 else {done["kid"]})
    assert (await portal.get("me", tokens["access_token"]))[0] == 200


async def test_a_second_rotation_waits_for_the_first(portal: Any) -> None:
    assert (await rotate(portal))[0] == 201
    status, problem = await rotate(portal)
    assert (status, problem["code"]) == (409, "rotation_under_way")


async def test_only_staff_admins_rotate(portal: Any) -> None:
    await portal.with_account()
    tokens = await portal.signed_in()
    status, problem = await portal.send("POST", "signing-keys", tokens["access_token"])
    assert (status, problem["code"]) == (403, "forbidden")


async def test_a_key_of_ninety_days_is_rotated_by_itself_once(portal: Any) -> None:
    loop = next(
        one for one in portal.assembly.background if isinstance(one, DueLoop) and one._name == "signing keys"
    )
    (old,) = await kids(portal)
    portal.house.clock.advance(timedelta(days=90))
    loop.nudge()
    async with asyncio.timeout(5):
        while len(await kids(portal)) == 1:
            await asyncio.sleep(0)
    assert (await kids(portal))[0] == old
    loop.nudge()
    await asyncio.sleep(0)
    assert len(portal.rows("signing_keys")) == 2
