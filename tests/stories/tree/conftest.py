"""A provisioning service in memory, and its item tree."""

from collections.abc import AsyncIterator

import pytest

from provisioning_site import open_site
from tree_site import Tree


@pytest.fixture
async def tree() -> AsyncIterator[Tree]:
    async with open_site() as site:
        yield Tree(site)
