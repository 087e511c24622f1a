"""Deleting an account: days of grace, then nothing that tells who it was."""

import asyncio
from datetime import timedelta
from typing import Any

from common.auth import Role
from common.contracts.identity import AccessChanged, SessionRevoked
from common.due import DueLoop
from common.ids import OrganisationId, UserId, new_id
from identity.domain.accounts import Login, Membership, User
from identity.domain.federation import ConnectedAccount, ConnectedAccounts, Linked
from identity.store import FederationStore, IdentityStore

DELETION = {"current_password": "correct horse"}


def loop(portal: Any) -> DueLoop:
    found = next(one for one in portal.assembly.background if getattr(one, "_name", "") == "departures")
    assert isinstance(found, DueLoop)
    return found


async def days(portal: Any, number: int) -> None:
    """So many days later, after the departures that are due."""
    portal.house.clock.advance(timedelta(days=number))
    await loop(portal)._once()


async def joined(portal: Any, role: Role) -> UserId:
    """Bob joins Ada's organisation."""
    now, store = portal.house.clock.now(), IdentityStore(portal.database)
    acme = OrganisationId(
        next(row["_id"] for row in portal.rows("organisations") if row["name"] == "Acme s.r.o.")
    )
    bob = User(
        id=UserId(new_id()), email="bob@acme.example", first_name="Bob", last_name="B", language="en",
        password_hash="hash of correct horse", accepted=(), created_at=now,
    )  # fmt: skip
    (organisation,) = await store.organisations([acme])
    member = Membership(organisation=acme, user=bob.id, role=role, since=now)
    changed = organisation.with_role(bob.id, role)
    things = [changed] if changed is not organisation else []
    await store.save(bob, Login(name=bob.email, user=bob.id), member, *things)
    return bob.id


async def as_a_partner(portal: Any) -> None:
    """Ada has asked to be one, too."""
    token = await portal.as_staff()
    code = {"code": "STEP-0042", "company": "Acme"}
    assert (await portal.ask("POST", "partner-codes", token, code))[0] == 201
    status, _ = await portal.post("partner-requests", {**portal.form, "partner_code": "STEP-0042"})
    assert status == 202
    await portal.mailbox.next()
    assert "Nováková" in repr(portal.rows("partner_requests"))


def ada_in(portal: Any) -> dict[str, Any]:
    users: list[dict[str, Any]] = portal.rows("users")
    return next(row for row in users if row["first_name"] != "Staff")


async def test_after_the_days_of_grace_nothing_tells_who_it_was(portal: Any, ada: str) -> None:
    await as_a_partner(portal)
    other = (await portal.signed_in())["access_token"]
    status, profile = await portal.ask("POST", "me/deletion", ada, DELETION)
    assert status == 202
    assert profile["deletion_at"] == "2026-03-15T12:00:00Z"
    letter = await portal.mailbox.next()
    assert "15. března 2026" in letter.text
    assert (await portal.get("me", other))[0] == 401
    assert (await portal.get("me", ada))[0] == 200
    await days(portal, 13)
    assert ada_in(portal)["state"] == "leaving"
    await days(portal, 1)

    gone = ada_in(portal)
    assert (gone["state"], gone["first_name"], gone["last_name"], gone["username"]) == ("gone", "", "", None)
    assert (await portal.mailbox.next()).subject == "Váš účet Vedette byl smazán"
    (form,) = portal.rows("registrations")
    assert form["forget_at"] < portal.house.clock.now()  # MongoDB removes it by itself; mails after a month
    kept = {
        name: rows
        for name, rows in portal.database.collections.items()
        if name not in {"mails", "registrations"}
    }
    assert portal.rows("partner_requests") == []
    for trace in ("ada@", "Nováková"):
        assert trace not in repr(kept)
    assert (await portal.start())[0] == 401
    ended = portal.house.bus.said(AccessChanged)[-1]
    assert (ended.user, ended.role) == (gone["_id"], None)
    assert {event.reason for event in portal.house.bus.said(SessionRevoked)} == {"account_deleted"}
    assert len(portal.house.bus.said(SessionRevoked)) == 2


async def test_keys_and_connected_accounts_go_with_their_person(portal: Any, ada: str) -> None:
    store = FederationStore(portal.database, IdentityStore(portal.database))
    user, now = UserId(ada_in(portal)["_id"]), portal.house.clock.now()
    account = ConnectedAccount(id="1", provider="work", key="issuer subject", email=None, connected_at=now)
    accounts = ConnectedAccounts(id=user, accounts=(account,), version=1)
    await store.save(accounts, Linked(account.key, user))
    wish = {"name": "Export", "actions": ["cameras:read"]}
    assert (await portal.ask("POST", "me/api-keys", ada, wish))[0] == 201
    assert (await portal.ask("POST", "api-keys", ada, {**wish, "role": "viewer"}))[0] == 201
    await portal.ask("POST", "me/deletion", ada, DELETION)
    await days(portal, 14)

    assert portal.rows("connected_accounts") == portal.rows("foreign_logins") == []
    assert [row["kind"] for row in portal.rows("api_keys")] == ["organisation"]


async def test_the_address_is_free_again(portal: Any, ada: str) -> None:
    await portal.ask("POST", "me/deletion", ada, DELETION)
    await portal.mailbox.next()
    await days(portal, 14)
    await portal.mailbox.next()
    await portal.with_account()

    assert (await portal.start())[0] == 201


async def test_signing_in_again_takes_it_back(portal: Any, ada: str) -> None:
    await portal.ask("POST", "me/deletion", ada, DELETION)
    await portal.mailbox.next()
    portal.house.clock.advance(timedelta(days=13))
    again = (await portal.signed_in())["access_token"]
    assert (await portal.mailbox.next()).subject == "Váš účet Vedette zůstává"
    await days(portal, 2)

    assert ada_in(portal)["state"] == "active"
    assert (await portal.get("me/profile", again))[0] == 401  # expired, not ended


async def test_it_can_be_taken_back_without_signing_out(portal: Any, ada: str) -> None:
    await portal.ask("POST", "me/deletion", ada, DELETION)
    for _ in range(2):
        assert (await portal.ask("DELETE", "me/deletion", ada))[0] == 204

    assert (await portal.get("me/profile", ada))[1]["deletion_at"] is None
    assert len([row for row in portal.rows("mails") if row["template"] == "account_stays"]) == 1


async def test_it_needs_the_password(portal: Any, ada: str) -> None:
    status, _ = await portal.ask("POST", "me/deletion", ada, {"current_password": "wrong"})
    assert status == 422
    assert ada_in(portal)["state"] == "active"


async def test_the_last_super_admin_cannot_leave_others_behind(portal: Any, ada: str) -> None:
    await joined(portal, Role.ADMIN)
    status, problem = await portal.ask("POST", "me/deletion", ada, DELETION)

    assert (status, problem["code"]) == (409, "last_super_admin")
    assert "Acme s.r.o." in problem["detail"]


async def test_one_of_two_super_admins_may_go(portal: Any, ada: str) -> None:
    bob = await joined(portal, Role.SUPER_ADMIN)
    assert (await portal.ask("POST", "me/deletion", ada, DELETION))[0] == 202
    await days(portal, 14)

    (acme,) = [row for row in portal.rows("organisations") if row["name"] == "Acme s.r.o."]
    assert list(acme["owners"]) == [bob]


async def test_who_has_become_the_last_super_admin_meanwhile_waits(portal: Any, ada: str) -> None:
    await portal.ask("POST", "me/deletion", ada, DELETION)
    await joined(portal, Role.VIEWER)
    await days(portal, 14)

    waiting = next(row for row in portal.rows("users") if row["first_name"] == "Ada")
    assert waiting["state"] == "leaving"
    assert waiting["leaves_at"] == portal.house.clock.now() + timedelta(days=1)


async def test_two_replicas_remove_an_account_once(portal: Any, ada: str) -> None:
    await portal.ask("POST", "me/deletion", ada, DELETION)
    portal.house.clock.advance(timedelta(days=14))
    await asyncio.gather(loop(portal)._once(), loop(portal)._once())

    assert len([row for row in portal.rows("mails") if row["template"] == "account_gone"]) == 1
    ended = [event for event in portal.house.bus.said(AccessChanged) if event.role is None]
    assert len(ended) == 1
