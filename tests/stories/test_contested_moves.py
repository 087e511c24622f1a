"""A camera moved away and should not have: the old organisation contests it, staff decide (decision 15)."""

import asyncio
from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any

import pytest
from prometheus_client import REGISTRY

from common.auth import Role
from common.contracts.audit import ActRecorded
from common.contracts.provisioning import CameraConnected, CameraRemoved, ClaimProgressed, TransferChanged
from device.camera import Camera
from provisioning_site import Site, contest_service, open_site

CONTESTS = "/api/v1/camera-contests"
NOTE = {"note": "The police report says so"}


@pytest.fixture
async def site() -> AsyncIterator[Site]:
    async with open_site() as opened:
        yield opened


async def staff(site: Site, method: str, path: str, body: Any = None, **more: Any) -> tuple[int, Any]:
    told = {"organisation": "staff", "role": Role.STAFF_ADMIN, "user": "judge"} | more
    return await site.ask(method, CONTESTS + path, body, **told)


async def moved(site: Site) -> tuple[Any, Any, Camera]:
    """The old claim, the new one, and the camera, connected at its new organisation."""
    old = await site.claim(name="Gate")
    camera = site.camera()
    await camera.until("connected")
    new = await site.claim(organisation="org-b", name="Yard")
    await _reset(site, camera)
    await arrives(camera, new["camera"])
    return old, new, camera


async def _reset(site: Site, camera: Camera) -> None:
    site.house.clock.advance(timedelta(seconds=1))
    camera.reset()


async def arrives(camera: Camera, at: str) -> None:
    await camera.when(
        lambda: camera.state == "connected" and camera.token is not None and camera.token.camera == at
    )


async def contested(site: Site) -> str:
    """Of the oldest move away from org-a."""
    _, page = await site.ask("GET", "/api/v1/camera-transfers")
    transfer = page["items"][0]["id"]
    path = f"/api/v1/camera-transfers/{transfer}/contest"
    assert (await site.ask("POST", path, {"reason": "It was stolen"}))[0] == 200
    return str(transfer)


async def cameras(site: Site, organisation: str) -> list[Any]:
    return list((await site.ask("GET", "/api/v1/cameras", organisation=organisation))[1]["items"])


async def test_staff_see_what_both_sides_show_and_how_long_it_waits(site: Site) -> None:
    old, new, _ = await moved(site)
    transfer = await contested(site)
    path = f"/api/v1/camera-transfers/{transfer}"
    said = {"statement": "Bought from a shop"}
    assert (await site.ask("POST", f"{path}/answer", said))[0] == 404, "the new one's to say"
    assert (await site.ask("POST", f"{path}/answer", said, organisation="org-b"))[1]["statement"] is not None
    site.house.clock.advance(timedelta(days=2))
    _, page = await staff(site, "GET", "")
    [one] = page["items"]
    assert (one["waiting_seconds"], one["reason"]) == (2 * 86_400, "It was stolen")
    assert one["statement"] == "Bought from a shop"
    sides = one["old"], one["new"]
    assert [side["organisation"] for side in sides] == ["org-a", "org-b"]
    assert [side["camera"] for side in sides] == [old["camera"], new["camera"]]
    assert [side["has_it"] for side in sides] == [False, True]
    assert all(side["proved_at"] and side["connected_at"] for side in sides)
    assert "Gate" not in repr(one), "a customer's names are the customer's"
    assert one == (await staff(site, "GET", f"/{transfer}"))[1]


async def test_upheld_it_goes_back_in_one_commit_and_the_camera_comes_by_itself(site: Site) -> None:
    old, new, camera = await moved(site)
    token, moved_at = camera.token, site.house.clock.now()
    transfer = await contested(site)
    site.house.clock.advance(timedelta(hours=1))
    status, decided = await staff(site, "POST", f"/{transfer}/uphold", NOTE)
    assert (status, decided["state"], decided["waiting_seconds"]) == (200, "upheld", None)
    assert (decided["old"]["has_it"], decided["new"]["has_it"]) == (True, False)

    assert token is not None
    status, refused = await site.connect(token.access_token)
    assert (status, refused["code"]) == (401, "camera_moved"), "the new owner's token ended"
    ends = [(event.organisation, event.camera) for event in site.house.bus.said(CameraRemoved)]
    assert ends == [("org-a", old["camera"]), ("org-b", new["camera"])], "and its licence"
    path = f"/api/v1/cameras/{new['camera']}/root-password/reveal"
    assert (await site.ask("POST", path, organisation="org-b"))[1]["code"] == "no_root_password"

    [back] = await cameras(site, "org-a")
    assert (back["name"], back["claim"]["state"]) == ("Gate", "proved")
    assert back["id"] != old["camera"], "a licence that has ended does not come to life again"
    await site.timer.until_next_wake()
    await arrives(camera, back["id"])
    assert camera.token is not None
    assert camera.token.root_password != token.root_password
    last = site.house.bus.said(CameraConnected)[-1]
    assert (last.organisation, last.camera, last.first) == ("org-a", back["id"], True)
    assert last.at > moved_at


async def test_both_organisations_hear_the_decision(site: Site) -> None:
    await moved(site)
    transfer = await contested(site)
    await staff(site, "POST", f"/{transfer}/uphold", NOTE)
    told = [(event.organisation, event.state) for event in site.house.bus.said(TransferChanged)]
    assert told[-2:] == [("org-a", "upheld"), ("org-b", "upheld")]
    for organisation in ("org-a", "org-b"):
        _, page = await site.ask("GET", "/api/v1/camera-transfers", organisation=organisation)
        assert [(one["state"], one["note"]) for one in page["items"]] == [("upheld", NOTE["note"])]
    act = site.house.bus.said(ActRecorded)[-1]
    assert (act.organisation, act.act, act.object) == ("staff", "camera_contest.upheld", transfer)


async def test_what_staff_gave_back_no_reset_takes_away(site: Site) -> None:
    _, _, camera = await moved(site)
    transfer = await contested(site)
    await staff(site, "POST", f"/{transfer}/uphold", NOTE)
    [back] = await cameras(site, "org-a")
    await site.timer.until_next_wake()
    await arrives(camera, back["id"])
    again = await site.claim(organisation="org-b")
    await _reset(site, camera)
    asked = camera.requests
    await camera.when(lambda: camera.requests > asked and camera.state == "connected")
    assert camera.token is not None
    assert camera.token.camera == back["id"]
    # Its owner may: removed there, it goes to whoever proves it.
    assert (await site.ask("DELETE", f"/api/v1/cameras/{back['id']}"))[0] == 204
    await site.timer.until_next_wake()
    await camera.until("refused")
    camera.press_button()
    await arrives(camera, again["camera"])
    # And from there on it moves like any other.
    third = await site.claim(organisation="org-c")
    await _reset(site, camera)
    await arrives(camera, third["camera"])


async def test_rejected_the_move_stands_and_is_contested_no_more(site: Site) -> None:
    _, new, camera = await moved(site)
    transfer = await contested(site)
    status, decided = await staff(site, "POST", f"/{transfer}/reject", NOTE)
    assert (status, decided["state"], decided["new"]["has_it"]) == (200, "rejected", True)
    assert camera.token is not None
    assert (await site.connect(camera.token.access_token))[0] == 200
    path = f"/api/v1/camera-transfers/{transfer}"
    for act, body in (("contest", {"reason": "again"}), ("withdraw", None)):
        assert (await site.ask("POST", f"{path}/{act}", body))[1]["code"] == "contest_decided"
    assert (await staff(site, "POST", f"/{transfer}/uphold", NOTE))[1]["code"] == "contest_decided"
    assert (await staff(site, "GET", ""))[1]["items"] == []
    third = await site.claim(organisation="org-c")
    await _reset(site, camera)
    await arrives(camera, third["camera"])
    assert await cameras(site, "org-b") == []
    assert new["camera"] != third["camera"]


async def test_a_contested_camera_that_is_let_go_goes_to_no_accomplice(site: Site) -> None:
    _, new, camera = await moved(site)
    transfer = await contested(site)
    accomplice = await site.claim(organisation="org-c")
    assert (await site.ask("DELETE", f"/api/v1/cameras/{new['camera']}", organisation="org-b"))[0] == 204
    await site.timer.until_next_wake()
    await camera.until("refused")
    assert (await site.poll())[0] == 204
    _, seen = await site.ask("GET", f"/api/v1/claims/{accomplice['id']}", organisation="org-c")
    assert seen["state"] == "disputed"
    assert (await staff(site, "POST", f"/{transfer}/uphold", NOTE))[0] == 200
    [back] = await cameras(site, "org-a")
    camera.press_button()
    await arrives(camera, back["id"])
    _, seen = await site.ask("GET", f"/api/v1/claims/{accomplice['id']}", organisation="org-c")
    assert seen["state"] == "lost"


async def test_sold_on_before_it_was_contested_it_comes_back_and_the_buyer_may_contest_that(
    site: Site,
) -> None:
    _, _, camera = await moved(site)
    buyer = await site.claim(organisation="org-c")
    await _reset(site, camera)
    await arrives(camera, buyer["camera"])
    transfer = await contested(site)
    assert (await staff(site, "GET", f"/{transfer}"))[1]["elsewhere"] == "org-c"
    assert (await staff(site, "POST", f"/{transfer}/uphold", NOTE))[0] == 200
    [back] = await cameras(site, "org-a")
    await site.timer.until_next_wake()
    await arrives(camera, back["id"])
    _, page = await site.ask("GET", "/api/v1/camera-transfers", organisation="org-c")
    assert [(one["direction"], one["contestable"]) for one in page["items"]] == [
        ("here", False),
        ("away", True),
    ]


async def test_an_old_owner_who_claimed_it_again_keeps_that_one_camera(site: Site) -> None:
    _, _, camera = await moved(site)
    transfer = await contested(site)
    again = await site.claim(secret="mistyped", name="Gate once more")
    assert (await staff(site, "POST", f"/{transfer}/uphold", NOTE))[0] == 200
    assert [one["id"] for one in await cameras(site, "org-a")] == [again["camera"]]
    await site.timer.until_next_wake()
    await arrives(camera, again["camera"])
    states = [event.state for event in site.house.bus.said(ClaimProgressed) if event.claim == again["id"]]
    assert states == ["proved", "seen", "delivered", "connected"]


async def test_two_that_decide_at_once_decide_once(site: Site) -> None:
    await moved(site)
    transfer = await contested(site)
    answers = await asyncio.gather(
        *(staff(site, "POST", f"/{transfer}/{act}", NOTE) for act in ("uphold", "reject", "uphold", "reject"))
    )
    assert sorted(status for status, _ in answers) == [200, 409, 409, 409]
    assert len([one for one in site.house.bus.said(ActRecorded) if one.organisation == "staff"]) == 1


@pytest.mark.parametrize(
    ("who", "status"),
    [
        ({"organisation": "org-a", "role": Role.SUPER_ADMIN}, 403),
        ({"role": Role.STAFF}, 403),
        ({"role": Role.SUPPORT, "via": "support", "grant": "g"}, 403),
        ({"strong": False}, 403),
    ],
)
async def test_nobody_else_decides_or_looks(site: Site, who: dict[str, Any], status: int) -> None:
    await moved(site)
    transfer = await contested(site)
    for method, path, body in (("GET", "", None), ("POST", f"/{transfer}/uphold", NOTE)):
        assert (await staff(site, method, path, body, **who))[0] == status


async def test_a_move_that_nobody_contests_is_no_case_for_staff(site: Site) -> None:
    await moved(site)
    _, page = await site.ask("GET", "/api/v1/camera-transfers")
    transfer = page["items"][0]["id"]
    assert (await staff(site, "GET", f"/{transfer}"))[0] == 404
    assert (await staff(site, "POST", f"/{transfer}/uphold", NOTE))[0] == 404


async def test_contests_that_wait_are_counted(site: Site) -> None:
    contests = contest_service(site.house.parts("provisioning"))
    await moved(site)
    transfer = await contested(site)
    site.house.clock.advance(timedelta(hours=3))
    await contests.measure()
    assert REGISTRY.get_sample_value("vedette_provisioning_open_contests") == 1
    assert REGISTRY.get_sample_value("vedette_provisioning_oldest_contest_seconds") == 3 * 3600
    await staff(site, "POST", f"/{transfer}/reject", NOTE)
    await contests.measure()
    assert REGISTRY.get_sample_value("vedette_provisioning_open_contests") == 0
    assert REGISTRY.get_sample_value("vedette_provisioning_oldest_contest_seconds") == 0
