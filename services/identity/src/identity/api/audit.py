"""/api/v1/audit: an organisation's own log."""

from datetime import datetime
from typing import Literal

import orjson
from aiohttp import web
from pydantic import BaseModel, Field

from common.auth import Action
from common.errors import Invalid
from common.http import Call, Page, PageQuery, Query, Route
from common.spreadsheets import csv_lines
from identity.domain.audit import Entry, Wanted
from identity.service.audit import AuditLog

COLUMNS = (
    "sequence", "at", "recorded_at", "actor", "via", "grant", "act", "object", "details", "event",
    "previous", "hash",
)  # fmt: skip


class _Filter(Query):
    actor: str | None = Field(None, max_length=100, description="Id of a person or key")
    act: str | None = Field(None, max_length=100, description="E.g. `member.invited` or `refused`")
    object: str | None = Field(None, max_length=300, description="Id of what was acted on")
    since: datetime | None = Field(None, description="RFC 3339, with offset; included")
    until: datetime | None = Field(None, description="RFC 3339, with offset; not included")

    def wanted(self) -> Wanted:
        for moment in (self.since, self.until):
            if moment is not None and moment.tzinfo is None:
                raise Invalid("time_without_offset", "Times need an offset, e.g. 2026-03-01T12:00:00Z")
        return Wanted(self.actor, self.act, self.object, self.since, self.until)


class AuditQuery(_Filter, PageQuery):
    """Filters and a page."""


class ExportQuery(_Filter):
    format: Literal["jsonl", "csv"] = "jsonl"


class EntryView(BaseModel):
    sequence: int
    at: datetime
    recorded_at: datetime
    actor: str | None = Field(description="Who did it; null: the platform itself")
    via: str | None = Field(description="`membership`, `partner`, `support` or `key`")
    grant: str | None
    act: str
    object: str
    details: dict[str, str]
    event: str
    previous: str = Field(description="Hash of the entry before")
    hash: str = Field(description="SHA-256 of this entry with `previous`")


class VerdictView(BaseModel):
    entries: int
    intact: bool
    broken_at: int | None = Field(description="First entry that was changed, removed or put in")


class AuditApi:
    def __init__(self, log: AuditLog) -> None:
        self._log = log

    def routes(self) -> list[Route]:
        return [
            Route(
                method="GET", path="/api/v1/audit", handler=self.page, tag="Audit", allow=Action.READ_AUDIT,
                summary="Who did what, newest first", query=AuditQuery, answer=Page[EntryView],
            ),
            Route(
                method="GET", path="/api/v1/audit/export", handler=self.export, tag="Audit",
                summary="The whole log as JSON lines or CSV, oldest first", allow=Action.READ_AUDIT,
                query=ExportQuery, media=("application/jsonl", "text/csv"),
            ),
            Route(
                method="GET", path="/api/v1/audit/check", handler=self.check, tag="Audit",
                summary="Whether anybody tampered with the log", allow=Action.READ_AUDIT, answer=VerdictView,
            ),
        ]  # fmt: skip

    async def page(self, call: Call[None, AuditQuery]) -> Page[EntryView]:
        query, after = call.query, call.query.after()
        if after is not None and not after.isdecimal():
            raise Invalid("cursor_invalid", "This cursor was not given out by us")
        before = int(after) if after is not None else None
        found = await self._log.page(call.actor.organisation, query.wanted(), before, query.limit + 1)
        return Page.of([_view(entry) for entry in found], query.limit, lambda view: str(view.sequence))

    async def export(self, call: Call[None, ExportQuery]) -> web.StreamResponse:
        """Streamed: the first entries arrive while the last are still being read."""
        table = call.query.format == "csv"
        kind, name = ("text/csv", "audit.csv") if table else ("application/jsonl", "audit.jsonl")
        wanted = call.query.wanted()
        response = web.StreamResponse(
            headers={
                "Content-Type": f"{kind}; charset=utf-8",
                "Content-Disposition": f'attachment; filename="{name}"',
                "Cache-Control": "no-store",
            }
        )
        await response.prepare(call.request)
        if table:
            await response.write(csv_lines([COLUMNS]))
        async for entries in self._log.every(call.actor.organisation, wanted):
            await response.write(_table(entries) if table else b"".join(map(_json_line, entries)))
        await response.write_eof()
        return response

    async def check(self, call: Call[None, Query]) -> VerdictView:
        verdict = await self._log.check(call.actor.organisation)
        return VerdictView(entries=verdict.entries, intact=verdict.intact, broken_at=verdict.broken_at)


def _view(entry: Entry) -> EntryView:
    return EntryView.model_validate(entry, from_attributes=True)


def _json_line(entry: Entry) -> bytes:
    return _view(entry).model_dump_json().encode() + b"\n"


def _table(entries: list[Entry]) -> bytes:
    return csv_lines(_cells(entry) for entry in entries)


def _cells(entry: Entry) -> list[str]:
    row = _view(entry).model_dump(mode="json") | {"details": orjson.dumps(entry.details).decode()}
    return ["" if row[name] is None else str(row[name]) for name in COLUMNS]
