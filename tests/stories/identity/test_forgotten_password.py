"""A forgotten password: a code by mail, a new password, every session over."""

import asyncio
from datetime import timedelta
from typing import Any

from common.contracts.audit import ActRecorded
from common.contracts.identity import SessionRevoked

ADA = "ada@acme.example"
NEW = "battery staple"


async def ask(portal: Any, login: str = ADA) -> tuple[int, dict[str, Any]]:
    status, body = await portal.post("password-resets", {"login": login})
    return status, body


async def reset(portal: Any, code: str, login: str = ADA, password: str = NEW) -> tuple[int, dict[str, Any]]:
    body = {"login": login, "code": code, "password": password}
    status, answer = await portal.post("password-resets/confirm", body)
    return status, answer


async def test_a_mailed_code_sets_a_new_password_and_ends_every_session(portal: Any) -> None:
    await portal.with_account()
    tokens = [await portal.signed_in() for _ in range(2)]
    assert (await ask(portal, "ADA@acme.example"))[0] == 202
    letter = await portal.mailbox.next()
    code = portal.mailbox.code_in(letter)
    assert letter.text.count(code) == 1  # alone on its line, never in the link
    assert (await reset(portal, code))[0] == 200

    assert (await portal.start())[0] == 401
    assert (await portal.start(password=NEW))[0] == 201
    for token in tokens:
        assert (await portal.get("me", token["access_token"]))[0] == 401
    assert {event.reason for event in portal.house.bus.said(SessionRevoked)} == {"password_changed"}
    assert (await portal.mailbox.next()).subject == "Vaše heslo Vedette bylo změněno"
    acts = [event for event in portal.house.bus.said(ActRecorded) if event.act == "password.reset"]
    assert [act.organisation for act in acts] == [tokens[0]["organisation"]]


async def test_a_sign_in_half_done_with_the_old_password_is_over(portal: Any) -> None:
    await portal.with_account()
    _, challenge = await portal.start()
    one_time_password = await portal.mailbox.next_code()
    await ask(portal)
    await reset(portal, await portal.mailbox.next_code())

    status, _ = await portal.post(f"sign-ins/{challenge['id']}/verify", {"code": one_time_password})
    assert status == 404


async def test_whether_there_is_an_account_makes_no_difference_in_answer_or_work(portal: Any) -> None:
    await portal.with_account()
    known = await ask(portal)
    await portal.mailbox.next()
    assert await ask(portal, "nobody@acme.example") == known
    assert await ask(portal, "\u0430da") == known
    assert portal.mailbox.letters.empty()
    mails = [row for row in portal.rows("mails") if row["template"] == "password_reset"]
    assert len(portal.rows("recoveries")) == len(mails) == 3
    assert [row["state"] for row in mails] == ["sent", "given_up", "given_up"]

    computed = portal.hasher.computed
    wrong = await reset(portal, "0000-0000")
    unknown = await reset(portal, "0000-0000", "nobody@acme.example")
    for status, problem in (wrong, unknown):
        assert status == 422
        problem.pop("request_id")
    assert wrong == unknown
    assert portal.hasher.computed == computed


async def test_a_password_that_is_tried_first_is_refused_and_the_code_holds(portal: Any) -> None:
    await portal.with_account()
    await ask(portal)
    code = await portal.mailbox.next_code()
    for guessed in ("qwerty123", "ada@acme.example", "Acme s.r.o. 1"):
        status, problem = await reset(portal, code, password=guessed)
        assert (status, problem["code"]) == (422, "password_not_accepted")

    assert (await reset(portal, "0000-0000", password="Acme s.r.o. 1"))[1]["code"] == "reset_refused"
    assert (await reset(portal, code))[0] == 200


async def keys_of(portal: Any, count: int) -> list[str]:
    """Personal API keys of Ada's, and one of her organisation's."""
    token = (await portal.signed_in())["access_token"]
    wish = {"name": "Nightly", "actions": ["cameras:read"]}
    made = [await portal.ask("POST", "me/api-keys", token, wish) for _ in range(count)]
    made.append(await portal.ask("POST", "api-keys", token, wish | {"role": "viewer"}))
    return [key["key"] for _, key in made]


async def works(portal: Any, key: str) -> bool:
    status, _ = await portal.post("api-keys/exchange", {"key": key})
    return bool(status == 200)


async def test_programs_go_on_and_the_mail_says_how_many_keys_live(portal: Any) -> None:
    await portal.with_account()
    keys = await keys_of(portal, 2)
    await ask(portal)
    assert (await reset(portal, await portal.mailbox.next_code()))[0] == 200

    assert [await works(portal, key) for key in keys] == [True, True, True]
    letter = await portal.mailbox.next()
    assert "Počet vašich klíčů API, které fungují dál: 2." in letter.text
    assert "zrušeny" not in letter.text


async def test_all_personal_keys_end_with_the_password_when_that_is_wished(portal: Any) -> None:
    await portal.with_account()
    keys = await keys_of(portal, 2)
    await ask(portal)
    code = await portal.mailbox.next_code()
    body = {"login": ADA, "code": code, "password": NEW, "revoke_api_keys": True}
    assert (await portal.post("password-resets/confirm", body | {"code": "0000-0000"}))[0] == 422
    assert [await works(portal, key) for key in keys] == [True, True, True]
    assert (await portal.post("password-resets/confirm", body))[0] == 200

    assert [await works(portal, key) for key in keys] == [False, False, True]
    reasons = [event.reason for event in portal.house.bus.said(SessionRevoked)]
    assert reasons.count("key_revoked") == 2
    letter = await portal.mailbox.next()
    assert "Vaše osobní klíče API byly zrušeny, jejich počet: 2." in letter.text
    assert "fungují dál" not in letter.text


async def test_a_code_works_once(portal: Any) -> None:
    await portal.with_account()
    await ask(portal)
    code = await portal.mailbox.next_code()
    answers = await asyncio.gather(*(reset(portal, code, password=f"password {n}") for n in range(3)))

    assert [status for status, _ in answers].count(200) == 1


async def test_a_code_expires(portal: Any) -> None:
    await portal.with_account()
    await ask(portal)
    code = await portal.mailbox.next_code()
    portal.house.clock.advance(timedelta(hours=1))

    assert (await reset(portal, code))[0] == 422


async def test_asking_again_mails_the_same_code_but_not_too_soon(portal: Any) -> None:
    await portal.with_account()
    await ask(portal)
    code = await portal.mailbox.next_code()
    await ask(portal)
    assert len([row for row in portal.rows("mails") if row["template"] == "password_reset"]) == 1
    portal.house.clock.advance(timedelta(seconds=31))
    await ask(portal)

    assert await portal.mailbox.next_code() == code
    assert (await reset(portal, code))[0] == 200


async def test_guessing_becomes_slow_and_does_not_use_up_the_owners_code(portal: Any) -> None:
    await portal.with_account()
    await ask(portal)
    code = await portal.mailbox.next_code()
    guesses = [(await reset(portal, f"0000-00{number:02}"))[0] for number in range(20)]
    assert guesses[:5] == [422] * 5
    assert set(guesses[5:]) == {429}

    portal.house.clock.advance(timedelta(minutes=15))
    assert (await reset(portal, code))[0] == 200


async def test_the_code_is_nowhere_to_be_read(portal: Any) -> None:
    await portal.with_account()
    await ask(portal)
    code = await portal.mailbox.next_code()
    await portal.mail_loop.close()
    await portal.mail_loop.open()
    kept = repr(portal.database.collections)

    assert code not in kept
    assert code.replace("-", "") not in kept


async def test_a_short_password_is_refused_before_the_code_is_tried(portal: Any) -> None:
    status, problem = await reset(portal, "0000-0000", password="12345")
    assert (status, problem["errors"][0]["field"]) == (422, "password")
