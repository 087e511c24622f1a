"""The ledger and what it must know of organisations, in MongoDB."""

from collections.abc import Iterable
from datetime import timedelta

from common.contracts import Event
from common.contracts.identity import OrganisationCreated
from common.database import Database, Document, Index, Save, Update, Write
from common.ids import OrganisationId
from relay.domain.allowance import AllocationUsage, MonthUsage, Period, Zones
from relay.service.ledger import Entries, Month

ALLOCATIONS, MONTHS, SESSION_USAGE = "allocation_usage", "month_usage", "session_usage"
ORGANISATIONS = "organisations"
FORGET_ALLOCATIONS_AFTER = timedelta(days=90)
"""Far longer than an allocation is silent or one of its samples is under way."""
LEDGER_INDEXES = (
    Index(ALLOCATIONS, (("heard_at", 1),), expire_after=int(FORGET_ALLOCATIONS_AFTER.total_seconds())),
)


class MongoLedgerStore:
    def __init__(self, database: Database) -> None:
        self._database = database

    async def zones(self, organisations: Iterable[OrganisationId]) -> dict[OrganisationId, Zones]:
        wanted = list(organisations)
        rows = await self._database.find(ORGANISATIONS, {"_id": {"$in": wanted}})
        return dict.fromkeys(wanted, Zones()) | {row["_id"]: _zones(row) for row in rows}

    async def remember(self, organisation: OrganisationCreated) -> None:
        # On insert only: a later fact about the organisation may have been heard already.
        change = {"$setOnInsert": {"time_zone": organisation.time_zone, "version": organisation.version}}
        await self._database.commit(
            [Update(ORGANISATIONS, {"_id": organisation.organisation}, change, upsert=True)]
        )

    async def whereabouts(self, organisation: OrganisationId) -> tuple[Zones, int | None]:
        """Also, up to which fact it is known; None: it was not heard of."""
        row = await self._database.get(ORGANISATIONS, {"_id": organisation})
        return (_zones(row), row["version"]) if row else (Zones(), None)

    async def moved(
        self, organisation: OrganisationId, zones: Zones, version: int, before: int | None
    ) -> None:
        """Raises `Conflict` when somebody has heard more: then this would be another row of its name."""
        later = [{"since": since, "time_zone": zone} for since, zone in zones.later]
        change = {"$set": {"time_zone": zones.first, "later": later, "version": version}}
        where = {"_id": organisation, "version": before}
        await self._database.commit([Update(ORGANISATIONS, where, change, upsert=True)])

    async def allocations(self, ids: Iterable[str]) -> dict[str, AllocationUsage]:
        rows = await self._database.find(ALLOCATIONS, {"_id": {"$in": list(ids)}})
        return {row["_id"]: _allocation(row) for row in rows}

    async def months(self, months: Iterable[Month]) -> dict[Month, MonthUsage]:
        keys = [_key(month) for month in months]
        rows = await self._database.find(MONTHS, {"_id": {"$in": keys}}) if keys else []
        found = [_month(row) for row in rows]
        return {(usage.organisation, usage.period.label): usage for usage in found}

    async def save(self, entries: Entries) -> None:
        writes: list[Write] = [
            *(Save(ALLOCATIONS, _allocation_row(usage)) for usage in entries.allocations.values()),
            *(Save(MONTHS, _month_row(usage)) for usage in entries.months.values()),
            *(
                Update(
                    SESSION_USAGE,
                    {"_id": session},
                    {"$inc": {"bytes": count}, "$setOnInsert": {"organisation": organisation}},
                    upsert=True,
                )
                for (organisation, session), count in entries.sessions.items()
            ),
        ]
        await self._database.commit(writes, entries.events)

    async def announce(self, *events: Event) -> None:
        await self._database.commit([], events)


def _zones(row: Document) -> Zones:
    return Zones(row["time_zone"], tuple((one["since"], one["time_zone"]) for one in row.get("later", ())))


def _key(month: Month) -> str:
    return f"{month[0]}:{month[1]}"


def _allocation_row(usage: AllocationUsage) -> Document:
    return {
        "_id": usage.id,
        "organisation": usage.organisation,
        "session": usage.session,
        "marks": dict(usage.marks),
        "heard_at": usage.heard_at,
        "version": usage.version,
    }


def _allocation(row: Document) -> AllocationUsage:
    return AllocationUsage(
        row["_id"], row["organisation"], row["session"], row["marks"], row["heard_at"], row["version"]
    )


def _month_row(usage: MonthUsage) -> Document:
    period = usage.period
    return {
        "_id": _key((usage.organisation, period.label)),
        "organisation": usage.organisation,
        "period": period.label,
        "time_zone": period.time_zone,
        "starts_at": period.starts_at,
        "ends_at": period.ends_at,
        "used_bytes": usage.used_bytes,
        "announced": usage.announced,
        "as_of": usage.as_of,
        "version": usage.version,
    }


def _month(row: Document) -> MonthUsage:
    return MonthUsage(
        organisation=row["organisation"],
        period=Period(row["period"], row["time_zone"], row["starts_at"], row["ends_at"]),
        used_bytes=row["used_bytes"],
        announced=row["announced"],
        as_of=row["as_of"],
        version=row["version"],
    )
