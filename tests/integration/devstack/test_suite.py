"""The whole suite, with stand-in services on the real servers: starts, survives, leaves nothing."""

import asyncio
import os
import signal
import sys
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import psutil
import pytest
from aiohttp import ClientSession

from devstack.folder import InUseError
from devstack.keeper import StartFailedError, missing
from devstack.servers import Given, Machine
from devstack.signup import ensure_owner
from devstack.suite import Suite

pytestmark = pytest.mark.servers
STAND_IN = Path(__file__).with_name("stand_in.py")
NAMES = ("identity", "provisioning", "licensing", "relay", "gateway")
COMMANDS = {name: [sys.executable, str(STAND_IN), name] for name in NAMES}


@pytest.fixture
def machine(mongo_url: str, amqp_url: str) -> Machine:
    """Servers by address: what starts its own has its own tests."""
    return Machine({**os.environ, "VEDETTE_MONGO_URL": mongo_url, "VEDETTE_AMQP_URL": amqp_url})


@pytest.fixture
def before(machine: Machine) -> list[psutil.Process]:
    """What runs below the tests already: the shared servers."""
    return children([])


@pytest.fixture
def said() -> list[str]:
    return []


@pytest.fixture
async def suite(tmp_path: Path, machine: Machine, said: list[str]) -> AsyncIterator[Suite]:
    suite = Suite(tmp_path / "suite", ports="free", commands=COMMANDS, machine=machine, say=said.append)
    async with suite:
        yield suite


def children(known: list[psutil.Process]) -> list[psutil.Process]:
    """Processes below this one that were not there before."""
    return [process for process in psutil.Process().children(recursive=True) if process not in known]


async def until(true: Callable[[], bool]) -> None:
    async with asyncio.timeout(20):
        while not true():
            await asyncio.sleep(0.02)


async def test_everything_is_ready_and_nothing_remains(
    tmp_path: Path, machine: Machine, before: list[psutil.Process]
) -> None:
    async with Suite(tmp_path, ports="free", commands=COMMANDS, machine=machine) as suite:
        assert [await missing(suite.url(name)) for name in NAMES] == [""] * 5
        assert await missing(suite.mail_url) == ""
        assert isinstance(suite.mongo, Given)
        family = children(before)
    assert len(family) >= 6
    assert [process for process in family if runs(process)] == []


async def test_the_demo_owner_is_signed_up_by_a_real_mail_and_only_once(suite: Suite) -> None:
    async def ensure() -> bool:
        return await ensure_owner(
            suite.gateway_url,
            suite.mail_url,
            suite.owner.email,
            suite.owner.password,
            suite.folder.data / "demo-owner",
        )

    assert await ensure()
    assert not await ensure()
    async with ClientSession() as session, session.get(f"{suite.mail_url}/api/messages") as answer:
        assert [mail["recipients"] for mail in await answer.json()] == [[suite.owner.email]]


async def test_a_service_that_dies_is_started_again_and_it_is_said(suite: Suite, said: list[str]) -> None:
    before = suite.pid("licensing")
    assert before is not None
    os.kill(before, signal.SIGKILL)
    await until(lambda: suite.pid("licensing") not in (None, before))
    await until(lambda: "licensing was started again" in said)
    assert said[0] == "licensing ended with status -9; again in 0.5 s"


async def test_a_service_killed_by_a_test_stays_down_until_it_is_started(suite: Suite) -> None:
    await suite.kill("licensing")
    assert suite.pid("licensing") is None
    assert await missing(suite.url("licensing"))
    await suite.start("licensing")
    assert await missing(suite.url("licensing")) == ""


async def test_a_second_suite_in_the_same_folder_says_so(suite: Suite) -> None:
    with pytest.raises(InUseError, match="runs already"):
        async with Suite(suite.folder.root, ports="free"):
            pass


async def test_secrets_are_in_no_argument_of_any_process(before: list[psutil.Process], suite: Suite) -> None:
    arguments = " ".join(" ".join(process.cmdline()) for process in children(before))
    secrets = suite.keys.model_dump(mode="json").values()
    assert secrets
    assert [secret for secret in secrets if secret in arguments] == []


async def test_a_service_with_a_wrong_setting_shows_its_line(
    tmp_path: Path, machine: Machine, before: list[psutil.Process]
) -> None:
    line = "settings: VEDETTE_MASTER_KEY: must be base64"
    broken = [sys.executable, "-c", f"import sys; sys.stderr.write('{line}\\n'); sys.exit(2)"]
    commands = {**COMMANDS, "relay": broken}
    with pytest.raises(StartFailedError, match=f"relay ended with status 2: {line}"):
        async with Suite(tmp_path, ports="free", commands=commands, machine=machine):
            pass
    assert children(before) == []


@pytest.mark.skipif(
    os.environ.get("VEDETTE_TEST_BACKEND") == "containers",
    reason="containers belong to the Docker daemon, the kernel does not end them with their supervisor",
)
async def test_a_supervisor_that_is_killed_takes_everything_with_it(tmp_path: Path) -> None:
    program = (
        "import asyncio, sys\nfrom pathlib import Path\nfrom devstack.suite import Suite\n"
        "async def main():\n"
        "    async with Suite(Path(sys.argv[1]), ports='free', services=()):\n"
        "        print('ready', flush=True)\n        await asyncio.Event().wait()\n"
        "asyncio.run(main())\n"
    )
    supervisor = await asyncio.create_subprocess_exec(
        sys.executable, "-c", program, str(tmp_path), stdout=asyncio.subprocess.PIPE
    )
    assert supervisor.stdout is not None
    async with asyncio.timeout(60):
        assert await supervisor.stdout.readline() == b"ready\n"
    family = psutil.Process(supervisor.pid).children(recursive=True)
    names = {process.name() for process in family}
    assert {"mongod", "beam.smp", "epmd", "turnserver"} <= names
    supervisor.kill()
    await supervisor.wait()
    await until(lambda: not any(map(runs, family)))


def runs(process: psutil.Process) -> bool:
    try:
        return bool(process.is_running() and process.status() != psutil.STATUS_ZOMBIE)
    except psutil.NoSuchProcess:
        return False
