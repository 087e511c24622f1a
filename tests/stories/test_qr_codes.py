"""QR codes, drawn by the API and read back by zbar, which many phones and cameras use (PR-15, PR-16)."""

import contextlib
import re
from collections.abc import AsyncIterator
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from common.auth import Role
from common.errors import Invalid
from device.lens import read as read_by_lens
from provisioning.domain import DeviceId
from provisioning.domain.qr import LONGEST_LABEL, Label, WiFi, label_text, read_label, setup_text
from provisioning_site import MAC, SECRET, Site, open_site
from scanned import scanned


@pytest.fixture
async def site() -> AsyncIterator[Site]:
    async with open_site() as opened:
        yield opened


@pytest.mark.parametrize("secret", [SECRET, "K7QX-2M4P-9ZRT", "a&b=c%20+#?;/", "ž" * 64])
async def test_the_label_is_read_by_a_phone_and_claims_the_camera(site: Site, secret: str) -> None:
    drawn = await _drawn(site, "label", {"device_id": "00:40:FF:11:22:33", "secret": secret})
    text = scanned(drawn)
    status, label = await site.ask("POST", "/api/v1/camera-codes/read", {"text": text})
    assert (status, label) == (200, {"device": f"mac:{MAC}", "secret": secret})
    claim = await site.claim(device=label["device"], secret=label["secret"])
    assert claim["device"] == f"mac:{MAC}"


@pytest.mark.parametrize(
    "wifi",
    [
        {"ssid": "Dílna", "password": 'se;cret,"with\\every:thing'},
        {"ssid": "Guests"},
        {"ssid": "x;;U:http://evil;", "password": "12345678", "hidden": True},
    ],
)
async def test_the_setup_code_is_read_by_the_cameras_lens(site: Site, wifi: dict[str, Any]) -> None:
    setup = read_by_lens(scanned(await _drawn(site, "setup", wifi)))
    assert setup is not None
    assert (setup.ssid, setup.password, setup.hidden) == (
        wifi["ssid"], wifi.get("password"), wifi.get("hidden", False),
    )  # fmt: skip
    assert setup.url == site.url


async def test_a_drawing_with_a_secret_is_kept_by_no_cache_and_runs_no_script(site: Site) -> None:
    drawn = await site.people.request(
        "POST", "/api/v1/camera-codes/label", json={"device_id": MAC, "secret": SECRET}, headers=site.bearer()
    )
    assert drawn.headers["Cache-Control"] == "no-store"
    assert drawn.headers["Content-Security-Policy"].startswith("default-src 'none'")
    assert set(re.findall(r"<(\w+)", await drawn.text())) <= {"svg", "g", "path"}


async def test_who_may_not_claim_gets_no_codes(site: Site) -> None:
    for what, body in (("label", {"device_id": MAC, "secret": "x"}), ("read", {"text": MAC})):
        path = f"/api/v1/camera-codes/{what}"
        assert (await site.ask("POST", path, body, role=Role.VIEWER))[0] == 403


@pytest.mark.parametrize(
    ("what", "body"),
    [
        ("label", {"device_id": "?", "secret": "x"}),
        ("label", {"device_id": MAC, "secret": "x" * 257}),
        ("setup", {"ssid": "ž" * 32}),
        ("setup", {"ssid": "x", "password": "ž" * 8}),
        ("setup", {"ssid": "x", "password": "short"}),
        ("read", {"text": "https://elsewhere.example/"}),
        ("read", {"text": "vedette:camera?secret=x"}),
        ("read", {"text": "vedette:camera?id=%ff&secret=x"}),
        ("read", {"text": "x" * 5000}),
    ],
)
async def test_what_cannot_be_is_refused(site: Site, what: str, body: dict[str, Any]) -> None:
    assert (await site.ask("POST", f"/api/v1/camera-codes/{what}", body))[0] == 422


def test_a_label_with_the_id_alone_leaves_the_password_to_be_typed() -> None:
    assert read_label("00-40-FF-11-22-33") == Label(DeviceId(f"mac:{MAC}"), None)
    assert read_label("S/N: ACCC8E-12345").device == "serial:ACCC8E-12345"


@given(st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=40))
def test_every_secret_survives_the_label(secret: str) -> None:
    assert read_label(label_text(DeviceId(f"mac:{MAC}"), secret)).secret == secret


@given(st.text(max_size=700))
def test_nothing_scanned_crashes_the_reader(text: str) -> None:
    with contextlib.suppress(Invalid):
        assert len(read_label(text).device) <= LONGEST_LABEL
    read_by_lens("WIFI:" + text)


@given(
    st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=8),
    st.none() | st.from_regex(r"[ -~]{8,63}", fullmatch=True),
    st.booleans(),
)
def test_every_network_survives_the_setup_code(ssid: str, password: str | None, hidden: bool) -> None:
    setup = read_by_lens(setup_text(WiFi(ssid, password, hidden), "https://cameras.example:8081"))
    assert setup is not None
    assert (setup.ssid, setup.password, setup.hidden) == (ssid, password, hidden)
    assert setup.url == "https://cameras.example:8081"


async def _drawn(site: Site, what: str, body: dict[str, Any]) -> str:
    path = f"/api/v1/camera-codes/{what}"
    async with site.people.request("POST", path, json=body, headers=site.bearer()) as answer:
        assert (answer.status, answer.headers["Content-Type"]) == (200, "image/svg+xml; charset=utf-8")
        return await answer.text()
