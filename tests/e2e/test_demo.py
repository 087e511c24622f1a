"""The main job on real parts, as `make demo` plays it."""

import aiohttp
from rich.console import RenderableType

from devstack.demo.command import ALL_STEPS, stage_of
from devstack.demo.play import main_job
from devstack.demo.stage import NotAsTold
from devstack.suite import Suite


class Silence:
    """A narrator for tests: pytest shows the failure."""

    def begins(self, number: int, title: str) -> None:
        pass

    def tells(self, did: str, saw: str) -> None:
        pass

    def shows(self, picture: RenderableType) -> None:
        pass

    def ends(self, seconds: float, failure: NotAsTold | None) -> None:
        pass


async def test_every_step_of_the_main_job_does_what_it_says(suite: Suite) -> None:
    async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=30)) as http:
        stage = stage_of(suite, http, Silence())
        await main_job(stage)
    assert stage.steps == ALL_STEPS
