"""Manage your authenticators, and sign in with them."""

import asyncio
import html
import json
from datetime import timedelta
from typing import Any

import pytest

from common.contracts.audit import ActRecorded
from factors import SoftPasskey, app_code
from stories.identity.portal import PASSWORD

OTHER_PASSWORD = {
    "current_password": PASSWORD,
    "password": "battery staple",
    "password_confirmation": "battery staple",
}


class Ada:
    """Signed in, with whatever factors she adds."""

    def __init__(self, portal: Any, token: str) -> None:
        self.portal = portal
        self.token = token
        self.secret = ""

    @property
    def code(self) -> str:
        """What her app shows, a code that was not used yet."""
        self.portal.house.clock.advance(timedelta(seconds=30))
        return app_code(self.secret, self.portal.house.clock.now())

    async def send(self, method: str, path: str, body: Any = None) -> tuple[int, dict[str, Any]]:
        status, answer = await self.portal.send(method, path, self.token, body)
        return status, answer

    async def add_app(self, name: str = "Phone") -> dict[str, Any]:
        """A confirmed authenticator app; answers with its recovery codes."""
        status, made = await self.send("POST", "authenticators", {"kind": "totp", "name": name})
        assert status == 201, made
        self.secret = made["secret"]
        path = f"authenticators/{made['id']}/confirm"
        status, confirmed = await self.send("POST", path, {"code": self.code})
        assert status == 200, confirmed
        return confirmed

    async def add_passkey(self, key: SoftPasskey, name: str = "Laptop") -> dict[str, Any]:
        status, made = await self.send("POST", "authenticators", {"kind": "passkey", "name": name})
        assert status == 201, made
        path = f"authenticators/{made['id']}/confirm"
        status, confirmed = await self.send("POST", path, {"passkey": key.create(made["options"])})
        assert status == 200, confirmed
        return confirmed

    async def verify(self, **shown: Any) -> tuple[int, dict[str, Any]]:
        """Password, then this factor."""
        _, step = await self.portal.start()
        status, answer = await self.portal.post(f"sign-ins/{step['id']}/verify", shown)
        return status, answer


@pytest.fixture
def ada(portal: Any, ada: str) -> Ada:
    return Ada(portal, ada)


async def test_an_app_is_enrolled_by_qr_code_and_a_first_code_and_then_signs_in(ada: Ada) -> None:
    _, made = await ada.send("POST", "authenticators", {"kind": "totp", "name": "Phone"})
    assert made["uri"].startswith("otpauth://totp/Vedette:ada%40acme.example?secret=")
    assert made["qr"].startswith("<svg")
    assert made["secret"] in made["uri"]
    _, before = await ada.send("GET", "authenticators")
    assert before["items"] == []  # pending ones do not count

    confirmed = await ada.add_app()
    assert len(confirmed["recovery_codes"]) == 10
    _, step = await ada.portal.start()
    assert [offer["factor"] for offer in step["factors"]] == ["totp", "email", "recovery_code"]
    status, done = await ada.portal.post(
        f"sign-ins/{step['id']}/verify", {"factor": "totp", "code": ada.code}
    )
    assert (status, done["status"]) == (200, "signed_in")


async def test_a_wrong_first_code_confirms_nothing(ada: Ada) -> None:
    _, made = await ada.send("POST", "authenticators", {"kind": "totp", "name": "Phone"})
    status, problem = await ada.send("POST", f"authenticators/{made['id']}/confirm", {"code": "000000"})

    assert (status, problem["code"]) == (422, "code_invalid")
    assert (await ada.send("GET", "authenticators"))[1]["items"] == []


async def test_a_code_of_an_app_works_once_also_when_shown_twice_at_once(ada: Ada) -> None:
    await ada.add_app()
    code = ada.code
    assert (await ada.verify(factor="totp", code=code))[0] == 200
    assert (await ada.verify(factor="totp", code=code))[0] == 401

    code = ada.code
    starts = [
        await ada.portal.post(
            "sign-ins",
            {"login": "ada@acme.example", "password": "correct horse"},
            **{"X-Forwarded-For": f"198.51.{number}.1"},
        )
        for number in range(3)
    ]
    paths = [f"sign-ins/{step['id']}/verify" for _, step in starts]
    answers = await asyncio.gather(
        *(ada.portal.post(path, {"factor": "totp", "code": code}) for path in paths)
    )
    assert [status for status, _ in answers].count(200) == 1


async def test_several_named_apps_work_side_by_side_and_one_is_removed_without_the_other(ada: Ada) -> None:
    await ada.add_app("Phone")
    phone = ada.secret
    await ada.add_app("Tablet")
    tablet = ada.secret
    _, mine = await ada.send("GET", "authenticators")
    assert [one["name"] for one in mine["items"]] == ["Phone", "Tablet"]

    ada.portal.house.clock.advance(timedelta(seconds=30))
    for secret in (phone, tablet):
        code = app_code(secret, ada.portal.house.clock.now())
        assert (await ada.verify(factor="totp", code=code))[0] == 200
    assert (await ada.send("DELETE", f"authenticators/{mine['items'][0]['id']}"))[0] == 204
    ada.portal.house.clock.advance(timedelta(seconds=30))
    now = ada.portal.house.clock.now()
    assert (await ada.verify(factor="totp", code=app_code(phone, now)))[0] == 401
    assert (await ada.verify(factor="totp", code=app_code(tablet, now)))[0] == 200


async def test_a_recovery_code_works_once_however_it_is_typed(ada: Ada) -> None:
    codes = (await ada.add_app())["recovery_codes"]
    assert (await ada.verify(factor="recovery_code", code=codes[0].lower()))[0] == 200
    assert (await ada.verify(factor="recovery_code", code=codes[0]))[0] == 401
    _, mine = await ada.send("GET", "authenticators")
    assert mine["recovery_codes_left"] == 9

    status, made = await ada.send("POST", "recovery-codes")
    assert (status, len(made["recovery_codes"])) == (201, 10)
    assert (await ada.verify(factor="recovery_code", code=codes[1]))[0] == 401
    assert (await ada.verify(factor="recovery_code", code=made["recovery_codes"][1]))[0] == 200


async def test_with_an_app_nothing_is_mailed_until_it_is_asked_for(ada: Ada) -> None:
    await ada.add_app()
    assert "Phone" in html.unescape((await ada.portal.mailbox.next()).text)
    _, step = await ada.portal.start()
    assert ada.portal.mailbox.letters.empty()

    status, again = await ada.portal.post(f"sign-ins/{step['id']}/resend")
    assert (status, again["recipient"]) == (202, "a***@a***.example")
    code = await ada.portal.mailbox.next_code()
    assert (await ada.portal.post(f"sign-ins/{step['id']}/verify", {"code": code}))[0] == 200


async def test_a_passkey_is_a_second_factor_and_cannot_be_replayed(ada: Ada) -> None:
    key = SoftPasskey(verifies=False)
    await ada.add_passkey(key)
    _, step = await ada.portal.start()
    assert step["second_factor"] == "passkey"
    answer = key.get(step["factors"][0]["options"])
    path = f"sign-ins/{step['id']}/verify"
    assert (await ada.portal.post(path, {"factor": "passkey", "passkey": answer}))[0] == 200

    assert (await ada.portal.post(path, {"factor": "passkey", "passkey": answer}))[0] == 404
    assert (await ada.verify(factor="passkey", passkey=answer))[0] == 401


async def test_a_passkey_answers_for_our_own_site_only(ada: Ada) -> None:
    key = SoftPasskey()
    await ada.add_passkey(key)
    _, step = await ada.portal.start()
    answer = key.get(step["factors"][0]["options"], origin="https://portal.example.evil.example")
    status, _ = await ada.portal.post(
        f"sign-ins/{step['id']}/verify", {"factor": "passkey", "passkey": answer}
    )
    assert status == 401


async def test_a_copy_of_a_passkey_that_falls_behind_is_refused(ada: Ada) -> None:
    key = SoftPasskey()
    await ada.add_passkey(key)
    for _ in range(2):
        _, step = await ada.portal.start()
        answer = key.get(step["factors"][0]["options"])
        path = f"sign-ins/{step['id']}/verify"
        assert (await ada.portal.post(path, {"factor": "passkey", "passkey": answer}))[0] == 200

    key.count = 0
    _, step = await ada.portal.start()
    answer = key.get(step["factors"][0]["options"])
    assert (await ada.verify(factor="passkey", passkey=answer))[0] == 401


async def test_a_passkey_alone_signs_in_when_it_verified_its_owner(ada: Ada) -> None:
    key = SoftPasskey()
    await ada.add_passkey(key)
    _, asked = await ada.portal.post("sign-ins/passkeys")
    assert asked["options"]["userVerification"] == "required"
    body = {"passkey": key.get(asked["options"])}
    answers = await asyncio.gather(
        *(ada.portal.post(f"sign-ins/passkeys/{asked['id']}", body) for _ in range(3))
    )
    assert [status for status, _ in answers].count(200) == 1
    tokens = next(answer for status, answer in answers if status == 200)
    assert (await ada.portal.get("me", tokens["access_token"]))[0] == 200


async def test_a_passkey_alone_is_not_enough_when_nobody_was_verified(ada: Ada) -> None:
    key = SoftPasskey(verifies=False)
    await ada.add_passkey(key)
    _, asked = await ada.portal.post("sign-ins/passkeys")
    status, problem = await ada.portal.post(
        f"sign-ins/passkeys/{asked['id']}", {"passkey": key.get(asked["options"])}
    )
    assert (status, problem["code"]) == (401, "sign_in_refused")


async def test_an_invented_or_late_passkey_sign_in_is_over(ada: Ada) -> None:
    key = SoftPasskey()
    await ada.add_passkey(key)
    _, asked = await ada.portal.post("sign-ins/passkeys")
    body = {"passkey": key.get(asked["options"])}
    assert (await ada.portal.post(f"sign-ins/passkeys/{'ab' * 40}", body))[0] == 404
    ada.portal.house.clock.advance(timedelta(minutes=10))
    assert (await ada.portal.post(f"sign-ins/passkeys/{asked['id']}", body))[0] == 404


async def test_one_passkey_belongs_to_one_account_once(ada: Ada) -> None:
    key = SoftPasskey()
    _, first = await ada.send("POST", "authenticators", {"kind": "passkey", "name": "One"})
    _, second = await ada.send("POST", "authenticators", {"kind": "passkey", "name": "Two"})
    answer = {"passkey": key.create(first["options"])}
    assert (await ada.send("POST", f"authenticators/{first['id']}/confirm", answer))[0] == 200

    assert (await ada.send("POST", f"authenticators/{second['id']}/confirm", answer))[0] == 422


async def test_adding_and_removing_needs_a_factor_shown_a_moment_ago(ada: Ada) -> None:
    await ada.add_app()
    _, mine = await ada.send("GET", "authenticators")
    identity = mine["items"][0]["id"]
    ada.portal.house.clock.advance(timedelta(minutes=4))
    ada.token = (await ada.verify(factor="totp", code=ada.code))[1]["refresh_token"]
    for _ in range(3):
        ada.portal.house.clock.advance(timedelta(minutes=4))
        _, tokens = await ada.portal.post("tokens", {"refresh_token": ada.token})
        ada.token = tokens["refresh_token"]
    ada.token = tokens["access_token"]

    for method, path, body in (
        ("POST", "authenticators", {"kind": "totp", "name": "Mine too"}),
        ("DELETE", f"authenticators/{identity}", None),
        ("POST", "recovery-codes", None),
        ("PUT", "me/password", OTHER_PASSWORD),
        ("POST", "me/email-change", {"email": "eve@else.example", "current_password": PASSWORD}),
    ):
        status, problem = await ada.send(method, path, body)
        assert (status, problem["code"]) == (403, "second_factor_needed")
    status, _ = await ada.send("POST", "sessions/current/second-factor", {})
    assert status == 201
    body = {"factor": "totp", "code": ada.code}
    assert (await ada.send("POST", "sessions/current/second-factor/verify", body))[0] == 200
    assert (await ada.send("PUT", "me/password", OTHER_PASSWORD))[0] == 204
    assert (await ada.send("DELETE", f"authenticators/{identity}"))[0] == 204


async def test_what_changes_is_told_by_mail_and_recorded_without_the_secret(ada: Ada) -> None:
    await ada.add_app("Můj telefon")
    letter = await ada.portal.mailbox.next()
    assert letter.subject == "K vašemu účtu Vedette přibyl způsob přihlášení"
    assert "Můj telefon" in letter.text
    _, mine = await ada.send("GET", "authenticators")
    path = f"authenticators/{mine['items'][0]['id']}"
    assert (await ada.send("PATCH", path, {"name": "Phone"}))[1]["name"] == "Phone"
    await ada.send("DELETE", path)
    assert "Phone" in (await ada.portal.mailbox.next()).text

    acts = [event for event in ada.portal.house.bus.said(ActRecorded) if "authenticator" in event.act]
    assert [act.act for act in acts] == [
        "authenticator.added", "authenticator.renamed", "authenticator.removed",
    ]  # fmt: skip
    kept = json.dumps([act.model_dump(mode="json") for act in acts]) + repr(ada.portal.database.collections)
    assert ada.secret not in kept


async def test_somebody_elses_authenticator_answers_like_none(ada: Ada) -> None:
    await ada.add_app()
    await ada.portal.mailbox.next()
    _, mine = await ada.send("GET", "authenticators")
    staff = await ada.portal.signed_in(login="staff@vedette.example", password="staff password")
    other = Ada(ada.portal, staff["access_token"])
    foreign = f"authenticators/{mine['items'][0]['id']}"
    for method, path, body in (
        ("PATCH", foreign, {"name": "x"}),
        ("DELETE", foreign, None),
        ("POST", f"{foreign}/confirm", {"code": "000000"}),
    ):
        assert (await other.send(method, path, body))[1]["code"] == "authenticator_unknown"
    assert (await other.send("GET", "authenticators"))[1]["items"] == []


@pytest.mark.parametrize(
    "body",
    [
        {"factor": "passkey", "code": "123456"},
        {"factor": "totp"},
        {"factor": "passkey", "passkey": {"id": "x" * 30_000}},
        {"factor": "passkey", "passkey": {"id": 1}, "code": "1"},
        {"factor": "sms", "code": "123456"},
        {"factor": "totp", "code": {"$ne": ""}},
        {"factor": "passkey", "passkey": {str(number): 1 for number in range(50)}},
    ],
)
async def test_malformed_factors_are_refused(ada: Ada, body: dict[str, Any]) -> None:
    status, _ = await ada.verify(**body)
    assert status == 422
