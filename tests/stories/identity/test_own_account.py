"""What people decide about their own account."""

import asyncio
from typing import Any

import pytest

from common.contracts.identity import SessionRevoked

PASSWORD = "correct horse"


async def test_a_profile_is_read_and_changed_and_the_username_is_not(portal: Any, ada: str) -> None:
    _, before = await portal.get("me/profile", ada)
    assert (before["email"], before["time_zone"], before["deletion_at"]) == (
        "ada@acme.example",
        "Europe/Prague",
        None,
    )
    status, after = await portal.ask("PATCH", "me/profile", ada, {"first_name": "Augusta", "language": "fr"})
    assert status == 200
    assert after == {**before, "first_name": "Augusta", "language": "fr"}

    assert (await portal.ask("PATCH", "me/profile", ada, {"time_zone": "Mars/Olympus"}))[0] == 422
    for extra in (
        {"username": "eve"},
        {"email": "eve@acme.example"},
        {"state": "gone"},
        {"password_hash": "x"},
    ):
        assert (await portal.ask("PATCH", "me/profile", ada, extra))[0] == 422
    assert [event.act for event in portal.acts()] == ["profile.changed"]
    await portal.start()
    assert (await portal.mailbox.next()).subject == "Votre mot de passe à usage unique Vedette"


async def test_a_new_password_needs_the_old_one_and_ends_the_other_sessions(portal: Any, ada: str) -> None:
    other = (await portal.signed_in())["access_token"]
    body = {"current_password": PASSWORD, "password": "battery", "password_confirmation": "battery"}
    wrong = await portal.ask("PUT", "me/password", ada, {**body, "current_password": "wrong"})
    assert (wrong[0], wrong[1]["errors"][0]["field"]) == (422, "current_password")
    mistyped = await portal.ask("PUT", "me/password", ada, {**body, "password_confirmation": "batery"})
    assert (mistyped[0], mistyped[1]["errors"][0]["field"]) == (422, "password_confirmation")

    assert (await portal.ask("PUT", "me/password", ada, body))[0] == 204
    assert (await portal.get("me", ada))[0] == 200
    assert (await portal.get("me", other))[0] == 401
    (revoked,) = portal.house.bus.said(SessionRevoked)
    assert revoked.reason == "password_changed"
    letter = await portal.mailbox.next()
    assert letter.subject == "Vaše heslo Vedette bylo změněno"
    assert "API" not in letter.text
    assert (await portal.start(password="battery"))[0] == 201


async def test_a_new_password_revokes_api_keys_when_that_is_wished(portal: Any, ada: str) -> None:
    wish = {"name": "Nightly", "actions": ["cameras:read"]}
    _, key = await portal.ask("POST", "me/api-keys", ada, wish)
    body = {"current_password": PASSWORD, "password": "battery", "password_confirmation": "battery"}
    assert (await portal.ask("PUT", "me/password", ada, body))[0] == 204
    assert (await portal.post("api-keys/exchange", {"key": key["key"]}))[0] == 200

    body = {"current_password": "battery", "password": "zinnia", "password_confirmation": "zinnia"}
    assert (await portal.ask("PUT", "me/password", ada, body | {"revoke_api_keys": True}))[0] == 204
    assert (await portal.post("api-keys/exchange", {"key": key["key"]}))[0] == 401


@pytest.mark.parametrize("password", ["iloveyou", "nováková1", "acme.sro"])
async def test_a_new_password_is_none_that_is_tried_first(portal: Any, ada: str, password: str) -> None:
    body = {"current_password": PASSWORD, "password": password, "password_confirmation": password}
    status, problem = await portal.ask("PUT", "me/password", ada, body)

    assert (status, problem["errors"][0]["field"]) == (422, "password")
    assert "do not belong together" in problem["next"]


async def test_a_code_for_a_forgotten_password_dies_with_a_new_password(portal: Any, ada: str) -> None:
    await portal.post("password-resets", {"login": "ada@acme.example"})
    code = await portal.mailbox.next_code()
    body = {"current_password": PASSWORD, "password": "battery", "password_confirmation": "battery"}
    await portal.ask("PUT", "me/password", ada, body)

    reset = {"login": "ada@acme.example", "code": code, "password": "stolen"}
    assert (await portal.post("password-resets/confirm", reset))[0] == 422


async def test_a_stolen_session_does_not_get_to_guess_the_password(portal: Any, ada: str) -> None:
    body = {"password": "battery", "password_confirmation": "battery"}
    statuses = [
        (await portal.ask("PUT", "me/password", ada, {**body, "current_password": f"guess {n}"}))[0]
        for n in range(10)
    ]
    assert statuses[:5] == [422] * 5
    assert set(statuses[5:]) == {429}


async def test_accepted_documents_are_listed_and_a_new_version_is_accepted(portal: Any, ada: str) -> None:
    _, documents = await portal.get("me/documents", ada)
    assert all(document["accepted"] for document in documents["current"])
    users = portal.database.collections["users"]
    user = next(row for row in users.values() if row["email"] == "ada@acme.example")
    user["accepted"][0]["edition"] = "2025-01"  # Ada agreed long ago
    _, documents = await portal.get("me/documents", ada)
    assert [document["accepted"] for document in documents["current"]] == [False, True]

    status, problem = await portal.ask(
        "POST", "me/documents", ada, {"document": "terms", "edition": "2025-01"}
    )
    assert (status, problem["code"]) == (409, "edition_not_current")
    newer = {"document": "terms", "edition": "2026-01"}
    answers = await asyncio.gather(*(portal.ask("POST", "me/documents", ada, newer) for _ in range(3)))
    assert {status for status, _ in answers} == {200}
    _, documents = await portal.get("me/documents", ada)
    assert all(document["accepted"] for document in documents["current"])
    assert [entry["edition"] for entry in documents["accepted"]] == ["2025-01", "2026-01", "2026-01"]


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "me/profile"),
        ("PATCH", "me/profile"),
        ("PUT", "me/password"),
        ("GET", "me/documents"),
        ("POST", "me/documents"),
        ("POST", "me/deletion"),
        ("DELETE", "me/deletion"),
        ("GET", "me/email-change"),
        ("POST", "me/email-change"),
        ("POST", "me/email-change/confirm"),
        ("DELETE", "me/email-change"),
        ("GET", "organisation"),
        ("PATCH", "organisation"),
    ],
)
async def test_nothing_of_it_is_for_strangers(portal: Any, method: str, path: str) -> None:
    assert (await portal.ask(method, path, "not a token", {}))[0] == 401
