"""One suite for all faults: a service that survived one must survive the next."""

from collections.abc import AsyncIterator

import pytest_asyncio

from devstack.suite import Suite
from live_suite import live_suite


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def suite() -> AsyncIterator[Suite]:
    async with live_suite() as suite:
        yield suite
