"""`make demo`: a private suite, the main job on it, and an honest exit status."""

import asyncio
import shutil
import tempfile
import time
from contextlib import suppress
from pathlib import Path

import aiohttp
from rich.console import Console

from devstack import screen
from devstack.demo.play import main_job
from devstack.demo.show import Show
from devstack.demo.stage import Narrator, NotAsTold, Staff, Stage
from devstack.memory import of_tree
from devstack.signup import demo_owner
from devstack.suite import Suite

ALL_STEPS = 9


def stage_of(suite: Suite, http: aiohttp.ClientSession, narrator: Narrator) -> Stage:
    """What a suite tells its public, and one staff login."""
    return Stage(
        http,
        gateway=suite.gateway_url,
        camera_port=suite.camera_url,
        catcher=suite.mail_url,
        staff=Staff(suite.staff.email, suite.staff.password),
        narrator=narrator,
    )


async def demo(console: Console, *, keep: bool) -> bool:
    """Play on a suite of its own, at free ports, that is gone afterwards; True when all steps did what they
    say. Logs stay when one did not. `keep`: the suite runs on until this is cancelled."""
    folder = Path(tempfile.mkdtemp(prefix="vedette-demo-"))
    console.print("Starting a private suite: servers, mail catcher, five services ...")
    failed = False
    try:
        async with Suite(folder, ports="free", say=lambda line: console.print(line, markup=False)) as suite:
            console.print(f"Ready after {suite.ready_after:.1f} s at {suite.gateway_url}")
            failed = not await _play(suite, console)
            if keep:
                problem = await demo_owner(suite)
                console.print(screen.ready(suite, of_tree(), problem, data="removed at the end"))
                with suppress(asyncio.CancelledError):
                    await asyncio.Event().wait()
    except Exception:
        failed = True
        raise
    finally:
        shutil.rmtree(folder / "data" if failed else folder, ignore_errors=True)
        if failed:
            console.print(f"Logs: {folder / 'logs'}")
    return not failed


async def _play(suite: Suite, console: Console) -> bool:
    began = time.monotonic()
    async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=30)) as http:
        stage = stage_of(suite, http, Show(console))
        try:
            await main_job(stage)
        except NotAsTold:
            console.print(f"[bold red]Stopped at step {stage.steps + 1} of {ALL_STEPS}.[/]")
            return False
    seconds = time.monotonic() - began
    console.print(f"[bold green]All {stage.steps} steps did what they say, in {seconds:.1f} s.[/]")
    return True
