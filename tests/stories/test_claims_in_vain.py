"""Claims that lead nowhere: mistyped, squatted, too many, forgotten; and what the person who waits is told."""

from collections.abc import AsyncIterator
from datetime import datetime, timedelta
from typing import Any

import pytest

from common.contracts.provisioning import CameraRemoved, ClaimProgressed
from provisioning.service import Expiry
from provisioning.store import CustodyStore, InventoryStore
from provisioning_site import MAC, SECRET, Site, open_site

ELSEWHERE = {"headers": {"X-Forwarded-For": "203.0.113.7"}}


@pytest.fixture
async def site() -> AsyncIterator[Site]:
    async with open_site(claim_tries_account=5, claim_tries_network=8) as opened:
        yield opened


async def tries(site: Site, numbers: range, **more: Any) -> list[int]:
    """Statuses of claims to that many devices."""
    bodies = [{"device_id": f"00aa{number:08x}", "secret": "x"} for number in numbers]
    return [(await site.ask("POST", "/api/v1/claims", body, **more))[0] for body in bodies]


async def test_too_many_claims_in_vain_have_to_wait_and_nobody_else_does(site: Site) -> None:
    assert await tries(site, range(6)) == [201] * 5 + [429]
    assert await tries(site, range(10, 13), user="colleague") == [201] * 3
    assert await tries(site, range(20, 21), organisation="org-b") == [429], "the same network"
    assert await tries(site, range(30, 31), organisation="org-b", **ELSEWHERE) == [201]
    site.house.clock.advance(timedelta(hours=1))
    assert await tries(site, range(40, 41)) == [201]


async def test_waiting_is_told_in_seconds(site: Site) -> None:
    await tries(site, range(5))
    site.house.clock.advance(timedelta(minutes=20))
    status, answer, headers = await site.ask_all("POST", "/api/v1/claims", {"device_id": MAC, "secret": "x"})
    assert (status, answer["code"], headers["Retry-After"]) == (429, "too_many_tries", "2400")


async def test_a_claim_that_its_camera_proves_was_no_try_in_vain(site: Site) -> None:
    for number in range(20):
        device = f"00bb{number:08x}"
        await site.claim(device=device)
        assert (await site.poll(device=device))[0] == 200


async def test_one_device_is_not_guessed_at_for_long() -> None:
    async with open_site() as site:
        for number in range(10):
            claim = await site.claim(secret=f"guess {number}")
            assert (await site.ask("DELETE", f"/api/v1/cameras/{claim['camera']}"))[0] == 204
        body = {"device_id": MAC, "secret": SECRET}
        assert (await site.ask("POST", "/api/v1/claims", body))[0] == 429
        assert (await site.ask("POST", "/api/v1/claims", body, organisation="org-b"))[0] == 201, "the owner"


async def test_who_typed_a_wrong_password_is_told_though_the_camera_is_elsewhere(site: Site) -> None:
    await site.claim()
    assert (await site.poll())[0] == 200
    wrong = await site.claim(organisation="org-b", secret="mistyped")
    assert (await site.poll())[0] == 200
    _, seen = await site.ask("GET", f"/api/v1/claims/{wrong['id']}", organisation="org-b")
    assert seen["state"] == "wrong_secret"


async def test_the_wizard_sees_every_step_with_its_time(site: Site) -> None:
    assert (await site.poll())[0] == 204  # switched on before anybody typed anything
    claim = await site.claim()
    camera = site.camera()
    await camera.until("connected")
    _, seen = await site.ask("GET", f"/api/v1/claims/{claim['id']}")
    assert [step["step"] for step in claim["steps"] if step["at"]] == ["typed", "seen"]
    assert [step["step"] for step in seen["steps"] if step["at"]] == [
        "typed", "seen", "proved", "delivered", "connected",
    ]  # fmt: skip
    assert claim["warnings"] == []


async def test_the_first_call_of_a_device_after_its_claim_is_told_at_once_and_once(site: Site) -> None:
    assert (await site.poll())[0] == 204
    claim = await site.claim()
    assert site.house.bus.said(ClaimProgressed) == [], "what called before nobody waited for"
    assert (await site.poll(secret="a stranger's"))[0] == 204
    versions = [(event.state, event.version) for event in site.house.bus.said(ClaimProgressed)]
    assert versions == [("seen", 2), ("wrong_secret", 3)]
    assert (await site.poll())[0] == 200
    told = [event.state for event in site.house.bus.said(ClaimProgressed)]
    assert told == ["seen", "wrong_secret", "delivered"]
    _, seen = await site.ask("GET", f"/api/v1/claims/{claim['id']}")
    times = [step["at"] for step in seen["steps"][1:4]]
    assert times == sorted(times)


async def test_strangers_who_call_with_a_claimed_id_write_no_more_than_the_law_lets_them_call(
    site: Site,
) -> None:
    """However many they are and however often they ask: else they would wear the database out."""
    claim = await site.claim()
    documents = site.house.databases["provisioning"].collections["claims"]
    assert (await site.poll(secret="guess 0"))[0] == 204
    after_the_first = documents[claim["id"]]["version"]
    for number in range(1, 8):
        site.house.clock.advance(timedelta(seconds=1))
        assert (await site.poll(secret=f"guess {number}"))[0] in (204, 429)
    assert documents[claim["id"]]["version"] == after_the_first
    assert len(site.house.bus.said(ClaimProgressed)) == 2


async def test_who_waits_is_told_of_every_call_that_was_due_and_when_the_next_one_is(site: Site) -> None:
    claim = await site.claim()
    expected = site.house.clock.now()
    for number in range(3):
        site.house.clock.advance(expected - site.house.clock.now())
        assert (await site.poll(secret="another"))[0] == 204
        told = site.house.bus.said(ClaimProgressed)[-1]
        assert told.state == "wrong_secret"
        expected = datetime.fromisoformat(told.next_poll_expected or "")
        assert expected > site.house.clock.now()
        _, seen = await site.ask("GET", f"/api/v1/claims/{claim['id']}")
        assert datetime.fromisoformat(seen["last_poll"]) == site.house.clock.now()
        assert len(site.house.bus.said(ClaimProgressed)) == 2 + number


async def test_a_device_connected_before_should_be_reset_says_the_wizard(site: Site) -> None:
    claim = await site.claim()
    assert (await site.poll())[0] == 200
    assert (await site.ask("DELETE", f"/api/v1/cameras/{claim['camera']}"))[0] == 204
    again = await site.claim(organisation="org-b")
    [warning] = again["warnings"]
    assert warning["code"] == "claimed_before"
    assert "factory defaults" in warning["text"]
    mistyped = await site.claim(device="00bb00000001", secret="x")
    await site.ask("DELETE", f"/api/v1/cameras/{mistyped['camera']}")
    assert (await site.claim(device="00bb00000001"))["warnings"] == [], "typed is not connected"


async def test_a_claim_that_no_camera_proves_ends_after_thirty_days(site: Site) -> None:
    never = await site.claim(device="00bb00000001")
    proved = await site.claim()
    assert (await site.poll())[0] == 200
    expiry = _expiry(site)
    due = await expiry.next_due()
    assert due == site.house.clock.now() - timedelta(milliseconds=1) + timedelta(days=30)
    site.house.clock.advance(timedelta(days=29))
    await expiry.work()
    assert (await site.ask("GET", f"/api/v1/claims/{never['id']}"))[1]["state"] == "waiting"
    site.house.clock.advance(timedelta(days=1))
    await expiry.work()
    await expiry.work()
    _, seen = await site.ask("GET", f"/api/v1/claims/{never['id']}")
    assert (seen["state"], seen["expires_at"]) == ("expired", None)
    assert (await site.ask("GET", f"/api/v1/claims/{proved['id']}"))[1]["state"] == "delivered"
    assert [event.state for event in site.house.bus.said(ClaimProgressed)] == ["seen", "delivered", "expired"]
    assert [event.camera for event in site.house.bus.said(CameraRemoved)] == [never["camera"]]
    assert (await site.ask("GET", "/api/v1/cameras"))[1]["items"][0]["id"] == proved["camera"]
    assert await expiry.next_due() is None
    await site.claim(device="00bb00000001")


def _expiry(site: Site) -> Expiry:
    database = site.house.databases["provisioning"]
    return Expiry(InventoryStore(database), CustodyStore(database), site.house.clock)


async def test_a_claim_repeated_after_its_answer_was_lost_is_not_told_that_somebody_was_faster(
    site: Site,
) -> None:
    body, key = {"device_id": MAC, "secret": SECRET}, {"Idempotency-Key": "once-and-again"}
    assert (await site.ask("POST", "/api/v1/claims", body, headers=key))[0] == 201
    requests = site.house.databases["provisioning"].collections["idempotent_requests"]
    for request in requests.values():  # as if the process had died before it could say so
        request["answer"] = None
    site.house.clock.advance(timedelta(seconds=21))
    status, answer = await site.ask("POST", "/api/v1/claims", body, headers=key)
    assert (status, answer["code"]) == (409, "outcome_unknown")
