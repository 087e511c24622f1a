"""The plain sign-up: username, e-mail, password, terms; an organisation of one's own."""

import asyncio
from typing import Any

import pytest

from common.contracts.identity import OrganisationCreated
from common.ids import UserId

FORM = {
    "username": "Ada.Lovelace_1",
    "email": "Ada@Acme.example",
    "password": "correct horse",
    "password_confirmation": "correct horse",
    "language": "cs",
    "time_zone": "Europe/Prague",
    "accept_terms": True,
    "accept_privacy": True,
}


async def register(portal: Any, **changed: Any) -> tuple[int, dict[str, Any]]:
    status, body = await portal.post("registrations", {**FORM, **changed})
    return status, body


def fields(problem: dict[str, Any]) -> set[str]:
    return {error["field"] for error in problem["errors"]}


async def test_a_person_signs_up_and_signs_in_by_username_in_any_case(portal: Any) -> None:
    status, _ = await register(portal)
    assert status == 202
    assert portal.house.bus.said(OrganisationCreated) == []
    status, done = await portal.activate(await portal.mailbox.next_code())
    assert (status, done) == (200, {"message": "Your account is verified successfully."})

    (created,) = portal.house.bus.said(OrganisationCreated)
    assert (created.kind, created.name, created.currency) == ("personal", "Ada.Lovelace_1", "EUR")
    for login in ("ADA.lovelace_1", "ada@acme.example", "ADA@ACME.EXAMPLE"):
        tokens = await portal.signed_in(login=login)
        assert tokens["organisation"] == created.organisation


async def test_the_password_belongs_to_who_proves_the_address_not_to_who_fills_in_the_form(
    portal: Any,
) -> None:
    """Otherwise a stranger could wait with a known password in an account that its owner activates."""
    await register(portal, password="the stranger's", password_confirmation="the stranger's")
    await portal.activate(await portal.mailbox.next_code())

    assert (await portal.start(password="the stranger's"))[0] == 401
    assert (await portal.start())[0] == 201


@pytest.mark.parametrize(
    "username", ["ada lovelace", "ad\u0430", "a/b", "a+b", "ａｄａ", "", "a" * 65, "<b>"]
)
async def test_a_username_has_only_the_letters_it_may_have(portal: Any, username: str) -> None:
    status, problem = await register(portal, username=username)

    assert status == 422
    assert fields(problem) == {"username"}


async def test_a_username_may_be_ones_own_address_and_nobody_elses(portal: Any) -> None:
    status, problem = await register(portal, username="bob@acme.example")
    assert (status, fields(problem)) == (422, {"username"})

    assert (await register(portal, username="ADA@acme.example"))[0] == 202
    assert (await portal.activate(await portal.mailbox.next_code()))[0] == 200
    assert [row["_id"] for row in portal.rows("logins") if "ada" in row["_id"]] == ["ada@acme.example"]


async def test_every_wrong_field_is_named_at_once(portal: Any) -> None:
    wrong = {
        "username": "a b",
        "password": "12345",
        "accept_terms": False,
        "email": "nobody",
        "time_zone": "Mars",
    }
    status, problem = await register(portal, **wrong)

    assert status == 422
    assert fields(problem) == {*wrong, "password_confirmation"}


async def test_six_characters_are_enough(portal: Any) -> None:
    assert (await register(portal, password="kvetak", password_confirmation="kvetak"))[0] == 202


@pytest.mark.parametrize("password", ["111111", "PassWord1", "Ada.Lovelace_1!", "ada@acme.example"])
async def test_a_password_that_is_tried_first_is_refused_with_what_to_do(portal: Any, password: str) -> None:
    status, problem = await register(portal, password=password, password_confirmation=password)

    assert (status, fields(problem)) == (422, {"password"})
    assert "words that do not belong together" in problem["next"]
    assert portal.mailbox.letters.empty()


async def test_a_taken_username_is_said_to_be_whoever_asks(portal: Any) -> None:
    await register(portal)
    await portal.activate(await portal.mailbox.next_code())
    answers = [
        await register(portal, username="ada.LOVELACE_1", email=email)
        for email in ("bob@acme.example", "ada@acme.example")
    ]

    for status, problem in answers:
        assert (status, problem["code"], fields(problem)) == (409, "username_taken", {"username"})


async def test_of_two_who_want_one_username_the_first_to_prove_an_address_has_it(portal: Any) -> None:
    await register(portal)
    ada = await portal.mailbox.next_code()
    await register(portal, email="bob@acme.example")
    bob = await portal.mailbox.next_code()
    answers = await asyncio.gather(portal.activate(ada), portal.activate(bob, "bob@acme.example"))

    assert sorted(status for status, _ in answers) == [200, 409]
    loser = next(body for status, body in answers if status == 409)
    assert loser["code"] == "username_taken"


async def test_an_existing_account_answers_like_none_and_hears_of_it_by_mail(portal: Any) -> None:
    unknown = await register(portal, email="bob@acme.example", username="bob")
    await portal.mailbox.next()
    await portal.with_account()

    assert await register(portal) == unknown
    assert (await portal.mailbox.next()).subject == "Účet Vedette už máte"


async def test_taking_usernames_by_trial_becomes_slow(portal: Any) -> None:
    await register(portal)
    await portal.activate(await portal.mailbox.next_code())
    statuses = [(await register(portal, email=f"bob{number}@acme.example"))[0] for number in range(110)]

    assert statuses[0] == 409
    assert statuses[-1] == 429


async def test_look_alikes_of_one_address_are_one_address(portal: Any) -> None:
    """Wide letters and an international domain; a Cyrillic а is another letter, and refused."""
    assert (await register(portal, email="ａｄａ@müller.example"))[0] == 202
    await portal.activate(await portal.mailbox.next_code(), "ada@xn--mller-kva.example")
    assert (await portal.start(login="ADA@MÜLLER.example"))[0] == 201

    status, problem = await register(portal, email="\u0430da@acme.example")
    assert (status, fields(problem)) == (422, {"email"})


async def test_nobody_adds_what_the_form_does_not_have(portal: Any) -> None:
    for extra in ({"role": "staff_admin"}, {"kind": "staff"}, {"partner_code": "P-1"}):
        assert (await register(portal, **extra))[0] == 422


async def test_the_username_is_kept_as_it_was_typed(portal: Any) -> None:
    await register(portal)
    await portal.activate(await portal.mailbox.next_code())
    user = next(row for row in portal.rows("users") if row["email"] == "ada@acme.example")

    assert user["username"] == "Ada.Lovelace_1"
    assert UserId(user["_id"])


async def test_a_hint_comes_in_the_language_asked_for_and_says_what_would_be_refused(portal: Any) -> None:
    status, advice = await portal.post("password-hints", {"password": "heslo", "language": "cs"})

    assert status == 200
    assert not advice["accepted"]
    assert advice["hints"][0] == {"code": "too_short", "message": "Heslo musí mít alespoň 6 znaků."}
    status, advice = await portal.post("password-hints", {"password": "password"})
    assert (status, advice["accepted"], advice["score"]) == (200, False, 0)
    _, advice = await portal.post("password-hints", {"password": "zimni kvetak"})
    assert advice["accepted"]
