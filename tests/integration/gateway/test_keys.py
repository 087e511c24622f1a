"""API keys at the front door: exchanged once, kept for minutes, refused at once when they are revoked."""

import asyncio
import contextlib
import time
from datetime import timedelta
from typing import Any

from aiohttp import ClientPayloadError

from common.auth import TokenVerifier, api_keys
from common.errors import Unauthenticated, Unavailable
from common.testing import FixedClock, TestKeys
from gateway.service import keys as key_tokens
from gateway.service.keys import KeyTokens
from integration.gateway.neighbours import Neighbours, neighbours

WISH = {"name": "Export", "actions": ["cameras:read"]}
EXCHANGE = ("POST", "/api/v1/api-keys/exchange")


async def made(place: Neighbours, path: str = "me/api-keys", **more: Any) -> tuple[str, str, dict[str, str]]:
    """A key, its id, and what its owner signs with."""
    tokens = await place.tokens()
    signed = {"Authorization": f"Bearer {tokens['access_token']}"}
    seen = await place.ask("POST", path, WISH | more, signed)
    assert seen.status == 201, seen
    return seen.body["key"], seen.body["api_key"]["id"], signed


def shows(key: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {key}"}


async def test_a_service_gets_the_access_token_and_never_the_key() -> None:
    async with neighbours() as place:
        await place.account()
        key, identity, _ = await made(place)
        seen = await place.ask("GET", "cameras", headers=shows(key))

        assert seen.status == 200
        assert key not in seen.text
        token = seen.body["headers"]["Authorization"].removeprefix("Bearer ")
        actor = await place.house.parts("provisioning").verifier.verify(token)
        assert (actor.session, actor.via) == (identity, "key")


async def test_a_key_is_exchanged_once_however_many_ask_and_again_before_the_token_ends() -> None:
    async with neighbours(session_burst=1000) as place:
        await place.account()
        key, _, _ = await made(place)
        answers = await asyncio.gather(*(place.ask("GET", "cameras", headers=shows(key)) for _ in range(20)))
        assert {seen.status for seen in answers} == {200}
        assert place.asked.count(EXCHANGE) == 1

        place.house.clock.advance(timedelta(minutes=4, seconds=30))
        await place.ask("GET", "cameras", headers=shows(key))
        assert place.asked.count(EXCHANGE) == 1
        place.house.clock.advance(timedelta(seconds=15))
        assert (await place.ask("GET", "cameras", headers=shows(key))).status == 200
        assert place.asked.count(EXCHANGE) == 2


async def test_a_revoked_key_is_refused_at_once_and_identity_is_not_asked_again() -> None:
    async with neighbours() as place:
        await place.account()
        key, identity, signed = await made(place)
        assert (await place.ask("GET", "cameras", headers=shows(key))).status == 200
        assert (await place.ask("DELETE", f"me/api-keys/{identity}", headers=signed)).status == 204
        before = len(place.asked)
        for _ in range(3):
            seen = await place.ask("GET", "cameras", headers=shows(key))
            assert (seen.status, seen.body["code"]) == (401, "session_ended")
        assert len(place.asked) == before


async def test_made_up_keys_cost_identity_nothing_or_one_question() -> None:
    async with neighbours(address_burst=8, address_rate=0.001) as place:
        for key in ("vdt_", "vdt_" + "a" * 70, "vdt_'; drop"):
            seen = await place.ask("GET", "cameras", headers=shows(key))
            assert (seen.status, seen.body["code"]) == (401, "api_key_invalid")
        assert place.asked == []
        well_formed = api_keys.with_checksum("0" * 64)
        for _ in range(3):
            assert (await place.ask("GET", "cameras", headers=shows(well_formed))).status == 401
        assert place.asked == [EXCHANGE]
        statuses = [(await place.ask("GET", "cameras", headers=shows(well_formed))).status for _ in range(4)]
        assert statuses[-1] == 429


async def test_a_key_does_no_more_than_it_was_made_for() -> None:
    async with neighbours() as place:
        await place.account()
        key, _, _ = await made(place)
        for method, path in (("GET", "me"), ("GET", "me/api-keys"), ("GET", "api-keys")):
            assert (await place.ask(method, path, headers=shows(key))).status == 403


async def test_changed_rights_reach_a_key_by_its_next_token() -> None:
    async with neighbours() as place:
        await place.account()
        key, _, _ = await made(place)
        await place.ask("GET", "cameras", headers=shows(key))
        (member,) = (
            row
            for row in place.house.databases["identity"].collections["memberships"].values()
            if row["role"] == "super_admin"
        )
        place.house.clock.advance(timedelta(seconds=1))
        place.house.revocations.withdraw(
            member["organisation"], member["user"], place.house.clock.timestamp()
        )
        assert (await place.ask("GET", "cameras", headers=shows(key))).status == 200
        assert place.asked.count(EXCHANGE) == 2


async def test_keys_work_on_for_as_long_as_their_token_while_identity_is_away() -> None:
    keys, clock = TestKeys(), FixedClock()
    key = api_keys.with_checksum("0" * 64)
    answers: list[Any] = [
        keys.token(expires=clock.now() + timedelta(minutes=5), via="key"),
        Unavailable("identity_unavailable", ""),
        Unavailable("identity_unavailable", ""),
    ]

    async def exchange(_key: str, _address: str) -> str:
        answer = answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return str(answer)

    tokens = KeyTokens(exchange, TokenVerifier(keys, clock), clock.timestamp)
    first = await tokens.holder(key, "::1")
    clock.advance(timedelta(minutes=4, seconds=50))
    assert await tokens.holder(key, "::1") == first
    clock.advance(timedelta(seconds=20))
    try:
        await tokens.holder(key, "::1")
    except Unavailable:
        pass
    else:
        raise AssertionError("the token had expired")


async def test_what_is_remembered_of_keys_is_bounded() -> None:
    async def unknown(_key: str, _address: str) -> str:
        raise Unauthenticated("api_key_invalid", "")

    tokens = KeyTokens(unknown, TokenVerifier(TestKeys(), FixedClock()), time.time)
    for number in range(key_tokens.CAPACITY + 10):
        try:
            await tokens.holder(api_keys.with_checksum(f"{number:064}"), "::1")
        except Unauthenticated:
            continue
    assert len(tokens._refused) == key_tokens.CAPACITY


async def test_a_key_opens_an_event_stream_that_its_end_closes() -> None:
    async with neighbours() as place:
        await place.account()
        key, identity, signed = await made(place)
        url = f"{place.place.url}/api/v1/events"
        async with place.place.http.get(url, headers=shows(key)) as stream:
            assert stream.status == 200
            await stream.content.readline()
            await place.ask("DELETE", f"me/api-keys/{identity}", headers=signed)
            async with asyncio.timeout(5):
                with contextlib.suppress(ClientPayloadError):
                    while await stream.content.readany():
                        pass
