"""What most stories of identity begin with."""

from collections.abc import AsyncIterator

import pytest
from pydantic import SecretStr

from common.testing import MemoryHouse
from stories.identity.crowd import Crowd
from stories.identity.portal import Portal, served


@pytest.fixture
async def portal() -> AsyncIterator[Portal]:
    """Identity, open, with a staff admin and nobody else."""
    staff = SecretStr("staff@vedette.example:staff password")
    async with served(MemoryHouse(), bootstrap_staff=staff) as portal:
        yield portal


@pytest.fixture
def crowd(portal: Portal) -> Crowd:
    """Whoever a story needs around the portal."""
    return Crowd(portal)


@pytest.fixture
async def ada(portal: Portal) -> str:
    """The access token of Ada, who has signed up and in."""
    await portal.with_account()
    return str((await portal.signed_in())["access_token"])
