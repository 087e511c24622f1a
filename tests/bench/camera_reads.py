"""Polls that must read MongoDB: all of a moment in one question, beside a find_one for each.

    cd tests && python -m bench.camera_reads [rounds seconds]

Both ways read the live claims of 20,000 known devices from the same MongoDB; 256 polls are in hand at once.
"""

import asyncio
import random
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from pathlib import Path

import uvloop

from bench.peers.measure import report, spread
from common.database import Insert
from common.ids import CameraId, ClaimId, OrganisationId, UserId, new_id
from common.mongo import MongoDatabase, open_client
from devstack.shared import shared
from provisioning.domain import Claim, DeviceId
from provisioning.store import INDEXES, InventoryStore
from provisioning.store.documents import CLAIMS, of_claim, to_claim

DEVICES, IN_HAND, BATCH = 20_000, 256, 500


def claim(number: int) -> Claim:
    now = datetime(2026, 1, 1, tzinfo=UTC)
    return Claim(
        id=ClaimId(new_id()), organisation=OrganisationId(f"o{number % 1000}"), camera=CameraId(new_id()),
        device=device(number), name="Gate", claimed_by=UserId("u"), keys=bytes(250), state="connected",
        version=3, created_at=now, changed_at=now,
    )  # fmt: skip


def device(number: int) -> DeviceId:
    return DeviceId(f"mac:{number:012x}")


async def apart(database: MongoDatabase, wanted: DeviceId) -> list[Claim]:
    row = await database.get(CLAIMS, {"device": wanted, "live": True})
    return [to_claim(row)] if row else []


async def rate(ask: Callable[[DeviceId], Awaitable[list[Claim]]], seconds: float) -> tuple[float, float]:
    """Reads a second, and CPU microseconds of this process for each."""
    end, done, used = time.monotonic() + seconds, 0, time.process_time()

    async def poll() -> None:
        nonlocal done
        while time.monotonic() < end:
            found = await ask(device(random.randrange(DEVICES)))
            assert len(found) == 1
            done += 1

    await asyncio.gather(*(poll() for _ in range(IN_HAND)))
    return done / seconds, (time.process_time() - used) / done * 1e6


async def measure(mongo: str, rounds: int, seconds: float) -> None:
    client = open_client(mongo)
    database = MongoDatabase(client, "bench_camera_reads")
    await database.ensure(INDEXES)
    for start in range(0, DEVICES, BATCH):
        await database.commit([Insert(CLAIMS, of_claim(claim(n))) for n in range(start, start + BATCH)])
    store = InventoryStore(database)
    ways = {
        "find_one for each poll": lambda wanted: apart(database, wanted),
        "coalesced": store.claims_of_device,
    }
    taken: dict[str, list[tuple[float, float]]] = {name: [] for name in ways}
    for turn in range(rounds + 1):
        for name in sorted(ways, reverse=turn % 2 == 1):
            sample = await rate(ways[name], seconds)
            if turn:  # the first round warms up
                taken[name].append(sample)
    await client.drop_database(database.name)
    client.close()
    tell(taken, rounds, seconds)


def tell(taken: dict[str, list[tuple[float, float]]], rounds: int, seconds: float) -> None:
    rows = [
        [name, spread([sample[0] for sample in samples]), spread([sample[1] for sample in samples])]
        for name, samples in taken.items()
    ]
    single, together = taken.values()
    ratio = [ours[0] / theirs[0] for ours, theirs in zip(together, single, strict=True)]
    notes = [
        f"coalesced to find_one: {spread(ratio, 2)} (goal: at least 3)",
        f"{IN_HAND} polls in hand, {DEVICES:,} claims; {rounds} alternated rounds of {seconds:g} s; min / median / max",
    ]
    report("Polls that read MongoDB", ["way", "reads/s", "CPU us/read, client"], rows, notes)


if __name__ == "__main__":
    chosen = [float(text) for text in sys.argv[1:]] or [5.0, 3.0]
    with shared("mongo", Path(tempfile.mkdtemp(prefix="vedette-bench-"))) as address:
        uvloop.run(measure(address, int(chosen[0]), chosen[1]))
