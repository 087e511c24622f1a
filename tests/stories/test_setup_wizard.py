"""The setup wizard's data: a camera's basic configuration, and what a person has to know (PR-21, PR-26 to PR-33)."""

import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from common.auth import Role
from common.contracts.audit import ActRecorded
from common.contracts.provisioning import CameraRenamed
from provisioning_site import Site, open_site

WHATEVER = {"If-Match": "*"}
GUIDE = "/api/v1/camera-guide"
TEXTS = Path(__file__).parents[2] / "services/provisioning/src/provisioning/assets/guide"


@pytest.fixture
async def site() -> AsyncIterator[Site]:
    told: dict[str, Any] = {
        "firewall_networks": ("88.86.101.192/27",),
        "dispatchers": ("dispatcher.example:443",),
        "streaming_plans": ("streaming",),
    }
    async with open_site(**told) as opened:
        yield opened


async def connected(site: Site) -> str:
    claim = await site.claim()
    camera = site.camera()
    await camera.until("connected")
    return f"/api/v1/cameras/{claim['camera']}/configuration"


async def test_the_basic_configuration_is_seen_and_changed(site: Site) -> None:
    path = await connected(site)
    status, seen, headers = await site.ask_all("GET", path)
    assert (status, seen["name"], seen["model"], seen["firmware"]) == (
        200,
        "Gate",
        "Reference Camera",
        "11.0",
    )
    assert (seen["location"], seen["time_zone"], seen["root_password_known"]) == (None, None, True)
    change = {"name": "Yard", "location": "Above the door", "time_zone": "Europe/Prague"}
    etag = {"If-Match": headers["ETag"]}
    status, changed = await site.ask("PATCH", path, change, headers=etag)
    assert (status, changed["name"], changed["location"], changed["time_zone"]) == (200, *change.values())
    assert (await site.ask("PATCH", path, {"name": "Door"}, headers=etag))[0] == 412
    assert (await site.ask("PATCH", path, {"name": "Door"}))[0] == 428
    status, changed = await site.ask("PATCH", path, {"location": None}, headers=WHATEVER)
    assert (status, changed["name"], changed["location"]) == (200, "Yard", None)
    assert [event.name for event in site.house.bus.said(CameraRenamed)] == ["Yard"]
    assert [act.act for act in site.house.bus.said(ActRecorded)] == ["camera.configured"] * 2
    _, again, headers = await site.ask_all("PATCH", path, {}, headers=WHATEVER)
    assert again["name"] == "Yard", "nothing given, nothing changed"


@pytest.mark.parametrize(
    ("body", "field"),
    [({"time_zone": "Europe/Brno"}, "time_zone"), ({"name": "x" * 46}, "name"), ({"name": None}, "name"),
     ({"location": "x" * 201}, "location"), ({"model": "x"}, "model")],
)  # fmt: skip
async def test_what_cannot_be_is_refused(site: Site, body: Any, field: str) -> None:
    status, answer = await site.ask("PATCH", await connected(site), body, headers=WHATEVER)
    assert (status, answer["errors"][0]["field"]) == (422, field)


async def test_configuration_is_the_organisations_own(site: Site) -> None:
    path = await connected(site)
    assert (await site.ask("GET", path, organisation="org-b"))[0] == 404
    assert (await site.ask("PATCH", path, {"name": "x"}, organisation="org-b"))[0] == 404
    assert (await site.ask("PATCH", path, {"name": "x"}, role=Role.VIEWER))[0] == 403
    camera = path.split("/")[4]
    assert (await site.ask("GET", f"{GUIDE}?camera={camera}", organisation="org-b"))[0] == 404


def codes(guide: Any) -> list[str]:
    return [section["code"] for section in guide["sections"]]


async def test_the_steps_depend_on_the_firmware(site: Site) -> None:
    for firmware, ways in (("10.12.3", ["firmware_new"]), ("11", ["firmware_new"]), ("9.80.1", ["firmware_old"]),
                           ("", ["firmware_new", "firmware_old"]), ("LFP", ["firmware_new", "firmware_old"])):  # fmt: skip
        _, guide = await site.ask("GET", f"{GUIDE}?firmware={firmware}")
        assert codes(guide) == ["button", "used_before", *ways, "outgoing"]


async def test_a_camera_that_is_known_need_not_be_described(site: Site) -> None:
    camera = (await connected(site)).split("/")[4]
    _, guide = await site.ask("GET", f"{GUIDE}?camera={camera}&language=cs")
    assert codes(guide) == ["button", "used_before", "firmware_new", "outgoing"]
    assert "tlačítko" in guide["sections"][0]["text"]


async def test_the_manual_of_the_model_is_linked(site: Site) -> None:
    _, guide = await site.ask("GET", f"{GUIDE}?model=axis%20q3536-lve")
    assert [manual["model"] for manual in guide["manuals"]] == ["AXIS Q3536-LVE"]
    _, guide = await site.ask("GET", GUIDE)
    assert len(guide["manuals"]) == 4


async def test_the_firewall_page_is_this_deployments_and_this_plans(site: Site) -> None:
    _, guide = await site.ask("GET", f"{GUIDE}?plan=standard")
    rules = [(rule["protocol"], rule["port"], rule["to"], rule["purpose"]) for rule in guide["firewall"]]
    network = "88.86.101.192/27"
    usual = [("tcp", port, network, "service") for port in (8080, 80, 443)]
    usual += [("udp", 123, network, "time"), ("tcp", 443, "dispatcher.example", "dispatcher")]
    assert rules == usual
    _, guide = await site.ask("GET", f"{GUIDE}?plan=streaming")
    more = [(rule["protocol"], rule["port"]) for rule in guide["firewall"] if rule["purpose"] == "streaming"]
    assert more == [("udp", 53), ("udp", 123), ("tcp", 1935)]


def test_every_language_says_the_same_things() -> None:
    def shape(value: Any) -> Any:
        if isinstance(value, dict):
            return {key: shape(one) for key, one in value.items()}
        return [shape(one) for one in value] if isinstance(value, list) else bool(value)

    shapes = {path.stem: shape(json.loads(path.read_text("utf-8"))) for path in TEXTS.glob("*.json")}
    assert set(shapes) == {"en", "de", "cs", "es", "fr"}
    assert all(one == shapes["en"] for one in shapes.values())
