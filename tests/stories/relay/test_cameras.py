"""Looking at a camera: the licence says whether and how many at once; whatever ends the right ends the look."""

import asyncio
from datetime import UTC, datetime, timedelta
from typing import Any

from common.auth import Role
from common.contracts.identity import AccessChanged, SessionRevoked
from common.contracts.licensing import LicenceChanged
from common.contracts.provisioning import CameraConnected, ItemsMoved
from common.contracts.relay import RemoteSessionClosed
from common.ids import CameraId, LicenceId, OrganisationId, SessionId, UserId

AT = datetime(2026, 3, 1, 12, tzinfo=UTC)
PATH = "/api/v1/remote-sessions"


def licence(
    version: int, state: Any = "active", places: int = 2, organisation: str = "org-a"
) -> LicenceChanged:
    return LicenceChanged(
        organisation=OrganisationId(organisation),
        version=version,
        at=AT,
        licence=LicenceId("lic1"),
        camera=CameraId("cam1"),
        state=state,
        previous=None,
        cause="test",
        since=AT,
        plan="standard",
        portal_features=state in ("demo", "active"),
        recording=state != "off",
        charged=state == "active",
        simultaneous_accesses=places,
    )


async def look(site: Any, camera: str = "cam1", **who: Any) -> Any:
    return await site.ask("POST", PATH, {"camera": camera}, **who)


async def state_of(site: Any, opened: Any) -> Any:
    found = await site.ask("GET", f"{PATH}/{opened.body['session']['id']}")
    return found.body["close_reason"]


async def test_a_camera_with_a_licence_is_looked_at(site: Any) -> None:
    await site.house.bus.tell(licence(1))
    opened = await look(site)
    assert opened.status == 201
    session = opened.body["session"]
    assert (session["camera"], session["server"]) == ("cam1", None)
    assert session["lease_until"] == "2026-03-01T12:01:00Z"
    assert opened.body["ice_servers"]


async def test_no_licence_no_look(site: Any) -> None:
    """LI-2, and the same answer for another organisation's camera."""
    await site.house.bus.tell(licence(1, organisation="org-b"))
    answers = [await look(site, camera) for camera in ("cam1", "cam9")]
    assert {(answer.status, answer.body["code"]) for answer in answers} == {(404, "camera_not_found")}
    await site.house.bus.tell(licence(1), licence(2, "ended"))
    assert (await look(site)).body["code"] == "camera_not_found"


async def test_suspended_inactive_and_off_refuse_with_the_way_out(site: Any) -> None:
    for version, state in enumerate(("suspended", "inactive", "off"), 1):
        await site.house.bus.tell(licence(version, state))
        refused = await look(site)
        assert (refused.status, refused.body["code"]) == (409, f"licence_{state}")
        assert refused.body["next"]
    await site.house.bus.tell(licence(4))
    assert (await look(site)).status == 201


async def test_a_licence_that_loses_its_functions_ends_the_looks(site: Any) -> None:
    await site.house.bus.tell(licence(1))
    opened = await look(site)
    await site.house.bus.tell(licence(2, "suspended"))
    assert await state_of(site, opened) == "licence_changed"
    renewed = await site.ask("PUT", f"{PATH}/{opened.body['session']['id']}/lease")
    assert renewed.status == 409


async def test_an_older_word_of_licensing_changes_nothing(site: Any) -> None:
    await site.house.bus.tell(licence(2, "off"), licence(1))
    assert (await look(site)).body["code"] == "licence_off"


async def test_as_many_look_at_once_as_the_licence_says_and_no_more(site: Any) -> None:
    await site.house.bus.tell(licence(1, places=3))
    answers = await asyncio.gather(*(look(site) for _ in range(8)))
    assert sorted(answer.status for answer in answers) == [201] * 3 + [409] * 5
    refused = next(answer for answer in answers if answer.status == 409)
    assert refused.body["code"] == "too_many_accesses"
    assert int(refused.headers["Retry-After"]) == 60
    admitted = next(answer for answer in answers if answer.status == 201)
    await site.ask("DELETE", f"{PATH}/{admitted.body['session']['id']}")
    assert (await look(site)).status == 201


async def test_the_place_of_a_viewer_that_vanished_is_free_after_a_minute(site: Any) -> None:
    await site.house.bus.tell(licence(1, places=1))
    gone = await look(site)
    site.house.clock.advance(timedelta(seconds=59))
    assert (await look(site)).status == 409
    site.house.clock.advance(timedelta(seconds=2))
    assert (await look(site)).status == 201
    again = await site.ask("PUT", f"{PATH}/{gone.body['session']['id']}/lease")
    assert (again.status, again.body["code"]) == (409, "too_many_accesses")


async def test_a_viewer_that_renews_keeps_its_place(site: Any) -> None:
    await site.house.bus.tell(licence(1, places=1))
    opened = await look(site)
    for _ in range(4):
        site.house.clock.advance(timedelta(seconds=40))
        renewed = await site.ask("PUT", f"{PATH}/{opened.body['session']['id']}/lease")
        assert renewed.status == 200
    assert (await look(site)).status == 409


async def test_a_server_or_a_camera_and_not_both(site: Any) -> None:
    for body in ({}, {"server": "s", "camera": "c"}):
        answer = await site.ask("POST", PATH, body)
        assert (answer.status, answer.body["code"]) == (422, "server_or_camera")


async def test_signing_out_ends_what_was_opened_by_that_session_only(site: Any) -> None:
    await site.house.bus.tell(licence(1))
    token = site.house.keys.token(session="other")
    mine, others = await look(site), await look(site, credential=token)
    revoked = SessionRevoked(
        organisation=None, version=1, at=AT, session=SessionId("other"), user=UserId("u"), reason="logout"
    )
    await site.house.bus.tell(revoked)
    assert (await state_of(site, mine), await state_of(site, others)) == (None, "signed_out")


def access(version: int, role: str | None, **rights: Any) -> AccessChanged:
    return AccessChanged(
        organisation=OrganisationId("org-a"), version=version, at=AT, access="org-a:user-a",
        user=UserId("user-a"), role=role, via="membership",
        items=rights.get("items"), servers=rights.get("servers"),
    )  # fmt: skip


async def test_rights_that_end_end_what_is_open(site: Any) -> None:
    await site.house.bus.tell(licence(1))
    await look(site)
    await site.house.bus.tell(access(2, None))
    [closed] = site.house.bus.said(RemoteSessionClosed)
    assert closed.reason == "access_ended"


async def test_somebody_with_some_servers_and_items_reaches_no_others(site: Any) -> None:
    """ID-34, ID-39: what is not shared does not exist."""
    shared, hidden = await site.green_server(), await site.green_server()
    await site.house.bus.tell(licence(1), access(1, "viewer", items=("cam1",), servers=(shared,)))
    guest = site.house.keys.token(role=Role.VIEWER, scoped=True)
    listed = await site.ask("GET", "/api/v1/servers", credential=guest)
    assert [one["id"] for one in listed.body["items"]] == [shared]
    assert (await site.ask("GET", f"/api/v1/servers/{hidden}", credential=guest)).status == 404
    told = await site.ask("POST", "/api/v1/servers/reached", {"ids": [hidden, shared]}, credential=guest)
    assert told.body == {"ids": [shared]}
    assert (await site.ask("POST", PATH, {"server": shared}, credential=guest)).status == 201
    refused = await site.ask("POST", PATH, {"server": hidden}, credential=guest)
    assert (refused.status, refused.body["code"]) == (404, "server_not_found")
    assert (await look(site, credential=guest)).status == 201
    await site.house.bus.tell(access(2, "viewer", items=(), servers=(shared,)))
    assert (await look(site, credential=guest)).status == 404
    owner_session = (await site.ask("POST", PATH, {"server": hidden})).body["session"]["id"]
    assert (await site.ask("GET", f"{PATH}/{owner_session}", credential=guest)).status == 404
    assert (await site.ask("DELETE", f"{PATH}/{owner_session}", credential=guest)).status == 404


def moved(version: int, **parents: str | None) -> ItemsMoved:
    return ItemsMoved(organisation=OrganisationId("org-a"), version=version, at=AT, parents=parents)


async def test_rights_on_a_folder_reach_the_cameras_in_it_wherever_it_is_moved(site: Any) -> None:
    """Rule 28: rights inherit downwards, and follow a move at once."""
    connected = CameraConnected(
        organisation=OrganisationId("org-a"), version=1, at=AT, camera=CameraId("cam1"),
        device="mac:0040ff112233", name="Gate", first=True, parent="yard",
    )  # fmt: skip
    await site.house.bus.tell(
        licence(1), connected, moved(2, yard="site"), access(1, "viewer", items=("site",))
    )
    guest = site.house.keys.token(role=Role.VIEWER, scoped=True)
    opened = await look(site, credential=guest)
    assert opened.status == 201
    await site.house.bus.tell(moved(4, cam1=None), moved(3, cam1="yard"))
    assert (await look(site, credential=guest)).status == 404
    renew = f"{PATH}/{opened.body['session']['id']}/lease"
    assert (await site.ask("PUT", renew, credential=guest)).status == 404
