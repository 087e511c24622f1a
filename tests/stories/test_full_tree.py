"""An organisation has at most so many items: claims keep to it, one by one and from files."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest

from common.database import Insert
from provisioning.domain import LARGEST
from provisioning_site import MAC, Site, open_site

FREE = 3
IMPORTS = "/api/v1/claim-imports"


@pytest.fixture
async def site() -> AsyncIterator[Site]:
    """Its organisation has room for so many more."""
    async with open_site() as opened:
        row = {"organisation": "org-a", "kind": "panel", "name": "Panel", "parent": None, "version": 1}
        rows = [Insert("items", {"_id": f"panel-{number}", **row}) for number in range(LARGEST - FREE)]
        await opened.house.databases["provisioning"].commit(rows)
        yield opened


async def imported(site: Site, devices: list[str], mode: str) -> tuple[Any, list[tuple[str, str]]]:
    """The import when it is through; state and code of its rows."""
    data = "\n".join(["Device ID,Password", *(f"{device},secret" for device in devices)]).encode()
    headers = {"Content-Type": "text/csv"}
    status, taken = await site.ask("POST", f"{IMPORTS}?mode={mode}", data=data, headers=headers)
    assert status == 202, taken
    async with asyncio.timeout(10):
        while (now := (await site.ask("GET", f"{IMPORTS}/{taken['id']}"))[1])["state"] not in (
            "finished",
            "refused",
        ):
            await asyncio.sleep(0.01)
    _, page = await site.ask("GET", f"{IMPORTS}/{taken['id']}/rows")
    return now, [(row["state"], row["code"]) for row in page["items"]]


async def test_the_last_place_is_claimed_and_then_there_is_none(site: Site) -> None:
    for number in range(FREE):
        await site.claim(device=f"00aa{number:08x}")
    body = {"device_id": MAC, "secret": "x"}
    status, answer = await site.ask("POST", "/api/v1/claims", body)
    assert (status, answer["code"]) == (409, "tree_full")
    assert answer["next"]
    assert (await site.ask("POST", "/api/v1/claims", body, organisation="org-b"))[0] == 201


async def test_a_file_gets_the_places_there_are_row_by_row(site: Site) -> None:
    taken = f"{1:012x}"
    await site.claim(device=taken)
    done, rows = await imported(site, [f"{2:012x}", taken, f"{3:012x}", f"{4:012x}"], "row_by_row")
    assert (done["state"], done["claimed"], done["refused"]) == ("finished", 2, 2)
    claimed = ("claimed", "")
    assert rows == [claimed, ("refused", "already_claimed"), claimed, ("refused", "tree_full")]


async def test_a_file_that_does_not_fit_as_a_whole_is_refused_before_anything_is_claimed(site: Site) -> None:
    done, rows = await imported(site, [f"{number:012x}" for number in range(FREE + 1)], "all_or_nothing")
    assert (done["state"], done["claimed"]) == ("refused", 0)
    assert rows == [("refused", "tree_full")]
    assert (await site.ask("GET", "/api/v1/claims"))[1]["items"] == []
    done, rows = await imported(site, [f"{number:012x}" for number in range(FREE)], "all_or_nothing")
    assert (done["state"], done["claimed"]) == ("finished", FREE)


async def test_a_full_organisation_hears_so_before_its_file_is_worked_on(site: Site) -> None:
    for number in range(FREE):
        await site.claim(device=f"00aa{number:08x}")
    headers = {"Content-Type": "text/csv"}
    status, answer = await site.ask(
        "POST", IMPORTS, data=b"Device ID,Password\n0040ff112233,x", headers=headers
    )
    assert (status, answer["code"]) == (409, "tree_full")
