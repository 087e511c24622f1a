"""Who did what is written down, found again, and cannot be changed unnoticed."""

import asyncio
import csv
import io
import json
from datetime import UTC, datetime, timedelta
from typing import Any

from common.acting import By, acting
from common.auth import Role
from common.contracts.audit import ActRecorded
from common.contracts.provisioning import CameraRenamed
from common.ids import CameraId, OrganisationId, UserId

ORGANISATION = OrganisationId("org-a")
AT = datetime(2026, 3, 1, 12, tzinfo=UTC)


def renamed(number: int, name: str = "Gate", organisation: str = ORGANISATION) -> CameraRenamed:
    return CameraRenamed(
        organisation=OrganisationId(organisation),
        version=number,
        at=AT + timedelta(minutes=number),
        camera=CameraId(f"cam{number}"),
        name=name,
    )


async def told(portal: Any, *events: Any, by: str = "user-a") -> None:
    with acting(By(UserId(by))):
        await portal.house.bus.tell(*events)


async def log(portal: Any, query: str = "", **claims: Any) -> list[dict[str, Any]]:
    status, body = await portal.get(f"audit{query}", portal.house.keys.token(**claims))
    assert status == 200, body
    return list(body["items"])


async def fetched(portal: Any, path: str) -> tuple[str, str]:
    headers = {"Authorization": f"Bearer {portal.house.keys.token()}"}
    async with portal.client.get(f"/api/v1/{path}", headers=headers) as answer:
        assert answer.status == 200
        return answer.headers["Content-Type"], await answer.text()


async def check(portal: Any) -> dict[str, Any]:
    _, body = await portal.get("audit/check", portal.house.keys.token())
    return dict(body)


async def test_a_change_is_recorded_with_who_what_and_when(portal: Any) -> None:
    await told(portal, renamed(1), by="bob")
    [entry] = await log(portal)
    assert (entry["actor"], entry["via"], entry["act"]) == (
        "bob",
        "membership",
        "provisioning.camera_renamed",
    )
    assert (entry["object"], entry["at"]) == ("cam1", "2026-03-01T12:01:00Z")
    assert entry["details"] == {"camera": "cam1", "name": "Gate"}


async def test_what_the_platform_does_by_itself_has_no_actor(portal: Any) -> None:
    await portal.house.bus.tell(renamed(1))
    assert [entry["actor"] for entry in await log(portal)] == [None]


async def test_a_refusal_is_in_the_log(portal: Any) -> None:
    await portal.get("audit", portal.house.keys.token(role=Role.VIEWER, user="eve"))
    await portal.house.bus.deliver()
    [entry] = await log(portal)
    assert (entry["act"], entry["actor"], entry["object"]) == ("refused", "eve", "GET /api/v1/audit")
    assert entry["details"] == {"action": "audit:read", "code": "forbidden"}


async def test_the_log_is_searched_by_actor_act_object_and_time(portal: Any) -> None:
    await told(portal, renamed(1), renamed(2), by="bob")
    await told(portal, renamed(3), by="carol")
    for query, found in {
        "?actor=carol": ["cam3"],
        "?object=cam2": ["cam2"],
        "?act=provisioning.camera_renamed": ["cam3", "cam2", "cam1"],
        "?act=member.invited": [],
        "?since=2026-03-01T12:02:00Z&until=2026-03-01T13:03:00%2B01:00": ["cam2"],
        "?actor=bob&since=2026-03-01T12:02:00Z": ["cam2"],
    }.items():
        assert [entry["object"] for entry in await log(portal, query)] == found, query
    status, problem = await portal.get("audit?since=2026-03-01T12:00:00", portal.house.keys.token())
    assert (status, problem["code"]) == (422, "time_without_offset")


async def test_the_log_is_read_page_by_page(portal: Any) -> None:
    await told(portal, *(renamed(number) for number in range(1, 6)))
    seen, cursor = [], ""
    while True:
        _, page = await portal.get(f"audit?limit=2{cursor}", portal.house.keys.token())
        seen += [entry["sequence"] for entry in page["items"]]
        if page["next"] is None:
            break
        cursor = f"&cursor={page['next']}"
    assert seen == [5, 4, 3, 2, 1]


async def test_another_organisation_sees_nothing_of_it(portal: Any) -> None:
    await told(portal, renamed(1))
    assert await log(portal, organisation="org-b") == []


async def test_an_event_that_comes_twice_is_recorded_once(portal: Any) -> None:
    portal.house.bus.publish([renamed(1)])
    portal.house.bus.redeliver()
    await portal.house.bus.deliver()
    assert len(await log(portal)) == 1


async def test_many_at_once_make_one_chain(portal: Any) -> None:
    async def one(number: int) -> None:
        await told(portal, renamed(number))

    await asyncio.gather(*(one(number) for number in range(1, 251)))
    assert await check(portal) == {"entries": 250, "intact": True, "broken_at": None}


async def test_a_changed_removed_or_added_entry_shows(portal: Any) -> None:
    await told(portal, *(renamed(number) for number in range(1, 6)))
    entries = portal.database.collections["audit_entries"]
    of = {row["sequence"]: identity for identity, row in entries.items()}
    kept = entries[of[3]]

    entries[of[3]] = kept | {"actor": "somebody-else"}
    assert (await check(portal))["broken_at"] == 3
    del entries[of[3]]
    assert (await check(portal))["broken_at"] == 3
    entries[of[3]] = kept
    assert (await check(portal))["intact"]
    last = entries.pop(of[5])
    assert await check(portal) == {"entries": 5, "intact": False, "broken_at": 5}
    entries[of[5]] = last


async def test_a_chain_that_was_made_anew_lacks_the_seal(portal: Any) -> None:
    """Somebody with the whole database in hand makes all hashes fit again."""
    await told(portal, renamed(1), renamed(2))
    entries, heads = (portal.database.collections[name] for name in ("audit_entries", "audit_heads"))
    mine = [row for row in entries.values() if row["organisation"] == ORGANISATION]
    first, newest = sorted(mine, key=lambda row: row["sequence"])
    del entries[newest["_id"]]
    heads[ORGANISATION] |= {"sequence": 1, "hash": first["hash"]}
    assert not (await check(portal))["intact"]


async def test_the_log_is_exported_as_json_lines_and_csv(portal: Any) -> None:
    await told(portal, renamed(1), renamed(2))
    await told(
        portal,
        ActRecorded(
            organisation=ORGANISATION, version=1, at=AT, act="camera.noted", object="=cmd|'/c calc'!A1"
        ),
    )
    kind, text = await fetched(portal, "audit/export")
    assert kind == "application/jsonl; charset=utf-8"
    assert [json.loads(line)["sequence"] for line in text.splitlines()] == [1, 2, 3]
    kind, text = await fetched(portal, "audit/export?format=csv&object=cam2")
    assert kind == "text/csv; charset=utf-8"
    [row] = csv.DictReader(io.StringIO(text))
    assert (row["sequence"], row["act"]) == ("2", "provisioning.camera_renamed")
    _, text = await fetched(portal, "audit/export?format=csv&act=camera.noted")
    [row] = csv.DictReader(io.StringIO(text))
    assert row["object"].startswith("'=")
