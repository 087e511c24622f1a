"""A camera moves to a new account: it is added there and reset, in either order (PR-13, PR-14)."""

import asyncio
from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any

import pytest

from common.contracts.audit import ActRecorded
from common.contracts.provisioning import CameraConnected, CameraRemoved, ClaimProgressed, TransferChanged
from common.testing import MemoryHouse
from device.camera import Camera
from device.digest import Digest
from licensing.app import assemble as assemble_licensing
from licensing.settings import Settings as LicensingSettings
from provisioning_site import MAC, SECRET, Site, open_site, settings


@pytest.fixture
async def site() -> AsyncIterator[Site]:
    async with open_site() as opened:
        yield opened


async def connected(site: Site, organisation: str = "org-a") -> tuple[Any, Camera]:
    claim = await site.claim(organisation=organisation)
    camera = site.camera()
    await camera.until("connected")
    return claim, camera


async def arrives(camera: Camera, claim: Any) -> None:
    await camera.when(
        lambda: (
            camera.state == "connected"
            and camera.token is not None
            and camera.token.camera == claim["camera"]
        )
    )


async def state(site: Site, claim: Any, organisation: str) -> str:
    _, seen = await site.ask("GET", f"/api/v1/claims/{claim['id']}", organisation=organisation)
    return str(seen["state"])


async def transfers(site: Site, organisation: str) -> list[Any]:
    _, page = await site.ask("GET", "/api/v1/camera-transfers", organisation=organisation)
    return list(page["items"])


async def test_claimed_first_then_reset_it_moves_in_one_step(site: Site) -> None:
    old, camera = await connected(site)
    old_token = camera.token
    new = await site.claim(organisation="org-b", name="Yard")
    assert [warning["code"] for warning in new["warnings"]] == ["claimed_before"]
    assert await state(site, old, "org-a") == "connected", "a claim alone moves nothing"

    site.house.clock.advance(timedelta(seconds=1))
    moved_at = site.house.clock.now()
    camera.reset()
    await arrives(camera, new)

    assert old_token is not None
    assert (await site.connect(old_token.access_token))[0] == 401
    assert [await state(site, old, "org-a"), await state(site, new, "org-b")] == ["moved", "connected"]
    assert (await site.ask("GET", f"/api/v1/cameras/{old['camera']}"))[0] == 404
    _, items = await site.ask("GET", "/api/v1/items")
    assert [(item["kind"], item["name"]) for item in items["items"]] == [("removed_device", "Gate")]
    [removed] = site.house.bus.said(CameraRemoved)
    assert (removed.organisation, removed.camera, removed.at) == ("org-a", old["camera"], moved_at)
    first, second = site.house.bus.said(CameraConnected)
    assert (second.organisation, second.camera, second.first) == ("org-b", new["camera"], True)
    assert first.at <= removed.at <= second.at


async def test_reset_first_then_claimed_it_comes_with_its_next_heartbeat(site: Site) -> None:
    old, camera = await connected(site)
    first = camera.token
    site.house.clock.advance(timedelta(seconds=1))
    camera.reset()
    await camera.when(lambda: camera.state == "connected" and camera.token not in (None, first))
    assert await state(site, old, "org-a") == "connected", "a reset alone moves nothing"

    site.house.clock.advance(timedelta(minutes=5))
    new = await site.claim(organisation="org-b")
    assert new["state"] == "proved"
    assert await state(site, old, "org-a") == "moved"
    assert (await site.ask("GET", f"/api/v1/cameras/{old['camera']}"))[0] == 404
    await site.timer.until_next_wake()
    await arrives(camera, new)
    assert await state(site, new, "org-b") == "connected"


async def test_a_reset_of_long_ago_gives_nothing_away(site: Site) -> None:
    old, camera = await connected(site)
    first = camera.token
    site.house.clock.advance(timedelta(seconds=1))
    camera.reset()
    await camera.when(lambda: camera.state == "connected" and camera.token not in (None, first))
    site.house.clock.advance(timedelta(minutes=61))
    new = await site.claim(organisation="org-b")
    assert (new["state"], await state(site, old, "org-a")) == ("waiting", "connected")


async def test_a_reset_camera_is_not_given_to_who_types_another_secret(site: Site) -> None:
    old, camera = await connected(site)
    site.house.clock.advance(timedelta(seconds=1))
    camera.reset()
    await camera.when(lambda: camera.requests == 2 and camera.state == "connected")
    thief = await site.claim(organisation="org-b", secret="guess")
    assert (thief["state"], await state(site, old, "org-a")) == ("waiting", "connected")


async def test_a_lost_answer_is_no_reset(site: Site) -> None:
    old = await site.claim()
    assert (await site.poll())[0] == 200  # the answer never arrives
    new = await site.claim(organisation="org-b")
    site.house.clock.advance(timedelta(minutes=1))
    assert (await site.poll())[0] == 200
    assert [await state(site, old, "org-a"), await state(site, new, "org-b")] == ["delivered", "waiting"]
    site.house.clock.advance(timedelta(hours=3))  # by its law it would have asked long ago
    assert (await site.poll())[0] == 200
    assert [await state(site, old, "org-a"), await state(site, new, "org-b")] == ["moved", "delivered"]


async def test_an_expired_token_is_no_reset(site: Site) -> None:
    old, camera = await connected(site)
    site.house.clock.advance(timedelta(days=365))
    new = await site.claim(organisation="org-b")
    assert (await site.poll())[0] == 200
    assert [await state(site, old, "org-a"), await state(site, new, "org-b")] == ["delivered", "waiting"]
    assert camera.token is not None


async def test_a_device_with_another_secret_takes_nothing_away(site: Site) -> None:
    """Anybody can claim an id with a password of his own, and let a program prove that one."""
    old, camera = await connected(site)
    thief = await site.claim(organisation="org-b", secret="my own")
    status, _, _ = await site.poll(secret="my own")
    assert (status, await state(site, thief, "org-b")) == (204, "disputed")
    assert await state(site, old, "org-a") == "connected"
    assert camera.token is not None
    assert (await site.connect(camera.token.access_token))[0] == 200
    assert site.house.bus.said(CameraRemoved) == []


async def test_of_three_organisations_the_first_to_claim_after_the_holder_gets_it(site: Site) -> None:
    old, camera = await connected(site)
    wrong = await site.claim(organisation="org-d", secret="mistyped")
    first = await site.claim(organisation="org-b")
    site.house.clock.advance(timedelta(seconds=1))
    second = await site.claim(organisation="org-c")
    camera.reset()
    await arrives(camera, first)
    states = [await state(site, claim, who) for claim, who in
              ((old, "org-a"), (first, "org-b"), (second, "org-c"), (wrong, "org-d"))]  # fmt: skip
    assert states == ["moved", "connected", "lost", "lost"]
    again = await site.claim(organisation="org-c")
    site.house.clock.advance(timedelta(seconds=1))
    camera.reset()
    await arrives(camera, again)
    assert await state(site, first, "org-b") == "moved"


async def test_a_cancelled_claim_gets_nothing(site: Site) -> None:
    old, camera = await connected(site)
    cancelled = await site.claim(organisation="org-b")
    assert (await site.ask("DELETE", f"/api/v1/cameras/{cancelled['camera']}", organisation="org-b"))[
        0
    ] == 204
    site.house.clock.advance(timedelta(seconds=1))
    camera.reset()
    await camera.when(lambda: camera.requests == 2 and camera.state == "connected")
    assert [await state(site, old, "org-a"), await state(site, cancelled, "org-b")] == [
        "connected",
        "cancelled",
    ]


async def test_a_camera_removed_before_goes_to_whoever_waits(site: Site) -> None:
    old, camera = await connected(site)
    new = await site.claim(organisation="org-b")
    assert (await site.ask("DELETE", f"/api/v1/cameras/{old['camera']}"))[0] == 204
    await site.timer.until_next_wake()
    await camera.until("refused")
    camera.press_button()
    await arrives(camera, new)
    assert await transfers(site, "org-b") == [], "nobody lost it: it was given away"


async def test_a_replayed_proof_moves_nothing(site: Site) -> None:
    await connected(site)
    new = await site.claim(organisation="org-b")
    _, headers, _ = await site.poll(secret="another")
    digest = Digest(MAC, SECRET)
    nonce = headers["Authentication-Info"].removeprefix("next")
    digest.challenged(f'Digest realm="vedette-camera", qop="auth", algorithm=SHA-256, {nonce}')
    header = digest.header("GET", f"/camera/v1/devices/{MAC}/token")
    assert (await site.poll(header=header))[0] == 200
    assert await state(site, new, "org-b") == "delivered"
    third = await site.claim(organisation="org-c")
    assert (await site.poll(header=header))[0] == 204
    assert [await state(site, new, "org-b"), await state(site, third, "org-c")] == ["delivered", "waiting"]


async def test_two_that_ask_at_once_move_it_once(site: Site) -> None:
    await connected(site)
    new = await site.claim(organisation="org-b")
    site.house.clock.advance(timedelta(seconds=1))
    answers = await asyncio.gather(*(site.poll() for _ in range(5)))
    assert 200 in [status for status, _, _ in answers]
    assert len(await transfers(site, "org-a")) == 1
    assert await state(site, new, "org-b") == "delivered"


async def test_the_old_organisation_has_a_notice_and_a_week_to_contest(site: Site) -> None:
    _, camera = await connected(site)
    new = await site.claim(organisation="org-b", name="Yard")
    site.house.clock.advance(timedelta(seconds=1))
    camera.reset()
    await arrives(camera, new)
    [away], [here] = await transfers(site, "org-a"), await transfers(site, "org-b")
    assert (away["direction"], away["name"], away["contestable"]) == ("away", "Gate", True)
    assert (here["direction"], here["name"], here["contestable"]) == ("here", "", False)
    assert "org-" not in repr([away, here]), "neither learns who the other one is"
    path = f"/api/v1/camera-transfers/{away['id']}"
    assert [event.direction for event in site.house.bus.said(TransferChanged)] == ["away", "here"]

    contest = {"reason": "It was stolen"}
    assert (await site.ask("POST", f"{path}/contest", contest, organisation="org-b"))[0] == 404
    assert (await site.ask("POST", f"{path}/contest", contest, organisation="org-c"))[0] == 404
    assert (await site.ask("POST", f"{path}/contest", contest))[1]["state"] == "contested"
    assert (await site.ask("POST", f"{path}/contest", contest))[1]["code"] == "contested_already"
    [here] = await transfers(site, "org-b")
    assert (here["state"], here["reason"]) == ("contested", None)

    third = await site.claim(organisation="org-c")
    site.house.clock.advance(timedelta(seconds=1))
    camera.reset()
    await camera.when(lambda: camera.requests == 3 and camera.state == "connected")
    assert await state(site, third, "org-c") == "waiting", "a contested device moves no further"
    fourth = await site.claim(organisation="org-d")
    assert fourth["state"] == "waiting", "not by the other order either"

    assert (await site.ask("POST", f"{path}/withdraw"))[1]["state"] == "withdrawn"
    assert (await site.ask("POST", f"{path}/withdraw"))[1]["code"] == "not_contested"
    site.house.clock.advance(timedelta(seconds=1))
    camera.reset()
    await arrives(camera, third)
    acts = [event.act for event in site.house.bus.said(ActRecorded)]
    assert acts == ["camera_transfer.contested", "camera_transfer.withdrawn"]


async def test_after_the_window_it_is_too_late_to_contest(site: Site) -> None:
    _, camera = await connected(site)
    new = await site.claim(organisation="org-b")
    site.house.clock.advance(timedelta(seconds=1))
    camera.reset()
    await arrives(camera, new)
    [away] = await transfers(site, "org-a")
    site.house.clock.advance(timedelta(days=7, seconds=1))
    path = f"/api/v1/camera-transfers/{away['id']}/contest"
    status, answer = await site.ask("POST", path, {"reason": "late"})
    assert (status, answer["code"]) == (409, "contest_too_late")


async def test_nothing_is_billed_twice_and_there_is_no_second_trial(site: Site) -> None:
    house = site.house
    _licensing(house)
    old, camera = await connected(site)
    await house.bus.deliver()
    new = await site.claim(organisation="org-b")
    house.clock.advance(timedelta(days=3))
    camera.reset()
    await arrives(camera, new)
    await house.bus.deliver()
    licences = sorted(
        house.databases["licensing"].collections["licences"].values(), key=lambda one: one["organisation"]
    )
    assert [(one["organisation"], one["camera"], one["state"]) for one in licences] == [
        ("org-a", old["camera"], "ended"),
        ("org-b", new["camera"], "active"),
    ]
    [removed] = house.bus.said(CameraRemoved)
    assert licences[1]["registered_at"] >= removed.at
    assert [event.state for event in house.bus.said(ClaimProgressed)][-3:] == [
        "moved",
        "delivered",
        "connected",
    ]


def _licensing(house: MemoryHouse) -> None:
    told = LicensingSettings(master_key=settings().master_key)
    house.move_in("licensing", lambda parts: assemble_licensing(parts, told))
