"""From the customer form to a live organisation."""

from datetime import timedelta
from typing import Any

import pytest

from common.contracts.identity import OrganisationCreated

VERIFIED = {"message": "Your account is verified successfully."}


def fields(problem: dict[str, Any]) -> set[str]:
    return {error["field"] for error in problem["errors"]}


async def test_a_customer_signs_up_activates_and_owns_a_live_organisation(portal: Any) -> None:
    status, _ = await portal.sign_up()
    letter = await portal.mailbox.next()
    code = portal.mailbox.code_in(letter)

    assert status == 202
    assert "https://portal.example/activate?email=ada%40acme.example" in letter.text
    assert letter.text.count(code) == 1  # alone on its line, never in the link
    assert portal.house.bus.said(OrganisationCreated) == []
    assert await portal.activate(code) == (200, VERIFIED)

    (created,) = portal.house.bus.said(OrganisationCreated)
    assert (created.name, created.time_zone, created.currency) == ("Acme s.r.o.", "Europe/Prague", "CZK")
    tokens = await portal.signed_in()
    status, me = await portal.get("me", tokens["access_token"])
    assert status == 200
    assert me["organisation"]["id"] == created.organisation
    assert me["role"] == "super_admin"
    assert me["user"]["email"] == "ada@acme.example"


async def test_what_was_accepted_is_remembered_with_version_and_time(portal: Any) -> None:
    await portal.with_account()

    user = next(row for row in portal.rows("users") if row["email"] == "ada@acme.example")
    assert [(entry["document"], entry["edition"]) for entry in user["accepted"]] == [
        ("terms", "2026-01"),
        ("privacy", "2026-01"),
    ]
    assert all(entry["at"] == portal.house.clock.now() for entry in user["accepted"])


@pytest.mark.parametrize("box", ["accept_terms", "accept_privacy"])
async def test_both_boxes_must_be_ticked(portal: Any, box: str) -> None:
    status, problem = await portal.sign_up(**{box: False})

    assert status == 422
    assert fields(problem) == {box}


async def test_every_wrong_field_is_named_at_once(portal: Any) -> None:
    wrong = {"time_zone": "Mars/Olympus", "currency": "XXX", "country": "XX", "email": "nobody"}
    status, problem = await portal.sign_up(**wrong)

    assert status == 422
    assert fields(problem) == set(wrong)


async def test_a_line_break_in_a_name_is_refused(portal: Any) -> None:
    status, problem = await portal.sign_up(first_name="Ada\r\nBcc: everybody@example.com")

    assert status == 422
    assert fields(problem) == {"first_name"}


async def test_the_answer_is_the_same_when_the_account_exists_and_its_owner_is_told_by_mail(
    portal: Any,
) -> None:
    unknown = await portal.sign_up(email="new@acme.example")
    await portal.mailbox.next()
    await portal.with_account()

    assert await portal.sign_up(email="ADA@acme.example") == unknown
    assert (await portal.mailbox.next()).subject == "Účet Vedette už máte"
    await portal.sign_up()  # within the hour: no second mail for the same person
    assert len([row for row in portal.rows("mails") if row["template"] == "account_exists"]) == 1


async def test_no_word_of_the_form_reaches_an_address_that_is_not_proved(portal: Any) -> None:
    await portal.sign_up(organisation_name="Win at evil.example", first_name="Evil")
    letter = await portal.mailbox.next()

    assert "evil" not in (letter.subject + letter.text + letter.html).lower()


async def test_a_wrong_code_and_an_unknown_address_get_the_same_answer(portal: Any) -> None:
    await portal.sign_up()

    wrong_status, wrong = await portal.activate("WR0N-GC0D")
    unknown_status, unknown = await portal.activate("WR0N-GC0D", "stranger@acme.example")
    assert wrong_status == unknown_status == 422
    wrong.pop("request_id"), unknown.pop("request_id")
    assert wrong == unknown


async def test_a_code_works_once(portal: Any) -> None:
    await portal.sign_up()
    code = await portal.mailbox.next_code()
    await portal.activate(code)

    status, _ = await portal.activate(code)
    assert status == 422


async def test_a_code_may_be_typed_without_dash_and_in_small_letters(portal: Any) -> None:
    await portal.sign_up()
    code = await portal.mailbox.next_code()

    status, _ = await portal.activate(code.replace("-", " ").lower().replace("0", "o"))
    assert status == 200


async def test_a_code_holds_for_a_day(portal: Any) -> None:
    await portal.sign_up()
    code = await portal.mailbox.next_code()
    portal.house.clock.advance(timedelta(hours=24))

    status, _ = await portal.activate(code)
    assert status == 422


async def test_a_resend_carries_the_same_code_but_not_too_soon(portal: Any) -> None:
    await portal.sign_up()
    code = await portal.mailbox.next_code()
    assert (await portal.post("activations/resend", {"email": "ada@acme.example"}))[0] == 202
    assert len(portal.rows("mails")) == 1

    portal.house.clock.advance(timedelta(seconds=31))
    await portal.post("activations/resend", {"email": "ada@acme.example"})
    assert await portal.mailbox.next_code() == code
    portal.house.clock.advance(timedelta(seconds=31))  # the pause has doubled
    await portal.post("activations/resend", {"email": "ada@acme.example"})
    assert len(portal.rows("mails")) == 2


async def test_an_expired_code_is_replaced_by_a_new_one(portal: Any) -> None:
    await portal.sign_up()
    old = await portal.mailbox.next_code()
    portal.house.clock.advance(timedelta(hours=25))
    await portal.post("activations/resend", {"email": "ada@acme.example"})
    new = await portal.mailbox.next_code()

    assert new != old
    assert (await portal.activate(new))[0] == 200


async def test_a_corrected_form_counts_and_the_code_stays(portal: Any) -> None:
    await portal.sign_up()
    code = await portal.mailbox.next_code()
    await portal.sign_up(organisation_name="Acme a.s.")
    await portal.activate(code)

    (created,) = portal.house.bus.said(OrganisationCreated)
    assert created.name == "Acme a.s."


async def test_a_resend_for_a_stranger_answers_the_same(portal: Any) -> None:
    known = await portal.sign_up()
    status, body = await portal.post("activations/resend", {"email": "stranger@acme.example"})

    assert (status, body) == known
    assert len(portal.rows("mails")) == 1


async def test_a_short_password_is_refused_in_plain_words(portal: Any) -> None:
    body = {"email": "ada@acme.example", "code": "0000-0000", "password": "12345"}
    status, problem = await portal.post("activations", body)

    assert status == 422
    assert problem["errors"] == [
        {"field": "password", "message": "The password needs at least 6 characters."}
    ]


@pytest.mark.parametrize("password", ["password1", "Ada@Acme.example", "Acme-sro-2026"])
async def test_a_password_that_is_tried_first_activates_nothing_and_the_code_holds(
    portal: Any, password: str
) -> None:
    await portal.sign_up()
    code = await portal.mailbox.next_code()
    body = {"email": "ada@acme.example", "code": code, "password": password}
    status, problem = await portal.post("activations", body)
    assert (status, problem["code"]) == (422, "password_not_accepted")
    assert "do not belong together" in problem["next"]

    assert (await portal.activate(code))[0] == 200


async def test_guessing_activation_codes_becomes_slow_and_then_kills_the_code(portal: Any) -> None:
    await portal.sign_up()
    code = await portal.mailbox.next_code()
    for _ in range(5):
        assert (await portal.activate("0000-0000"))[0] == 422
    assert (await portal.activate("0000-0000"))[0] == 429
    for _ in range(5):
        portal.house.clock.advance(timedelta(minutes=15))
        assert (await portal.activate("0000-0000"))[0] == 422

    portal.house.clock.advance(timedelta(minutes=15))
    assert (await portal.activate(code))[0] == 422


async def test_the_same_form_with_the_same_key_is_taken_once(portal: Any) -> None:
    key = {"Idempotency-Key": "form-1"}
    first = await portal.post("organisations", portal.form, **key)
    portal.house.clock.advance(timedelta(minutes=1))

    assert await portal.post("organisations", portal.form, **key) == first
    assert len(portal.rows("mails")) == 1
    assert (await portal.post("organisations", {**portal.form, "country": "DE"}, **key))[0] == 409
