"""The whole suite as `make run` starts it, for tests from outside: one for a whole run.

All tests that use it share one event loop, and with xdist one worker (`--dist loadgroup`): a suite takes most
of a gigabyte. A test that kills a part of it brings it back (`suite.kill`, `suite.start`) before it ends.
"""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio

from devstack.suite import Suite

HERE = Path(__file__).parent
START_AND_PLAY_SECONDS = 240


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if item.path.is_relative_to(HERE) and "suite" in getattr(item, "fixturenames", ()):
            item.add_marker(pytest.mark.servers)
            item.add_marker(pytest.mark.xdist_group("suite"))
            item.add_marker(pytest.mark.asyncio(loop_scope="session"), append=False)
            if item.get_closest_marker("timeout") is None:
                item.add_marker(pytest.mark.timeout(START_AND_PLAY_SECONDS))


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def suite(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Suite]:
    """All five services on servers of their own, at free ports; ready."""
    async with Suite(tmp_path_factory.mktemp("suite"), ports="free") as suite:
        yield suite
