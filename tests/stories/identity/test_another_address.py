"""Another e-mail address: both mailboxes must agree."""

import asyncio
from datetime import timedelta
from typing import Any

import pytest

NEW = "ada@new.example"


async def begin(
    portal: Any, ada: str, email: str = NEW, password: str = "correct horse"
) -> tuple[int, dict[str, Any]]:
    body = {"email": email, "current_password": password}
    status, answer = await portal.ask("POST", "me/email-change", ada, body)
    return status, answer


async def codes(portal: Any) -> dict[str, str]:
    """Address -> the code mailed to it."""
    letters = [await portal.mailbox.next() for _ in range(2)]
    return {letter.to: portal.mailbox.code_in(letter) for letter in letters}


async def enter(portal: Any, ada: str, code: str) -> tuple[int, dict[str, Any]]:
    status, answer = await portal.ask("POST", "me/email-change/confirm", ada, {"code": code})
    return status, answer


@pytest.mark.parametrize("order", [("ada@acme.example", NEW), (NEW, "ada@acme.example")])
async def test_with_both_codes_in_any_order_the_address_is_another(
    portal: Any, ada: str, order: tuple[str, str]
) -> None:
    status, change = await begin(portal, ada, "ADA@new.example")
    assert (status, change["email"]) == (202, NEW)
    sent = await codes(portal)
    status, change = await enter(portal, ada, sent[order[0]])
    assert (status, change["old_confirmed"], change["new_confirmed"]) == (
        200,
        order[1] == NEW,
        order[0] == NEW,
    )
    assert (await portal.get("me/profile", ada))[1]["email"] == "ada@acme.example"

    assert (await enter(portal, ada, sent[order[1]]))[0] == 200
    assert (await portal.get("me/profile", ada))[1]["email"] == NEW
    told = [await portal.mailbox.next() for _ in range(2)]
    assert {letter.to for letter in told} == {NEW, "ada@acme.example"}
    assert (await portal.start())[0] == 401
    assert (await portal.start(login=NEW))[0] == 201
    acts = [event.act for event in portal.acts()]
    assert acts == ["email_change.begun", "email.changed"]
    assert (await portal.get("me/email-change", ada))[1]["email"] is None


async def test_one_mailbox_alone_changes_nothing(portal: Any, ada: str) -> None:
    await begin(portal, ada)
    sent = await codes(portal)
    for _ in range(2):
        await enter(portal, ada, sent[NEW])

    assert (await portal.get("me/profile", ada))[1]["email"] == "ada@acme.example"


async def test_an_address_of_somebody_else_answers_the_same_and_its_owner_is_told(
    portal: Any, ada: str
) -> None:
    _, free = await begin(portal, ada)
    await codes(portal)
    status, taken = await begin(portal, ada, "staff@vedette.example")

    assert status == 202
    assert taken == {**free, "email": "staff@vedette.example"}
    letters = {letter.to: letter for letter in [await portal.mailbox.next() for _ in range(2)]}
    assert letters["staff@vedette.example"].subject == "This e-mail address already has a Vedette account"


async def test_an_address_taken_meanwhile_is_not_taken_away(portal: Any, ada: str) -> None:
    await begin(portal, ada)
    sent = await codes(portal)
    await enter(portal, ada, sent[NEW])
    await portal.sign_up(email=NEW)
    assert (await portal.activate(await portal.mailbox.next_code(), NEW))[0] == 200

    status, problem = await enter(portal, ada, sent["ada@acme.example"])
    assert (status, problem["code"]) == (409, "email_taken")
    assert (await portal.get("me/profile", ada))[1]["email"] == "ada@acme.example"


async def test_a_form_that_waits_for_the_address_comes_too_late(portal: Any, ada: str) -> None:
    await portal.sign_up(email=NEW)
    activation = await portal.mailbox.next_code()
    await begin(portal, ada)
    for code in (await codes(portal)).values():
        await enter(portal, ada, code)

    status, problem = await portal.activate(activation, NEW)
    assert (status, problem["code"]) == (409, "account_exists")
    assert (await portal.get("me/profile", ada))[1]["email"] == NEW


async def test_it_needs_the_password(portal: Any, ada: str) -> None:
    status, problem = await begin(portal, ada, password="wrong horse")

    assert (status, problem["errors"][0]["field"]) == (422, "current_password")
    assert portal.mailbox.letters.empty()


async def test_codes_die_when_it_is_cancelled_begun_again_or_late(portal: Any, ada: str) -> None:
    await begin(portal, ada)
    first = await codes(portal)
    await portal.ask("DELETE", "me/email-change", ada)
    assert (await enter(portal, ada, first[NEW]))[0] == 404
    await begin(portal, ada)
    await codes(portal)
    assert (await enter(portal, ada, first[NEW]))[0] == 422
    portal.house.clock.advance(timedelta(hours=24))
    late = (await portal.signed_in())["access_token"]
    assert (await enter(portal, late, first[NEW]))[0] == 404


async def test_guessing_uses_up_the_codes(portal: Any, ada: str) -> None:
    await begin(portal, ada)
    statuses = [(await enter(portal, ada, f"0000-00{number:02}"))[0] for number in range(12)]

    assert statuses == [422] * 10 + [404] * 2


async def test_both_codes_at_the_same_instant_change_it_once(portal: Any, ada: str) -> None:
    await begin(portal, ada)
    sent = await codes(portal)
    answers = await asyncio.gather(*(enter(portal, ada, code) for code in sent.values()))

    assert [status for status, _ in answers] == [200, 200]
    assert (await portal.get("me/profile", ada))[1]["email"] == NEW
    assert len([row for row in portal.rows("mails") if row["template"] == "email_changed"]) == 2


async def test_a_username_that_is_the_old_address_still_signs_in(portal: Any) -> None:
    form = {
        "username": "ada@acme.example", "email": "ada@acme.example", "password": "correct horse",
        "password_confirmation": "correct horse", "accept_terms": True, "accept_privacy": True,
    }  # fmt: skip
    await portal.post("registrations", form)
    await portal.activate(await portal.mailbox.next_code())
    ada = (await portal.signed_in())["access_token"]
    await begin(portal, ada)
    for code in (await codes(portal)).values():
        await enter(portal, ada, code)
    for _ in range(2):
        await portal.mailbox.next()

    tokens = await portal.signed_in(login="ada@acme.example")
    assert [row["to"] for row in portal.rows("mails")][-1] == NEW
    back = tokens["access_token"]
    await begin(portal, back, "ada@acme.example")
    for code in (await codes(portal)).values():
        assert (await enter(portal, back, code))[0] == 200
    assert (await portal.start(login="ada@acme.example"))[0] == 201
    assert (await portal.start(login=NEW))[0] == 401


async def test_beginning_is_bounded(portal: Any, ada: str) -> None:
    statuses = [(await begin(portal, ada, f"ada{number}@new.example"))[0] for number in range(7)]
    assert statuses == [202] * 5 + [429] * 2
