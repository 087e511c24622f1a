"""Licences and entries of their timelines as rows."""

from collections.abc import Mapping, Sequence
from datetime import datetime

from common.database import Document
from licensing.domain.licence import Licence
from licensing.domain.notices import next_notice
from licensing.domain.plans import Plan
from licensing.domain.standing import COMMANDED
from licensing.domain.states import Cause, State
from licensing.domain.timeline import Entry
from licensing.store.plans import Key, PlanStore


def licence_row(licence: Licence) -> Document:
    return {
        "_id": licence.id,
        "organisation": licence.organisation,
        "camera": licence.camera,
        "device": licence.device,
        "plan": licence.plan.name,
        "plan_version": licence.plan.version,
        "add_ons": list(licence.add_ons),
        "state": licence.state.value,
        "cause": licence.cause.value,
        "since": licence.since,
        "registered_at": licence.registered_at,
        "trial_ends": licence.trial_ends,
        "version": licence.version,
        "living": licence.state is not State.ENDED,
        "ended_at": licence.ended_at,
        "unbilled": True,
        "by_debts": licence.state in COMMANDED,
        "notice_at": _notice_at(licence),
    }


def _notice_at(licence: Licence) -> datetime | None:
    if licence.state is not State.DEMO or licence.trial_ends is None:
        return None
    return next_notice(licence.trial_ends, licence.since)


async def licences_of(rows: Sequence[Document], plans: PlanStore) -> list[Licence]:
    named = await plans.named(rows)
    return [licence_of(row, named) for row in rows]


def licence_of(row: Document, plans: Mapping[Key, Plan]) -> Licence:
    return Licence(
        id=row["_id"],
        organisation=row["organisation"],
        camera=row["camera"],
        device=row["device"],
        plan=plans[row["plan"], row["plan_version"]],
        state=State(row["state"]),
        cause=Cause(row["cause"]),
        since=row["since"],
        registered_at=row["registered_at"],
        trial_ends=row["trial_ends"],
        version=row["version"],
        add_ons=tuple(row.get("add_ons", ())),
    )


def timeline_row(entry: Entry) -> Document:
    return {
        "_id": f"{entry.licence}:{entry.number}",
        "licence": entry.licence,
        "organisation": entry.organisation,
        "number": entry.number,
        "state": entry.state.value,
        "cause": entry.cause.value,
        "plan": entry.plan.name,
        "plan_version": entry.plan.version,
        "add_ons": list(entry.add_ons),
        "since": entry.since,
        "recorded_at": entry.recorded_at,
    }


def entry_of(row: Document, plans: Mapping[Key, Plan]) -> Entry:
    return Entry(
        licence=row["licence"],
        organisation=row["organisation"],
        number=row["number"],
        state=State(row["state"]),
        cause=Cause(row["cause"]),
        plan=plans[row["plan"], row["plan_version"]],
        since=row["since"],
        recorded_at=row["recorded_at"],
        add_ons=tuple(row.get("add_ons", ())),
    )
