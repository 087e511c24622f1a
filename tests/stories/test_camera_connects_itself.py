"""From "unpack a camera" to "connected", told on memory parts (S2)."""

from collections.abc import AsyncIterator
from datetime import datetime, timedelta
from typing import Any

import pytest
from prometheus_client import REGISTRY

from common.auth import Role
from common.contracts.licensing import LicenceChanged
from common.contracts.provisioning import (
    CameraClaimed,
    CameraConnected,
    CameraRemoved,
    CameraRenamed,
    ClaimProgressed,
)
from common.ids import CameraId, LicenceId, OrganisationId
from provisioning_site import MAC, SECRET, Site, open_site


@pytest.fixture
async def site() -> AsyncIterator[Site]:
    async with open_site() as opened:
        yield opened


async def test_a_camera_asks_by_the_law_is_claimed_and_connects_itself(site: Site) -> None:
    camera = site.camera()
    gaps = [await site.timer.until_next_wake() for _ in range(6)]
    assert all(50 <= gap <= 70 for gap in gaps[:5])
    assert 60 <= gaps[5] <= 3661
    expected = await site.timer.next_wake()

    claim = await site.claim(device="00:40:FF:11:22:33")
    assert (claim["state"], claim["device"]) == ("waiting", "mac:0040ff112233")
    assert abs(datetime.fromisoformat(claim["next_poll_expected"]).timestamp() - expected) <= 2

    camera.press_button()
    await camera.until("connected")
    assert camera.token is not None
    assert (camera.token.camera, len(camera.token.root_password)) == (claim["camera"], 20)
    asked = camera.requests

    _, seen = await site.ask("GET", f"/api/v1/cameras/{claim['camera']}")
    assert seen["connection"]["state"] == "online"
    assert seen["claim"]["state"] == "connected"
    assert seen["model"] == "Reference Camera"
    assert [event.state for event in site.house.bus.said(ClaimProgressed)] == [
        "seen",
        "delivered",
        "connected",
    ]
    [connected] = site.house.bus.said(CameraConnected)
    assert (connected.first, connected.device) == (True, "mac:0040ff112233")
    [claimed] = site.house.bus.said(CameraClaimed)
    assert claimed.camera == claim["camera"]

    for _ in range(3):  # heartbeats go on, requests for a token do not (PR-11)
        assert await site.timer.until_next_wake() == 60
    assert camera.requests == asked


async def test_the_steady_state_of_polling_is_one_request(site: Site) -> None:
    site.camera()
    await site.timer.until_next_wake()
    challenged = site_metric("challenged")
    for _ in range(8):
        await site.timer.until_next_wake()
    await site.timer.next_wake()
    assert site_metric("challenged") == challenged


def site_metric(outcome: str) -> float:
    value = REGISTRY.get_sample_value("vedette_provisioning_polls_total", {"outcome": outcome})
    return value or 0.0


async def test_a_camera_never_seen_is_explained_in_words(site: Site) -> None:
    claim = await site.claim()
    assert claim["next_poll_expected"] is None
    assert "within a minute of power-on" in claim["hint"]


async def test_a_wrong_password_is_told_to_who_waits(site: Site) -> None:
    claim = await site.claim(secret="mistyped")
    status, _, _ = await site.poll()
    _, seen = await site.ask("GET", f"/api/v1/claims/{claim['id']}")
    assert (status, seen["state"]) == (204, "wrong_secret")
    assert "password differs" in seen["hint"]
    assert seen["next_poll_expected"] > seen["last_poll"]


async def test_of_several_claims_the_one_the_device_proves_wins(site: Site) -> None:
    squatter = await site.claim(secret="guess", organisation="org-b")
    owner = await site.claim()
    status, _, _ = await site.poll()
    assert status == 200
    states = [
        (await site.ask("GET", f"/api/v1/claims/{claim['id']}", organisation=who))[1]["state"]
        for claim, who in ((squatter, "org-b"), (owner, "org-a"))
    ]
    assert states == ["lost", "delivered"]


async def test_one_organisation_claims_a_camera_once(site: Site) -> None:
    await site.claim()
    body = {"device_id": "00-40-FF-11-22-33", "secret": SECRET}
    status, answer = await site.ask("POST", "/api/v1/claims", body)
    assert (status, answer["code"]) == (409, "already_claimed")


async def test_a_camera_that_lost_the_answer_asks_again_and_keeps_its_root_password(site: Site) -> None:
    await site.claim()
    assert (await site.poll())[0] == 200
    site.house.clock.advance(timedelta(seconds=60))
    camera = site.camera()
    await camera.until("connected")
    first = camera.token
    camera.reset()
    await camera.when(lambda: camera.state == "connected" and camera.token not in (None, first))
    assert first is not None
    assert camera.token is not None
    assert first.root_password == camera.token.root_password
    assert first.access_token != camera.token.access_token
    assert (await site.connect(first.access_token))[0] == 401
    assert [event.first for event in site.house.bus.said(CameraConnected)] == [True, False]


def _licence(camera: str, version: int, state: Any) -> LicenceChanged:
    now = datetime.fromisoformat("2026-03-01T12:00:00Z")
    return LicenceChanged(
        organisation=OrganisationId("org-a"), version=version, at=now, licence=LicenceId("l-1"),
        camera=CameraId(camera), state=state, previous=None, cause="test", since=now, plan="standard",
        portal_features=True, recording=True, charged=False, simultaneous_accesses=5,
    )  # fmt: skip


async def test_one_call_shows_the_licence_as_licensing_said_last(site: Site) -> None:
    camera = (await site.claim())["camera"]
    _, before = await site.ask("GET", f"/api/v1/cameras/{camera}")
    assert before["licence"] is None
    await site.house.bus.tell(_licence(camera, 2, "active"), _licence(camera, 1, "demo"))
    _, page = await site.ask("GET", "/api/v1/cameras")
    [seen] = page["items"]
    assert (seen["licence"]["state"], seen["licence"]["simultaneous_accesses"]) == ("active", 5)


async def test_a_removed_camera_is_a_removed_device_and_its_token_is_dead(site: Site) -> None:
    claim = await site.claim()
    camera = site.camera()
    await camera.until("connected")
    path = f"/api/v1/cameras/{claim['camera']}"
    assert (await site.ask("DELETE", path))[0] == 204
    assert (await site.ask("GET", path))[0] == 404
    assert (await site.ask("DELETE", path))[0] == 404
    [removed] = site.house.bus.said(CameraRemoved)
    assert removed.at == site.house.clock.now()
    _, items = await site.ask("GET", "/api/v1/items")
    assert [(item["kind"], item["name"]) for item in items["items"]] == [("removed_device", "Gate")]
    await site.timer.until_next_wake()
    await camera.until("refused")
    assert (await site.poll())[0] == 204
    again = await site.claim()
    camera.press_button()
    await camera.until("connected")
    assert again["camera"] != claim["camera"]


async def test_a_camera_removed_before_it_connected_leaves_nothing(site: Site) -> None:
    claim = await site.claim()
    assert (await site.ask("DELETE", f"/api/v1/cameras/{claim['camera']}"))[0] == 204
    assert (await site.ask("GET", "/api/v1/items"))[1]["items"] == []


async def test_a_camera_is_renamed_only_if_nobody_else_was_faster(site: Site) -> None:
    path = f"/api/v1/cameras/{(await site.claim())['camera']}"
    _, needed = await site.ask("PATCH", path, {"name": "Yard"})
    assert (needed["status"], needed["current"]["name"]) == (428, "Gate")
    for tag, name, status in (
        ('"1"', "Yard", 200),
        ('"1"', "Door", 412),
        ('"x"', "Door", 412),
        ("*", "Door", 200),
    ):
        assert (await site.ask("PATCH", path, {"name": name}, headers={"If-Match": tag}))[0] == status
    assert (await site.ask("PATCH", path, {"name": "x" * 46}, headers={"If-Match": "*"}))[0] == 422
    assert [event.name for event in site.house.bus.said(CameraRenamed)] == ["Yard", "Door"]


async def test_cameras_are_read_page_by_page_oldest_first(site: Site) -> None:
    ages = ["zebra", "Árbol", "apple", "Žižkov"]
    for number, name in enumerate(ages):
        await site.claim(device=f"id:cam-{number}x", name=name)
    names: list[str] = []
    cursor: str | None = ""
    while cursor is not None:
        _, page = await site.ask("GET", "/api/v1/cameras?limit=3" + (f"&cursor={cursor}" if cursor else ""))
        names += [item["name"] for item in page["items"]]
        cursor = page["next"]
    assert names == ages


async def test_a_camera_that_stops_calling_is_offline_after_a_while(site: Site) -> None:
    claim = await site.claim()
    camera = site.camera()
    await camera.until("connected")
    site.house.clock.advance(timedelta(minutes=6))
    _, seen = await site.ask("GET", f"/api/v1/cameras/{claim['camera']}")
    assert seen["connection"]["state"] == "offline"


async def test_another_organisations_camera_is_like_no_camera(site: Site) -> None:
    claim = await site.claim()
    camera = f"/api/v1/cameras/{claim['camera']}"
    attempts = [("GET", camera, None), ("DELETE", camera, None), ("PATCH", camera, {"name": "x"}),
                ("GET", f"/api/v1/claims/{claim['id']}", None)]  # fmt: skip
    for method, path, body in attempts:
        missing = path.rpartition("/")[0] + "/none"
        theirs = await site.ask(method, path, body, organisation="org-b")
        none = await site.ask(method, missing, body, organisation="org-b")
        assert theirs[0] == none[0] == 404
        assert theirs[1]["code"] == none[1]["code"]
        assert theirs[1]["detail"] == none[1]["detail"]


async def test_a_viewer_may_look_but_not_claim(site: Site) -> None:
    body = {"device_id": MAC, "secret": SECRET}
    assert (await site.ask("POST", "/api/v1/claims", body, role=Role.VIEWER))[0] == 403
    assert (await site.ask("GET", "/api/v1/cameras", role=Role.VIEWER))[0] == 200


async def test_a_folder_that_is_not_there_is_no_parent(site: Site) -> None:
    body = {"device_id": MAC, "secret": SECRET, "parent": "nowhere"}
    status, answer = await site.ask("POST", "/api/v1/claims", body)
    assert (status, answer["errors"][0]["field"]) == (422, "parent")


async def test_the_secret_is_kept_nowhere(site: Site) -> None:
    await site.claim()
    camera = site.camera()
    await camera.until("connected")
    everything = repr(site.house.databases["provisioning"].collections)
    assert camera.token is not None
    for secret in (SECRET, camera.token.access_token, camera.token.root_password):
        assert secret not in everything
