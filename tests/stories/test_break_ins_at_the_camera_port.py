"""Who does not know a camera's secret learns nothing and changes nothing at the camera port."""

import asyncio
import shutil
from collections.abc import AsyncIterator
from datetime import timedelta

import aiohttp
import pytest

from device.digest import Digest
from device.token import TokenUnreadable, decrypted
from provisioning_site import MAC, SECRET, Site, open_site

TARGET = f"/camera/v1/devices/{MAC}/token"


@pytest.fixture
async def site() -> AsyncIterator[Site]:
    async with open_site() as opened:
        yield opened


def _said(answer: tuple[int, dict[str, str], bytes]) -> tuple[int, list[str], str, bytes]:
    """All a stranger can see but the nonce."""
    status, headers, body = answer
    return status, sorted(headers), headers["Retry-After"], body


async def test_unknown_unclaimed_removed_and_wrong_secret_get_the_same_answer(site: Site) -> None:
    async with open_site() as empty:
        unclaimed = _said(await empty.poll())
    claim = await site.claim(secret="another")
    wrong = _said(await site.poll())
    await site.ask("DELETE", f"/api/v1/cameras/{claim['camera']}")
    site.house.clock.advance(timedelta(days=1))
    removed = _said(await site.poll())
    assert unclaimed == wrong == removed
    assert unclaimed[0] == 204


async def test_a_used_proof_is_worth_nothing(site: Site) -> None:
    await site.claim()
    digest = Digest(MAC, SECRET)
    digest.challenged(await _challenge(site))
    older, newer = digest.header("GET", TARGET), digest.header("GET", TARGET)
    status, _, first = await site.poll(header=newer)
    assert status == 200
    for used in (newer, older):
        assert (await site.poll(header=used))[0] == 204
    token = decrypted(first, f"mac:{MAC}", SECRET)
    assert (await site.connect(token.access_token))[0] == 200


async def test_a_forged_or_old_nonce_is_challenged_and_reveals_nothing(site: Site) -> None:
    await site.claim()
    digest = Digest(MAC, SECRET)
    digest.challenged(
        'Digest realm="vedette-camera", qop="auth", algorithm=SHA-256, nonce="' + "0" * 46 + '"'
    )
    status, headers, _ = await site.poll(header=digest.header("GET", TARGET))
    assert (status, "stale=true" in headers["WWW-Authenticate"]) == (401, True)
    digest.challenged(headers["WWW-Authenticate"])
    site.house.clock.advance(timedelta(hours=3))
    status, headers, _ = await site.poll(header=digest.header("GET", TARGET))
    assert (status, "stale=true" in headers["WWW-Authenticate"]) == (401, True)


async def test_a_proof_for_another_path_or_device_is_refused(site: Site) -> None:
    await site.claim()
    digest = Digest(MAC, SECRET)
    digest.challenged(await _challenge(site))
    elsewhere = digest.header("GET", TARGET.replace(MAC, "0040ff445566"))
    assert (await site.poll(header=elsewhere))[0] == 401
    other = Digest("0040ff445566", SECRET)
    other.challenged(await _challenge(site))
    assert (await site.poll(header=other.header("GET", TARGET)))[0] == 204


async def test_the_token_opens_only_with_the_secret(site: Site) -> None:
    await site.claim()
    status, headers, body = await site.poll()
    assert (status, headers["Content-Type"]) == (200, "application/jose")
    assert body.count(b".") == 4
    assert decrypted(body, f"mac:{MAC}", SECRET).device == f"mac:{MAC}"
    for device, secret in ((f"mac:{MAC}", "guess"), ("mac:0040ff445566", SECRET)):
        with pytest.raises(TokenUnreadable):
            decrypted(body, device, secret)


async def test_who_hammers_is_held_off_and_told_until_when(site: Site) -> None:
    statuses = [(await site.poll())[0] for _ in range(12)]
    assert statuses == [204] * 10 + [429] * 2
    _, headers, _ = await site.poll()
    site.house.clock.advance(timedelta(seconds=int(headers["Retry-After"])))
    assert (await site.poll())[0] == 204


@pytest.mark.parametrize(
    "device", ["x%0d%0aSet-Cookie:%20a=b", "a%00b", "..%2f..", "%22quoted%22", "a" * 300, "%ff%fe", "a,b"]
)
async def test_an_id_that_is_none_is_refused_without_an_echo(site: Site, device: str) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", int(site.url.rpartition(":")[2]))
    writer.write(
        f"GET /camera/v1/devices/{device}/token HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n".encode()
    )
    answer = await reader.read()
    writer.close()
    assert answer.startswith(b"HTTP/1.1 422")
    assert b"Set-Cookie" not in answer


@pytest.mark.parametrize(
    ("body", "status"),
    [
        (b"{", 400),
        (b'{"model": 5}', 422),
        (b'{"what": "x"}', 422),
        (b'{"model": "' + b"x" * 5000 + b'"}', 413),
    ],
)
async def test_a_connected_cameras_nonsense_is_a_problem_not_a_crash(
    site: Site, body: bytes, status: int
) -> None:
    await site.claim()
    token = decrypted((await site.poll())[2], f"mac:{MAC}", SECRET)
    assert (await site.connect(token.access_token, body))[0] == status
    assert (await site.connect(token.access_token))[0] == 200


async def test_no_or_another_token_connects_nothing(site: Site) -> None:
    for token in ("", "guess", "x" * 5000):
        assert (await site.connect(token))[0] == 401


@pytest.mark.skipif(not shutil.which("curl"), reason="needs curl")
@pytest.mark.parametrize("device", ["0040ff112233", "00-40-FF-11-22-33"])
async def test_curl_is_a_working_camera(site: Site, device: str) -> None:
    assert await _curl(site, device) == b"204"
    await site.claim()
    site.house.clock.advance(timedelta(seconds=60))
    out = await _curl(site, device)
    assert out.endswith(b"200")
    token = decrypted(out[:-3], f"mac:{MAC}", SECRET)
    assert (await site.connect(token.access_token))[0] == 200


async def _curl(site: Site, device: str) -> bytes:
    address = f"{site.url}/camera/v1/devices/{device}/token"
    curl = await asyncio.create_subprocess_exec(
        "curl", "-s", "--max-time", "10", "--digest", "-u", f"{device}:{SECRET}", "-w", "%{http_code}",
        address, stdout=asyncio.subprocess.PIPE,
    )  # fmt: skip
    return (await curl.communicate())[0]


async def _challenge(site: Site) -> str:
    async with aiohttp.ClientSession() as session, session.get(site.url + TARGET) as answer:
        return answer.headers["WWW-Authenticate"]


async def test_the_quick_and_the_general_answer_say_the_same(site: Site) -> None:
    """A client that does not keep its connection, or speaks HTTP/1.0, gets aiohttp's own answer."""
    port = int(site.url.rpartition(":")[2])
    said = []
    for version, connection in (("1.1", "keep-alive"), ("1.1", "close"), ("1.0", "close")):
        site.house.clock.advance(timedelta(minutes=1))
        digest = Digest(MAC, "secret")
        digest.challenged(await _challenge(site))
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        proof = digest.header("GET", TARGET)
        writer.write(
            f"GET {TARGET} HTTP/{version}\r\nHost: c\r\nConnection: {connection}\r\nAuthorization: {proof}\r\n\r\n".encode()
        )
        head = (await asyncio.wait_for(reader.readuntil(b"\r\n\r\n"), 5)).decode()
        writer.close()
        status, *lines = head.strip().split("\r\n")
        said.append(
            (status.split()[1], sorted(line.partition(":")[0] for line in lines if "onnection" not in line))
        )
    assert said[0] == said[1] == said[2]
    assert said[0] == ("204", ["Authentication-Info", "Date", "Retry-After", "Server"])
