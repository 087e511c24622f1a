"""Private servers: really there, data kept over SIGKILL, nothing left behind."""

import asyncio
import os
from collections.abc import Awaitable, Callable
from pathlib import Path

import aio_pika
import psutil
import pytest
from pymongo import AsyncMongoClient

from devstack.ports import free_port
from devstack.servers import COTURN, MONGO, RABBIT, Coturn, Machine, Mongo, Rabbit, Wanted, find
from devstack.servers.containers import CoturnContainer, mongo, rabbit

pytestmark = pytest.mark.servers
containers_only = pytest.mark.skipif(
    os.environ.get("VEDETTE_TEST_BACKEND") != "containers", reason="needs VEDETTE_TEST_BACKEND=containers"
)
own_only = pytest.mark.skipif(
    os.environ.get("VEDETTE_TEST_BACKEND") == "containers", reason="own processes are not asked for"
)


def binary(wanted: Wanted, tmp_path: Path) -> Path:
    machine = Machine({name: os.environ[name] for name in ("PATH",)})
    return Path(find(wanted, machine, tmp_path / "installation.log").where)


def remaining(directory: Path) -> list[str]:
    """Processes that name the directory in arguments or environment."""
    found = []
    for process in psutil.process_iter():
        try:
            said = [*process.cmdline(), *process.environ().values()]
        except (psutil.NoSuchProcess, psutil.AccessDenied):
            continue
        if process.pid != os.getpid() and any(str(directory) in text for text in said):
            found.append(process.name())
    return found


async def write(url: str, text: str) -> None:
    client: AsyncMongoClient[dict[str, str]] = AsyncMongoClient(url)
    async with client, client.start_session() as session, await session.start_transaction():
        await client["test"]["kept"].insert_one({"_id": text}, session=session)


async def read(url: str, text: str) -> bool:
    async with AsyncMongoClient[dict[str, str]](url) as client:
        return await client["test"]["kept"].find_one({"_id": text}) is not None


async def publish(url: str, text: str) -> None:
    async with await aio_pika.connect(url) as connection:
        channel = await connection.channel()
        await channel.declare_queue("kept", durable=True, arguments={"x-queue-type": "quorum"})
        body = aio_pika.Message(text.encode(), delivery_mode=aio_pika.DeliveryMode.PERSISTENT)
        await channel.default_exchange.publish(body, "kept")


async def registered(register: Callable[[], Awaitable[bytes]]) -> None:
    """The broker writes a new quorum queue into its register half a second late; killed before, it would
    forget the queue. That window is RabbitMQ's own and not what is tested here."""
    async with asyncio.timeout(10):
        while b"kept" not in await register():
            await asyncio.sleep(0.05)


async def consume(url: str) -> str:
    async with await aio_pika.connect(url) as connection:
        channel = await connection.channel()
        queue = await channel.get_queue("kept")
        message = await queue.get(timeout=10)
        return message.body.decode()


@own_only
async def test_a_mongodb_that_was_killed_keeps_its_data_and_leaves_nothing(tmp_path: Path) -> None:
    program = binary(MONGO, tmp_path)
    async with Mongo(program, tmp_path / "m") as server:
        await write(server.url, "before")
        await server.kill()
        await server.start()
        assert await read(server.url, "before")
    assert remaining(tmp_path) == []


@own_only
async def test_a_mongodb_takes_its_data_along_to_another_port(tmp_path: Path) -> None:
    program = binary(MONGO, tmp_path)
    async with Mongo(program, tmp_path / "m") as server:
        await write(server.url, "before")
    async with Mongo(program, tmp_path / "m") as moved:
        assert moved.port != server.port
        assert await read(moved.url, "before")


@own_only
async def test_a_rabbitmq_that_was_killed_keeps_its_messages_and_leaves_nothing(tmp_path: Path) -> None:
    async def register() -> bytes:
        return b"".join(file.read_bytes() for file in tmp_path.rglob("names.dets"))

    async with Rabbit(binary(RABBIT, tmp_path), tmp_path / "r") as server:
        await publish(server.url, "before")
        await registered(register)
        await server.kill()
        assert remaining(tmp_path) == []
        await server.start()
        assert await consume(server.url) == "before"
    assert remaining(tmp_path) == []


@own_only
async def test_coturn_answers_and_keeps_its_secret_out_of_sight(tmp_path: Path) -> None:
    async with Coturn(binary(COTURN, tmp_path), tmp_path / "c", secret="not for everybody") as server:
        assert server.pid is not None
        assert "not for everybody" not in " ".join(psutil.Process(server.pid).cmdline())
        assert (tmp_path / "c" / "turnserver.conf").stat().st_mode & 0o077 == 0
        assert server.traffic_log.exists()
    assert remaining(tmp_path) == []


@containers_only
async def test_mongodb_in_a_container_keeps_its_data_over_sigkill() -> None:
    async with mongo(MONGO.image) as server:
        await write(server.url, "before")
        await server.kill()
        await server.start()
        assert await read(server.url, "before")


@containers_only
async def test_rabbitmq_in_a_container_keeps_its_messages_over_sigkill() -> None:
    async with rabbit(RABBIT.image) as server:
        await publish(server.url, "before")
        await registered(lambda: server.output_of("sh", "-c", "cat $(find /var/lib -name names.dets)"))
        await server.kill()
        await server.start()
        assert await consume(server.url) == "before"


@containers_only
async def test_coturn_in_a_container_keeps_its_secret_out_of_sight_and_its_traffic_log_readable(
    tmp_path: Path,
) -> None:
    async with CoturnContainer(COTURN.image, tmp_path / "c", "not for everybody", free_port()) as server:
        processes = await server.output_of("sh", "-c", "cat /proc/[0-9]*/cmdline")
        assert b"turnserver.conf" in processes
        assert b"not for everybody" not in processes
        assert server.traffic_log.read_text()


@containers_only
async def test_a_container_that_is_stopped_keeps_its_data_until_it_is_discarded() -> None:
    async with rabbit(RABBIT.image) as server:
        await publish(server.url, "before")
        await server.stop()
        await server.start()
        assert await consume(server.url) == "before"
