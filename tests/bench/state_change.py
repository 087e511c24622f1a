"""State change + event -> MongoDB (majority) -> RabbitMQ (confirmed) -> idempotent handler elsewhere.

Group commit against a transaction per request, side by side: two processes (writers, handler), the same
outbox, bus and consumer, alternated rounds. The only difference is how a commit reaches MongoDB.

    cd tests && python -m bench.state_change [--rounds 5] [--seconds 4]
"""

import argparse
import asyncio
import multiprocessing
import tempfile
import time
from datetime import UTC, datetime
from itertools import count
from multiprocessing.connection import Connection
from pathlib import Path

import uvloop

from bench.peers.measure import report, spread
from common.app import COMMON_INDEXES
from common.bus import Bus, Topology
from common.clock import SystemClock
from common.contracts.provisioning import CameraRenamed
from common.database import Save, Update
from common.ids import CameraId, OrganisationId, new_id
from common.mongo import MongoDatabase, open_client
from common.mongo.command import Command
from common.mongo.group_commit import GroupCommit
from common.outbox import Outbox
from devstack.shared import shared

CAMERAS = 64
Figures = dict[str, float]


class TransactionPerRequest(GroupCommit):
    """The usual way: every command has a transaction of its own, all of them side by side."""

    async def commit(self, command: Command) -> None:
        await self._write_group([command], apart=True)
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


def one_round(mongo: str, amqp: str, design: str, writers: int, seconds: float) -> Figures:
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
        "write p50 ms": took[len(took) // 2] * 1e3,
        "write p99 ms": took[int(len(took) * 0.99)] * 1e3,
        "end to end p50 ms": lags[len(lags) // 2] * 1e3,
        "end to end p99 ms": lags[int(len(lags) * 0.99)] * 1e3,
    }


def rows(writers: int, results: dict[str, list[Figures]]) -> list[list[str]]:
    return [
        [str(writers), design, *(spread([one[key] for one in rounds], 1) for key in rounds[0])]
        for design, rounds in results.items()
    ]


def ratio(results: dict[str, list[Figures]], figure: str) -> list[float]:
    """Group commit to a transaction per request, round by round."""
    usual, ours = results.values()
    return [mine[figure] / theirs[figure] for mine, theirs in zip(ours, usual, strict=True)]


def main() -> None:
    options = argparse.ArgumentParser()
    options.add_argument("--rounds", type=int, default=5)
    options.add_argument("--seconds", type=float, default=4)
    given = options.parse_args()
    lines, notes = [], []
    with tempfile.TemporaryDirectory() as folder:
        place = Path(folder)
        with shared("mongo", place) as mongo, shared("rabbit", place) as amqp:
            for writers, goal in ((64, 8.0), (4, 1.0), (1, 1.0)):
                results: dict[str, list[Figures]] = {"transaction per request": [], "group commit": []}
                for turn in range(given.rounds):
                    for design in results if turn % 2 == 0 else reversed(results):
                        results[design].append(one_round(mongo, amqp, design, writers, given.seconds))
                lines += rows(writers, results)
                rate, slowest = ratio(results, "events/s"), ratio(results, "end to end p99 ms")
                notes.append(
                    f"{writers} writers: {spread(rate, 2)} x the events a second (goal: at least {goal:g})"
                )
                notes.append(f"{writers} writers: {spread(slowest, 2)} x the end-to-end p99")
    columns = [
        "writers",
        "design",
        "events/s",
        "write p50 ms",
        "write p99 ms",
        "end to end p50 ms",
        "end to end p99 ms",
    ]
    notes.append(
        f"{given.rounds} alternated rounds of {given.seconds:g} s; min / median / max; goal for p99 at 64: 0.3"
    )
    report("State change + event, end to end", columns, lines, notes)


if __name__ == "__main__":
    main()
