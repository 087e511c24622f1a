"""Accounts elsewhere: connected from inside, sign in from then on, and open nothing else."""

import asyncio
import base64
import hmac
import json
from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import pytest
from joserfc.jwk import RSAKey

from common.database import Update
from common.testing import MemoryHouse
from factors import SoftPasskey
from identity.clients import openid
from identity.domain.mails import Letter
from stories.identity.crowd import Crowd
from stories.identity.issuer import Issuer, issuer
from stories.identity.portal import Portal, served


@dataclass(slots=True)
class Traveller:
    portal: Portal
    issuer: Issuer
    token: str = ""
    told: Letter | None = None
    """The latest mail about a connected account."""

    async def ask(self, method: str, path: str, body: Any = None) -> tuple[int, dict[str, Any]]:
        headers = {"Authorization": f"Bearer {self.token}"} if self.token else {}
        async with self.portal.client.request(
            method, f"/api/v1/{path}", json=body, headers=headers
        ) as answer:
            return answer.status, await answer.json() if answer.status != 204 else {}

    async def trip(self, path: str) -> tuple[str, dict[str, str]]:
        """There and back; where the trip is completed, and with what."""
        status, left = await self.ask("POST", path, {"provider": "work"})
        assert status == 201, left
        back = self.issuer.visit(left["authorization_url"])
        assert left["proof"] not in left["authorization_url"]
        return f"{path}/{left['id']}/complete", {"proof": left["proof"], **back}

    async def connects(self) -> tuple[int, dict[str, Any]]:
        status, answer = await self.ask("POST", *await self.trip("me/connected-accounts"))
        if status == 201:
            self.told = await self.portal.mailbox.next()
        return status, answer

    async def signs_in(self) -> tuple[int, dict[str, Any]]:
        path, back = await self.trip("federated-sign-ins")
        return await Traveller(self.portal, self.issuer).ask("POST", path, back)


async def mallory(grace: Traveller) -> Traveller:
    """Somebody else, signed in."""
    other = await Crowd(grace.portal).stranger("mallory@else.example")
    return Traveller(grace.portal, grace.issuer, other.access)


@pytest.fixture
async def grace() -> AsyncIterator[Traveller]:
    """She has an account here and one at work."""
    house = MemoryHouse()
    async with issuer(house) as work, served(house, openid_providers=work.setting()) as portal:
        await portal.with_account()
        tokens = await portal.signed_in()
        yield Traveller(portal, work, tokens["access_token"])


async def test_a_connected_account_signs_in_and_the_second_factor_is_still_asked_for(
    grace: Traveller,
) -> None:
    status, connected = await grace.connects()
    assert (status, connected["email"], connected["provider"]) == (201, "grace@navy.example", "work")
    assert grace.told is not None
    assert "Work" in grace.told.text
    (_, listed) = await grace.ask("GET", "me/connected-accounts")
    assert listed["items"] == [connected]

    grace.issuer.claims["amr"] = ["mfa"]  # what the issuer checked is not what our policy speaks of
    status, step = await grace.signs_in()
    assert (status, step["status"], step["person"]) == (200, "second_factor", None)
    code = await grace.portal.mailbox.next_code()
    status, tokens = await grace.portal.post(f"sign-ins/{step['challenge']['id']}/verify", {"code": code})
    assert status == 200
    _, me = await grace.portal.get("me", tokens["access_token"])
    assert me["user"]["email"] == "ada@acme.example"


async def test_the_providers_are_listed_without_their_secrets(grace: Traveller) -> None:
    status, listed = await Traveller(grace.portal, grace.issuer).ask("GET", "identity-providers")
    assert (status, listed) == (200, {"items": [{"id": "work", "name": "Work"}]})
    assert (await grace.ask("POST", "federated-sign-ins", {"provider": "other"}))[0] == 404


async def test_the_same_address_elsewhere_opens_nothing(grace: Traveller) -> None:
    grace.issuer.person["email"] = "ADA@acme.example"
    status, problem = await grace.signs_in()
    assert (status, problem["code"]) == (403, "not_connected")
    assert grace.portal.mailbox.letters.empty()


async def test_who_is_unknown_may_sign_up_with_a_verified_address(grace: Traveller) -> None:
    status, step = await grace.signs_in()
    assert (status, step["status"]) == (200, "sign_up")
    assert step["person"] == {"email": "grace@navy.example", "first_name": "Grace", "last_name": "Hopper"}
    for unverified in (False, "true", None):
        grace.issuer.person["email_verified"] = unverified
        status, problem = await grace.signs_in()
        assert (status, problem["code"]) == (403, "not_connected")


@pytest.mark.parametrize(
    "claims",
    [
        {"nonce": "another"},
        {"nonce": None},
        {"aud": "another client"},
        {"aud": ["vedette client", "another"]},
        {"aud": ["vedette client", "another"], "azp": "another"},
        {"azp": "another"},
        {"iss": "https://evil.example"},
        {"exp": 1},
        {"exp": None},
        {"iat": None},
        {"iat": 4_000_000_000},
        {"sub": None},
        {"sub": ""},
        {"sub": "x" * 256},
        {"sub": 7},
    ],
)
async def test_an_id_token_that_is_not_for_us_now_proves_nothing(
    grace: Traveller, claims: dict[str, Any]
) -> None:
    grace.issuer.claims = claims
    status, problem = await grace.connects()
    assert (status, problem["code"]) == (401, "not_proved")
    assert grace.portal.rows("foreign_logins") == []


def part(value: bytes) -> str:
    return base64.urlsafe_b64encode(value).rstrip(b"=").decode()


async def test_an_id_token_that_is_not_signed_by_the_issuer_proves_nothing(grace: Traveller) -> None:
    public = grace.issuer.key.as_pem(private=False)

    def unsigned(nonce: str) -> str:
        return f"{part(json.dumps({'alg': 'none'}).encode())}.{part(json.dumps(grace.issuer.said(nonce)).encode())}."

    def confused(nonce: str) -> str:
        """Signed with the issuer's public key as if that were a shared secret."""
        header = part(b'{"alg":"HS256","kid":"1"}')
        body = f"{header}.{part(json.dumps(grace.issuer.said(nonce)).encode())}"
        return f"{body}.{part(hmac.digest(public, body.encode(), 'sha256'))}"

    for forge in (
        unsigned,
        confused,
        lambda _: "x.y.z",
        lambda _: "",
        lambda _: "e" * 300,
        lambda _: "e30.e30.",
    ):
        grace.issuer.forge = forge
        assert (await grace.connects())[0] == 401
    grace.issuer.forge = None
    stranger = RSAKey.generate_key(2048, {"kid": "1", "use": "sig"})
    grace.issuer.published, grace.issuer.key = [grace.issuer.key], stranger
    assert (await grace.connects())[0] == 401
    assert grace.portal.rows("foreign_logins") == []


async def test_keys_that_the_issuer_changed_are_read_again(
    grace: Traveller, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert (await grace.connects())[0] == 201
    grace.issuer.key = RSAKey.generate_key(2048, {"kid": "2", "use": "sig"})
    assert (await grace.signs_in())[0] == 401  # but not more often than once a minute
    monkeypatch.setattr(openid, "ASK_AGAIN", 0.0)
    assert (await grace.signs_in())[0] == 200


async def test_a_trip_ends_once_in_the_browser_where_it_began(grace: Traveller) -> None:
    path, back = await grace.trip("federated-sign-ins")
    other, _ = await grace.trip("federated-sign-ins")
    for wrong in (
        (path, back | {"state": "x"}),
        (path, back | {"proof": "x"}),
        (path, back | {"iss": "https://evil.example"}),
        (other, back),
        (path.replace("federated-sign-ins", "me/connected-accounts"), back),
    ):
        status, problem = await grace.ask("POST", *wrong)
        assert (status, problem["code"]) == (404, "sign_in_over")
    assert "/token" not in grace.issuer.asked
    assert (await grace.ask("POST", path, back | {"iss": grace.issuer.url}))[0] == 200
    assert (await grace.ask("POST", path, back))[0] == 404

    path, back = await grace.trip("federated-sign-ins")
    grace.portal.house.clock.advance(timedelta(minutes=11))
    assert (await grace.ask("POST", path, back))[0] == 404


async def test_a_code_shown_many_times_at_once_is_asked_about_once(grace: Traveller) -> None:
    path, back = await grace.trip("federated-sign-ins")
    answers = await asyncio.gather(*(grace.ask("POST", path, back) for _ in range(5)))
    assert sorted(status for status, _ in answers) == [200, 404, 404, 404, 404]
    assert grace.issuer.asked.count("/token") == 1


async def test_somebody_else_s_trip_connects_nothing_to_me(grace: Traveller) -> None:
    path, back = await grace.trip("me/connected-accounts")
    staff = await grace.portal.signed_in()  # another session of hers may end it, another person may not
    stranger = await mallory(grace)
    assert (await stranger.ask("POST", path, back))[0] == 404
    grace.token = staff["access_token"]
    assert (await grace.ask("POST", path, back))[0] == 201


async def test_one_account_elsewhere_belongs_to_one_person(grace: Traveller) -> None:
    assert (await grace.connects())[0] == 201
    status, problem = await grace.connects()
    assert (status, problem["code"]) == (409, "already_connected")
    other = await mallory(grace)
    status, problem = await other.connects()
    assert (status, problem["code"]) == (409, "already_connected")


async def test_two_who_connect_the_same_account_at_once_do_not_both_get_it(grace: Traveller) -> None:
    other = await mallory(grace)
    trips = [(one, await one.trip("me/connected-accounts")) for one in (grace, other)]
    answers = await asyncio.gather(*(one.ask("POST", *trip) for one, trip in trips))
    assert sorted(status for status, _ in answers) == [201, 409]
    assert len(grace.portal.rows("foreign_logins")) == 1


async def test_a_disconnected_account_signs_nobody_in(grace: Traveller) -> None:
    _, connected = await grace.connects()
    path = f"me/connected-accounts/{connected['id']}"
    other = await mallory(grace)
    assert (await other.ask("DELETE", path))[0] == 404
    assert (await grace.ask("DELETE", path))[0] == 204
    assert (await grace.ask("DELETE", path))[0] == 404
    assert (await grace.signs_in())[1]["status"] == "sign_up"
    acts = [event.act for event in grace.portal.acts()]
    assert acts == ["connected_account.added", "connected_account.removed"]


async def test_connecting_and_disconnecting_need_a_factor_shown_a_moment_ago(grace: Traveller) -> None:
    """Else a session left open for a minute becomes somebody else's way in for good."""
    _, connected = await grace.connects()
    grace.portal.house.clock.advance(timedelta(minutes=11))
    tokens = await grace.portal.signed_in()
    grace.token = tokens["access_token"]
    for _ in range(3):
        grace.portal.house.clock.advance(timedelta(minutes=4))
        _, tokens = await grace.portal.post("tokens", {"refresh_token": tokens["refresh_token"]})
    grace.token = tokens["access_token"]
    path = f"me/connected-accounts/{connected['id']}"
    for method, where, body in (
        ("POST", "me/connected-accounts", {"provider": "work"}),
        ("DELETE", path, None),
    ):
        status, problem = await grace.ask(method, where, body)
        assert (status, problem["code"]) == (403, "second_factor_needed")
    assert grace.portal.rows("connected_accounts")[0]["accounts"]

    assert (await grace.ask("POST", "sessions/current/second-factor", {}))[0] == 201
    code = {"code": await grace.portal.mailbox.next_code()}
    assert (await grace.ask("POST", "sessions/current/second-factor/verify", code))[0] == 200
    assert (await grace.ask("DELETE", path))[0] == 204


async def forget_password(grace: Traveller) -> None:
    (user,) = (row for row in grace.portal.rows("users") if row["email"] == "ada@acme.example")
    forget = Update("users", {"_id": user["_id"]}, {"$set": {"password_hash": ""}})
    await grace.portal.database.commit([forget])


async def test_of_the_last_account_and_the_last_passkey_one_stays_also_when_both_go_at_once(
    grace: Traveller,
) -> None:
    _, connected = await grace.connects()
    key = SoftPasskey()
    _, made = await grace.ask("POST", "authenticators", {"kind": "passkey", "name": "Laptop"})
    confirm = f"authenticators/{made['id']}/confirm"
    assert (await grace.ask("POST", confirm, {"passkey": key.create(made["options"])}))[0] == 200
    _, alone = await grace.portal.post("sign-ins/passkeys")
    signed = {"passkey": key.get(alone["options"])}
    assert (await grace.portal.post(f"sign-ins/passkeys/{alone['id']}", signed))[0] == 200
    await forget_password(grace)

    paths = (f"me/connected-accounts/{connected['id']}", f"authenticators/{made['id']}")
    answers = await asyncio.gather(*(grace.ask("DELETE", path) for path in paths))
    assert sorted(status for status, _ in answers) == [204, 409]
    assert {body.get("code") for _, body in answers} == {None, "last_way_in"}


async def test_the_last_way_to_sign_in_stays(grace: Traveller) -> None:
    _, first = await grace.connects()
    grace.issuer.person["sub"] = "grace at home"
    _, second = await grace.connects()
    await forget_password(grace)
    answers = await asyncio.gather(
        *(grace.ask("DELETE", f"me/connected-accounts/{account['id']}") for account in (first, second))
    )
    assert sorted(status for status, _ in answers) == [204, 409]
    assert {body.get("code") for _, body in answers} == {None, "last_way_in"}


@pytest.mark.parametrize(
    "document",
    [
        {"token_endpoint": "http://169.254.169.254/latest"},
        {"jwks_uri": "http://127.0.0.1:1/keys"},
        {"jwks_uri": "file:///etc/passwd"},
        {"jwks_uri": None},
        {"issuer": "https://evil.example"},
    ],
)
async def test_an_issuer_s_description_leads_us_nowhere_else(document: dict[str, Any]) -> None:
    house = MemoryHouse()
    async with issuer(house) as work, served(house, openid_providers=work.setting()) as portal:
        work.document = document
        traveller = Traveller(portal, work)
        status, answer = await traveller.ask("POST", "federated-sign-ins", {"provider": "work"})
        if status == 201:  # only the token endpoint is wrong
            back = work.visit(answer["authorization_url"])
            path = f"federated-sign-ins/{answer['id']}/complete"
            status, answer = await traveller.ask("POST", path, {"proof": answer["proof"], **back})
        assert (status, answer["code"]) == (503, "provider_unavailable")


@pytest.mark.parametrize("place", ["/moved", "/huge"])
async def test_no_redirect_is_followed_and_no_long_answer_read(place: str) -> None:
    house = MemoryHouse()
    async with issuer(house) as work, served(house, openid_providers=work.setting()) as portal:
        work.document = {"jwks_uri": work.url + place}
        status, answer = await Traveller(portal, work).ask("POST", "federated-sign-ins", {"provider": "work"})
        assert (status, answer["code"]) == (503, "provider_unavailable")
        assert work.asked[-1] == place


async def test_a_slow_issuer_is_not_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(openid, "SECONDS", 0.1)
    house = MemoryHouse()
    async with issuer(house) as work, served(house, openid_providers=work.setting()) as portal:
        work.slow = True
        status, answer = await Traveller(portal, work).ask("POST", "federated-sign-ins", {"provider": "work"})
        assert (status, answer["code"]) == (503, "provider_unavailable")


async def test_secrets_of_a_trip_are_not_kept_as_they_are(grace: Traveller) -> None:
    _, back = await grace.trip("federated-sign-ins")
    (query,) = grace.issuer.codes.values()
    kept = str(grace.portal.rows("journeys"))
    for secret in (back["state"], back["proof"], query["nonce"]):
        assert secret not in kept
