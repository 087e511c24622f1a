"""`/api/v1/claim-imports`: many cameras from one CSV or XLSX file."""

import asyncio
from collections.abc import Callable
from datetime import datetime
from typing import Any

from aiohttp import web
from pydantic import BaseModel, ConfigDict, Field

from common.auth import Action
from common.errors import Invalid
from common.http import Answer, Call, NoQuery, Page, PageQuery, Query, Route
from provisioning.api import spreadsheets
from provisioning.domain import ClaimImport, ImportMode, ImportState, RowResult, RowState
from provisioning.service import ImportService

AT_ONCE = 2
"""Files taken apart at a time."""
TEMPLATE = [
    ("device_id", "password", "name"),
    ("00:40:8C:12:34:56", "the password on its label", "Front door"),
]
HEADINGS = ("row", "device_id", "name", "result", "code", "message")
RESULTS_AT_ONCE = 2_000


class ImportQuery(Query):
    mode: ImportMode = Field(
        "row_by_row", description="`all_or_nothing`: nothing is claimed when any row is refused"
    )
    parent: str | None = Field(None, min_length=1, max_length=64, description="Folder or location for all")


class ImportAnswer(BaseModel):
    model_config = ConfigDict(from_attributes=True)

    id: str
    mode: ImportMode
    parent: str | None
    state: ImportState
    rows: int
    done: int = Field(description="Rows of the present state that were worked through")
    claimed: int
    refused: int
    created_at: datetime


class RowAnswer(BaseModel):
    model_config = ConfigDict(from_attributes=True)

    number: int = Field(description="As the spreadsheet counts; the heading is row 1")
    device: str
    name: str
    state: RowState
    code: str
    message: str
    claim: str | None
    camera: str | None


def _route(method: str, path: str, handler: Any, summary: str, **more: Any) -> Route:
    path = f"/api/v1/claim-imports{path}"
    allow = Action.CLAIM_CAMERA
    return Route(
        method=method, path=path, handler=handler, summary=summary, tag="Cameras", allow=allow, **more
    )


class ImportsApi:
    def __init__(self, service: ImportService, nudge: Callable[[], None]) -> None:
        """`nudge` is called when there is work to do."""
        self._service = service
        self._nudge = nudge
        self._room = asyncio.Semaphore(AT_ONCE)

    def routes(self) -> list[Route]:
        missing = (404,)
        return [
            _route("POST", "", self.take_in, "Claim many cameras: a CSV or XLSX file as the body",
                   query=ImportQuery, answer=ImportAnswer, status=202, idempotent=True,
                   problems=(409, 413, 415, 429)),
            _route("GET", "", self.imports, "Imports of the organisation",
                   query=PageQuery, answer=Page[ImportAnswer]),
            _route("GET", "/template", self.template, "An empty CSV file to fill in", media=("text/csv",)),
            _route("GET", "/{id}", self.progress, "How far an import is",
                   answer=ImportAnswer, problems=missing),
            _route("GET", "/{id}/rows", self.rows, "What became of its rows",
                   query=PageQuery, answer=Page[RowAnswer], problems=missing),
            _route("GET", "/{id}/result", self.result, "The same as a CSV file",
                   media=("text/csv",), problems=missing),
        ]  # fmt: skip

    async def take_in(self, call: Call[None, ImportQuery]) -> Answer:
        kind = call.request.content_type
        if kind not in (spreadsheets.CSV, spreadsheets.XLSX):
            raise web.HTTPUnsupportedMediaType(reason="The body must be a CSV or XLSX file")
        data = await call.request.read()
        async with self._room:
            rows = await asyncio.to_thread(spreadsheets.read, data, kind)
        taken = await self._service.take_in(call.actor, rows, call.query.mode, call.query.parent)
        self._nudge()
        return Answer(_answer(taken), headers={"Location": f"/api/v1/claim-imports/{taken.id}"})

    async def imports(self, call: Call[None, PageQuery]) -> Page[ImportAnswer]:
        query = call.query
        found = await self._service.page(call.actor.organisation, query.after(), query.limit)
        return Page.of([_answer(one) for one in found], query.limit, lambda one: one.id)

    async def progress(self, call: Call[None, NoQuery]) -> ImportAnswer:
        return _answer(await self._service.get(call.actor.organisation, call.path["id"]))

    async def rows(self, call: Call[None, PageQuery]) -> Page[RowAnswer]:
        query = call.query
        after = query.after() or "0"
        if not (after.isascii() and after.isdigit() and len(after) < 8):
            raise Invalid("cursor_invalid", "This cursor was not given out by us")
        found = await self._service.results(call.actor.organisation, call.path["id"], int(after), query.limit)
        return Page.of(
            [RowAnswer.model_validate(row) for row in found], query.limit, lambda row: str(row.number)
        )

    async def template(self, call: Call[None, NoQuery]) -> web.Response:
        return _file("cameras.csv", spreadsheets.written(TEMPLATE))

    async def result(self, call: Call[None, NoQuery]) -> web.Response:
        rows: list[RowResult] = []
        while True:
            after = rows[-1].number if rows else 0
            found = await self._service.results(
                call.actor.organisation, call.path["id"], after, RESULTS_AT_ONCE
            )
            rows += found[:RESULTS_AT_ONCE]
            if len(found) <= RESULTS_AT_ONCE:
                break
        lines = [(row.number, row.device, row.name, row.state, row.code, row.message) for row in rows]
        return _file("result.csv", await asyncio.to_thread(spreadsheets.written, [HEADINGS, *lines]))


def _answer(one: ClaimImport) -> ImportAnswer:
    return ImportAnswer.model_validate(one)


def _file(name: str, content: bytes) -> web.Response:
    headers = {"Content-Disposition": f'attachment; filename="{name}"'}
    return web.Response(body=content, content_type="text/csv", charset="utf-8", headers=headers)
