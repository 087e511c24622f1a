"""Identity on real MongoDB, RabbitMQ and SMTP."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from time import perf_counter
from typing import Any

import aiohttp
import pytest
from pydantic import SecretStr
from pymongo import AsyncMongoClient

from common.app import running
from common.bus import Bus, Topology
from common.contracts.identity import OrganisationCreated, SessionRevoked
from identity.app import assemble
from identity.settings import Settings

pytestmark = pytest.mark.servers

FORM = {
    "organisation_name": "Acme s.r.o.",
    "first_name": "Ada",
    "last_name": "Nováková",
    "email": "ada@acme.example",
    "country": "CZ",
    "time_zone": "Europe/Prague",
    "currency": "CZK",
    "language": "cs",
    "accept_terms": True,
    "accept_privacy": True,
}
PASSWORD = "correct horse"


@pytest.fixture
def settings(mongo_url: str, amqp_url: str, prefix: str, catcher: Any) -> Settings:
    return Settings(
        master_key=SecretStr("A" * 43 + "="),
        environment="development",
        mongo_url=mongo_url,
        amqp_url=SecretStr(amqp_url),
        database_prefix=prefix,
        bus_prefix=prefix,
        smtp_url=SecretStr(catcher.url),
        http_port=0,
        bootstrap_staff=SecretStr("staff@vedette.example:staff password"),
    )


@contextlib.asynccontextmanager
async def replica(settings: Settings) -> AsyncIterator["Browser"]:
    async with (
        running("identity", settings, lambda parts: assemble(parts, settings)) as url,
        aiohttp.ClientSession(url) as http,
    ):
        yield Browser(http)


class Browser:
    def __init__(self, http: aiohttp.ClientSession) -> None:
        self.http = http

    async def post(self, path: str, body: Any = None) -> tuple[int, dict[str, Any]]:
        async with self.http.post(f"/api/v1/{path}", json=body) as answer:
            return answer.status, await answer.json()

    async def me(self, token: str) -> tuple[int, dict[str, Any]]:
        headers = {"Authorization": f"Bearer {token}"}
        async with self.http.get("/api/v1/me", headers=headers) as answer:
            return answer.status, await answer.json()

    async def sign_in(
        self, catcher: Any, login: str = "ada@acme.example", password: str = PASSWORD
    ) -> dict[str, Any]:
        """With the mailed one-time password where one is demanded: in a personal organisation none is."""
        _, challenge = await self.post("sign-ins", {"login": login, "password": password})
        if challenge["status"] == "signed_in":
            return challenge
        code = await catcher.next_code()
        status, tokens = await self.post(f"sign-ins/{challenge['id']}/verify", {"code": code})
        assert status == 200, tokens
        return tokens


class Listener:
    """Another service that hears what identity says."""

    def __init__(self, settings: Settings) -> None:
        self.heard: asyncio.Queue[Any] = asyncio.Queue()
        self._bus = Bus(settings.amqp_url.get_secret_value(), Topology(settings.bus_prefix, "listener"))
        self._bus.listen({kind.wire: self._hear for kind in (OrganisationCreated, SessionRevoked)})

    async def __aenter__(self) -> "Listener":
        await self._bus.open()
        await self._bus.wait_connected()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._bus.close()

    async def _hear(self, event: Any) -> None:
        self.heard.put_nowait(event)

    async def next(self) -> Any:
        return await asyncio.wait_for(self.heard.get(), 15)


async def test_from_the_form_to_signing_out(settings: Settings, catcher: Any) -> None:
    async with Listener(settings) as listener, replica(settings) as browser:
        assert (await browser.post("organisations", FORM))[0] == 202
        activation = {"email": FORM["email"], "code": await catcher.next_code(), "password": PASSWORD}
        assert await browser.post("activations", activation) == (
            200,
            {"message": "Your account is verified successfully."},
        )
        created = await listener.next()
        tokens = await browser.sign_in(catcher)
        _, me = await browser.me(tokens["access_token"])
        assert me["organisation"]["id"] == created.organisation
        assert (await browser.post("organisations", FORM))[0] == 202
        assert "už máte" in (await catcher.next())["Subject"]
        status, second = await browser.post("tokens", {"refresh_token": tokens["refresh_token"]})
        assert status == 200
        assert (await browser.post("tokens", {"refresh_token": tokens["refresh_token"]}))[0] == 401
        revoked = await listener.next()
        assert (revoked.reason, revoked.organisation) == ("refresh_reused", created.organisation)
        assert (await browser.me(second["access_token"]))[0] == 401


async def test_replicas_that_start_together_share_one_key_and_one_staff_admin(
    settings: Settings, catcher: Any
) -> None:
    async with contextlib.AsyncExitStack() as stack:
        first, second = await asyncio.gather(
            *(stack.enter_async_context(replica(settings)) for _ in range(2))
        )
        tokens = await first.sign_in(catcher, "staff@vedette.example", "staff password")
        status, me = await second.me(tokens["access_token"])
        keys = [await (await one.http.get("/.well-known/jwks.json")).json() for one in (first, second)]

    assert (status, me["role"]) == (200, "staff_admin")
    assert keys[0] == keys[1]
    assert len(keys[0]["keys"]) == 1


async def test_a_code_that_is_used_many_times_at_once_works_once(settings: Settings, catcher: Any) -> None:
    async with Listener(settings) as listener, replica(settings) as browser:
        await asyncio.gather(*(browser.post("organisations", FORM) for _ in range(5)))
        activation = {"email": FORM["email"], "code": await catcher.next_code(), "password": PASSWORD}
        answers = await asyncio.gather(*(browser.post("activations", activation) for _ in range(5)))
        await listener.next()
        tokens = await browser.sign_in(catcher)
        refreshed = await asyncio.gather(
            *(browser.post("tokens", {"refresh_token": tokens["refresh_token"]}) for _ in range(5))
        )

    assert [status for status, _ in answers].count(200) == 1
    assert [status for status, _ in refreshed].count(200) == 1
    assert catcher.letters.empty()  # five forms at once were one mail
    kinds = {type(listener.heard.get_nowait()) for _ in range(listener.heard.qsize())}
    assert OrganisationCreated not in kinds


async def test_wrong_passwords_are_counted_by_all_replicas_together(settings: Settings, catcher: Any) -> None:
    wrong = {"login": "stranger@acme.example", "password": "wrong horse"}
    async with replica(settings) as first, replica(settings) as second:
        statuses = [(await one.post("sign-ins", wrong))[0] for one in [first, second] * 3]
        _, problem = await first.post("sign-ins", wrong)

    assert statuses == [401] * 5 + [429]
    assert problem["code"] == "too_many_tries"


PERSON = {
    "username": "Ada.Lovelace",
    "email": "ada@acme.example",
    "password": PASSWORD,
    "password_confirmation": PASSWORD,
    "language": "de",
    "accept_terms": True,
    "accept_privacy": True,
}


async def signed_up(browser: Browser, catcher: Any) -> dict[str, Any]:
    """Tokens of somebody who has signed up alone."""
    assert (await browser.post("registrations", PERSON))[0] == 202
    activation = {"email": "ada@acme.example", "code": await catcher.next_code(), "password": PASSWORD}
    assert (await browser.post("activations", activation))[0] == 200
    return await browser.sign_in(catcher, "ADA.lovelace")


async def test_a_forgotten_password_is_set_anew_once_and_every_session_ends(
    settings: Settings, catcher: Any
) -> None:
    async with replica(settings) as first, replica(settings) as second:
        tokens = await signed_up(first, catcher)
        await asyncio.gather(
            *(one.post("password-resets", {"login": "ada.lovelace"}) for one in [first, second] * 3)
        )
        reset = {"login": "ada.lovelace", "code": await catcher.next_code(), "password": "battery staple"}
        answers = await asyncio.gather(
            *(one.post("password-resets/confirm", reset) for one in [first, second] * 2)
        )
        assert [status for status, _ in answers].count(200) == 1
        assert (await catcher.next())["Subject"] == "Ihr Vedette-Passwort wurde geändert"
        assert catcher.letters.empty()  # six wishes at once were one mail
        assert (await first.me(tokens["access_token"]))[0] == 401
        assert (await first.post("sign-ins", {"login": "ada.lovelace", "password": PASSWORD}))[0] == 401
        await second.sign_in(catcher, "ada.lovelace", "battery staple")


async def test_two_replicas_remove_a_deleted_account_once(settings: Settings, catcher: Any) -> None:
    async with replica(settings) as browser:
        tokens = await signed_up(browser, catcher)
        headers = {"Authorization": f"Bearer {tokens['access_token']}"}
        body = {"current_password": PASSWORD}
        async with browser.http.post("/api/v1/me/deletion", json=body, headers=headers) as answer:
            assert answer.status == 202
        assert (await catcher.next())["Subject"] == "Ihr Vedette-Konto wird gelöscht"
    async with AsyncMongoClient[dict[str, Any]](settings.mongo_url.get_secret_value()) as client:
        users = client[f"{settings.database_prefix}_identity"]["users"]
        await users.update_one({"state": "leaving"}, {"$set": {"leaves_at": datetime.now(UTC)}})
    async with replica(settings) as first, replica(settings) as second:
        assert (await catcher.next())["Subject"] == "Ihr Vedette-Konto wurde gelöscht"
        for browser in (first, second):
            assert (await browser.me(tokens["access_token"]))[0] == 401
        assert (await first.post("registrations", PERSON))[0] == 202
        assert (await catcher.next())["Subject"] == "Aktivieren Sie Ihr Vedette-Konto"
    assert catcher.letters.empty()


async def test_how_long_it_takes_does_not_tell_whether_there_is_an_account(
    settings: Settings, catcher: Any
) -> None:
    """Of two waits, one for an account and one for none, either may be the longer one."""
    quick = settings.model_copy(update={"address_tries": 10_000})
    took: dict[str, list[float]] = {"ada.lovelace": [], "nobody.here": []}
    async with replica(quick) as browser:
        await signed_up(browser, catcher)
        for _ in range(80):
            for login, seconds in took.items():
                started = perf_counter()
                assert (await browser.post("password-resets", {"login": login}))[0] == 202
                seconds.append(perf_counter() - started)
    pairs = [(known, none) for known in took["ada.lovelace"][5:] for none in took["nobody.here"][5:]]
    longer = sum(known > none for known, none in pairs) / len(pairs)

    assert 0.25 < longer < 0.75
