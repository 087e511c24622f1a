"""Licences, their timelines, and what was heard of cameras. Instants are on the organisation's clock."""

from collections import Counter
from collections.abc import Collection, Sequence
from dataclasses import asdict
from datetime import datetime
from typing import Any

from prometheus_client import Counter as Count

from common.database import Database, Document, Index, Insert, Save, Write
from common.ids import CameraId, LicenceId, OrganisationId
from licensing.domain.account import Account
from licensing.domain.licence import Change, Licence
from licensing.domain.registration import Registration, Trial
from licensing.domain.states import State
from licensing.domain.timeline import Entry
from licensing.store.accounts import account_write
from licensing.store.licence_rows import entry_of, licence_of, licence_row, licences_of, timeline_row
from licensing.store.plans import PlanStore

LICENCES, TIMELINE, TRIALS, REGISTRATIONS = "licences", "timeline", "trials", "registrations"
IN_DEMO = {"state": State.DEMO.value}
UNBILLED = {"unbilled": True}
BY_DEBTS = {"by_debts": True}
LICENCE_INDEXES = (
    # Whatever is heard twice or in a strange order: one living licence per camera.
    Index(LICENCES, (("organisation", 1), ("camera", 1)), unique=True, where={"living": True}),
    Index(LICENCES, (("organisation", 1), ("_id", 1))),
    Index(LICENCES, (("organisation", 1), ("camera", 1), ("_id", 1))),
    Index(LICENCES, (("organisation", 1), ("ended_at", 1))),
    # Only trials that run are in these two, so looking for the next costs the same among millions.
    Index(LICENCES, (("trial_ends", 1),), where=IN_DEMO),
    Index(LICENCES, (("organisation", 1), ("trial_ends", 1)), where=IN_DEMO),
    # What the next month close looks at: the living, and those whose end is not billed yet.
    Index(LICENCES, (("unbilled", 1), ("organisation", 1), ("_id", 1)), where=UNBILLED),
    # Those that debts decide, to find who is not where it belongs.
    Index(LICENCES, (("organisation", 1), ("state", 1), ("_id", 1)), where=BY_DEBTS),
    # Whose owner is to be warned of the end of a trial.
    Index(LICENCES, (("notice_at", 1), ("organisation", 1)), where=IN_DEMO),
    # Who has a plan: counted before its price is changed, told of it after.
    Index(LICENCES, (("plan", 1), ("_id", 1)), where={"living": True}),
    Index(TIMELINE, (("licence", 1), ("number", 1)), unique=True),
)
COUNTED_AT_ONCE = 10_000
CHANGES = Count("vedette_licensing_changes_total", "Licences that changed their state", ["state", "cause"])


class LicenceStore:
    def __init__(self, database: Database, plans: PlanStore | None = None) -> None:
        self._database = database
        self._plans = plans or PlanStore(database)

    # What is known of cameras and devices

    async def registration(self, organisation: OrganisationId, camera: CameraId) -> Registration:
        row = await self._database.get(REGISTRATIONS, {"_id": _registration_id(organisation, camera)})
        return Registration(**_fields(row)) if row else Registration(organisation, camera)

    async def trial(self, device: str) -> Trial | None:
        row = await self._database.get(TRIALS, {"_id": device})
        return Trial(device=device, **_fields(row)) if row else None

    # Licences

    async def save(
        self,
        changes: Sequence[Change],
        registration: Registration | None = None,
        trial: Trial | None = None,
        account: Account | None = None,
    ) -> None:
        """Everything that one fact leads to, in one commit: licence, timeline, trial, and what is said.

        `account`: begun or kept by a licence.
        """
        writes: list[Write] = []
        if registration is not None:
            identity = _registration_id(registration.organisation, registration.camera)
            writes.append(Save(REGISTRATIONS, {"_id": identity, **asdict(registration)}))
        if trial is not None:
            row = asdict(trial)
            writes.append(Insert(TRIALS, {"_id": row.pop("device"), **row}))
        for change in changes:
            writes += change_writes(change)
        if account is not None:
            writes.append(account_write(account))
        await self._database.commit(writes, [change.event for change in changes])
        for change in changes:
            CHANGES.labels(change.licence.state.value, change.licence.cause.value).inc()

    async def licence(self, organisation: OrganisationId, licence: LicenceId) -> Licence | None:
        found = await self._licences({"_id": licence, "organisation": organisation}, by="_id", limit=1)
        return found[0] if found else None

    async def licences(
        self, organisation: OrganisationId, *, after: str | None, limit: int, camera: CameraId | None
    ) -> list[Licence]:
        where: dict[str, Any] = {"organisation": organisation}
        if camera is not None:
            where["camera"] = camera
        if after is not None:
            where["_id"] = {"$gt": after}
        return await self._licences(where, by="_id", limit=limit)

    async def licences_since(self, organisation: OrganisationId, since: datetime) -> list[Licence]:
        alive = [{"ended_at": None}, {"ended_at": {"$gte": since}}]
        return await self._licences({"organisation": organisation, "$or": alive}, by="_id")

    async def licences_named(
        self, organisation: OrganisationId, licences: Collection[LicenceId]
    ) -> list[Licence]:
        where = {"_id": {"$in": list(licences)}, "organisation": organisation}
        return await self._licences(where, by="_id")

    async def entries(
        self, organisation: OrganisationId, licences: Sequence[LicenceId]
    ) -> dict[LicenceId, list[Entry]]:
        return await self._entries({"organisation": organisation, "licence": {"$in": list(licences)}})

    async def _entries(self, where: dict[str, Any]) -> dict[LicenceId, list[Entry]]:
        found: dict[LicenceId, list[Entry]] = {}
        rows = await self._database.find(TIMELINE, where, sort=[("licence", 1), ("number", 1)])
        plans = await self._plans.named(rows)
        for row in rows:
            found.setdefault(row["licence"], []).append(entry_of(row, plans))
        return found

    # Who has a plan

    async def with_plan(self, plan: str, *, after: str, limit: int) -> list[Licence]:
        where = {"plan": plan, "living": True, "_id": {"$gt": after}}
        return await self._licences(where, by="_id", limit=limit)

    async def older(
        self, plan: str, version: int, *, after: str, limit: int
    ) -> list[tuple[str, OrganisationId]]:
        where = {"plan": plan, "living": True, "plan_version": {"$lt": version}, "_id": {"$gt": after}}
        rows = await self._database.find(
            LICENCES, where, sort=[("_id", 1)], limit=limit, fields=["organisation"]
        )
        return [(row["_id"], row["organisation"]) for row in rows]

    async def held(self, plan: str) -> Counter[int]:
        found: Counter[int] = Counter()
        after = ""
        while rows := await self._database.find(
            LICENCES,
            {"plan": plan, "living": True, "_id": {"$gt": after}},
            sort=[("_id", 1)],
            limit=COUNTED_AT_ONCE,
            fields=["plan_version"],
        ):
            found.update(row["plan_version"] for row in rows)
            after = rows[-1]["_id"]
        return found

    async def living(self, organisation: OrganisationId) -> list[Licence]:
        return await self._licences({"organisation": organisation, "ended_at": None}, by="_id")

    # What a month close reads, of many organisations at once

    async def unbilled(
        self, organisations: Collection[OrganisationId]
    ) -> dict[OrganisationId, list[Licence]]:
        """Licences that the next month close must look at, by organisation, oldest first."""
        where = {"organisation": {"$in": list(organisations)}, **UNBILLED}
        found: dict[OrganisationId, list[Licence]] = {}
        rows = await self._database.find(LICENCES, where, sort=[("organisation", 1), ("_id", 1)])
        plans = await self._plans.named(rows)
        for row in rows:
            found.setdefault(row["organisation"], []).append(licence_of(row, plans))
        return found

    async def logs(self, licences: Sequence[LicenceId]) -> dict[LicenceId, list[Entry]]:
        """The log of each of these licences, of whichever organisation."""
        return await self._entries({"licence": {"$in": list(licences)}})

    # Trials that run

    async def next_trial_end(self, besides: Collection[OrganisationId]) -> datetime | None:
        first = await self._licences(_running(besides), by="trial_ends", limit=1)
        return first[0].trial_ends if first else None

    async def trial_ends_in(
        self, organisations: Collection[OrganisationId]
    ) -> list[tuple[OrganisationId, datetime]]:
        if not organisations:
            return []
        where = {**IN_DEMO, "organisation": {"$in": list(organisations)}}
        rows = await self._database.find(LICENCES, where, fields=["organisation", "trial_ends"])
        return [(row["organisation"], row["trial_ends"]) for row in rows]

    async def trials_over(
        self, by: datetime, *, besides: Collection[OrganisationId], limit: int
    ) -> list[Licence]:
        where = {**_running(besides), "trial_ends": {"$lte": by}}
        return await self._licences(where, by="trial_ends", limit=limit)

    async def trials_over_in(
        self, organisation: OrganisationId, by: datetime, *, limit: int
    ) -> list[Licence]:
        where = {**IN_DEMO, "organisation": organisation, "trial_ends": {"$lte": by}}
        return await self._licences(where, by="trial_ends", limit=limit)

    async def _licences(self, where: dict[str, Any], *, by: str, limit: int = 0) -> list[Licence]:
        rows = await self._database.find(LICENCES, where, sort=[(by, 1)], limit=limit)
        return await licences_of(rows, self._plans)


def change_writes(change: Change) -> list[Write]:
    return [
        Save(LICENCES, licence_row(change.licence)),
        Insert(TIMELINE, timeline_row(Entry.of(change))),
    ]


def _running(besides: Collection[OrganisationId]) -> dict[str, Any]:
    return {**IN_DEMO, "organisation": {"$nin": list(besides)}} if besides else dict(IN_DEMO)


def _registration_id(organisation: OrganisationId, camera: CameraId) -> str:
    return f"{organisation}:{camera}"


def _fields(row: Document) -> dict[str, Any]:
    return {key: value for key, value in row.items() if key != "_id"}
