"""API keys: made, used, limited, revoked, forgotten."""

import asyncio
from datetime import timedelta
from typing import Any

import pytest

from common.auth import Action, Actor, Role, api_keys
from common.contracts.identity import SessionRevoked
from common.database import Delete, Update
from common.errors import Forbidden

READ = {"name": "Nightly export", "actions": ["cameras:read", "licences:read"]}


class Owner:
    """Somebody signed in, and what they do with keys."""

    def __init__(self, portal: Any, token: str) -> None:
        self.portal = portal
        self.token = token

    async def ask(self, method: str, path: str, body: Any = None) -> tuple[int, dict[str, Any]]:
        headers = {"Authorization": f"Bearer {self.token}"}
        async with self.portal.client.request(
            method, f"/api/v1/{path}", json=body, headers=headers
        ) as answer:
            return answer.status, await answer.json() if answer.status != 204 else {}

    async def make(self, path: str = "me/api-keys", **more: Any) -> dict[str, Any]:
        status, made = await self.ask("POST", path, READ | more)
        assert status == 201, made
        return made

    async def exchange(self, key: str) -> tuple[int, dict[str, Any]]:
        status, body = await self.portal.post("api-keys/exchange", {"key": key})
        return status, body

    async def acts_as(self, key: str) -> Actor:
        status, body = await self.exchange(key)
        assert status == 200, body
        actor: Actor = await self.portal.house.parts("identity").verifier.verify(body["access_token"])
        return actor


@pytest.fixture
def ada(portal: Any, ada: str) -> Owner:
    return Owner(portal, ada)


async def test_a_personal_key_acts_as_its_person_and_no_further_than_its_actions(
    portal: Any, ada: Owner
) -> None:
    made = await ada.make()
    assert api_keys.well_formed(made["key"])
    actor = await ada.acts_as(made["key"])
    (user,) = (row for row in portal.rows("users") if row["email"] == "ada@acme.example")

    assert (actor.user, actor.via, actor.session) == (user["_id"], "key", made["api_key"]["id"])
    assert actor.grant == actor.session  # so the audit log tells which key it was
    assert actor.strong
    assert actor.may(Action.READ_CAMERAS)
    assert not actor.may(Action.CLAIM_CAMERA)
    with pytest.raises(Forbidden):
        actor.must_be_allowed(Action.READ_AUDIT)


async def test_a_key_is_shown_once_and_kept_as_a_digest(portal: Any, ada: Owner) -> None:
    made = await ada.make()
    _, listed = await ada.ask("GET", "me/api-keys")

    assert made["key"] not in str(listed)
    assert made["key"] not in str(portal.rows("api_keys"))
    (view,) = listed["items"]
    assert view == made["api_key"]
    assert (view["state"], view["hint"], view["last_used_at"]) == ("active", made["key"][-4:], None)
    assert "cameras:claim" in listed["grantable"]
    assert "api_keys:manage" not in listed["grantable"]


async def test_the_list_says_when_a_key_was_last_used(portal: Any, ada: Owner) -> None:
    made = await ada.make()
    portal.house.clock.advance(timedelta(minutes=3))
    await ada.exchange(made["key"])
    _, listed = await ada.ask("GET", "me/api-keys")

    assert listed["items"][0]["last_used_at"] == "2026-03-01T12:03:00Z"


async def test_an_organisation_key_has_a_role_and_is_nobody(portal: Any, ada: Owner) -> None:
    made = await ada.make("api-keys", role="operator")
    actor = await ada.acts_as(made["key"])

    assert (actor.role, actor.user) == (Role.OPERATOR, made["api_key"]["id"])
    assert (await ada.ask("GET", "me/api-keys"))[1]["items"] == []
    assert len((await ada.ask("GET", "api-keys"))[1]["items"]) == 1


@pytest.mark.parametrize(
    ("path", "wish", "status", "code"),
    [
        ("me/api-keys", {"actions": ["api_keys:manage"]}, 403, "more_than_yours"),
        ("me/api-keys", {"actions": ["plans:manage"]}, 403, "more_than_yours"),
        ("me/api-keys", {"actions": ["everything"]}, 422, "invalid"),
        ("me/api-keys", {"actions": []}, 422, "invalid"),
        ("me/api-keys", {"expires_in_days": 366}, 422, "invalid"),
        ("me/api-keys", {"name": "two\nlines"}, 422, "invalid"),
        ("me/api-keys", {"role": "admin"}, 422, "invalid"),
        ("api-keys", {"role": "staff_admin"}, 403, "more_than_yours"),
        ("api-keys", {"role": "support"}, 403, "more_than_yours"),
        ("api-keys", {"role": "viewer", "actions": ["cameras:claim"]}, 403, "more_than_yours"),
        ("api-keys", {}, 422, "invalid"),
    ],
)
async def test_nobody_gives_a_key_more_than_they_have(
    ada: Owner, path: str, wish: dict[str, Any], status: int, code: str
) -> None:
    answer = await ada.ask("POST", path, READ | wish)
    assert (answer[0], answer[1]["code"]) == (status, code)


async def test_a_key_begets_no_keys_and_is_nobody_s_account(ada: Owner) -> None:
    for path, more in (("me/api-keys", {}), ("api-keys", {"role": "admin"})):
        made = await ada.make(path, **more)
        _, access = await ada.exchange(made["key"])
        program = Owner(ada.portal, access["access_token"])
        for method, asked in (
            ("POST", "me/api-keys"),
            ("GET", "me/api-keys"),
            ("GET", "me"),
            ("POST", "api-keys"),
            ("DELETE", "sessions/current"),
        ):
            body = READ | {"role": "viewer"} if asked == "api-keys" else READ
            assert (await program.ask(method, asked, body))[0] == 403, (method, asked)


async def test_a_role_that_shrinks_takes_its_keys_with_it(portal: Any, ada: Owner) -> None:
    made = await ada.make(actions=["cameras:claim", "cameras:read"])
    (member,) = (row for row in portal.rows("memberships") if row["role"] == "super_admin")
    change = Update("memberships", {"_id": member["_id"]}, {"$set": {"role": "viewer"}})
    await portal.database.commit([change])
    actor = await ada.acts_as(made["key"])

    assert actor.may(Action.READ_CAMERAS)
    assert not actor.may(Action.CLAIM_CAMERA)


async def test_rights_that_end_at_some_cameras_are_the_key_s_too(portal: Any, ada: Owner) -> None:
    made = await ada.make()
    (member,) = (row for row in portal.rows("memberships") if row["role"] == "super_admin")
    narrowed = Update("memberships", {"_id": member["_id"]}, {"$set": {"items": ("site-1",)}})
    await portal.database.commit([narrowed])

    assert (await ada.acts_as(made["key"])).scoped


async def test_a_key_made_without_a_second_factor_is_no_way_around_a_policy_that_demands_one(
    portal: Any, ada: Owner
) -> None:
    made = await ada.make()
    weaken = Update("api_keys", {"_id": made["api_key"]["id"]}, {"$set": {"strong": False}})
    await portal.database.commit([weaken])

    assert (await ada.exchange(made["key"]))[1]["code"] == "api_key_too_weak"


async def test_who_leaves_takes_the_key_along_also_when_they_come_back(portal: Any, ada: Owner) -> None:
    made = await ada.make()
    shared = await ada.make("api-keys", role="viewer")
    (member,) = (row for row in portal.rows("memberships") if row["role"] == "super_admin")
    await portal.database.commit([Delete("memberships", {"_id": member["_id"]})])
    assert (await ada.exchange(made["key"]))[1]["code"] == "api_key_over"
    assert (await ada.exchange(shared["key"]))[0] == 200

    portal.house.clock.advance(timedelta(days=1))
    again = {**member, "since": portal.house.clock.now()}
    await portal.database.commit(
        [Update("memberships", {"_id": again.pop("_id")}, {"$set": again}, upsert=True)]
    )
    assert (await ada.exchange(made["key"]))[1]["code"] == "api_key_over"


async def test_a_revoked_key_is_over_and_says_so_to_everybody(portal: Any, ada: Owner) -> None:
    made = await ada.make()
    identity = made["api_key"]["id"]
    for _ in range(2):
        assert (await ada.ask("DELETE", f"me/api-keys/{identity}"))[0] == 204

    assert (await ada.exchange(made["key"]))[1]["code"] == "api_key_over"
    (revoked,) = portal.house.bus.said(SessionRevoked)
    assert (revoked.session, revoked.reason) == (identity, "key_revoked")
    acts = [event.act for event in portal.acts()]
    assert acts == ["api_key.created", "api_key.revoked"]
    assert (await ada.ask("GET", "me/api-keys"))[1]["items"][0]["state"] == "revoked"


async def test_a_key_expires_and_so_does_its_last_token(portal: Any, ada: Owner) -> None:
    made = await ada.make(expires_in_days=1)
    portal.house.clock.advance(timedelta(days=1) - timedelta(minutes=2))
    status, access = await ada.exchange(made["key"])
    assert (status, access["expires_in"]) == (200, 120)

    portal.house.clock.advance(timedelta(minutes=2))
    assert (await ada.exchange(made["key"]))[1]["code"] == "api_key_over"


async def test_made_up_keys_are_all_refused_in_the_same_words_and_slow_down(portal: Any, ada: Owner) -> None:
    real = (await ada.make())["key"]
    body = real[4:-6]
    wrong = api_keys.with_checksum(body[:-1] + ("a" if body[-1] != "a" else "b"))
    unknown = api_keys.with_checksum("0" * 64)
    answers = [await ada.exchange(key) for key in (wrong, unknown, real[:-1] + "_", "vdt_", "'; --")]

    assert {status for status, _ in answers} == {401}
    assert {(body["code"], body["detail"]) for _, body in answers} == {
        ("api_key_invalid", "This API key is not valid")
    }
    for _ in range(100):
        status, _ = await ada.exchange(unknown)
    assert status == 429


async def test_another_organisation_s_key_is_not_there(portal: Any, ada: Owner) -> None:
    mine = (await ada.make())["api_key"]["id"]
    shared = (await ada.make("api-keys", role="viewer"))["api_key"]["id"]
    other = await portal.second_organisation()
    _, challenge = await portal.start()
    code = await portal.mailbox.next_code()
    _, tokens = await portal.post(f"sign-ins/{challenge['id']}/verify", {"code": code, "organisation": other})
    abroad = Owner(portal, tokens["access_token"])

    for path in (f"me/api-keys/{mine}", f"me/api-keys/{shared}", "me/api-keys/0192"):
        assert (await abroad.ask("DELETE", path))[1]["code"] == "api_key_not_found"
    assert (await abroad.ask("GET", "me/api-keys"))[1]["items"] == []
    assert (await abroad.ask("GET", "api-keys"))[0] == 403  # a viewer there
    for path in (f"me/api-keys/{shared}", f"api-keys/{mine}"):  # each list revokes its own kind only
        assert (await ada.ask("DELETE", path))[1]["code"] == "api_key_not_found"


async def test_nobody_has_more_than_fifty_keys(ada: Owner) -> None:
    for _ in range(50):
        await ada.make()
    status, problem = await ada.ask("POST", "me/api-keys", READ)
    assert (status, problem["code"]) == (409, "too_many_keys")
    _, page = await ada.ask("GET", "me/api-keys?limit=30")
    _, rest = await ada.ask("GET", f"me/api-keys?limit=30&cursor={page['next']}")
    assert len({view["id"] for view in page["items"] + rest["items"]}) == 50


async def test_a_week_before_it_expires_a_mail_reminds_once_in_the_reader_s_language(
    portal: Any, ada: Owner
) -> None:
    await ada.make(name="Export")
    await ada.make("api-keys", role="viewer", name="Shared", expires_in_days=91)
    short = await ada.make(name="Short", expires_in_days=7)
    gone = await ada.make(name="Gone")
    await ada.ask("DELETE", f"me/api-keys/{gone['api_key']['id']}")
    portal.house.clock.advance(timedelta(days=83, minutes=1))
    await asyncio.gather(portal.reminders(), portal.reminders())
    first = await portal.mailbox.next()
    assert first.to == "ada@acme.example"
    assert "Platnost klíče API organizace Acme s.r.o. končí 30. května 2026" in first.subject
    assert "„Export“" in first.text

    portal.house.clock.advance(timedelta(days=1))
    await portal.reminders()
    assert "„Shared“" in (await portal.mailbox.next()).text
    assert portal.mailbox.letters.empty()
    assert short["api_key"]["expires_at"].startswith("2026-03-08")
