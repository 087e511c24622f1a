"""Thousands of cameras in one process: their power fails, their buttons are pressed, all keep the law."""

import asyncio
import csv
import io
import os
import pty
import re
import sys
from collections import Counter
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from rich.console import Console

from device.fleet import Fleet, fleet, numbered
from device.fleet_command import table
from provisioning.api.poll_counts import counts
from provisioning_site import Site, open_site

FIRST = "0040ff000000"


@pytest.fixture
async def site() -> AsyncIterator[Site]:
    async with open_site() as opened:
        yield opened


async def test_a_power_cut_of_three_hundred_cameras_is_served_by_the_law(site: Site) -> None:
    async with fleet(numbered(300, FIRST, "fleet"), site.url, timer=site.timer) as cameras:
        await _answered(cameras, 300)
        await cameras.cut_power()
        assert cameras.phases() == {"off": 300}
        cameras.switch_on()
        await _answered(cameras, 600)
        assert cameras.answers() == {"204": 600}
        assert cameras.phases() == {"asking every minute": 300}


async def test_a_camera_keeps_its_token_over_a_power_cut_but_not_over_a_reset(site: Site) -> None:
    [identity] = numbered(1, FIRST, "fleet")
    await site.claim(device=identity.id, secret=identity.secret)
    async with fleet([identity], site.url, timer=site.timer) as cameras:
        [camera] = cameras.cameras
        await asyncio.wait_for(camera.until("connected"), 5)
        await cameras.cut_power()
        cameras.switch_on()
        await asyncio.wait_for(camera.until("connected"), 5)
        assert cameras.answers() == {"200": 1}
        await site.timer.next_wake()
        cameras.reset()
        async with asyncio.timeout(5):
            while camera.requests < 2:
                await asyncio.sleep(0.01)


async def test_a_whole_network_that_is_too_fast_is_told_when_and_comes_through() -> None:
    async with (
        open_site(camera_network_burst=50, camera_network_rate=10) as site,
        fleet(numbered(60, FIRST, "fleet"), site.url, timer=site.timer) as cameras,
    ):
        await _answered(cameras, 60)
        assert cameras.answers()["429"] > 0
        for _ in range(400):
            await site.timer.until_next_wake()
            await asyncio.sleep(0.005)
            if all(camera.answers["204"] for camera in cameras.cameras):
                break
        assert set(cameras.answers()) == {"204", "429"}
        assert all(camera.answers["204"] for camera in cameras.cameras)


async def test_the_table_shows_phases_and_answers(site: Site) -> None:
    async with fleet(numbered(3, FIRST, "fleet"), site.url, timer=site.timer) as cameras:
        await _answered(cameras, 3)
        console = Console(width=100, file=io.StringIO())
        console.print(table(cameras, cameras.answers(), Counter(), 1.0))
        shown = console.file.getvalue()  # type: ignore[attr-defined]  # it is the StringIO above
        assert re.search(r"asking every minute\W+3 ", shown)
        assert re.search(r"204\W+3\W+3 ", shown)


async def test_the_command_without_a_terminal_writes_a_claim_list_and_counts(
    site: Site, tmp_path: Path
) -> None:
    file = tmp_path / "claims.csv"
    command = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "device", "fleet", "-n", "20", "--url", site.url, "--seconds", "3",
        "--cut-after", "1.5", "--csv", str(file), stdout=asyncio.subprocess.PIPE,
    )  # fmt: skip
    out, _ = await asyncio.wait_for(command.communicate(), 30)
    assert b"phases: asking every minute 20" in out
    assert b"answers: 204 40" in out
    with file.open() as rows:
        assert len(list(csv.DictReader(rows))) == 20


async def test_the_keys_cut_the_power_press_buttons_and_quit(site: Site) -> None:
    command, ours = await _in_a_terminal(site)
    before = counts["not_yet"]
    try:
        for key, polls in (("", 5), ("c", 10), ("b", 15)):
            os.write(ours, key.encode())
            async with asyncio.timeout(20):
                while counts["not_yet"] < before + polls:
                    await asyncio.sleep(0.05)
        os.write(ours, b"q")
        assert await asyncio.wait_for(command.wait(), 20) == 0
    finally:
        os.close(ours)


async def test_a_fleet_whose_terminal_is_closed_ends(site: Site) -> None:
    command, ours = await _in_a_terminal(site)
    before = counts["not_yet"]
    async with asyncio.timeout(20):
        while counts["not_yet"] < before + 5:
            await asyncio.sleep(0.05)
    os.close(ours)
    await asyncio.wait_for(command.wait(), 20)


async def _in_a_terminal(site: Site) -> tuple[asyncio.subprocess.Process, int]:
    ours, theirs = pty.openpty()
    command = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "device", "fleet", "-n", "5", "--url", site.url,
        stdin=theirs, stdout=asyncio.subprocess.DEVNULL,
    )  # fmt: skip
    os.close(theirs)
    return command, ours


async def _answered(cameras: Fleet, requests: int) -> None:
    async with asyncio.timeout(20):
        while cameras.answers().total() < requests:
            await asyncio.sleep(0.01)
