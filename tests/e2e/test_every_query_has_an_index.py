"""Whatever the services ask MongoDB while people and cameras use them is found through an index: MongoDB's own
profiler says so, for the queries as they really are."""

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Any

from pymongo import AsyncMongoClient

from chaos.rush import reconciled, rush
from customers import Customer
from described import Operation
from devstack.suite import Suite

SERVICES = ("identity", "provisioning", "licensing", "relay")
TINY = {
    "identity.signing_keys": "a handful, whatever happens",
    "licensing.test_clocks": "development only",
}
"""Collections that may be read as a whole, and why."""
ROOM_BYTES = 64_000_000
Client = AsyncMongoClient[dict[str, Any]]


@asynccontextmanager
async def watched(client: Client) -> AsyncIterator[list[dict[str, Any]]]:
    """Everything MongoDB was asked inside the block; filled when it ends."""
    seen: list[dict[str, Any]] = []
    for service in SERVICES:
        database = client[f"vedette_{service}"]
        await database.create_collection("system.profile", capped=True, size=ROOM_BYTES)
        await database.command("profile", 2)
    try:
        yield seen
    finally:
        for service in SERVICES:
            database = client[f"vedette_{service}"]
            await database.command("profile", 0)
            seen += await database["system.profile"].find().to_list()
            await database.drop_collection("system.profile")


async def a_day_of_use(suite: Suite, operations: list[Operation]) -> None:
    """Sign up, claim, connect, look at everything page by page, remove, restart, sign out."""
    async with await Customer.new(suite) as customer, rush(customer, 4) as claims:
        await claims.claim_all()
        await claims.until_connected(within=30)
        await reconciled(claims, within=30)
        for number in range(2):
            server = {"name": f"NVR {number}", "software_version": "6.8.1"}
            await customer.ask("POST", "/api/v1/servers", server)
        ids = {resource: "0" * 32 for one in operations for resource in one.parameters}
        for resource in ("claims", "cameras", "licences", "servers"):
            ids[resource] = (await customer.every(f"/api/v1/{resource}"))[0]["id"]
        ids["items"] = await an_arranged_tree(customer)
        for path in ("claims", "cameras", "licences", "servers"):
            page = await customer.ask("GET", f"/api/v1/{path}?limit=1")
            assert (
                await customer.ask("GET", f"/api/v1/{path}?limit=1&cursor={page.body['next']}")
            ).status == 200
        await customer.ask("GET", f"/api/v1/licences?camera={ids['cameras']}")
        for method in ("GET", "PUT", "PATCH", "POST", "DELETE"):
            for one in operations:
                if one.method == method and "sessions/current" not in one.path:
                    await customer.ask(method, one.at(ids), one.valid_body(ids))
        await asyncio.gather(*(restarted(suite, service) for service in SERVICES))
        assert (await customer.ask("DELETE", "/api/v1/sessions/current")).status == 204


async def an_arranged_tree(customer: Customer) -> str:
    """Folders are made, moved, looked for, removed and brought back; the id of one."""
    items = "/api/v1/items"
    house, hall = [
        (await customer.ask("POST", items, {"kind": "folder", "name": name})).body["id"]
        for name in ("House", "Hall")
    ]
    tree = (await customer.ask("GET", items)).body["items"]
    moves = [{"id": item["id"], "version": item["version"]} for item in tree if item["id"] != house]
    everything = {"items": moves, "parent": house}
    assert (await customer.ask("POST", f"{items}/moves", everything)).status == 200
    assert (await customer.ask("PATCH", f"{items}/{hall}", {"name": "Yard"}, If_Match="*")).status == 200
    assert (await customer.ask("PUT", f"{items}/{hall}/favourite")).status == 204
    for query in ("yard", "hall yard", "00:40:ff", "a"):
        assert (await customer.ask("GET", f"{items}/search?q={query}")).status == 200
    removal = (await customer.ask("GET", f"{items}/{house}/removal")).body
    confirmed = f"{items}/{house}?confirmation={removal['confirmation']}"
    assert (await customer.ask("DELETE", confirmed)).status == 204
    assert (await customer.ask("POST", f"{items}/undo")).status == 200
    return str(hall)


async def restarted(suite: Suite, service: str) -> None:
    await suite.kill(service)
    await suite.start(service)


def scanned(entry: Mapping[str, Any]) -> str | None:
    """What was read without an index; None when nothing was."""
    if "COLLSCAN" not in entry.get("planSummary", ""):
        return None
    collection = entry["ns"].removeprefix("vedette_")
    if collection in TINY or ".system." in entry["ns"]:
        return None
    pipeline = entry.get("originatingCommand", {}).get("pipeline", [])
    if pipeline and "$changeStream" in pipeline[0]:
        return None  # reads the log of changes from where it was, not the collection
    asked = {key: entry["command"].get(key) for key in ("filter", "q", "pipeline", "sort", "query")}
    return f"{collection}: {entry['op']} { {key: value for key, value in asked.items() if value} }"


async def test_every_query_has_an_index(suite: Suite, operations: list[Operation]) -> None:
    client: Client = AsyncMongoClient(suite.mongo.url)
    async with client, watched(client) as seen:
        await a_day_of_use(suite, operations)
    planned = [entry for entry in seen if "planSummary" in entry]
    assert len({entry["ns"] for entry in planned}) > 15
    assert {what for entry in planned if (what := scanned(entry))} == set(), "no index serves these"
    in_memory = {(entry["ns"], entry["planSummary"]) for entry in planned if entry.get("hasSortStage")}
    assert in_memory == set(), "these are sorted after they were read, although an index was used"
