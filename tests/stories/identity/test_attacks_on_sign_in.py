"""What strangers try, and what it costs the owner of the account: nothing."""

import asyncio
from datetime import timedelta
from typing import Any

import pytest

from factors import SoftPasskey

LOGIN = "ada@acme.example"
OWNER = {"X-Forwarded-For": "198.51.100.9"}
WRONG = {"login": LOGIN, "password": "wrong horse"}
RIGHT = {"login": LOGIN, "password": "correct horse"}


def stranger(number: int) -> dict[str, str]:
    """One of many networks."""
    return {"X-Forwarded-For": f"203.{number // 250}.{number % 250}.7"}


async def test_strangers_flood_an_account_and_its_owner_signs_in_at_once_from_elsewhere(
    portal: Any,
) -> None:
    await portal.with_account()
    for number in range(60):
        statuses = [(await portal.post("sign-ins", WRONG, **stranger(number)))[0] for _ in range(6)]
        assert statuses[-1] == 429

    status, step = await portal.post("sign-ins", RIGHT, **OWNER)
    assert status == 201
    code = await portal.mailbox.next_code()
    assert (await portal.post(f"sign-ins/{step['id']}/verify", {"code": code}, **OWNER))[0] == 200


async def test_the_delay_grows_and_ends_also_for_the_owner_in_the_strangers_own_network(
    portal: Any,
) -> None:
    await portal.with_account()
    there, waits = stranger(1), []
    for _ in range(20):
        status, _ = await portal.post("sign-ins", WRONG, **there)
        if status == 429:
            async with portal.client.post("/api/v1/sign-ins", json=WRONG, headers=there) as answer:
                waits.append(int(answer.headers["Retry-After"]))
            portal.house.clock.advance(timedelta(seconds=waits[-1]))
    assert waits == sorted(waits)
    assert waits[-1] <= 15 * 60
    portal.house.clock.advance(timedelta(minutes=15))
    assert (await portal.post("sign-ins", RIGHT, **there))[0] == 201


async def test_one_address_that_tries_many_accounts_is_slowed_down_and_no_other_address_is(
    portal: Any,
) -> None:
    await portal.with_account()
    there = stranger(1)
    for number in range(100):
        body = {"login": f"user{number}@acme.example", "password": "wrong horse"}
        assert (await portal.post("sign-ins", body, **there))[0] == 401
    assert (await portal.post("sign-ins", RIGHT, **there))[0] == 429
    assert (await portal.post("sign-ins", RIGHT, **OWNER))[0] == 201


async def test_nobody_without_the_password_uses_up_the_owners_second_factor(portal: Any) -> None:
    await portal.with_account()
    _, step = await portal.post("sign-ins", RIGHT, **OWNER)
    code = await portal.mailbox.next_code()
    for number in range(30):
        guess = {"code": f"{number:06}"}
        invented = f"{number:032x}"
        assert (await portal.post(f"sign-ins/{invented}/verify", guess, **stranger(number)))[0] == 404
    assert (await portal.post(f"sign-ins/{step['id']}/verify", {"code": code}, **OWNER))[0] == 200


async def test_guessing_second_factors_over_many_sign_ins_becomes_slow(portal: Any) -> None:
    await portal.with_account()
    statuses = []
    for number in range(4):
        _, step = await portal.post("sign-ins", RIGHT, **stranger(number))
        path = f"sign-ins/{step['id']}/verify"
        statuses += [(await portal.post(path, {"code": "x"}, **stranger(number)))[0] for _ in range(4)]
    assert statuses[:10] == [401] * 10
    assert set(statuses[10:]) == {429}
    for _ in range(4):
        await portal.mailbox.next()
    portal.house.clock.advance(timedelta(hours=1))
    await portal.signed_in()


async def test_a_passkeys_owner_signs_in_while_a_thief_of_the_password_guesses_codes(portal: Any) -> None:
    await portal.with_account()
    key, token = SoftPasskey(), (await portal.signed_in())["access_token"]
    _, made = await portal.send("POST", "authenticators", token, {"kind": "passkey", "name": "Mine"})
    answer = {"passkey": key.create(made["options"])}
    await portal.send("POST", f"authenticators/{made['id']}/confirm", token, answer)
    guess = {"factor": "totp", "code": "123456"}
    for number in range(4):
        _, step = await portal.post("sign-ins", RIGHT, **stranger(number))
        for _ in range(4):
            status, _ = await portal.post(f"sign-ins/{step['id']}/verify", guess, **stranger(number))
    assert status == 429

    _, step = await portal.post("sign-ins", RIGHT, **OWNER)
    shown = {"factor": "passkey", "passkey": key.get(step["factors"][0]["options"])}
    assert (await portal.post(f"sign-ins/{step['id']}/verify", shown, **OWNER))[0] == 200


async def test_strangers_cannot_fill_the_database_by_asking_for_passkeys(portal: Any) -> None:
    before = {name: len(rows) for name, rows in portal.database.collections.items()}
    for number in range(50):
        _, asked = await portal.post("sign-ins/passkeys", **stranger(number))
        body = {"passkey": {"id": "AAAA", "response": {}}}
        status, _ = await portal.post(f"sign-ins/passkeys/{asked['id']}", body, **stranger(number % 3))
        assert status == 401
    after = {name: len(rows) for name, rows in portal.database.collections.items()}
    after.pop("throttles")
    assert after == {name: before.get(name, 0) for name in after}


@pytest.mark.parametrize(
    "login",
    [
        "аda@acme.example",
        "ada@acme\n.example",
        "ada@acme.example\x00",
        '{"$ne": null}',
        "a" * 254,
    ],
)
async def test_look_alikes_and_injections_are_nobody(portal: Any, login: str) -> None:
    await portal.with_account()
    status, problem = await portal.post("sign-ins", {"login": login, "password": "correct horse"})
    assert (status, problem["code"]) == (401, "sign_in_refused")


async def test_many_right_passwords_at_once_mail_one_code(portal: Any) -> None:
    await portal.with_account()
    answers = await asyncio.gather(*(portal.post("sign-ins", RIGHT, **OWNER) for _ in range(5)))
    begun = {body["id"] for status, body in answers if status == 201}
    assert begun
    await portal.mailbox.next_code()
    codes = [row for row in portal.rows("mails") if row["template"] == "one_time_password"]
    assert len(codes) == len(begun)


@pytest.mark.parametrize("field", ["strong", "factor", "user", "role", "mfa", "via", "second_factor"])
async def test_nothing_is_gained_by_saying_it_about_oneself(portal: Any, field: str) -> None:
    await portal.with_account()
    assert (await portal.post("sign-ins", {**RIGHT, field: "passkey"}))[0] == 422
