"""Browsers: tokens in cookies that no script can read, refreshed in passing, worth nothing to other sites."""

import asyncio
from datetime import timedelta
from typing import Any

import pytest
from aiohttp import WSMsgType, WSServerHandshakeError, web
from hypothesis import given
from hypothesis import strategies as st

from common.auth import TokenVerifier
from common.errors import Conflict, Forbidden, Unavailable
from common.testing import FixedClock, TestKeys
from gateway.domain.cookies import Cookies
from gateway.domain.same_origin import must_be_ours
from gateway.domain.tokens import Tokens
from gateway.service.browsers import Browsers
from integration.gateway.neighbours import ORIGIN, OURS, Browser, neighbours

REFRESH = ("POST", "/api/v1/tokens")
FORM = {"name": "Export", "actions": ["cameras:read"]}


def tokens_in(text: str) -> bool:
    return "access_token" in text or "refresh_token" in text or "eyJ" in text


async def test_a_browser_signs_in_and_its_tokens_are_in_cookies_only() -> None:
    async with neighbours() as place:
        await place.account()
        sign_in, code = await place.challenge(OURS)
        seen = await place.ask("POST", f"sign-ins/{sign_in}/verify", {"code": code}, OURS)

        assert (seen.status, seen.body["status"]) == (200, "signed_in")
        assert seen.body["organisation"]
        assert not tokens_in(seen.text)
        access, refresh = seen.cookies
        assert access.startswith("vedette_access=eyJ")
        assert access.endswith("; Max-Age=300; Path=/; HttpOnly; SameSite=Strict")
        assert refresh.endswith("; Max-Age=34560000; Path=/; HttpOnly; SameSite=Strict")
        browser = Browser(place)
        browser.take(seen)
        me = await browser.ask("GET", "me")
        assert (me.status, me.body["user"]["email"], me.cookies) == (200, "ada@acme.example", [])


async def test_over_https_the_cookies_belong_to_this_very_host() -> None:
    origin = "https://portal.example"
    async with neighbours(public_url=origin) as place:
        await place.account()
        ours = OURS | {"Origin": origin}
        sign_in, code = await place.challenge(ours)
        seen = await place.ask("POST", f"sign-ins/{sign_in}/verify", {"code": code}, ours)
        names = [cookie.partition("=")[0] for cookie in seen.cookies]
        assert names == ["__Host-vedette_access", "__Host-vedette_refresh"]
        assert all(cookie.endswith("; Path=/; Secure; HttpOnly; SameSite=Strict") for cookie in seen.cookies)
        assert not any("Domain" in cookie for cookie in seen.cookies)


async def test_services_never_see_a_cookie_and_never_set_one() -> None:
    async with neighbours() as place:
        await place.account()
        browser = await place.browser()
        for method in ("GET", "POST"):
            seen = await browser.ask(method, "cameras", FORM if method == "POST" else None)
            assert "Cookie" not in seen.body["headers"]
            assert seen.body["headers"]["Authorization"] == f"Bearer {browser.jar['vedette_access']}"
        signed = {"Authorization": f"Bearer {place.place.house.keys.token()}", "Cookie": "a=b"}
        for _ in range(3):  # the last ones by the express lane
            assert "Cookie" not in (await place.ask("GET", "cameras", headers=signed)).body["headers"]


@pytest.mark.parametrize(
    "changed",
    [
        {"Origin": "https://evil.example", "Sec_Fetch_Site": "cross-site"},
        {"Origin": "https://evil.example"},
        {"Origin": "null", "Sec_Fetch_Site": None},
        {"Origin": "http://127.0.0.1:8081", "Sec_Fetch_Site": "same-site"},
        {"Origin": ORIGIN + ".evil.example", "Sec_Fetch_Site": None},
        {"Sec_Fetch_Site": "same-site"},
        {"Sec_Fetch_Site": "none"},
        {"Origin": None, "Sec_Fetch_Site": None},
        {"X_Vedette_Client": None},
        {"X_Vedette_Client": "Browser"},
    ],
)
@pytest.mark.parametrize(("method", "path"), [("POST", "me/api-keys"), ("DELETE", "sessions/current")])
async def test_what_may_come_from_another_site_changes_nothing(
    method: str, path: str, changed: dict[str, str | None]
) -> None:
    async with neighbours() as place:
        await place.account()
        browser = await place.browser()
        before = len(place.asked)
        seen = await browser.ask(method, path, FORM, **changed)

        assert (seen.status, seen.body["code"]) == (403, "cross_site")
        assert len(place.asked) == before
        assert (await browser.ask("GET", "me")).status == 200


@pytest.mark.parametrize("site", ["cross-site", "same-site"])
async def test_other_sites_cannot_read_either(site: str) -> None:
    async with neighbours() as place:
        await place.account()
        browser = await place.browser()
        assert (await browser.ask("GET", "me", Origin=None, Sec_Fetch_Site=site)).status == 403
        for allowed in ("same-origin", "none", None):
            assert (await browser.ask("GET", "me", Origin=None, Sec_Fetch_Site=allowed)).status == 200


async def test_another_site_cannot_sign_a_browser_in_as_somebody_else() -> None:
    async with neighbours() as place:
        await place.account()
        sign_in, code = await place.challenge()
        forged = OURS | {"Origin": "https://evil.example", "Sec-Fetch-Site": "cross-site"}
        seen = await place.ask("POST", f"sign-ins/{sign_in}/verify", {"code": code}, forged)
        assert (seen.status, seen.cookies) == (403, [])


async def test_an_old_access_token_is_refreshed_in_passing() -> None:
    async with neighbours() as place:
        await place.account()
        browser = await place.browser()
        first = dict(browser.jar)
        place.house.clock.advance(timedelta(minutes=4, seconds=10))
        seen = await browser.ask("GET", "cameras")

        assert (seen.status, len(seen.cookies)) == (200, 2)
        assert browser.jar["vedette_access"] != first["vedette_access"]
        assert browser.jar["vedette_refresh"] != first["vedette_refresh"]
        for _ in range(20):  # an afternoon
            place.house.clock.advance(timedelta(minutes=20))
            browser.jar.pop("vedette_access")  # as browsers do when it is over
            assert (await browser.ask("POST", "cameras", FORM)).status == 200


async def test_tabs_that_refresh_at_once_or_a_little_late_stay_signed_in() -> None:
    async with neighbours(session_burst=1000) as place:
        await place.account()
        browser = await place.browser()
        place.house.clock.advance(timedelta(minutes=6))
        old = dict(browser.jar)
        tabs = [Browser(place, dict(old)) for _ in range(10)]
        answers = await asyncio.gather(*(tab.ask("GET", "cameras") for tab in tabs))

        assert [seen.status for seen in answers] == [200] * 10
        assert len({tab.jar["vedette_refresh"] for tab in tabs}) == 1
        assert place.asked.count(REFRESH) == 1
        late = Browser(place, dict(old))
        place.house.clock.advance(timedelta(seconds=50))
        assert (await late.ask("GET", "cameras")).status == 200
        assert late.jar == tabs[0].jar
        assert place.asked.count(REFRESH) == 1


async def test_tabs_at_two_replicas_stay_signed_in() -> None:
    async with neighbours() as place:
        await place.account()
        browser = await place.browser()
        place.house.clock.advance(timedelta(minutes=4, seconds=20))
        late = Browser(place, dict(browser.jar))
        assert (await browser.ask("GET", "cameras")).status == 200
        async with place.at_another_replica():
            place.house.clock.advance(timedelta(seconds=2))
            seen = await late.ask("GET", "cameras")  # its request left before the new cookies had come
            assert (seen.status, seen.cookies) == (200, [])
            too_old = Browser(place, {"vedette_refresh": late.jar["vedette_refresh"]})
            seen = await too_old.ask("GET", "cameras")
            assert (seen.status, seen.body["code"], seen.cookies) == (503, "session_refreshing", [])
            assert seen.headers["retry-after"] == "1"
            late.jar.update(browser.jar)
            assert (await late.ask("GET", "cameras")).status == 200
        assert (await browser.ask("GET", "me")).status == 200


async def test_a_stolen_refresh_token_used_later_ends_the_session() -> None:
    async with neighbours() as place:
        await place.account()
        browser = await place.browser()
        stolen = dict(browser.jar)
        place.house.clock.advance(timedelta(minutes=6))
        assert (await browser.ask("GET", "cameras")).status == 200
        place.house.clock.advance(timedelta(minutes=2))
        thief = Browser(place, {"vedette_refresh": stolen["vedette_refresh"]})

        assert (await thief.ask("GET", "cameras")).status == 401
        seen = await browser.ask("GET", "cameras")
        assert (seen.status, seen.body["code"]) == (401, "session_ended")
        assert browser.jar == {}


async def test_a_refresh_that_fails_does_no_harm_while_the_token_holds_and_asks_to_come_again_after() -> None:
    keys, clock = TestKeys(), FixedClock()

    async def too_late(*_: object) -> Tokens:
        """Another replica of the gateway refreshed the same session at this very moment."""
        raise Conflict("refreshed_meanwhile", "")

    browsers = Browsers(too_late, TokenVerifier(keys, clock), clock.timestamp)
    access = keys.token(expires=clock.now() + timedelta(seconds=30))
    assert (await browsers.signed(access, "r", "::1")).fresh is None
    clock.advance(timedelta(seconds=40))
    with pytest.raises(Unavailable) as later:
        await browsers.signed(access, "r", "::1")
    assert (later.value.code, later.value.retry_after) == ("session_refreshing", 1)


async def test_a_browser_switches_the_organisation_without_seeing_a_token() -> None:
    async with neighbours() as place:
        await place.account()
        browser = await place.browser()
        home = (await browser.ask("GET", "me")).body["organisation"]["id"]
        before = dict(browser.jar)
        seen = await browser.ask("POST", "tokens", {"organisation": home})

        assert (seen.status, seen.body) == (200, {"expires_in": 300, "organisation": home})
        assert browser.jar["vedette_refresh"] != before["vedette_refresh"]
        seen = await browser.ask("POST", "tokens", {"organisation": "org-b"})
        assert (seen.status, seen.body["code"]) == (403, "not_a_member")
        assert (await browser.ask("GET", "me")).status == 200
        wrong: list[Any] = [{"refresh_token": "x"}, {"organisation": 7}, []]
        for body in wrong:
            assert (await browser.ask("POST", "tokens", body)).status == 422
        # Two at once, in one tab: each gets what comes after the other's.
        both = await asyncio.gather(
            *(Browser(place, dict(browser.jar)).ask("POST", "tokens", {}) for _ in range(2))
        )
        assert [seen.status for seen in both] == [200, 200]


async def test_a_tab_that_shows_another_organisation_cannot_act_in_this_one() -> None:
    async with neighbours() as place:
        await place.account()
        browser = await place.browser()
        seen = await browser.ask("POST", "cameras", FORM, X_Vedette_Organisation="org-b")
        assert (seen.status, seen.body["code"]) == (409, "organisation_changed")


async def test_signing_out_takes_the_cookies_away() -> None:
    async with neighbours() as place:
        await place.account()
        browser = await place.browser()
        kept = dict(browser.jar)
        seen = await browser.ask("DELETE", "sessions/current")

        assert (seen.status, browser.jar) == (204, {})
        assert seen.cookies == [
            f"{name}=; Max-Age=0; Path=/; HttpOnly; SameSite=Strict"
            for name in ("vedette_access", "vedette_refresh")
        ]
        again = Browser(place, kept)
        assert (await again.ask("GET", "me")).status == 401
        assert again.jar == {}


async def test_what_is_said_explicitly_counts_before_the_cookies() -> None:
    async with neighbours() as place:
        await place.account()
        browser = await place.browser()
        other = place.place.house.keys.token(organisation="org-b", user="bob")
        # Neither its check of the origin nor its refresh concerns a request that shows a token of its own.
        seen = await browser.ask(
            "POST", "cameras", FORM, Authorization=f"Bearer {other}", Origin="https://elsewhere.example"
        )
        assert seen.body["headers"]["Authorization"] == f"Bearer {other}"
        for wrong in ("Bearer nonsense", "Basic abc", ""):
            assert (await browser.ask("GET", "cameras", Authorization=wrong)).status == 401


@pytest.mark.parametrize(
    "cookie",
    [
        "vedette_access=a b",
        'vedette_access="eyJ"',
        "vedette_refresh=" + "x" * 4000,
        "vedette_access=; vedette_refresh=",
        "vedette_access",
        "vedette_access=..; vedette_refresh=zzzz",
        "Vedette_access=eyJ",
        "a=b",
        ";;;=;",
    ],
)
async def test_nonsense_in_cookies_is_nobody(cookie: str) -> None:
    async with neighbours() as place:
        seen = await place.ask("GET", "cameras", headers=OURS | {"Cookie": cookie})
        assert seen.status == 401, seen


async def test_a_cookie_that_is_there_twice_is_not_believed() -> None:
    async with neighbours() as place:
        await place.account()
        browser = await place.browser()
        twice = {"Cookie": f"{browser.cookie}; {browser.cookie}"}
        assert (await browser.ask("GET", "me", **twice)).status == 401


async def test_events_and_websockets_come_by_cookie_and_sockets_from_our_pages_only() -> None:
    async def parrot(request: web.Request) -> web.WebSocketResponse:
        socket = web.WebSocketResponse()
        await socket.prepare(request)
        assert request.headers["Authorization"].startswith("Bearer eyJ")
        async for message in socket:
            await socket.send_str(message.data[::-1])
        return socket

    relay = web.Application()
    relay.router.add_get("/{path:.*}", parrot)
    async with neighbours(relay) as place:
        await place.account()
        browser = await place.browser()
        http, url = place.place.http, place.place.url
        cookie = {"Cookie": browser.cookie or ""}
        place.house.clock.advance(timedelta(minutes=6))
        async with http.get(f"{url}/api/v1/events", headers=cookie) as stream:
            assert (stream.status, len(stream.headers.getall("Set-Cookie"))) == (200, 2)
        for origin in ({}, {"Origin": "https://evil.example"}):
            with pytest.raises(WSServerHandshakeError) as refused:
                await http.ws_connect(f"{url}/api/v1/servers", headers=cookie | origin)
            assert refused.value.status == 403
        async with http.ws_connect(f"{url}/api/v1/servers", headers=cookie | {"Origin": ORIGIN}) as socket:
            await socket.send_str("abc")
            assert await socket.receive_str(timeout=5) == "cba"
            await browser.ask("DELETE", "sessions/current")
            async with asyncio.timeout(5):
                assert (await socket.receive()).type in (WSMsgType.CLOSED, WSMsgType.CLOSE, WSMsgType.ERROR)


async def test_a_mobile_client_gets_its_tokens_as_ever() -> None:
    async with neighbours() as place:
        await place.account()
        tokens: dict[str, Any] = await place.tokens()
        seen = await place.ask("POST", "tokens", {"refresh_token": tokens["refresh_token"]})
        assert (seen.status, seen.cookies) == (200, [])
        assert tokens_in(seen.text)


async def test_a_problem_still_hands_over_refreshed_tokens() -> None:
    async with neighbours() as place:
        await place.account()
        browser = await place.browser()
        place.house.clock.advance(timedelta(minutes=6))
        seen = await browser.ask("GET", "licences")  # that service is down
        assert (seen.status, len(seen.cookies)) == (503, 2)
        place.house.clock.advance(timedelta(minutes=6))
        assert (await browser.ask("GET", "cameras")).status == 200


async def test_a_long_body_from_a_browser_is_refused() -> None:
    async with neighbours() as place:
        await place.account()
        browser = await place.browser()
        assert (await browser.ask("POST", "me/api-keys", {"name": "x" * 70_000})).status == 413


@given(st.text(max_size=60), st.text(max_size=60))
def test_no_token_of_whatever_form_breaks_out_of_its_cookie(access: str, refresh: str) -> None:
    cookies = Cookies(https=True)
    try:
        tokens = Tokens.of({"access_token": access, "refresh_token": refresh, "expires_in": 300})
    except ValueError:
        return
    for line in cookies.keep(tokens):
        assert line.count(";") == 5
        assert line.isascii()
        assert line.isprintable()
    header = "; ".join(line.partition(";")[0] for line in cookies.keep(tokens))
    assert cookies.read([header]) == (access, refresh)


@given(
    method=st.sampled_from(["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE"]),
    origin=st.sampled_from([None, ORIGIN, "null", "https://evil.example"]),
    site=st.sampled_from([None, "same-origin", "same-site", "cross-site", "none"]),
    mark=st.sampled_from([None, "browser", "no"]),
    websocket=st.booleans(),
)
def test_nothing_passes_that_a_foreign_page_could_have_sent(
    method: str, origin: str | None, site: str | None, mark: str | None, websocket: bool
) -> None:
    given = {"Origin": origin, "Sec-Fetch-Site": site, "X-Vedette-Client": mark}
    headers = {name: value for name, value in given.items() if value is not None}
    try:
        must_be_ours(method, headers, ORIGIN, websocket=websocket)
    except Forbidden:
        return
    assert origin in (None, ORIGIN)
    assert site not in ("cross-site", "same-site")
    if method not in ("GET", "HEAD"):
        assert mark == "browser"
        assert origin is not None or site == "same-origin"
    if websocket:
        assert origin == ORIGIN
