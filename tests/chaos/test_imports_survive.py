"""Provisioning is killed (`kill -9`) in the middle of files of many cameras (`make chaos`): afterwards each file
is finished, each row has exactly one result, and no camera was claimed twice."""

import asyncio
import time
import uuid
from collections import Counter
from typing import Any

import pytest
from pymongo import AsyncMongoClient

from chaos.books import settled
from customers import Customer
from devstack.suite import Suite
from provisioning.service.import_work import BATCH

pytestmark = [pytest.mark.servers, pytest.mark.chaos, pytest.mark.asyncio(loop_scope="session")]
ROWS, KILLS = 10_000, 3
BAD_EVERY = 500
"""Rows whose id can be none, among the good ones."""
TAKEN_BACK = 1_000
WITHIN = 240.0


def file_of(rows: int, *, bad: set[int]) -> tuple[bytes, list[str]]:
    """A CSV file and the canonical ids of its good rows; `bad` counts rows from 0."""
    batch = uuid.uuid4().hex[:7]
    devices = [f"{batch}{number:05x}" for number in range(rows)]
    lines = [f"{'no id at all!' if n in bad else device},secret {n}" for n, device in enumerate(devices)]
    good = [f"mac:{device}" for n, device in enumerate(devices) if n not in bad]
    return "\n".join(["Device ID,Password", *lines]).encode(), good


async def taken_in(customer: Customer, data: bytes, mode: str) -> str:
    path = f"/api/v1/claim-imports?mode={mode}"
    reply = await customer.send_bytes("POST", path, data, "text/csv")
    assert reply.status == 202, reply.body
    return str(reply.body["id"])


async def progress(customer: Customer, identity: str) -> dict[str, Any]:
    """As soon as somebody answers."""
    async with asyncio.timeout(60):
        while True:
            reply = await customer.ask("GET", f"/api/v1/claim-imports/{identity}")
            if reply.status == 200:
                return dict(reply.body)
            await asyncio.sleep(0.1)


async def until(customer: Customer, identity: str, state: str, done: int) -> dict[str, Any]:
    """The import when it is in this state and so far, or through."""
    async with asyncio.timeout(WITHIN):
        while True:
            now = await progress(customer, identity)
            if (now["state"] == state and now["done"] >= done) or now["state"] in ("finished", "refused"):
                return now
            await asyncio.sleep(0.05)


async def results_kept(suite: Suite, identity: str, count: int) -> None:
    """Wait for so many results; how far the file is, it says itself only after each batch."""
    client: AsyncMongoClient[dict[str, Any]] = AsyncMongoClient(suite.mongo.url)
    async with client, asyncio.timeout(WITHIN):
        rows = client["vedette_provisioning"]["claim_import_rows"]
        while await rows.count_documents({"claim_import": identity}) < count:
            await asyncio.sleep(0.02)


async def kill_and_start(suite: Suite) -> None:
    await suite.kill("provisioning")
    await suite.start("provisioning")


async def kept(
    suite: Suite, identity: str, devices: list[str]
) -> tuple[Counter[int], Counter[str], Counter[str]]:
    """Results by row number, claims and cameras by device, as the database has them: ended ones included."""
    client: AsyncMongoClient[dict[str, Any]] = AsyncMongoClient(suite.mongo.url)
    async with client:
        database = client["vedette_provisioning"]
        rows = await database["claim_import_rows"].find({"claim_import": identity}).to_list()
        wanted = {"device": {"$in": devices}}
        claims = await database["claims"].find(wanted, {"device": 1}).to_list()
        items = await database["items"].find(wanted, {"device": 1}).to_list()
    return (
        Counter(row["number"] for row in rows),
        Counter(claim["device"] for claim in claims),
        Counter(item["device"] for item in items),
    )


async def test_a_file_is_finished_and_no_camera_is_claimed_twice_though(suite: Suite) -> None:
    began, bad = time.monotonic(), set(range(0, ROWS, BAD_EVERY))
    data, good = file_of(ROWS, bad=bad)
    async with await Customer.new(suite) as customer:
        identity = await taken_in(customer, data, "row_by_row")
        ahead = []
        for kill in range(1, KILLS + 1):
            await results_kept(suite, identity, ROWS * kill // (KILLS + 1) + BATCH // 2)
            await suite.kill("provisioning")
            results, _, _ = await kept(suite, identity, good)
            await suite.start("provisioning")
            now = await progress(customer, identity)
            assert now["state"] == "claiming", "killed in its midst"
            ahead.append(len(results) - now["done"])
        assert any(0 < rows < BATCH for rows in ahead), "in the middle of a batch"
        end = await until(customer, identity, "finished", 0)
        assert (end["state"], end["done"], end["claimed"], end["refused"]) == (
            "finished", ROWS, ROWS - len(bad), len(bad),
        )  # fmt: skip
        finished = time.monotonic() - began
        results, claims, items = await kept(suite, identity, good)
        assert len(results) == ROWS
        assert {n: times for n, times in results.items() if times != 1} == {}
        assert claims == items == Counter(good), "each camera once"
        cameras = await customer.every("/api/v1/cameras")
        assert Counter(camera["device"] for camera in cameras) == Counter(good)
        await settled(suite, WITHIN)
    print(
        f"{ROWS} rows, killed {KILLS} times with {ahead} rows claimed that the file did not know of yet: "
        f"finished after {finished:.1f} s, books agree after {time.monotonic() - began:.1f} s"
    )


async def test_a_file_of_all_or_nothing_leaves_nothing_though(suite: Suite) -> None:
    """Its last camera is claimed by hand when the file was looked through: all that was claimed is taken back."""
    data, good = file_of(TAKEN_BACK, bad=set())
    async with await Customer.new(suite) as customer:
        identity = await taken_in(customer, data, "all_or_nothing")
        await until(customer, identity, "claiming", 0)
        body = {"device_id": good[-1], "secret": "by hand"}
        reply = await customer.ask("POST", "/api/v1/claims", body)
        assert reply.status == 201, reply.body
        await kill_and_start(suite)
        if (await until(customer, identity, "undoing", TAKEN_BACK // 3))["state"] == "undoing":
            await kill_and_start(suite)
        end = await until(customer, identity, "refused", 0)
        assert end["state"] == "refused", end
        cameras = await customer.every("/api/v1/cameras")
        assert [camera["id"] for camera in cameras] == [reply.body["camera"]], "the one by hand alone"
        results, claims, _ = await kept(suite, identity, good)
        assert {n: times for n, times in results.items() if times != 1} == {}
        assert {device: times for device, times in claims.items() if times > 1} in ({}, {good[-1]: 2})
        await settled(suite, WITHIN)
