"""Many cameras claimed from one spreadsheet: each row has its result, and a killed worker loses nothing."""

import asyncio
import csv
import io
import zipfile
from collections.abc import AsyncIterator, Sequence
from dataclasses import replace
from datetime import date, timedelta
from typing import Any

import openpyxl
import pytest

from common.contracts import Event
from common.contracts.provisioning import CameraClaimed, CameraRemoved, ClaimImportProgressed
from common.errors import Stale
from provisioning.api.spreadsheets import CSV, XLSX, read, written
from provisioning.domain import ClaimImport
from provisioning.service import ImportWork
from provisioning.service.imports import Imports
from provisioning.store import ImportStore
from provisioning_site import Site, import_work, open_site

PATH = "/api/v1/claim-imports"


@pytest.fixture
async def site() -> AsyncIterator[Site]:
    async with open_site(claim_tries_account=1) as opened:
        yield opened


def as_csv(rows: list[tuple[Any, ...]], delimiter: str = ",") -> bytes:
    text = io.StringIO()
    csv.writer(text, delimiter=delimiter).writerows([("Device ID", "Password", "Name"), *rows])
    return text.getvalue().encode()


def as_xlsx(rows: list[tuple[Any, ...]]) -> bytes:
    book = openpyxl.Workbook()
    for row in [("mac", "password", "name"), *rows]:
        book.active.append(row)
    file = io.BytesIO()
    book.save(file)
    return file.getvalue()


async def sent(site: Site, data: bytes, kind: str = CSV, mode: str = "row_by_row", **more: Any) -> Any:
    headers = {"Content-Type": kind, **more.pop("headers", {})}
    query = f"?mode={mode}"
    status, answer, _ = await site.ask_all("POST", PATH + query, data=data, headers=headers, **more)
    assert status == 202, answer
    return answer


async def finished(site: Site, claim_import: Any, **more: Any) -> Any:
    async with asyncio.timeout(10):
        while True:
            _, answer = await site.ask("GET", f"{PATH}/{claim_import['id']}", **more)
            if answer["state"] in ("finished", "refused"):
                return answer
            await asyncio.sleep(0.01)


async def rows(site: Site, claim_import: Any) -> list[tuple[int, str, str]]:
    found: list[tuple[int, str, str]] = []
    cursor = ""
    while True:
        _, page = await site.ask("GET", f"{PATH}/{claim_import['id']}/rows?limit=3{cursor}")
        found += [(row["number"], row["state"], row["code"]) for row in page["items"]]
        if page["next"] is None:
            return found
        cursor = f"&cursor={page['next']}"


MIXED = [
    ("00:40:8C:00:00:01", "one", "Gate"),
    ("not an id!", "two", ""),
    ("00408C000001", "three", "the first one again"),
    ("00:40:8C:00:00:04", "", ""),
    ("", "", ""),
    ("SN-0000006", "six", "x" * 46),
    ("SN-0000007", "seven", ""),
]
RESULTS = [
    (2, "claimed", ""), (3, "refused", "device_id_invalid"), (4, "refused", "repeated"),
    (5, "refused", "password_missing"), (7, "refused", "name_invalid"), (8, "claimed", ""),
]  # fmt: skip


@pytest.mark.parametrize(
    ("data", "kind"),
    [(as_csv(MIXED), CSV), (as_csv(MIXED, ";"), CSV), (as_xlsx(MIXED), XLSX),
     (b"\xef\xbb\xbf" + as_csv(MIXED), CSV), (as_csv(MIXED).decode().encode("utf-16"), CSV)],
    ids=["csv", "semicolons", "xlsx", "with a mark", "utf-16"],
)  # fmt: skip
async def test_row_by_row_what_is_right_is_claimed(site: Site, data: bytes, kind: str) -> None:
    done = await finished(site, await sent(site, data, kind))
    assert (done["state"], done["rows"], done["claimed"], done["refused"]) == ("finished", 6, 2, 4)
    assert await rows(site, done) == RESULTS
    _, cameras = await site.ask("GET", "/api/v1/cameras")
    assert {(one["name"], one["device"]) for one in cameras["items"]} == {
        ("Gate", "mac:00408c000001"), ("SN-0000007", "serial:SN-0000007"),
    }  # fmt: skip
    assert (await site.poll(device="00408c000001", secret="one"))[0] == 200
    assert [event.state for event in site.house.bus.said(ClaimImportProgressed)] == ["claiming", "finished"]


async def test_all_or_nothing_claims_nothing_when_a_row_is_wrong(site: Site) -> None:
    refused = await finished(site, await sent(site, as_csv(MIXED), mode="all_or_nothing"))
    assert (refused["state"], refused["claimed"], refused["refused"]) == ("refused", 0, 4)
    assert site.house.bus.said(CameraClaimed) == []
    right = [
        row for row, result in zip([r for r in MIXED if r[0]], RESULTS, strict=True) if result[1] == "claimed"
    ]
    done = await finished(site, await sent(site, as_csv(right), mode="all_or_nothing"))
    assert (done["state"], done["claimed"], done["refused"]) == ("finished", 2, 0)


async def test_a_camera_that_is_here_already_is_refused_and_other_organisations_do_not_matter(
    site: Site,
) -> None:
    await site.claim(device="00408c000001")
    done = await finished(site, await sent(site, as_csv([("00408c000001", "x", "")])))
    assert await rows(site, done) == [(2, "refused", "already_claimed")]
    theirs = await sent(site, as_csv([("00408c000001", "x", "")]), organisation="org-b")
    assert (await finished(site, theirs, organisation="org-b"))["claimed"] == 1
    assert (await site.ask("GET", f"{PATH}/{theirs['id']}"))[0] == 404
    assert (await site.ask("GET", f"{PATH}/{theirs['id']}/rows"))[0] == 404
    assert (await site.ask("GET", f"{PATH}/{theirs['id']}/result"))[0] == 404


async def test_passwords_are_kept_sealed_and_no_longer_than_needed(site: Site) -> None:
    done = await finished(site, await sent(site, as_csv([("00408c000001", "hunter2-hunter2", "")])))
    assert done["state"] == "finished"
    kept = site.house.databases["provisioning"].collections
    assert "hunter2" not in repr(kept)
    assert kept["claim_import_files"] == {}


async def test_the_same_upload_twice_is_one_import(site: Site) -> None:
    data, key = as_csv([("00408c000001", "x", "")]), {"Idempotency-Key": "k" * 10}
    first, second = await sent(site, data, headers=key), await sent(site, data, headers=key)
    assert first["id"] == second["id"]
    assert len(site.house.databases["provisioning"].collections["claim_imports"]) == 1


async def test_the_result_is_no_program(site: Site) -> None:
    data = as_csv([("=cmd|'/C calc'!A0", "x", "@SUM(1)"), ("00408c000001", "x", "+49 gate")])
    done = await finished(site, await sent(site, data))
    status, content, headers = await site.ask_all("GET", f"{PATH}/{done['id']}/result")
    assert (status, headers["Content-Type"]) == (200, "text/csv; charset=utf-8")
    lines = list(csv.reader(io.StringIO(content.decode("utf-8-sig"))))
    assert lines[0] == ["row", "device_id", "name", "result", "code", "message"]
    assert [line[1:4] for line in lines[1:]] == [
        ["'=cmd|'/C calc'!A0", "'@SUM(1)", "refused"],
        ["mac:00408c000001", "'+49 gate", "claimed"],
    ]


async def test_the_template_can_be_filled_in_and_sent_back(site: Site) -> None:
    _, content, headers = await site.ask_all("GET", f"{PATH}/template")
    assert 'filename="cameras.csv"' in headers["Content-Disposition"]
    assert (await finished(site, await sent(site, content)))["claimed"] == 1


def bomb() -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("xl/worksheets/sheet1.xml", b"0" * 30_000_000)
    return file.getvalue()


def billion_laughs() -> bytes:
    entities = "".join(f'<!ENTITY a{n} "{f"&a{n - 1};" * 10}">' for n in range(1, 9))
    evil = f'<?xml version="1.0"?><!DOCTYPE x [<!ENTITY a0 "ha">{entities}]><worksheet>&a8;</worksheet>'
    source, file = zipfile.ZipFile(io.BytesIO(as_xlsx([("a", "b", "c")]))), io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        for name in source.namelist():
            archive.writestr(name, evil if name.endswith("sheet1.xml") else source.read(name))
    return file.getvalue()


@pytest.mark.parametrize(
    ("data", "kind", "status", "code"),
    [
        (b"", CSV, 422, "columns_missing"),
        (b"a,b,c\n1,2,3\n", CSV, 422, "columns_missing"),
        (b"mac,password\n", CSV, 422, "file_empty"),
        (b"mac,password\n\xff\xff,x\n", CSV, 422, "encoding_unknown"),
        (b"mac,password\n\0,x\n", CSV, 422, "file_unreadable"),
        (b'mac,password\n"' + b"x" * 200_000, CSV, 422, "file_unreadable"),
        (b"mac,password\n" + b"\n" * 20_001 + b"x,y\n", CSV, 422, "too_many_rows"),
        (b"mac,password\n" + b"".join(b"%012x,x\n" % n for n in range(10_001)), CSV, 422, "too_many_rows"),
        (b"PK\x03\x04 no archive", XLSX, 422, "file_unreadable"),
        (bomb(), XLSX, 422, "file_too_large"),
        (billion_laughs(), XLSX, 422, "file_unreadable"),
        (b"mac,password\nx,y\n", "application/json", 415, "http_error"),
        (b"mac,password\n" + b"x" * 1_100_000, CSV, 413, "too_large"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
async def test_a_file_that_is_no_list_of_cameras_is_refused(
    site: Site, data: bytes, kind: str, status: int, code: str
) -> None:
    got, answer, _ = await site.ask_all("POST", PATH, data=data, headers={"Content-Type": kind})
    assert (got, answer["code"]) == (status, code)


def test_cells_that_are_no_text_are_refused_and_numbers_are_read_as_written() -> None:
    found = read(
        as_xlsx([
            ("=1+1", "x", None), (1234567, 8901, None), ("00408c000001", "=A1", ""),
            ("00408c000002", date(2026, 1, 1), ""), ("00408c000003", 12345678901234567, ""),
            ("00408c000004", 1.5, ""), ("00408c000005", True, ""), ("00408c000006", " x ", " Gate "),
        ]),
        XLSX,
    )  # fmt: skip
    assert [(row.device, row.secret, row.code) for row in found] == [
        ("", "", "cell_invalid"), ("1234567", "8901", ""), ("00408c000001", "", "cell_invalid"),
        ("00408c000002", "", "cell_invalid"), ("00408c000003", "", "cell_invalid"),
        ("00408c000004", "", "cell_invalid"), ("00408c000005", "", "cell_invalid"), ("00408c000006", " x ", ""),
    ]  # fmt: skip
    assert found[-1].name == "Gate"
    assert "formula" in found[0].message


def test_what_is_written_is_read_again_as_it_was() -> None:
    content = written([("mac", "password"), ("00408c000001", 'a,"b"\nc')])
    [row] = read(content, CSV)
    assert (row.device, row.secret) == ("00408c000001", 'a,"b"\nc')


def held_elsewhere(site: Site) -> None:
    """Another replica has the lease: nothing is worked on here, except by hand."""
    database = site.house.databases["provisioning"]
    lease = {"_id": "claim_imports", "holder": "another", "expires_at": site.house.clock.now() + timedelta(1)}
    database.collections.setdefault("leases", {})["claim_imports"] = lease


def worker(site: Site, imports: Imports | None = None) -> ImportWork:
    """One of another replica."""
    parts = site.house.parts("provisioning")
    return import_work(replace(parts, sealer=site.sealer), imports)


async def test_no_more_than_three_files_of_an_organisation_wait(site: Site) -> None:
    held_elsewhere(site)
    data = as_csv([("00408c000001", "x", "")])
    for _ in range(3):
        await sent(site, data)
    status, answer, _ = await site.ask_all("POST", PATH, data=data, headers={"Content-Type": CSV})
    assert (status, answer["code"]) == (429, "too_many_imports")
    await sent(site, data, organisation="org-b")


FIVE = as_csv([(f"00408c00000{number}", "x", "") for number in range(5)])


async def test_a_claim_made_meanwhile_takes_all_back_that_was_to_be_all_or_nothing(site: Site) -> None:
    held_elsewhere(site)
    taken = await sent(site, FIVE, mode="all_or_nothing")
    work = worker(site)
    await work.work()
    assert (await site.ask("GET", f"{PATH}/{taken['id']}"))[1]["state"] == "claiming"
    by_hand = await site.claim(device="00408c000003")
    await work.work()
    _, halfway = await site.ask("GET", f"{PATH}/{taken['id']}")
    assert (halfway["state"], halfway["claimed"], halfway["refused"]) == ("undoing", 4, 1)
    await work.work()
    _, done = await site.ask("GET", f"{PATH}/{taken['id']}")
    assert (done["state"], done["claimed"], done["refused"]) == ("refused", 0, 1)
    assert [state for _, state, _ in await rows(site, done)] == ["undone"] * 3 + ["refused", "undone"]
    _, cameras = await site.ask("GET", "/api/v1/cameras")
    assert [one["id"] for one in cameras["items"]] == [by_hand["camera"]]
    assert len(site.house.bus.said(CameraRemoved)) == 4
    await work.work()


class Killed(Exception):
    """The process is gone."""


class Dying(ImportStore):
    """Dies before it can say how far it is."""

    async def save(self, claim_import: ClaimImport, events: Sequence[Event]) -> None:
        raise Killed


@pytest.mark.parametrize("mode", ["row_by_row", "all_or_nothing"])
async def test_a_killed_worker_loses_nothing_and_repeats_nothing(site: Site, mode: str) -> None:
    held_elsewhere(site)
    taken = await sent(site, FIVE, mode=mode)
    database = site.house.databases["provisioning"]
    for _ in range(2 if mode == "all_or_nothing" else 1):
        with pytest.raises(Killed):
            await worker(site, Dying(database)).work()
        await worker(site).work()
    _, done = await site.ask("GET", f"{PATH}/{taken['id']}")
    assert (done["state"], done["claimed"], done["refused"]) == ("finished", 5, 0)
    assert len(site.house.bus.said(CameraClaimed)) == 5


async def test_two_workers_at_once_claim_each_camera_once(site: Site) -> None:
    held_elsewhere(site)
    taken = await sent(site, FIVE)
    outcomes = await asyncio.gather(worker(site).work(), worker(site).work(), return_exceptions=True)
    assert [type(outcome) for outcome in outcomes if outcome is not None] in ([], [Stale])
    _, done = await site.ask("GET", f"{PATH}/{taken['id']}")
    assert (done["state"], done["claimed"], done["refused"]) == ("finished", 5, 0)
    assert len(site.house.bus.said(CameraClaimed)) == 5
