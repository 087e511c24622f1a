"""The front door as clients meet it: tokens, limits, who answers, and what when nobody does."""

import asyncio
from typing import Any

import pytest
from aiohttp import ClientSession, WSMsgType, WSServerHandshakeError, web
from yarl import URL

from common.ids import SessionId
from integration.gateway.house import Town, description, tell, town


async def get(place: Town, path: str, **options: Any) -> tuple[int, Any, dict[str, str]]:
    async with place.http.get(place.url + path, **options) as answer:
        body = await answer.json(content_type=None)
        return answer.status, body, {name.lower(): value for name, value in answer.headers.items()}


async def test_a_signed_in_client_reaches_the_service_that_owns_the_path() -> None:
    async with town({"provisioning": description("provisioning")}) as place:
        status, seen, headers = await get(place, "/api/v1/cameras?limit=5", headers=place.signed())
        assert status == 200
        assert seen["path"] == "/api/v1/cameras?limit=5"
        assert seen["headers"]["X-Forwarded-For"] == "127.0.0.1"
        assert seen["headers"]["X-Forwarded-Proto"] == "http"
        assert seen["headers"]["X-Request-ID"] == headers["x-request-id"]
        assert headers["ratelimit"].startswith('"organisation";r=399;')
        assert headers["x-content-type-options"] == "nosniff"
        assert headers["content-security-policy"].startswith("default-src 'none'")
        assert "access-control-allow-origin" not in headers


@pytest.mark.parametrize(
    ("headers", "code"),
    [
        ({}, "token_missing"),
        ({"Authorization": "Basic abc"}, "token_missing"),
        ({"Authorization": "Bearer nonsense"}, "token_invalid"),
    ],
)
async def test_nobody_passes_without_a_good_token(headers: dict[str, str], code: str) -> None:
    async with town({"provisioning": description("provisioning")}) as place:
        status, problem, got = await get(place, "/api/v1/cameras", headers=headers)
        assert (status, problem["code"]) == (401, code)
        assert got["content-type"] == "application/problem+json"
        assert got["www-authenticate"] == "Bearer"
        assert got["x-request-id"] == problem["request_id"]


async def test_a_token_in_the_url_is_no_token() -> None:
    async with town({"provisioning": description("provisioning")}) as place:
        token = place.house.keys.token()
        assert (await get(place, f"/api/v1/cameras?access_token={token}"))[0] == 401


async def test_public_calls_need_no_token_and_the_rest_of_their_resource_does() -> None:
    async with town({"identity": description("identity"), "relay": description("relay")}) as place:
        for path in ("organisations", "activations", "sign-ins", "sign-ins/1/verify", "tokens"):
            async with place.http.post(f"{place.url}/api/v1/{path}") as answer:
                assert answer.status == 200, path
        assert (await get(place, "/.well-known/jwks.json"))[0] == 200
        assert (await get(place, "/api/v1/organisations"))[0] == 401
        async with place.http.put(f"{place.url}/api/v1/servers/1/heartbeat") as answer:
            assert answer.status == 200
        async with place.http.post(f"{place.url}/api/v1/servers") as answer:
            assert answer.status == 401


@pytest.mark.parametrize(
    "path",
    ["/nowhere", "/api/v1/unknown", "/api/v2/cameras", "/api/v1/cameras/../me", "/api/v1/cameras/%2e%2e/me"],
)
async def test_an_unknown_or_crooked_path_is_not_found(path: str) -> None:
    async with town({"identity": description("identity")}) as place:
        url = URL(place.url + path, encoded=True)
        async with place.http.get(url, headers=place.signed()) as answer:
            assert answer.status == 404
            assert (await answer.json(content_type=None))["code"] == "not_found"


async def test_a_service_that_is_down_is_named_and_the_others_work() -> None:
    async with town({"provisioning": description("provisioning")}) as place:
        status, problem, headers = await get(place, "/api/v1/licences", headers=place.signed())
        assert (status, problem["code"], problem["service"]) == (503, "service_unavailable", "licensing")
        assert headers["retry-after"] == "1"
        assert (await get(place, "/api/v1/cameras", headers=place.signed()))[0] == 200


async def test_a_session_that_asks_too_often_is_told_when_to_come_back() -> None:
    services = {"provisioning": description("provisioning")}
    async with town(services, session_burst=3, session_rate=0.5) as place:
        signed = place.signed()
        for _ in range(3):
            assert (await get(place, "/api/v1/cameras", headers=signed))[0] == 200
        status, problem, headers = await get(place, "/api/v1/cameras", headers=signed)
        assert (status, problem["code"]) == (429, "rate_limited")
        assert headers["retry-after"] == "2"
        other = place.signed(session="other")
        assert (await get(place, "/api/v1/cameras", headers=other))[0] == 200


async def test_an_organisation_has_a_limit_over_all_its_sessions() -> None:
    services = {"provisioning": description("provisioning")}
    async with town(services, organisation_burst=3, organisation_rate=0.5) as place:
        statuses = [
            (await get(place, "/api/v1/cameras", headers=place.signed(session=f"s{number}")))[0]
            for number in range(4)
        ]
        assert statuses == [200, 200, 200, 429]
        other = place.signed(organisation="org-b", session="b")
        assert (await get(place, "/api/v1/cameras", headers=other))[0] == 200


async def test_an_address_without_a_token_has_a_limit_of_its_own() -> None:
    async with town({"identity": description("identity")}, address_burst=2, address_rate=0.1) as place:
        statuses = []
        for _ in range(3):
            async with place.http.post(f"{place.url}/api/v1/sign-ins") as answer:
                statuses.append(answer.status)
        assert statuses == [200, 200, 429]
        assert (await get(place, "/"))[0] == 429


async def test_guessing_tokens_is_slowed_down() -> None:
    async with town({}, address_burst=2, address_rate=0.1) as place:
        bad = {"Authorization": "Bearer guess"}
        statuses = [(await get(place, "/api/v1/cameras", headers=bad))[0] for _ in range(4)]
        assert statuses == [401, 401, 429, 429]


async def test_an_ended_session_is_refused_at_once() -> None:
    async with town({"provisioning": description("provisioning")}) as place:
        signed = place.signed(session="mine")
        assert (await get(place, "/api/v1/cameras", headers=signed))[0] == 200
        place.house.revocations.revoke(SessionId("mine"))
        status, problem, _ = await get(place, "/api/v1/cameras", headers=signed)
        assert (status, problem["code"]) == (401, "session_ended")


async def test_a_load_balancer_is_believed_only_when_it_is_trusted() -> None:
    service = {"provisioning": description("provisioning")}
    forged = {"X-Forwarded-For": "6.6.6.6, 9.9.9.9"}
    async with town(service) as place:
        _, seen, _ = await get(place, "/api/v1/cameras", headers=place.signed() | forged)
        assert seen["headers"]["X-Forwarded-For"] == "127.0.0.1"
    async with town(service, trusted_proxies=["127.0.0.0/8"]) as place:
        _, seen, _ = await get(place, "/api/v1/cameras", headers=place.signed() | forged)
        assert seen["headers"]["X-Forwarded-For"] == "9.9.9.9"


async def test_a_load_balancer_that_adds_a_line_of_its_own_is_believed_and_not_the_client() -> None:
    lines = [("X-Forwarded-For", "6.6.6.6"), ("X-Forwarded-For", "9.9.9.9")]
    service = {"provisioning": description("provisioning")}
    async with town(service, trusted_proxies=["127.0.0.0/8"]) as place:
        signed = [*place.signed().items(), *lines]
        for method in ("GET", "DELETE"):  # the express lane, and the front
            async with place.http.request(method, place.url + "/api/v1/cameras", headers=signed) as answer:
                seen = await answer.json()
            assert seen["headers"]["X-Forwarded-For"] == "9.9.9.9", method


async def test_cors_is_off_until_an_origin_is_named() -> None:
    origin = {"Origin": "https://portal.example"}
    service = {"provisioning": description("provisioning")}
    async with (
        town(service) as place,
        place.http.options(place.url + "/api/v1/cameras", headers=origin) as no,
    ):
        assert "Access-Control-Allow-Origin" not in no.headers
    async with town(service, cors_origins=["https://portal.example"]) as place:
        async with place.http.options(place.url + "/api/v1/cameras", headers=origin) as yes:
            assert (yes.status, yes.headers["Access-Control-Allow-Origin"]) == (204, origin["Origin"])
        _, _, headers = await get(place, "/api/v1/cameras", headers=place.signed() | origin)
        assert headers["access-control-allow-origin"] == origin["Origin"]


async def parrot(request: web.Request) -> web.StreamResponse:
    if "Upgrade" not in request.headers:
        return await tell(request)
    assert request.headers["Authorization"].startswith("Bearer ")
    assert "access_token" not in request.headers.get("Sec-WebSocket-Protocol", "")
    socket = web.WebSocketResponse(protocols=("talk",))
    await socket.prepare(request)
    async for message in socket:
        await socket.send_str(message.data[::-1])
    return socket


def talking() -> dict[str, web.Application]:
    app = web.Application()
    app.router.add_get("/{path:.*}", parrot)
    return {"relay": app}


@pytest.mark.parametrize("others", [[], ["talk"]])
async def test_a_websocket_passes_with_its_token_as_a_sub_protocol(others: list[str]) -> None:
    async with town(talking()) as place:
        offered = ("access_token", place.house.keys.token(), *others)
        async with place.http.ws_connect(place.url + "/api/v1/servers", protocols=offered) as socket:
            await socket.send_str("abc")
            assert await socket.receive_str(timeout=5) == "cba"
            assert socket.protocol == (others or ["access_token"])[0]


async def test_a_websocket_without_a_token_is_refused() -> None:
    async with town(talking()) as place:
        with pytest.raises(WSServerHandshakeError) as refused:
            await place.http.ws_connect(place.url + "/api/v1/servers")
        assert refused.value.status == 401


async def test_the_end_of_a_session_closes_its_websocket() -> None:
    async with town(talking()) as place, ClientSession() as http:
        signed = place.signed(session="mine")
        async with http.ws_connect(place.url + "/api/v1/servers", headers=signed) as socket:
            await socket.send_str("abc")
            await socket.receive_str(timeout=5)
            place.house.revocations.revoke(SessionId("mine"))
            async with asyncio.timeout(5):
                ended = await socket.receive()
            assert ended.type in (WSMsgType.CLOSED, WSMsgType.CLOSE, WSMsgType.ERROR)
