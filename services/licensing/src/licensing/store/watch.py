"""Accounts that somebody has to look at, licences that do not follow their debts, and notices."""

from collections.abc import Collection, Sequence
from datetime import datetime, timedelta
from typing import Any

from common.contracts import Event
from common.contracts.licensing import NoticeDue, PlanChangeAnnounced
from common.database import Database, Index, Insert, Update, Write
from common.ids import OrganisationId
from licensing.domain.account import Account
from licensing.domain.licence import Licence
from licensing.domain.notices import next_notice
from licensing.domain.standing import COMMANDED
from licensing.domain.states import State
from licensing.store.accounts import ACCOUNTS, account_of, account_write
from licensing.store.due import due
from licensing.store.licence_rows import licences_of
from licensing.store.licences import BY_DEBTS, IN_DEMO, LICENCES
from licensing.store.plans import PlanStore

NOTICES = "notices"
REMEMBERED = timedelta(days=400)
"""Longer than any notice could be due again."""
WATCH_INDEXES = (
    Index(NOTICES, (("recorded_at", 1),), expire_after=int(REMEMBERED.total_seconds())),
    Index(NOTICES, (("organisation", 1), ("_id", 1))),
)


class WatchStore:
    def __init__(self, database: Database, plans: PlanStore | None = None) -> None:
        self._database = database
        self._plans = plans or PlanStore(database)

    # Accounts, by when somebody has to look at them

    async def next_look(self, besides: Collection[OrganisationId]) -> datetime | None:
        where = due("look_at") | _not(besides, "_id")
        rows = await self._database.find(ACCOUNTS, where, sort=[("look_at", 1)], limit=1, fields=["look_at"])
        return rows[0]["look_at"] if rows else None

    async def looks_in(
        self, organisations: Collection[OrganisationId]
    ) -> list[tuple[OrganisationId, datetime]]:
        if not organisations:
            return []
        where = {"_id": {"$in": list(organisations)}, **due("look_at")}
        return [(row["_id"], row["look_at"]) for row in await self._database.find(ACCOUNTS, where)]

    async def accounts_to_look_at(
        self, by: datetime, *, besides: Collection[OrganisationId], limit: int
    ) -> list[Account]:
        where = due("look_at", by) | _not(besides, "_id")
        rows = await self._database.find(ACCOUNTS, where, sort=[("look_at", 1), ("_id", 1)], limit=limit)
        return [account_of(row) for row in rows]

    async def save_watched(self, account: Account, events: Sequence[Event] = ()) -> None:
        """The account, and what is said about it; a notice is noted, so that it is told once."""
        notices: list[Write] = [_notice(one) for one in events if isinstance(one, NoticeDue)]
        await self._database.commit([account_write(account), *notices], events)

    # Licences

    async def astray(self, organisation: OrganisationId, belong: State, *, limit: int) -> list[Licence]:
        """Licences that debts decide, and that are not where they belong."""
        states = sorted(state.value for state in COMMANDED - {belong})
        where = {**BY_DEBTS, "organisation": organisation, "state": {"$in": states}}
        rows = await self._database.find(LICENCES, where, sort=[("_id", 1)], limit=limit)
        return await licences_of(rows, self._plans)

    async def commanded(self, organisation: OrganisationId) -> int:
        """How many licences debts decide."""
        states = sorted(state.value for state in COMMANDED)
        where = {**BY_DEBTS, "organisation": organisation, "state": {"$in": states}}
        return len(await self._database.find(LICENCES, where, fields=["_id"]))

    # Trials of which people are to be warned

    async def next_trial_notice(self, besides: Collection[OrganisationId]) -> datetime | None:
        where = {**IN_DEMO, **due("notice_at"), **_not(besides, "organisation")}
        rows = await self._database.find(
            LICENCES, where, sort=[("notice_at", 1)], limit=1, fields=["notice_at"]
        )
        return rows[0]["notice_at"] if rows else None

    async def trial_notices_in(
        self, organisations: Collection[OrganisationId]
    ) -> list[tuple[OrganisationId, datetime]]:
        if not organisations:
            return []
        where = {**IN_DEMO, **due("notice_at"), "organisation": {"$in": list(organisations)}}
        rows = await self._database.find(LICENCES, where, fields=["organisation", "notice_at"])
        return [(row["organisation"], row["notice_at"]) for row in rows]

    async def trials_to_tell(
        self, by: datetime, *, besides: Collection[OrganisationId], limit: int
    ) -> list[Licence]:
        where = {**IN_DEMO, **due("notice_at", by), **_not(besides, "organisation")}
        rows = await self._database.find(LICENCES, where, sort=[("notice_at", 1)], limit=limit)
        return await licences_of(rows, self._plans)

    async def trials_running(self, organisation: OrganisationId, until: datetime) -> list[Licence]:
        """All that end by then, the earliest first."""
        where = {**IN_DEMO, "organisation": organisation, "trial_ends": {"$lte": until}}
        rows = await self._database.find(LICENCES, where, sort=[("trial_ends", 1)])
        return await licences_of(rows, self._plans)

    async def noticed(self, notice: str) -> bool:
        return await self._database.get(NOTICES, {"_id": notice}) is not None

    async def all_noticed(self, notices: Collection[str]) -> set[str]:
        """Which of these were said."""
        rows = await self._database.find(NOTICES, {"_id": {"$in": list(notices)}}, fields=["_id"])
        return {row["_id"] for row in rows}

    async def save_plan_notice(self, notice: PlanChangeAnnounced) -> None:
        row = {
            "_id": notice.notice,
            "organisation": notice.organisation,
            "kind": "plan_change",
            "effective_at": notice.effective_at,
            "recorded_at": notice.at,
        }
        await self._database.commit([Insert(NOTICES, row)], [notice])

    async def save_trial_notice(
        self, licences: Sequence[Licence], now: datetime, notice: NoticeDue | None
    ) -> None:
        """The owner of these was warned. A licence that has changed meanwhile knows its next notice."""
        writes: list[Write] = [_notice(notice)] if notice else []
        for one in licences:
            assert one.trial_ends is not None, "only trials are told of"
            coming = next_notice(one.trial_ends, now)
            known = {"_id": one.id, "version": one.version}
            writes.append(Update(LICENCES, known, {"$set": {"notice_at": coming}}))
        await self._database.commit(writes, [notice] if notice else [])


def _notice(event: NoticeDue) -> Insert:
    row = {
        "_id": event.notice,
        "organisation": event.organisation,
        "kind": event.kind,
        "days": event.days,
        "effective_at": event.effective_at,
        "recorded_at": event.at,
    }
    return Insert(NOTICES, row)


def _not(organisations: Collection[OrganisationId], field: str) -> dict[str, Any]:
    return {field: {"$nin": list(organisations)}} if organisations else {}
