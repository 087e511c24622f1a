"""State change + event -> MongoDB (majority) -> RabbitMQ (confirmed) -> idempotent handler elsewhere.

Group commit against a transaction per request, side by side: two processes (writers, handler), the same
outbox, bus and consumer, alternated rounds. The only difference is how a commit reaches MongoDB.

    python tests/bench/state_change.py --mongo URL --amqp URL [--rounds 5] [--seconds 4]
"""

import argparse
import asyncio
import multiprocessing
import time
from datetime import UTC, datetime
from itertools import count
from multiprocessing.connection import Connection
from statistics import median

import uvloop

from common.app import COMMON_INDEXES
from common.bus import Bus, Topology
from common.clock import SystemClock
from common.contracts.provisioning import CameraRenamed
from common.database import Save, Update
from common.ids import CameraId, OrganisationId, new_id
from common.mongo import MongoDatabase, open_client
from common.mongo.group_commit import Command, GroupCommit
from common.outbox import Outbox

CAMERAS = 64


class TransactionPerRequest(GroupCommit):
    """The usual way: every command has a transaction of its own, all of them side by side."""

    async def commit(self, command: Command) -> None:
        await self._write_isolating([command])
        await command.done


def database(url: str, name: str, outbox: Outbox | None, design: str) -> MongoDatabase:
    client = open_client(url)
    made = MongoDatabase(client, name, outbox)
    if design == "transaction per request":
        made._group_commit = TransactionPerRequest(client, made._database)
    return made


async def write(mongo: str, amqp: str, name: str, design: str, writers: int, seconds: float) -> list[float]:
    bus = Bus(amqp, Topology(name, "writer"))
    await bus.open()
    await bus.wait_connected()
    outbox = Outbox(bus, SystemClock())
    store = database(mongo, f"{name}_w", outbox, design)
    await store.ensure(COMMON_INDEXES)
    await outbox.open(store)
    took: list[float] = []
    end = time.monotonic() + seconds

    async def writer() -> None:
        # Each writer goes round its own cameras: changes rarely hit one camera twice at once.
        cameras = [new_id() for _ in range(CAMERAS)]
        for turn in count():
            if time.monotonic() >= end:
                return
            camera, version = cameras[turn % CAMERAS], turn // CAMERAS + 1
            started = time.monotonic()
            event = CameraRenamed(
                organisation=OrganisationId("bench"),
                version=version,
                at=datetime.now(UTC),
                camera=CameraId(camera),
                name=str(time.monotonic_ns()),
            )
            await store.commit(
                [Save("cameras", {"_id": camera, "version": version, "name": event.name})], [event]
            )
            took.append(time.monotonic() - started)

    await asyncio.gather(*(writer() for _ in range(writers)))
    await outbox.close(30)
    await bus.close()
    return took


async def handle(mongo: str, amqp: str, name: str, design: str, pipe: Connection) -> None:
    bus = Bus(amqp, Topology(name, "reader"))
    store = database(mongo, f"{name}_r", None, design)
    await store.ensure(COMMON_INDEXES)
    lags: list[float] = []
    last = time.monotonic()

    async def renamed(event: CameraRenamed) -> None:
        nonlocal last
        change = {"$max": {"version": event.version}, "$set": {"name": event.name}}
        await store.commit([Update("names", {"_id": event.camera}, change, upsert=True)])
        last = time.monotonic()
        lags.append((time.monotonic_ns() - int(event.name)) / 1e9)

    bus.listen({CameraRenamed.wire: renamed})
    await bus.open()
    await bus.wait_connected()
    pipe.send("ready")
    loop = asyncio.get_running_loop()
    expected = await loop.run_in_executor(None, pipe.recv)
    give_up = time.monotonic() + 60
    while len(lags) < expected and time.monotonic() < give_up:
        await asyncio.sleep(0.01)
    await bus.stop_consuming()
    await bus.close()
    pipe.send((last, sorted(lags)))


def _handler(mongo: str, amqp: str, name: str, design: str, pipe: Connection) -> None:
    uvloop.run(handle(mongo, amqp, name, design, pipe))


def one_round(mongo: str, amqp: str, design: str, writers: int, seconds: float) -> dict[str, float]:
    name = "bench" + new_id()[-8:]
    ours, theirs = multiprocessing.Pipe()
    reader = multiprocessing.get_context("spawn").Process(
        target=_handler, args=(mongo, amqp, name, design, theirs)
    )
    reader.start()
    ours.recv()
    started = time.monotonic()
    took = sorted(uvloop.run(write(mongo, amqp, name, design, writers, seconds)))
    ours.send(len(took))
    last, lags = ours.recv()
    reader.join()
    assert len(lags) == len(took), f"{len(took)} written, {len(lags)} handled"
    return {
        "events/s": len(took) / (last - started),
        "write p50": took[len(took) // 2] * 1e3,
        "write p99": took[int(len(took) * 0.99)] * 1e3,
        "e2e p50": lags[len(lags) // 2] * 1e3,
        "e2e p99": lags[int(len(lags) * 0.99)] * 1e3,
    }


def main() -> None:
    options = argparse.ArgumentParser()
    options.add_argument("--mongo", required=True)
    options.add_argument("--amqp", required=True)
    options.add_argument("--rounds", type=int, default=5)
    options.add_argument("--seconds", type=float, default=4)
    options.add_argument("--writers", type=int, nargs="*", default=[64, 4, 1])
    given = options.parse_args()
    for writers in given.writers:
        results: dict[str, list[dict[str, float]]] = {"transaction per request": [], "group commit": []}
        for _ in range(given.rounds):
            for design, rounds in results.items():
                rounds.append(one_round(given.mongo, given.amqp, design, writers, given.seconds))
        for design, rounds in results.items():
            figures = {key: tuple(f(r[key] for r in rounds) for f in (min, median, max)) for key in rounds[0]}
            print(writers, design, {k: " / ".join(f"{x:.1f}" for x in v) for k, v in figures.items()})


if __name__ == "__main__":
    main()
