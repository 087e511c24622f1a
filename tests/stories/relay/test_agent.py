"""The on-site server's agent against the real routes."""

import asyncio
from pathlib import Path

import pytest

from common.auth import Role
from device.server import Pulse, Refused, Registration, ServerAgent
from stories.relay.conftest import Site


def agent_of(site: Site, version: str = "6.8.0") -> ServerAgent:
    async def at_once(_: float) -> None:
        await asyncio.sleep(0)

    return ServerAgent(site.client.session, str(site.client.make_url("/")), version, at_once)


async def test_an_agent_registers_and_sees_itself_become_green(site: Site) -> None:
    agent = agent_of(site)
    registration = await agent.register(site.house.keys.token(role=Role.ADMIN), "Main gate")
    seen: asyncio.Queue[Pulse] = asyncio.Queue()
    running = asyncio.create_task(agent.keep_in_touch(registration, seen.put_nowait))
    pulse = await asyncio.wait_for(seen.get(), 5)
    running.cancel()
    assert (pulse.status, pulse.heartbeat_seconds, pulse.next) == ("green", 15, None)


async def test_an_old_agent_is_told_to_update(site: Site) -> None:
    agent = agent_of(site, "6.7")
    registration = await agent.register(site.house.keys.token(role=Role.ADMIN), "Main gate")
    pulse = await agent.heartbeat(registration)
    assert pulse.status == "outdated"
    assert pulse.next is not None
    assert "6.8" in pulse.next


async def test_an_agent_whose_credential_does_not_hold_stops(site: Site) -> None:
    with pytest.raises(Refused) as refused:
        await agent_of(site).keep_in_touch(Registration("nobody", "x" * 43))
    assert refused.value.status == 401
    assert refused.value.next_step == "Register the server again."


def test_a_registration_is_kept_for_its_owner_alone(tmp_path: Path) -> None:
    file = tmp_path / "server.json"
    assert Registration.load(file) is None
    Registration("s1", "secret").save(file)
    assert file.stat().st_mode & 0o777 == 0o600
    assert Registration.load(file) == Registration("s1", "secret")
    assert "secret" not in repr(Registration("s1", "secret"))
