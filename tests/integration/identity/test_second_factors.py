"""Second factors on real MongoDB, by two replicas at once."""

import asyncio
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from pydantic import SecretStr

from common.database import Filter
from common.mongo import open_client
from factors import SoftPasskey, app_code
from identity.settings import Settings
from identity_replica import PASSWORD, Browser, people, replica, replica_settings

pytestmark = pytest.mark.servers
ADA = "ada@acme.example"
QUERIES: list[tuple[str, Filter, list[tuple[str, int]]]] = [
    ("authenticators", {"user": {"$in": ["u", "v"]}, "state": "active"}, [("_id", 1)]),
    ("authenticators", {"passkey.credential": b"c"}, []),
    ("memberships", {"user": {"$in": ["u", "v"]}, "via": "membership", "ended_at": None}, []),
    ("sessions", {"user": {"$in": ["u", "v"]}}, [("_id", -1)]),
    ("sessions", {"user": "u", "ended_at": None}, [("_id", -1)]),
    ("sessions", {"organisation": "o", "ended_at": None, "_id": {"$gt": ""}}, [("_id", 1)]),
    ("sign_ins", {"user": "u", "network": "n", "state": "pending", "session": None}, [("_id", -1)]),
]


@pytest.fixture
def settings(mongo_url: str, amqp_url: str, prefix: str, catcher: Any) -> Settings:
    return replica_settings(mongo_url, amqp_url, prefix, smtp_url=SecretStr(catcher.url))


async def signed_in(browser: Browser, catcher: Any) -> None:
    _, step = await browser.post("sign-ins", {"login": ADA, "password": PASSWORD})
    code = await catcher.next_code()
    status, done = await browser.post(f"sign-ins/{step['id']}/verify", {"code": code})
    assert status == 200, done
    browser.token = done["access_token"]


async def test_an_app_and_a_passkey_from_enrolment_to_signing_in(settings: Settings, catcher: Any) -> None:
    async with replica(settings) as first, replica(settings) as second:
        await people(settings, ADA)
        await signed_in(first, catcher)
        _, made = await first.post("authenticators", {"kind": "totp", "name": "Phone"})
        earlier = app_code(made["secret"], datetime.now(UTC) - timedelta(seconds=30))
        path = f"authenticators/{made['id']}/confirm"
        assert (await first.post(path, {"code": earlier}))[0] == 200
        key = SoftPasskey()
        _, asked = await first.post("authenticators", {"kind": "passkey", "name": "Laptop"})
        answer = {"passkey": key.create(asked["options"])}
        assert (await first.post(f"authenticators/{asked['id']}/confirm", answer))[0] == 200

        body = {"login": ADA, "password": PASSWORD}
        networks = [{"X-Forwarded-For": f"198.51.{number}.1"} for number in range(4)]
        steps = await asyncio.gather(
            *(
                one.post("sign-ins", body, there)
                for one, there in zip([first, second] * 2, networks, strict=True)
            )
        )
        shown = {"factor": "totp", "code": app_code(made["secret"], datetime.now(UTC))}
        paths = [f"sign-ins/{step['id']}/verify" for _, step in steps]
        answers = await asyncio.gather(
            *(one.post(path, shown) for one, path in zip([first, second] * 2, paths, strict=True))
        )
        assert [status for status, _ in answers].count(200) == 1

        _, alone = await second.post("sign-ins/passkeys")
        answer = {"passkey": key.get(alone["options"])}
        answers = await asyncio.gather(
            *(one.post(f"sign-ins/passkeys/{alone['id']}", answer) for one in [first, second] * 3)
        )
        assert [status for status, _ in answers].count(200) == 1


async def test_a_stricter_policy_reaches_the_sessions_of_all_replicas(
    settings: Settings, catcher: Any
) -> None:
    async with replica(settings) as first, replica(settings) as second:
        await people(settings, ADA)
        await signed_in(second, catcher)
        await signed_in(first, catcher)
        _, made = await first.post("authenticators", {"kind": "totp", "name": "Phone"})
        code = app_code(made["secret"], datetime.now(UTC))
        assert (await first.post(f"authenticators/{made['id']}/confirm", {"code": code}))[0] == 200
        policy = {"second_factor": "required", "email_factor": False}
        status, _ = await first.send("PUT", "organisation/sign-in-policy", policy)
        assert status == 200
        assert (await first.send("GET", "me"))[0] == 200
        async with asyncio.timeout(1):
            while (await second.send("GET", "me"))[0] != 401:
                await asyncio.sleep(0.02)


async def test_who_is_signed_out_by_an_administrator_is_out_at_every_replica_within_a_second(
    settings: Settings, catcher: Any
) -> None:
    async with replica(settings) as first, replica(settings) as second:
        await people(settings, ADA)
        await signed_in(second, catcher)
        await signed_in(first, catcher)
        _, me = await first.send("GET", "me")
        assert (await first.post(f"members/{me['user']['id']}/sign-out"))[0] == 204
        async with asyncio.timeout(1):
            for replica_of_hers in (first, second):
                while (await replica_of_hers.send("GET", "me"))[0] != 401:
                    await asyncio.sleep(0.02)


@pytest.mark.parametrize(("collection", "where", "sort"), QUERIES)
async def test_what_signing_in_asks_is_found_through_an_index(
    settings: Settings, collection: str, where: Filter, sort: list[tuple[str, int]]
) -> None:
    async with replica(settings):
        pass  # makes the indexes
    client = open_client(settings.mongo_url.get_secret_value())
    cursor = client[settings.database("identity")][collection].find(where)
    plan = await (cursor.sort(sort) if sort else cursor).explain()
    client.close()
    stages = repr(plan["queryPlanner"]["winningPlan"])
    assert "IXSCAN" in stages
    assert "COLLSCAN" not in stages
    assert "'SORT'" not in stages
