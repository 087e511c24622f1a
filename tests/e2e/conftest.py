"""The whole suite as `make run` starts it, for tests from outside: one for a whole run.

All tests that use it share one event loop, and with xdist one worker (`--dist loadgroup`): a suite takes most
of a gigabyte. A test that kills a part of it brings it back (`suite.kill`, `suite.start`) before it ends.
"""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio

from customers import Customer
from described import Operation, described
from devstack.suite import Suite
from live_suite import live_suite

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
async def suite() -> AsyncIterator[Suite]:
    """All five services on servers of their own, at free ports; ready."""
    async with live_suite() as suite:
        yield suite


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def customer(suite: Suite) -> AsyncIterator[Customer]:
    """The Super Admin of an organisation."""
    async with await Customer.new(suite) as customer:
        yield customer


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def stranger(suite: Suite) -> AsyncIterator[Customer]:
    """The Super Admin of another organisation."""
    async with await Customer.new(suite) as stranger:
        yield stranger


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def staff(suite: Suite) -> AsyncIterator[Customer]:
    """The platform's own staff admin."""
    async with await Customer.signed_in(suite, suite.staff) as staff:
        yield staff


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def operations(suite: Suite, customer: Customer) -> list[Operation]:
    """Every operation of the merged OpenAPI document."""
    document = (await customer.ask("GET", "/api/v1/openapi.json")).body
    assert "x-unavailable" not in document
    return described(document)
