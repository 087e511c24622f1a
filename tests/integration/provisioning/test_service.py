"""The whole service on real servers, its camera port over TLS, and a camera run from the command line."""

import asyncio
import datetime
import socket
import ssl
import sys
from pathlib import Path

import aiohttp
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from common.app import running
from common.mongo import open_client
from common.testing import FixedClock
from device.camera import Camera
from device.identity import Identity
from provisioning.app import assemble
from provisioning_site import MAC, SECRET, StoryTimer, settings

pytestmark = pytest.mark.servers


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _certificate(folder: Path) -> tuple[str, str]:
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "localhost")])
    now = datetime.datetime.now(datetime.UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(days=1))
        .not_valid_after(now + datetime.timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName("localhost")]), critical=False)
        .sign(key, hashes.SHA256())
    )
    certificate, private = folder / "camera.pem", folder / "camera.key"
    certificate.write_bytes(made.public_bytes(serialization.Encoding.PEM))
    private.write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
    )
    return str(certificate), str(private)


async def test_a_camera_asks_over_tls(mongo_url: str, amqp_url: str, prefix: str, tmp_path: Path) -> None:
    certificate, key = _certificate(tmp_path)
    port = _free_port()
    told = settings(
        mongo_url=mongo_url, amqp_url=amqp_url, database_prefix=prefix, bus_prefix=prefix, camera_port=port,
        camera_tls_certificate=certificate, camera_tls_key=key,
    )  # fmt: skip
    async with running("provisioning", told, lambda parts: assemble(parts, told)):
        trust = aiohttp.TCPConnector(ssl=ssl.create_default_context(cafile=certificate))
        async with aiohttp.ClientSession(connector=trust) as session:
            timer = StoryTimer(FixedClock())
            camera = Camera(Identity(MAC, SECRET), f"https://localhost:{port}", session, timer=timer)
            running_camera = asyncio.create_task(camera.run())
            told_to_wait = await asyncio.wait_for(timer.next_wake(), 20) - timer.now()
            assert told_to_wait != 60.0, "its own law, without an answer"
            assert told_to_wait == pytest.approx(60, abs=10)
            running_camera.cancel()
    client = open_client(mongo_url)
    await client.drop_database(told.database("provisioning"))
    client.close()


async def test_the_command_line_camera_asks_and_waits(
    mongo_url: str, amqp_url: str, prefix: str, tmp_path: Path
) -> None:
    port = _free_port()
    told = settings(
        mongo_url=mongo_url, amqp_url=amqp_url, database_prefix=prefix, bus_prefix=prefix, camera_port=port
    )
    (tmp_path / "secret").write_text(SECRET + "\n")
    async with running("provisioning", told, lambda parts: assemble(parts, told)):
        camera = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "device", "camera", "--id", MAC, "--url", f"http://127.0.0.1:{port}",
            "--secret-file", str(tmp_path / "secret"), stdout=asyncio.subprocess.PIPE,
        )  # fmt: skip
        assert camera.stdout is not None
        assert await asyncio.wait_for(camera.stdout.readline(), 20) == b"mac:0040ff112233 switched on\n"
        async with asyncio.timeout(20):
            while await camera.stdout.readline() != b"mac:0040ff112233 asking\n":
                assert camera.returncode is None
        camera.terminate()
        await camera.wait()
    client = open_client(mongo_url)
    await client.drop_database(told.database("provisioning"))
    client.close()
