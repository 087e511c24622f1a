"""Plans and their versions. A version is written once and never touched, so it may be remembered for ever."""

from collections.abc import Collection, Iterable
from typing import Any

from common.contracts.licensing import PlanChanged
from common.database import Database, Document, Index, Insert, Save, Write
from common.errors import Conflict
from licensing.domain.catalogue import MOST_PLANS, ServicePlan
from licensing.domain.plans import AddOn, Plan, Recording
from licensing.domain.shipped_plans import SHIPPED

PLANS, VERSIONS = "plans", "plan_versions"
PLAN_INDEXES = (Index(VERSIONS, (("plan", 1), ("number", 1)), unique=True),)
Key = tuple[str, int]


class PlanStore:
    """Remembers every version that it has seen: never more than there can be (`MOST_PLANS`,
    `MOST_VERSIONS`)."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._known: dict[Key, Plan] = {(one.name, one.version): one for one in SHIPPED}

    async def named(self, rows: Iterable[Document]) -> dict[Key, Plan]:
        """The versions that these rows of licences or timelines name; what is not known yet is read."""
        await self._read({(row["plan"], row["plan_version"]) for row in rows} - self._known.keys())
        return self._known

    async def heads(self) -> dict[str, int]:
        """How often each plan was changed: tells what is not known yet."""
        rows = await self._database.find(
            PLANS, {}, sort=[("_id", 1)], limit=MOST_PLANS + 1, fields=["version"]
        )
        return {row["_id"]: row["version"] for row in rows}

    async def plans(self, names: Collection[str]) -> list[ServicePlan]:
        rows = await self._database.find(PLANS, {"_id": {"$in": list(names)}}, sort=[("_id", 1)])
        wanted = {(row["_id"], number) for row in rows for number in range(1, row["latest"] + 1)}
        await self._read(wanted - self._known.keys())
        return [self._plan(row) for row in rows]

    async def save_plan(self, plan: ServicePlan, event: PlanChanged | None = None) -> None:
        """With its latest version, when that is new."""
        latest = plan.latest
        writes: list[Write] = [Save(PLANS, _plan_row(plan))]
        if plan.version == 1 or (latest.name, latest.version) not in self._known:
            writes.append(Insert(VERSIONS, _version_row(latest)))
        await self._database.commit(writes, [event] if event is not None else [])
        self._known[latest.name, latest.version] = latest

    async def seed(self) -> None:
        """What ships is kept like everything else; whoever comes second finds it there."""
        known = await self.heads()
        for one in SHIPPED:
            if one.name not in known:
                try:
                    await self.save_plan(ServicePlan(one.name, (one,)))
                except Conflict as conflict:
                    if conflict.code != "already_exists":
                        raise

    async def _read(self, wanted: Collection[Key]) -> None:
        if not wanted:
            return
        ids = [f"{name}:{number}" for name, number in wanted]
        for row in await self._database.find(VERSIONS, {"_id": {"$in": ids}}):
            self._known[row["plan"], row["number"]] = _version(row)

    def _plan(self, row: Document) -> ServicePlan:
        versions = tuple(self._known[row["_id"], number] for number in range(1, row["latest"] + 1))
        return ServicePlan(row["_id"], versions, row["on_offer"], row["version"])


def _plan_row(plan: ServicePlan) -> Document:
    return {
        "_id": plan.name,
        "version": plan.version,
        "on_offer": plan.on_offer,
        "latest": plan.latest.version,
    }


def _version_row(plan: Plan) -> Document:
    return {
        "_id": f"{plan.name}:{plan.version}",
        "plan": plan.name,
        "number": plan.version,
        "names": dict(plan.names),
        "description": plan.description,
        "primary_function": plan.primary_function,
        "simultaneous_accesses": plan.simultaneous_accesses,
        "live_view": plan.live_view,
        "remote_recording": {"mode": plan.remote_recording.mode, "days": plan.remote_recording.days},
        "local_recording": {"mode": plan.local_recording.mode, "days": plan.local_recording.days},
        "retention_days": plan.retention_days,
        "analytics": list(plan.analytics),
        "prices": dict(plan.prices),
        "add_ons": [
            {
                "key": one.key,
                "names": dict(one.names),
                "simultaneous_accesses": one.simultaneous_accesses,
                "retention_days": one.retention_days,
                "analytics": list(one.analytics),
                "prices": dict(one.prices),
            }
            for one in plan.add_ons
        ],
        "valid_from": plan.valid_from,
        "published_at": plan.published_at,
        "notice_days": plan.notice_days,
    }


def _version(row: Document) -> Plan:
    known: dict[str, Any] = {key: value for key, value in row.items() if key not in ("_id", "plan", "number")}
    known |= {
        "remote_recording": Recording(**row["remote_recording"]),
        "local_recording": Recording(**row["local_recording"]),
        "analytics": tuple(row["analytics"]),
        "add_ons": tuple(_add_on(one) for one in row["add_ons"]),
    }
    return Plan(name=row["plan"], version=row["number"], **known)


def _add_on(row: Document) -> AddOn:
    return AddOn(**(row | {"analytics": tuple(row["analytics"])}))
