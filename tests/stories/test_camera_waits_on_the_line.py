"""A camera may wait on the line (long poll): then a claim made meanwhile is served in the same second (D8)."""

import asyncio
import time
from collections.abc import AsyncIterator, Coroutine
from typing import Any

import pytest

from device.digest import Digest
from provisioning_site import MAC, SECRET, Site, open_site

Poll = tuple[int, dict[str, str], bytes]


@pytest.fixture
async def site() -> AsyncIterator[Site]:
    async with open_site() as opened:
        yield opened


async def _on_the_line(site: Site, poll: Coroutine[Any, Any, Poll], lines: int = 1) -> asyncio.Task[Poll]:
    """The poll, once it waits."""
    waiting = asyncio.create_task(poll)
    async with asyncio.timeout(5):
        while len(site.listener.held) < lines:
            assert not waiting.done(), waiting.result()
            await asyncio.sleep(0.005)
    return waiting


async def test_a_claim_made_while_the_camera_waits_is_delivered_within_a_second(site: Site) -> None:
    waiting = await _on_the_line(site, site.poll(wait=55))
    started = time.monotonic()
    await site.claim()
    status, _, _ = await waiting
    assert status == 200
    assert time.monotonic() - started < 1.0
    assert len(site.listener.held) == 0


async def test_the_reference_camera_waits_and_connects_without_its_button(site: Site) -> None:
    camera = site.camera(wait=55)
    await _until_held(site)
    await site.claim()
    await asyncio.wait_for(camera.until("connected"), 5)
    assert camera.requests == 1


async def test_a_wrong_password_is_told_to_who_claims_in_the_same_second(site: Site) -> None:
    waiting = await _on_the_line(site, site.poll(wait=55))
    claim = await site.claim(secret="mistyped")
    async with asyncio.timeout(1):
        while (await site.ask("GET", f"/api/v1/claims/{claim['id']}"))[1]["state"] != "wrong_secret":
            await asyncio.sleep(0.01)
    assert not waiting.done(), "the camera waits on: the right password may come"
    await site.claim(organisation="org-b")
    assert (await waiting)[0] == 200


async def test_unknown_and_wrong_secret_are_kept_as_long_and_told_the_same(site: Site) -> None:
    async with open_site() as empty:
        unknown = await _timed(empty.poll(wait=1))
    await site.claim(secret="another")
    wrong = await _timed(site.poll(wait=1))
    for (status, headers, body), took in (unknown, wrong):
        assert (status, body, headers["Preference-Applied"]) == (204, b"", "wait=1")
        assert took == pytest.approx(1.0, abs=0.3)
    assert sorted(unknown[0][1]) == sorted(wrong[0][1])


async def test_who_waited_in_vain_is_back_soon_but_asks_once_a_minute_at_most(site: Site) -> None:
    _, headers, _ = await site.poll(wait=1)
    assert 56 <= int(headers["Retry-After"]) <= 61, "the house's clock stood still: a minute is left"


async def test_when_all_lines_are_taken_the_law_holds_at_once() -> None:
    async with open_site(camera_held_polls=1) as site:
        first = await _on_the_line(site, site.poll(wait=55))
        (status, headers, _), took = await _timed(site.poll("0040ff445566", wait=55))
        assert (status, "Preference-Applied" in headers, took < 1) == (204, False, True)
        assert 55 <= int(headers["Retry-After"]) <= 67
        await site.claim()
        assert (await first)[0] == 200


async def test_a_camera_that_asks_anew_gives_up_its_older_line(site: Site) -> None:
    older = await _on_the_line(site, site.poll(wait=55))
    newer = asyncio.create_task(site.poll(wait=55))
    assert (await asyncio.wait_for(older, 5))[0] == 204
    assert not newer.done()
    await site.claim()
    assert (await asyncio.wait_for(newer, 5))[0] == 200


async def test_a_camera_that_hangs_up_gives_its_line_back(site: Site) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", int(site.url.rpartition(":")[2]))
    target = f"/camera/v1/devices/{MAC}/token"
    writer.write(f"GET {target} HTTP/1.1\r\nHost: c\r\n\r\n".encode())
    head = (await reader.readuntil(b"\r\n\r\n")).decode()
    digest = Digest(MAC, SECRET)
    digest.challenged(head.partition("WWW-Authenticate: ")[2].partition("\r\n")[0])
    proof = digest.header("GET", target)
    writer.write(
        f"GET {target} HTTP/1.1\r\nHost: c\r\nPrefer: wait=55\r\nAuthorization: {proof}\r\n\r\n".encode()
    )
    await _until_held(site)
    writer.close()
    async with asyncio.timeout(5):
        while len(site.listener.held):
            await asyncio.sleep(0.005)


async def test_at_the_end_everybody_on_the_line_is_answered_and_told_to_come_back_soon(site: Site) -> None:
    polls = [asyncio.create_task(site.poll(f"0040ff00000{n}", wait=55)) for n in range(5)]
    async with asyncio.timeout(5):
        while len(site.listener.held) < 5:
            await asyncio.sleep(0.005)
    started = time.monotonic()
    await site.listener.close()
    for status, headers, _ in await asyncio.gather(*polls):
        assert (status, int(headers["Retry-After"]) <= 30) == (204, True)
    assert time.monotonic() - started < 5


@pytest.mark.parametrize("prefer", ["respond-async", "wait=x", "wait=-5", "wait=99999999", "," * 5000])
async def test_other_preferences_do_not_hold_a_poll(site: Site, prefer: str) -> None:
    digest = Digest(MAC, SECRET)
    target = f"/camera/v1/devices/{MAC}/token"
    async with site.session.get(site.url + target) as answer:
        digest.challenged(answer.headers["WWW-Authenticate"])
    proof = digest.header("GET", target) or ""
    headers = {"Authorization": proof, "Prefer": prefer}
    async with asyncio.timeout(5), site.session.get(site.url + target, headers=headers) as answer:
        assert answer.status == 204


async def _timed(poll: Coroutine[Any, Any, Poll]) -> tuple[Poll, float]:
    started = time.monotonic()
    return await poll, time.monotonic() - started


async def _until_held(site: Site) -> None:
    async with asyncio.timeout(5):
        while not len(site.listener.held):
            await asyncio.sleep(0.005)
