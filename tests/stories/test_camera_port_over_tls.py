"""The camera port over TLS, and both sides with certificates (PR-9, PR-23)."""

import asyncio
import ipaddress
import ssl
from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from pydantic import ValidationError

from device.camera import Camera
from provisioning_site import MAC, Site, open_site, settings

OWNER_KEY, OTHER = "K7QX-2M4P-9ZRT", "0040ff445566"


class Certified:
    """A server's certificate for this machine, or some stranger's."""

    def __init__(self, folder: Path, name: str = "server") -> None:
        key = ec.generate_private_key(ec.SECP256R1())
        who = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
        now = datetime.now(UTC)
        here = x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))])
        made = (
            x509.CertificateBuilder().subject_name(who).issuer_name(who).public_key(key.public_key())
            .serial_number(1).not_valid_before(now - timedelta(days=1))
            .not_valid_after(now + timedelta(days=1)).add_extension(here, critical=False)
            .sign(key, hashes.SHA256())
        )  # fmt: skip
        self.certificate, self.key = str(folder / f"{name}.pem"), str(folder / f"{name}.key")
        Path(self.certificate).write_bytes(made.public_bytes(serialization.Encoding.PEM))
        Path(self.key).write_bytes(
            key.private_bytes(
                serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
            )
        )


@pytest.fixture
def server(tmp_path: Path) -> Certified:
    return Certified(tmp_path)


@pytest.fixture
async def site(server: Certified) -> AsyncIterator[Site]:
    async with _open(server, camera_client_certificates="required") as opened:
        yield opened


def _open(server: Certified, **more: Any) -> AbstractAsyncContextManager[Site]:
    tls = {"camera_tls_certificate": server.certificate, "camera_tls_key": server.key}
    return open_site(**{"now": datetime.now(UTC), **tls, **more})


async def _connected(site: Site, server: Certified, device: str = MAC) -> Camera:
    await site.claim(device=device, secret=OWNER_KEY)
    camera = site.camera(device, OWNER_KEY, dispatcher=True, trust=server.certificate)
    await asyncio.wait_for(camera.until("connected"), 5)
    return camera


async def test_a_camera_with_a_certificate_connects_where_one_is_needed(
    site: Site, server: Certified
) -> None:
    camera = await _connected(site, server)
    assert camera.home is not None
    assert camera.home.url.startswith("https://")


async def test_without_a_certificate_it_may_ask_but_not_connect(site: Site, server: Certified) -> None:
    await site.claim()
    camera = site.camera(trust=server.certificate)
    await asyncio.wait_for(camera.until("refused"), 5)
    assert camera.token is not None
    status, answer = await _put(camera, ssl.create_default_context(cafile=server.certificate))
    assert (status, answer["code"]) == (401, "certificate_required")


async def test_a_certificate_does_not_carry_another_cameras_token(site: Site, server: Certified) -> None:
    mine, theirs = await _connected(site, server), await _connected(site, server, OTHER)
    assert mine.home is not None
    assert (await _put(mine, mine.home.tls(server.certificate)))[0] == 200
    status, answer = await _put(theirs, mine.home.tls(server.certificate))
    assert (status, answer["code"]) == (401, "camera_token_invalid")


async def test_a_removed_cameras_certificate_opens_nothing(site: Site, server: Certified) -> None:
    camera = await _connected(site, server)
    assert camera.token is not None
    assert camera.home is not None
    await site.ask("DELETE", f"/api/v1/cameras/{camera.token.camera}")
    assert (await _put(camera, camera.home.tls(server.certificate)))[0] == 401


async def test_a_certificate_of_another_authority_is_no_handshake(
    site: Site, server: Certified, tmp_path: Path
) -> None:
    camera, stranger = await _connected(site, server), Certified(tmp_path, "stranger")
    tls = ssl.create_default_context(cafile=server.certificate)
    tls.load_cert_chain(stranger.certificate, stranger.key)
    with pytest.raises(aiohttp.ClientError):
        await _put(camera, tls)


async def test_an_expired_certificate_is_no_handshake(server: Certified) -> None:
    async with _open(server, now=datetime.now(UTC) - timedelta(days=40)) as site:
        await site.claim(secret=OWNER_KEY)
        camera = site.camera(secret=OWNER_KEY, dispatcher=True, trust=server.certificate)
        async with asyncio.timeout(5):
            while camera.home is None:
                await asyncio.sleep(0.01)
        await site.timer.next_wake()
        assert camera.state != "connected"


async def test_a_camera_does_not_talk_to_a_server_it_cannot_verify(site: Site, tmp_path: Path) -> None:
    await site.claim()
    camera = site.camera(trust=Certified(tmp_path, "stranger").certificate)
    await site.timer.next_wake()
    assert (camera.state, camera.token) == ("asking", None)


async def test_where_certificates_are_off_nobody_is_asked_for_one(server: Certified) -> None:
    async with _open(server, camera_client_certificates="off") as site:
        await site.claim()
        camera = site.camera(trust=server.certificate)
        await asyncio.wait_for(camera.until("connected"), 5)


def test_certificates_cannot_be_required_without_tls() -> None:
    with pytest.raises(ValidationError, match="client certificates need TLS"):
        settings(camera_client_certificates="required")


async def _put(camera: Camera, tls: ssl.SSLContext | None) -> tuple[int, Any]:
    """A heartbeat with this camera's token, shown by whoever `tls` says."""
    assert camera.token is not None
    headers = {"Authorization": f"Bearer {camera.token.access_token}"}
    connector = aiohttp.TCPConnector(ssl=tls or True, force_close=True)
    async with (
        aiohttp.ClientSession(connector=connector) as session,
        session.put(camera.token.connect, json={}, headers=headers) as answer,
    ):
        return answer.status, await answer.json()
