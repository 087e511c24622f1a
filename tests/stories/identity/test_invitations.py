"""Invitations: an entity with an end, bound to the invited address, three ways to accept, no side effects."""

import asyncio
import re
from datetime import timedelta
from typing import Any

import pytest

from common.auth import Role
from common.contracts.identity import AccessChanged, OrganisationCreated
from common.contracts.relay import ServerStatusChanged
from identity.domain.accounts import Login
from identity.domain.mails import Letter
from stories.identity.crowd import Crowd, Person
from stories.identity.portal import PASSWORD

NEW = {
    "first_name": "Nina",
    "last_name": "Neu",
    "language": "de",
    "password": "correct horse",
    "accept_terms": True,
    "accept_privacy": True,
}


def link(letter: Letter) -> tuple[str, dict[str, str]]:
    """Path of the invitation and the proof, from the mailed link."""
    found = re.search(r"https://portal\.example/(invitations/\w+)#([\w-]+)", letter.text)
    assert found, letter.text
    return found[1], {"code": found[2]}


async def invited(crowd: Crowd, owner: Person, email: str = "nina@new.example", **more: Any) -> Letter:
    status, body = await owner.post("invitations", {"email": email, "role": "viewer", **more})
    assert status == 201, body
    return await crowd.letter()


async def test_the_mail_names_organisation_inviter_and_servers_in_the_organisations_language(
    crowd: Crowd,
) -> None:
    acme, owner = await crowd.organisation("Acme", language="de")
    server = ServerStatusChanged(
        organisation=acme, server="srv", name="NVR Halle 1", status="green", version=1, at=crowd.clock.now(),
    )  # fmt: skip
    await crowd.portal.house.bus.tell(server)
    letter = await invited(crowd, owner, "Nina@New.example", servers=["srv"])

    assert letter.to == "nina@new.example"
    assert letter.subject == "Einladung zu Acme"
    for words in ("Owner Test", "Betrachter", "NVR Halle 1", "8. März 2026"):
        assert words in letter.text
    path, proof = link(letter)
    assert f'href="https://portal.example/{path}#{proof["code"]}"' in letter.html


async def test_the_code_is_kept_as_a_digest_only_and_leaves_no_trace_in_the_mails(crowd: Crowd) -> None:
    _, owner = await crowd.organisation("Acme")
    _, proof = link(await invited(crowd, owner))
    kept = str(crowd.portal.rows("invitations")) + str(crowd.portal.rows("mails"))
    assert proof["code"] not in kept


async def test_a_new_person_joins_with_an_account_and_no_organisation_of_their_own(crowd: Crowd) -> None:
    acme, owner = await crowd.organisation("Acme")
    path, proof = link(await invited(crowd, owner))
    status, offer = await crowd.ask("POST", f"{path}/view", proof)
    assert (status, offer["organisation"], offer["account"]) == (200, "Acme", False)

    status, body = await crowd.ask("POST", f"{path}/join", proof | NEW)
    assert (status, body) == (201, {"organisation": acme, "name": "Acme"})
    said = crowd.said(AccessChanged)[-1]
    assert (said.organisation, said.role) == (acme, "viewer")
    assert crowd.said(OrganisationCreated) == []
    tokens = await crowd.portal.signed_in(login="nina@new.example")
    assert [place["id"] for place in tokens["organisations"]] == [acme]
    assert {"invitation.sent", "invitation.accepted"} <= set(crowd.acts())


@pytest.mark.parametrize("password", ["welcome1", "nina@new.example", "Neu2026", "acme99"])
async def test_who_joins_takes_no_password_that_is_tried_first(crowd: Crowd, password: str) -> None:
    _, owner = await crowd.organisation("Acme")
    path, proof = link(await invited(crowd, owner))
    status, problem = await crowd.ask("POST", f"{path}/join", proof | NEW | {"password": password})

    assert (status, problem["code"]) == (422, "password_not_accepted")
    assert (await crowd.ask("POST", f"{path}/join", proof | NEW))[0] == 201


async def test_somebody_with_an_account_signs_in_and_accepts(crowd: Crowd) -> None:
    acme, owner = await crowd.organisation("Acme")
    nina = await crowd.stranger("nina@new.example")
    path, proof = link(await invited(crowd, owner, "NINA@new.example", role="operator"))
    assert (await crowd.ask("POST", f"{path}/view", proof))[1]["account"] is True
    status, problem = await crowd.ask("POST", f"{path}/join", proof | NEW)
    assert (status, problem["code"]) == (409, "account_exists")

    assert (await nina.post(f"{path}/accept", proof))[0] == 200
    assert (await nina.switch(acme))[0] == 200
    assert (await nina.get("me"))[1]["role"] == "operator"


async def test_another_address_is_refused_clearly_and_nothing_comes_into_being(crowd: Crowd) -> None:
    _, owner = await crowd.organisation("Acme")
    path, proof = link(await invited(crowd, owner))
    other = await crowd.stranger("other@new.example")
    before = kept(crowd)
    status, problem = await other.post(f"{path}/accept", proof)

    assert (status, problem["code"]) == (403, "invitation_for_another_address")
    assert "n***@n***.example" in problem["detail"]
    assert "other@new.example" in problem["detail"]
    assert kept(crowd) == before
    assert (await crowd.ask("POST", f"{path}/view", proof))[0] == 200


def kept(crowd: Crowd) -> dict[str, int]:
    """How much there is of everything but the record of the refusal."""
    collections = crowd.portal.database.collections.items()
    return {name: len(rows) for name, rows in collections if name != "inbox" and "audit" not in name}


async def test_a_username_that_looks_like_the_address_proves_nothing(crowd: Crowd) -> None:
    _, owner = await crowd.organisation("Acme")
    thief = await crowd.stranger("thief@evil.example")
    await crowd.store.save(Login(name="nina@new.example", user=thief.id))
    path, proof = link(await invited(crowd, owner))
    assert (await thief.post(f"{path}/accept", proof))[0] == 403
    assert (await crowd.ask("POST", f"{path}/view", proof))[1]["account"] is False


async def test_an_invitation_works_once_also_at_the_same_instant(crowd: Crowd) -> None:
    acme, owner = await crowd.organisation("Acme")
    path, proof = link(await invited(crowd, owner))
    answers = await asyncio.gather(*(crowd.ask("POST", f"{path}/join", proof | NEW) for _ in range(4)))
    assert [status for status, _ in answers].count(201) == 1
    assert len(await crowd.store.members(acme)) == 2


@pytest.mark.parametrize("end", ["wrong", "revoked", "expired", "accepted", "unknown"])
async def test_what_does_not_hold_answers_alike(crowd: Crowd, end: str) -> None:
    _, owner = await crowd.organisation("Acme")
    path, proof = link(await invited(crowd, owner))
    match end:
        case "wrong":
            proof = {"code": "x" * 43}
        case "revoked":
            assert (await owner.delete(path))[0] == 204
        case "expired":
            crowd.clock.advance(timedelta(days=7))
        case "accepted":
            await crowd.ask("POST", f"{path}/join", proof | NEW)
        case "unknown":
            path = "invitations/" + "0" * 32
    answers = [
        await crowd.ask("POST", f"{path}/{what}", proof | more)
        for what, more in (("view", {}), ("join", NEW))
    ]
    assert {(status, body["code"]) for status, body in answers} == {(404, "invitation_unknown")}


async def test_one_is_pending_for_each_address_however_it_is_spelled(crowd: Crowd) -> None:
    _, owner = await crowd.organisation("Acme")
    bodies = [{"email": email, "role": "viewer"} for email in ("nina@new.example", "NINA@new.example ")] * 2
    answers = await asyncio.gather(*(owner.post("invitations", body) for body in bodies))
    assert [status for status, _ in answers].count(201) == 1
    assert {body["code"] for status, body in answers if status != 201} <= {
        "already_invited",
        "too_many_tries",
    }
    _, page = await owner.get("invitations")
    assert len(page["items"]) == 1


async def test_a_resend_carries_the_same_link_and_waits_for_the_last_mail(crowd: Crowd) -> None:
    _, owner = await crowd.organisation("Acme")
    first = link(await invited(crowd, owner))
    path = first[0]
    status, problem = await owner.post(f"{path}/resend")
    assert (status, problem["code"]) == (429, "resend_too_early")
    crowd.clock.advance(timedelta(seconds=31))
    status, body = await owner.post(f"{path}/resend")
    assert (status, body["mailed"]) == (202, 2)
    assert link(await crowd.letter()) == first


async def test_an_expired_invitation_is_written_down_and_makes_room(crowd: Crowd) -> None:
    _, owner = await crowd.organisation("Acme")
    path, _ = link(await invited(crowd, owner))
    crowd.clock.advance(timedelta(days=7))
    await owner_again(crowd, owner)
    _, page = await owner.get("invitations")
    assert [one["state"] for one in page["items"]] in ([], ["expired"])
    await invited(crowd, owner)
    _, page = await owner.get("invitations?state=expired")
    assert [f"invitations/{one['id']}" for one in page["items"]] == [path]
    assert "invitation.expired" in crowd.acts()


async def owner_again(crowd: Crowd, owner: Person) -> None:
    owner.take(await crowd.portal.signed_in(login=owner.email))


async def test_roles_are_bounded_by_the_inviters(crowd: Crowd) -> None:
    acme, _ = await crowd.organisation("Acme")
    admin = await crowd.member(acme, Role.ADMIN, "adam@acme.example")
    operator = await crowd.member(acme, Role.OPERATOR, "olga@acme.example")
    for role in ("super_admin", "technician", "staff_admin", "support"):
        status, body = await admin.post("invitations", {"email": "x@y.example", "role": role})
        assert (status, body["code"]) == (403, "role_out_of_reach"), role
    assert (await operator.post("invitations", {"email": "x@y.example", "role": "viewer"}))[0] == 403
    assert crowd.portal.rows("invitations") == []


async def test_a_member_is_not_invited_again(crowd: Crowd) -> None:
    acme, owner = await crowd.organisation("Acme")
    await crowd.member(acme, Role.VIEWER, "vera@acme.example")
    status, body = await owner.post("invitations", {"email": "Vera@acme.example", "role": "admin"})
    assert (status, body["code"]) == (409, "already_member")


async def test_who_belongs_nowhere_any_more_confirms_with_the_password(crowd: Crowd) -> None:
    acme, owner = await crowd.organisation("Acme")
    vera = await crowd.member(acme, Role.VIEWER, "vera@acme.example")
    await owner.delete(f"members/{vera.id}")
    path, proof = link(await invited(crowd, owner, "vera@acme.example"))
    assert (await crowd.ask("POST", f"{path}/view", proof))[1]["account"] is True
    wrong = await crowd.ask("POST", f"{path}/confirm", proof | {"password": "wrong horse"})
    assert (wrong[0], wrong[1]["code"]) == (401, "sign_in_refused")

    assert (await crowd.ask("POST", f"{path}/confirm", proof | {"password": PASSWORD}))[0] == 200
    assert (await vera.switch(acme))[0] == 200
    versions = [one.version for one in crowd.said(AccessChanged) if one.user == vera.id]
    assert versions == [2, 3]


async def test_who_is_removed_leaves_no_invitation_behind(crowd: Crowd) -> None:
    acme, owner = await crowd.organisation("Acme")
    admin = await crowd.member(acme, Role.ADMIN, "adam@acme.example")
    back_door, proof = link(await invited(crowd, admin, "adam@home.example", role="admin"))
    other, good = link(await invited(crowd, owner))
    assert (await owner.delete(f"members/{admin.id}"))[0] == 204
    assert (await crowd.ask("POST", f"{back_door}/view", proof))[0] == 404
    assert (await crowd.ask("POST", f"{other}/view", good))[0] == 200


async def test_guessing_the_password_behind_an_invitation_is_slowed_down(crowd: Crowd) -> None:
    _, owner = await crowd.organisation("Acme")
    await crowd.stranger("nina@new.example")
    path, proof = link(await invited(crowd, owner))
    statuses = [(await crowd.ask("POST", f"{path}/confirm", proof | {"password": "x"}))[0] for _ in range(7)]
    assert statuses[-1] == 429


async def test_another_organisations_invitation_is_like_none(crowd: Crowd) -> None:
    _, owner = await crowd.organisation("Acme")
    _, stranger = await crowd.organisation("Beta")
    path, _ = link(await invited(crowd, owner))
    for one in (path, "invitations/" + "0" * 32):
        for answer in (await stranger.delete(one), await stranger.post(f"{one}/resend")):
            assert (answer[0], answer[1]["code"]) == (404, "invitation_unknown")
    assert (await stranger.get("invitations"))[1]["items"] == []


async def test_an_organisation_that_invites_without_end_is_slowed_down(crowd: Crowd) -> None:
    _, owner = await crowd.organisation("Acme")
    answers = [
        await owner.post("invitations", {"email": f"n{number}@new.example", "role": "viewer"})
        for number in range(53)
    ]
    assert [status for status, _ in answers].count(201) == 50
    assert answers[-1][1]["code"] == "too_many_tries"


@pytest.mark.parametrize("missing", ["accept_terms", "accept_privacy"])
async def test_terms_must_be_accepted_to_join(crowd: Crowd, missing: str) -> None:
    _, owner = await crowd.organisation("Acme")
    path, proof = link(await invited(crowd, owner))
    status, problem = await crowd.ask("POST", f"{path}/join", proof | NEW | {missing: False})
    assert (status, problem["errors"][0]["field"]) == (422, missing)
    assert len(crowd.portal.rows("users")) == 2  # staff and the owner
