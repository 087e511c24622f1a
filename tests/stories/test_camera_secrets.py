"""A token put into a camera by hand (PR-12), and its root password (PR-22): shown to few, and recorded."""

import base64
import os
import re
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path

import pytest
from pydantic import ValidationError

from common.auth import Role
from common.contracts.audit import ActRecorded
from common.rewrapping import Rewrapping
from common.sealing import Envelopes
from device.token import decrypted
from provisioning.service.vault import derived_key
from provisioning.store import ROOT_PASSWORDS
from provisioning_site import MAC, SECRET, Site, open_site, settings


@pytest.fixture
async def site() -> AsyncIterator[Site]:
    async with open_site() as opened:
        yield opened


async def connected(site: Site) -> tuple[str, str, str]:
    """Camera id, access token, root password."""
    claim = await site.claim()
    camera = site.camera()
    await camera.until("connected")
    assert camera.token is not None
    return claim["camera"], camera.token.access_token, camera.token.root_password


async def test_a_token_by_hand_works_and_the_old_one_a_little_longer(site: Site) -> None:
    camera, old, password = await connected(site)
    status, answer, headers = await site.ask_all("POST", f"/api/v1/cameras/{camera}/token")
    assert (status, headers["Cache-Control"]) == (201, "no-store")
    new = decrypted(answer["token"].encode(), f"mac:{MAC}", SECRET)
    assert (new.camera, new.root_password) == (camera, password), "nothing but the token changes"
    assert re.match(r"<svg [^>]*>.*</svg>$", answer["qr_svg"], re.DOTALL)
    assert (await site.connect(old))[0] == 200, "it still works"
    assert (await site.connect(new.access_token))[0] == 200
    assert (await site.connect(old))[0] == 401, "the new one is in the camera"
    assert (await site.connect(new.access_token))[0] == 200
    [act] = site.house.bus.said(ActRecorded)
    assert (act.act, act.object, act.details["key_id"]) == ("camera_token.rotated", camera, answer["key_id"])
    assert answer["token"] not in repr(site.house.databases["provisioning"].collections)


async def test_a_token_that_nobody_puts_in_does_not_keep_the_old_one_for_ever(site: Site) -> None:
    camera, old, _ = await connected(site)
    _, answer = await site.ask("POST", f"/api/v1/cameras/{camera}/token")
    site.house.clock.advance(timedelta(minutes=9, seconds=59))
    assert (await site.connect(old))[0] == 200
    site.house.clock.advance(timedelta(seconds=1))
    assert (await site.connect(old))[0] == 401
    new = decrypted(answer["token"].encode(), f"mac:{MAC}", SECRET)
    assert (await site.connect(new.access_token))[0] == 200


async def test_of_two_tokens_by_hand_the_last_one_counts(site: Site) -> None:
    camera, old, _ = await connected(site)
    _, first = await site.ask("POST", f"/api/v1/cameras/{camera}/token")
    _, second = await site.ask("POST", f"/api/v1/cameras/{camera}/token")
    tokens = [decrypted(one["token"].encode(), f"mac:{MAC}", SECRET).access_token for one in (first, second)]
    assert (await site.connect(old))[0] == 401
    assert (await site.connect(tokens[0]))[0] == 200, "the one before the last overlaps"
    assert (await site.connect(tokens[1]))[0] == 200
    assert (await site.connect(tokens[0]))[0] == 401


async def test_a_camera_that_proved_nothing_gets_no_token_by_hand(site: Site) -> None:
    claim = await site.claim()
    status, answer = await site.ask("POST", f"/api/v1/cameras/{claim['camera']}/token")
    assert (status, answer["code"]) == (409, "camera_not_proved")
    status, answer = await site.ask("POST", f"/api/v1/cameras/{claim['camera']}/root-password/reveal")
    assert (status, answer["code"]) == (409, "no_root_password")


async def test_the_root_password_is_shown_and_that_is_written_down(site: Site) -> None:
    camera, _, password = await connected(site)
    path = f"/api/v1/cameras/{camera}/root-password/reveal"
    for _ in range(2):
        status, answer, headers = await site.ask_all("POST", path)
        assert (status, answer["password"], headers["Cache-Control"]) == (200, password, "no-store")
    acts = site.house.bus.said(ActRecorded)
    assert [(act.act, act.object, act.details["user"]) for act in acts] == [
        ("root_password.revealed", camera, "user-a")
    ] * 2
    assert password not in repr(acts)
    assert (await site.ask("DELETE", f"/api/v1/cameras/{camera}"))[0] == 204
    assert (await site.ask("POST", path))[1]["password"] == password, "it is still set in the camera"


async def test_secrets_are_not_for_everybody(site: Site) -> None:
    camera, _, _ = await connected(site)
    for path in (f"/api/v1/cameras/{camera}/token", f"/api/v1/cameras/{camera}/root-password/reveal"):
        assert (await site.ask("POST", path, organisation="org-b"))[0] == 404
        for role in (Role.VIEWER, Role.OPERATOR, Role.SUPPORT):
            assert (await site.ask("POST", path, role=role))[0] == 403
    assert site.house.bus.said(ActRecorded) == []


async def test_a_camera_that_moved_leaves_no_password_behind(site: Site) -> None:
    camera, _, _ = await connected(site)
    await site.claim(organisation="org-b")
    site.house.clock.advance(timedelta(seconds=1))
    assert (await site.poll())[0] == 200
    status, answer = await site.ask("POST", f"/api/v1/cameras/{camera}/root-password/reveal")
    assert (status, answer["code"]) == (409, "no_root_password")


async def test_a_reset_after_a_token_by_hand_is_a_reset(site: Site) -> None:
    camera, _, _ = await connected(site)
    await site.ask("POST", f"/api/v1/cameras/{camera}/token")
    new = await site.claim(organisation="org-b")
    assert (await site.poll())[0] == 200
    _, seen = await site.ask("GET", f"/api/v1/claims/{new['id']}", organisation="org-b")
    assert seen["state"] == "delivered"


def _key() -> str:
    return base64.b64encode(os.urandom(32)).decode()


async def test_a_replaced_key_leaves_no_password_under_the_old_one(tmp_path: Path) -> None:
    old, new = _key(), _key()
    file = tmp_path / "keys"
    file.write_text(f"k1:{old}\n")
    async with open_site(key_encryption_keys_file=str(file)) as site:
        camera, _, password = await connected(site)
        items = site.house.databases["provisioning"].collections["items"]
        assert items[camera]["root_key"] == "k1"
        both = settings(key_encryption_keys=f"k2:{new} k1:{old}").encryption_keys
        database = site.house.databases["provisioning"]
        rewrapping = Rewrapping(database, Envelopes(both), [ROOT_PASSWORDS], site.house.clock)
        assert await rewrapping.next_due() is not None
        await rewrapping.work()
        assert await rewrapping.next_due() is None
        items = site.house.databases["provisioning"].collections["items"]
        assert items[camera]["root_key"] == "k2"
        alone = Envelopes({"k2": both["k2"]})
        opened = alone.open(items[camera]["root_password"], f"provisioning.root_password:{camera}")
        assert opened.decode() == password


async def test_a_key_of_ones_own_can_be_set_later(site: Site) -> None:
    camera, _, password = await connected(site)
    own = Envelopes(settings(key_encryption_keys=f"k1:{_key()}").encryption_keys | derived_key(site.sealer))
    database = site.house.databases["provisioning"]
    await Rewrapping(database, own, [ROOT_PASSWORDS], site.house.clock).work()
    row = database.collections["items"][camera]
    assert row["root_key"] == "k1"
    assert own.open(row["root_password"], f"provisioning.root_password:{camera}").decode() == password


@pytest.mark.parametrize("wrong", ["k1:short", "k1", f"k 1:{'A' * 44}"])
def test_a_key_that_is_none_ends_the_service_at_start(wrong: str) -> None:
    with pytest.raises(ValidationError):
        settings(key_encryption_keys=wrong)


def test_a_key_file_that_is_not_there_ends_the_service_at_start() -> None:
    with pytest.raises(ValidationError, match="key_encryption_keys_file"):
        settings(key_encryption_keys_file="/nowhere")
