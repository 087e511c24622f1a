"""What an API key looks like, and which routes none may use."""

import re

from aiohttp.test_utils import TestClient, TestServer
from hypothesis import given
from hypothesis import strategies as st

from common.auth import Action, TokenVerifier, api_keys
from common.http import Answer, Call, Guard, NoQuery, Route, add_routes, application
from common.http.idempotency import Idempotency
from common.http.records import Records
from common.testing import FixedClock, MemoryDatabase, TestKeys, memory_sealer

bodies = st.text(api_keys.ALPHABET, min_size=api_keys.BODY, max_size=api_keys.BODY)


@given(bodies, st.integers(0, 73), st.sampled_from(api_keys.ALPHABET))
def test_a_key_is_recognised_and_one_with_a_wrong_letter_is_not(body: str, place: int, letter: str) -> None:
    key = api_keys.with_checksum(body)
    assert api_keys.well_formed(key)
    assert re.fullmatch(r"vdt_[0-9A-Za-z]{70}", key)
    wrong = key[:place] + letter + key[place + 1 :]
    assert api_keys.well_formed(wrong) == (wrong == key)


@given(st.text(max_size=90))
def test_any_other_text_is_no_key(text: str) -> None:
    assert not api_keys.well_formed(text)
    assert not api_keys.well_formed(f"vdt_{text}")


async def test_a_key_may_use_routes_with_an_action_and_none_that_are_for_people() -> None:
    async def handler(_: Call[None, NoQuery]) -> Answer:
        return Answer()

    routes = [
        Route(method="GET", path=path, handler=handler, summary="", tag="", allow=action)
        for path, action in (
            ("/mine", None),
            ("/cameras", Action.READ_CAMERAS),
            ("/servers", Action.READ_SERVERS),
        )
    ]
    keys, clock, database = TestKeys(), FixedClock(), MemoryDatabase()
    app = application(1000)
    idempotency, records = Idempotency(database, clock, memory_sealer()), Records(database, clock)
    guard = Guard(TokenVerifier(keys, clock), idempotency, records)
    add_routes(app, routes, guard)
    token = keys.token(via="key", actions=["cameras:read"])
    async with TestClient(TestServer(app)) as client:
        for path, expected in (("/cameras", 204), ("/servers", 403), ("/mine", 403)):
            async with client.get(path, headers={"Authorization": f"Bearer {token}"}) as answer:
                assert answer.status == expected, path
