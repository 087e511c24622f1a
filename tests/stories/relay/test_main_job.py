"""From a registered server to the end of the month's allowance."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from common.auth import Role
from common.contracts.identity import OrganisationChanged, OrganisationCreated
from common.contracts.relay import (
    AllowanceCrossed,
    RemoteSessionClosed,
    RemoteSessionOpened,
    ServerStatusChanged,
    UsageSampled,
)
from common.ids import OrganisationId, RemoteSessionId
from relay.domain.credentials import whose
from stories.relay.conftest import STUN, TURN, Site

SERVERS, SESSIONS, USAGE = "/api/v1/servers", "/api/v1/remote-sessions", "/api/v1/relay-usage"
GB = 10**9


async def test_a_server_registers_becomes_green_and_admits_a_session(site: Site) -> None:
    made = await site.ask("POST", SERVERS, {"name": "Main gate", "software_version": "6.8"})
    assert made.status == 201
    assert made.body["server"]["status"] == "registered"
    assert (await site.beat(made.body)).body == {"status": "green", "heartbeat_seconds": 15, "next": None}
    [shown] = (await site.ask("GET", SERVERS)).body["items"]
    assert shown["status"] == "green"
    assert "credential" not in shown

    opened = await site.ask("POST", SESSIONS, {"server": shown["id"]}, role=Role.VIEWER)
    assert opened.status == 201
    assert (opened.body["mode"], opened.body["reason"]) == ("peer_to_peer_or_relay", None)
    assert opened.body["allowance"] == {
        "used": 0,
        "left": 300 * GB,
        "limit": 300 * GB,
        "period_end": "2026-04-01T00:00:00Z",
    }
    stun, turn = opened.body["ice_servers"]
    assert (stun["urls"], turn["urls"]) == ([STUN], [TURN])
    assert whose(turn["username"]) == ("org-a", opened.body["session"]["id"])
    await site.house.bus.deliver()
    assert [event.status for event in site.house.bus.said(ServerStatusChanged)] == ["registered", "green"]
    assert [event.mode for event in site.house.bus.said(RemoteSessionOpened)] == ["peer_to_peer_or_relay"]


async def test_at_300_gb_a_new_session_is_peer_to_peer_only_and_says_why(site: Site) -> None:
    server = await site.green_server()
    await site.relay_bytes(299 * GB)
    near = (await site.ask("GET", USAGE)).body
    assert (near["used_bytes"], near["left_bytes"], near["percent"]) == (299 * GB, GB, 99.66)

    await site.relay_bytes(2 * GB)
    over = (await site.ask("GET", USAGE)).body
    assert (over["used_bytes"], over["left_bytes"], over["percent"]) == (301 * GB, 0, 100.33)
    assert over["period"] == "2026-03"

    opened = (await site.ask("POST", SESSIONS, {"server": server})).body
    assert opened["mode"] == "peer_to_peer_only"
    assert opened["ice_servers"] == [{"urls": [STUN], "username": None, "credential": None}]
    assert "used up" in opened["reason"]
    assert "peer to peer" in opened["reason"]
    assert "01 April 2026 00:00 (UTC)" in opened["reason"]
    assert [event.percent for event in site.house.bus.said(AllowanceCrossed)] == [50, 80, 90, 100]


async def test_the_next_month_begins_empty_without_any_reset(site: Site) -> None:
    server = await site.green_server()
    await site.relay_bytes(400 * GB)
    site.house.clock.advance(timedelta(days=31))
    assert (await site.ask("GET", USAGE)).body["used_bytes"] == 0
    refused = await site.ask("POST", SESSIONS, {"server": server})
    assert refused.body["code"] == "server_not_green"  # silent for a month


async def test_at_the_end_of_the_allowance_relayed_sessions_end_and_direct_ones_go_on(site: Site) -> None:
    server = await site.green_server()
    direct, relayed = [
        (await site.ask("POST", SESSIONS, {"server": server})).body["session"]["id"] for _ in range(2)
    ]
    sample = UsageSampled(
        organisation=OrganisationId("org-a"),
        version=1,
        at=site.house.clock.now(),
        session=RemoteSessionId(relayed),
        allocation="coturn-1.1",
        forwarded_bytes=300 * GB,
    )
    await site.house.bus.tell(sample, sample)
    ended = (await site.ask("GET", f"{SESSIONS}/{relayed}")).body
    assert (ended["close_reason"], ended["relayed_bytes"]) == ("allowance_used_up", 300 * GB)
    assert (await site.ask("GET", f"{SESSIONS}/{direct}")).body["closed_at"] is None
    assert [event.session for event in site.house.bus.said(RemoteSessionClosed)] == [relayed]


async def test_months_follow_the_time_zone_of_the_organisation(site: Site) -> None:
    created = OrganisationCreated(
        organisation=OrganisationId("org-a"),
        version=1,
        at=site.house.clock.now(),
        name="A",
        kind="customer",
        time_zone="Europe/Rome",
        currency="EUR",
        language="it",
    )
    await site.house.bus.tell(created)
    usage = (await site.ask("GET", USAGE)).body
    assert (usage["period_start"], usage["period_end"]) == ("2026-02-28T23:00:00Z", "2026-03-31T22:00:00Z")
    site.house.clock.advance(datetime(2026, 3, 31, 22, tzinfo=UTC) - site.house.clock.now())
    await site.relay_bytes(5)
    usage = (await site.ask("GET", USAGE)).body
    assert (usage["period"], usage["used_bytes"]) == ("2026-04", 5)


async def test_an_organisation_that_moves_has_its_new_months_from_the_next_one_on(site: Site) -> None:
    def moved(version: int, zone: str) -> OrganisationChanged:
        return OrganisationChanged(
            organisation=OrganisationId("org-a"),
            version=version,
            at=site.house.clock.now(),
            name="A",
            time_zone=zone,
            currency="EUR",
            language="it",
            country="IT",
        )

    await site.relay_bytes(7)
    first, second = moved(2, "America/New_York"), moved(3, "Asia/Tokyo")
    await site.house.bus.tell(moved(1, "UTC"), second, first, second)
    usage = (await site.ask("GET", USAGE)).body
    assert (usage["period_end"], usage["used_bytes"]) == ("2026-04-01T00:00:00Z", 7)
    site.house.clock.advance(timedelta(days=40))
    await site.relay_bytes(5)
    usage = (await site.ask("GET", USAGE)).body
    assert (usage["period_start"], usage["period_end"]) == ("2026-04-01T00:00:00Z", "2026-04-30T15:00:00Z")
    assert usage["used_bytes"] == 5


@pytest.mark.parametrize(
    ("version", "status", "step"), [("6.7.9", "outdated", "6.8"), (None, "registered", "heartbeat")]
)
async def test_a_server_that_is_not_green_refuses_with_the_next_step(
    site: Site, version: str | None, status: str, step: str
) -> None:
    made = (await site.ask("POST", SERVERS, {"name": "Old", "software_version": "6.7.9"})).body
    if version:
        assert (await site.beat(made, version)).body["status"] == "outdated"
    refused = await site.ask("POST", SESSIONS, {"server": made["server"]["id"]})
    assert (refused.status, refused.body["code"]) == (409, "server_not_green")
    assert status in refused.body["detail"]
    assert step in refused.body["next"]


async def test_asking_twice_with_one_key_opens_one_session(site: Site) -> None:
    server = await site.green_server()
    first = await site.ask("POST", SESSIONS, {"server": server}, Idempotency_Key="k1")
    again = await site.ask("POST", SESSIONS, {"server": server}, Idempotency_Key="k1")
    assert again.body == first.body
    assert len(site.house.bus.said(RemoteSessionOpened)) == 1


async def test_a_session_is_closed_once(site: Site) -> None:
    server = await site.green_server()
    path = (await site.ask("POST", SESSIONS, {"server": server})).headers["Location"]
    assert [(await site.ask("DELETE", path)).status for _ in range(2)] == [204, 204]
    assert [event.reason for event in site.house.bus.said(RemoteSessionClosed)] == ["closed"]


async def test_a_removed_server_takes_its_credential_and_its_sessions_with_it(site: Site) -> None:
    made = (await site.ask("POST", SERVERS, {"name": "Gate", "software_version": "6.8"})).body
    await site.beat(made)
    server = made["server"]["id"]
    session = (await site.ask("POST", SESSIONS, {"server": server})).headers["Location"]
    assert (await site.ask("DELETE", f"{SERVERS}/{server}")).status == 204
    await site.house.bus.deliver()
    assert (await site.ask("GET", session)).body["close_reason"] == "server_removed"
    assert (await site.ask("GET", f"{SERVERS}/{server}")).status == 404
    assert (await site.ask("GET", SERVERS)).body["items"] == []
    assert (await site.beat(made)).status == 401


async def test_a_wrong_credential_and_an_unknown_server_answer_alike(site: Site) -> None:
    server = await site.green_server()
    beat = {"software_version": "6.8"}
    wrong = await site.ask("PUT", f"{SERVERS}/{server}/heartbeat", beat, credential="x" * 43)
    unknown = await site.ask("PUT", f"{SERVERS}/nothing/heartbeat", beat, credential="x" * 43)
    assert wrong.status == unknown.status == 401
    assert wrong.body | {"request_id": ""} == unknown.body | {"request_id": ""}


async def test_another_organisations_things_do_not_exist(site: Site) -> None:
    server = await site.green_server()
    session = (await site.ask("POST", SESSIONS, {"server": server})).headers["Location"]
    await site.relay_bytes(7)
    other: dict[str, Any] = {"organisation": "org-b"}
    assert (await site.ask("GET", f"{SERVERS}/{server}", **other)).status == 404
    assert (await site.ask("DELETE", f"{SERVERS}/{server}", **other)).status == 404
    assert (await site.ask("POST", SESSIONS, {"server": server}, **other)).status == 404
    assert (await site.ask("GET", session, **other)).status == 404
    assert (await site.ask("DELETE", session, **other)).status == 404
    assert (await site.ask("GET", SERVERS, **other)).body["items"] == []
    assert (await site.ask("GET", USAGE, **other)).body["used_bytes"] == 0


async def test_a_viewer_neither_registers_servers_nor_makes_up_usage(site: Site) -> None:
    new = {"name": "Gate", "software_version": "6.8"}
    assert (await site.ask("POST", SERVERS, new, role=Role.VIEWER)).status == 403
    usage = {"organisation": "org-a", "forwarded_bytes": 1}
    assert (await site.ask("POST", "/api/v1/simulated-usage", usage)).status == 403


async def test_pages_of_servers_follow_one_another(site: Site) -> None:
    ids = [await site.green_server() for _ in range(3)]
    first = (await site.ask("GET", f"{SERVERS}?limit=2")).body
    second = (await site.ask("GET", f"{SERVERS}?limit=2&cursor={first['next']}")).body
    assert [item["id"] for item in (*first["items"], *second["items"])] == ids
    assert second["next"] is None
