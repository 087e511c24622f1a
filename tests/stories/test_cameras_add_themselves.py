"""A camera that saw a code adds itself (PR-16, decision 20): nobody types its id, and nothing is taken away."""

import asyncio
from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any

import pytest

from common.auth import Role
from common.contracts.audit import ActRecorded
from common.contracts.identity import AccessChanged
from common.ids import OrganisationId, UserId
from device.asking import Server
from device.by_code import add_itself
from device.camera import Camera
from device.digest import Digest
from device.identity import Identity
from device.lens import read as read_by_lens
from provisioning_site import MAC, SECRET, Site, open_site
from scanned import scanned

CODES = "/api/v1/camera-codes"
WIFI = {"ssid": "Workshop", "password": "correct horse"}


@pytest.fixture
async def site() -> AsyncIterator[Site]:
    async with open_site() as opened:
        yield opened


async def code(site: Site, organisation: str = "org-a", **body: Any) -> str:
    status, made = await site.ask("POST", f"{CODES}/claim", body, organisation=organisation)
    assert status == 201, made
    return str(made["code"])


async def on_a_phone(site: Site, shown: str) -> str:
    """What is in the QR code that the phone shows."""
    _, _, drawn = await site.ask_fully("POST", f"{CODES}/setup", WIFI | {"code": shown})
    return scanned(drawn.decode())


async def cameras(site: Site, organisation: str = "org-a") -> list[Any]:
    return list((await site.ask("GET", "/api/v1/cameras", organisation=organisation))[1]["items"])


async def shown_to(site: Site, shown: str, device: str = MAC, secret: str = SECRET) -> int:
    """The status that a camera gets which saw it."""
    site.house.clock.advance(timedelta(milliseconds=1))
    identity = Identity(device, secret)
    reply = await add_itself(
        Server(site.session, site.url), Digest(identity.username, secret), identity, shown
    )
    assert reply is not None
    return reply.status


async def test_a_camera_that_reads_the_code_is_connected_and_nobody_typed_anything(site: Site) -> None:
    _, folder = await site.ask("POST", "/api/v1/items", {"kind": "folder", "name": "Hall"})
    text = await on_a_phone(site, await code(site, name="Gate", parent=folder["id"]))
    setup = read_by_lens(text)
    assert setup is not None
    assert (setup.ssid, setup.password, setup.url) == (WIFI["ssid"], WIFI["password"], site.url)
    camera = site.camera()
    await site.timer.next_wake()
    assert camera.show(text)
    await camera.until("connected")
    [one] = await cameras(site)
    assert (one["name"], one["parent"], one["device"]) == ("Gate", folder["id"], f"mac:{MAC}")
    assert camera.token is not None
    assert camera.token.camera == one["id"]
    assert not camera.show(text), "a camera that has a token looks at no code"


async def test_a_code_is_for_one_camera_and_a_lost_answer_is_no_loss(site: Site) -> None:
    shown = await code(site)
    assert await shown_to(site, shown) == 204
    assert await shown_to(site, shown) == 204
    assert await shown_to(site, shown.lower(), "0040ff445566") == 404
    assert len(await cameras(site)) == 1


async def test_of_many_cameras_that_see_one_code_at_once_one_is_added(site: Site) -> None:
    shown = await code(site)
    statuses = await asyncio.gather(*(shown_to(site, shown, f"0040ff00000{n}") for n in range(8)))
    assert sorted(statuses) == [204, *[404] * 7]
    assert len(await cameras(site)) == 1


async def test_a_code_holds_for_a_quarter_of_an_hour(site: Site) -> None:
    shown = await code(site)
    site.house.clock.advance(timedelta(minutes=15))
    assert await shown_to(site, shown) == 404
    assert await shown_to(site, "A" * 26) == 404, "never made: the same"


async def test_a_code_ends_with_the_rights_of_who_made_it(site: Site) -> None:
    shown = await code(site)
    site.house.clock.advance(timedelta(seconds=1))
    left = AccessChanged(
        organisation=OrganisationId("org-a"), version=1, at=site.house.clock.now(), access="org-a:user-a",
        user=UserId("user-a"), role=None, via="membership", items=None, servers=None,
    )  # fmt: skip
    await site.house.bus.tell(left)
    assert await shown_to(site, shown) == 404


async def test_a_code_does_not_take_a_camera_away(site: Site) -> None:
    """Not even from who has reset it: else whoever reaches its button and its lens has it."""
    await site.claim()
    camera = site.camera()
    await camera.until("connected")
    mine = camera.token
    text = await on_a_phone(site, await code(site, "org-b"))
    site.house.clock.advance(timedelta(seconds=1))
    camera.reset()
    assert camera.show(text)
    await camera.when(lambda: camera.state == "connected" and camera.token not in (None, mine))
    [still] = await cameras(site)
    assert camera.token is not None
    assert camera.token.camera == still["id"]
    [not_yet] = await cameras(site, "org-b")
    assert not_yet["claim"]["state"] == "disputed"
    assert "a code does not move it" in not_yet["claim"]["hint"]
    # Reset first and shown the code then: neither.
    assert await shown_to(site, await code(site, "org-c")) == 204
    assert [one["claim"]["state"] for one in await cameras(site, "org-c")] == ["waiting"]


@pytest.mark.parametrize("claim_first", [True, False])
async def test_a_camera_that_added_itself_moves_by_its_password_like_any_other(
    site: Site, claim_first: bool
) -> None:
    camera = site.camera()
    await site.timer.next_wake()
    camera.show(await on_a_phone(site, await code(site)))
    await camera.until("connected")
    first = camera.token
    new = await site.claim(organisation="org-b") if claim_first else None
    site.house.clock.advance(timedelta(seconds=1))
    camera.reset()
    if new is None:
        await camera.when(lambda: camera.state == "connected" and camera.token not in (None, first))
        new = await site.claim(organisation="org-b")
        await site.timer.until_next_wake()
    await camera.when(lambda: camera.token is not None and camera.token.camera == new["camera"])
    assert await cameras(site) == []


async def test_a_camera_that_the_organisation_has_keeps_its_place(site: Site) -> None:
    claim = await site.claim(name="Gate")
    shown = await code(site, name="Other")
    assert await shown_to(site, shown) == 204
    assert [one["id"] for one in await cameras(site)] == [claim["camera"]]
    assert await shown_to(site, shown, "0040ff445566") == 204, "it is still good for another one"


async def test_what_a_camera_brings_must_be_what_it_proves_with(site: Site) -> None:
    shown, other = await code(site), Identity(MAC, "another secret")
    digest = Digest(other.username, SECRET)

    class Crooked(Digest):
        @property
        def user_hash(self) -> bytes | None:
            return bytes(32)

    crooked = Crooked(other.username, SECRET)
    reply = await add_itself(Server(site.session, site.url), crooked, other, shown)
    assert reply is None or reply.status == 422
    assert await cameras(site) == []
    assert digest.user_hash is None


async def test_codes_are_told_once_kept_as_hashes_and_bounded(site: Site) -> None:
    shown = [await code(site) for _ in range(50)]
    status, answer, headers = await site.ask_all("POST", f"{CODES}/claim", {})
    assert (status, answer["code"]) == (429, "too_many_codes")
    assert int(headers["Retry-After"]) == 15 * 60
    assert await shown_to(site, shown[0]) == 204
    await code(site)
    assert await code(site, "org-b"), "another organisation's are its own"
    kept = repr(site.house.databases["provisioning"].collections["claim_codes"])
    assert not any(one in kept for one in shown)
    told = repr(site.house.bus.said(ActRecorded))
    assert not any(one in told for one in shown)
    assert {event.act for event in site.house.bus.said(ActRecorded)} == {"claim_code.made", "claim_code.used"}


async def test_guessing_codes_is_slowed_down(site: Site) -> None:
    statuses = [await shown_to(site, "A" * 26) for _ in range(5)]
    assert statuses == [404] * 5
    identity = Identity(MAC, SECRET)
    digest = Digest(identity.username, SECRET)
    server = Server(site.session, site.url)
    answers = [await add_itself(server, digest, identity, "B" * 26) for _ in range(12)]
    assert answers[-1] is None, "told to come later"


@pytest.mark.parametrize(
    "body", [b"", b"{}", b"[]", b'{"code":"x","user_hash":"?","token_key":"?"}', b"x" * 5000]
)
async def test_nonsense_is_refused(site: Site, body: bytes) -> None:
    digest, target = Digest(MAC, SECRET), f"/camera/v1/devices/{MAC}/claim"
    async with site.session.post(site.url + target) as answer:
        assert digest.challenged(answer.headers["WWW-Authenticate"])
    headers = {"Authorization": digest.header("POST", target) or ""}
    async with site.session.post(site.url + target, data=body, headers=headers) as answer:
        assert answer.status in (400, 413, 422)


async def test_who_may_not_add_cameras_makes_no_codes(site: Site) -> None:
    for role in (Role.VIEWER, Role.OPERATOR, Role.SUPPORT):
        assert (await site.ask("POST", f"{CODES}/claim", {}, role=role))[0] == 403
    assert (await site.ask("POST", f"{CODES}/claim", {"parent": "not-there"}))[0] == 422


async def test_a_code_goes_to_the_service_known_from_the_factory_whatever_the_phone_says(site: Site) -> None:
    """Who receives it could open the camera's tokens: a stranger's QR code must not lead there."""
    shown = await code(site)
    camera: Camera = site.camera()
    assert camera.show(f"WIFI:T:nopass;S:Free;U:http\\://127.0.0.1\\:9;C:{shown};;")
    await site.timer.next_wake()
    assert camera.answers["none"] == 1, "the stranger's"
    assert [one["device"] for one in await cameras(site)] == [f"mac:{MAC}"]
