"""People are told, days before, that their cameras move on to a later version of their plan."""

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Protocol

import structlog

from common.contracts.licensing import PlanChangeAnnounced
from common.errors import Conflict
from common.ids import OrganisationId
from common.races import LOST
from licensing.domain.catalogue import Catalogue
from licensing.domain.licence import Licence
from licensing.domain.months import Calendar
from licensing.domain.plans import Plan
from licensing.domain.renewals import Renewal
from licensing.service.clocks import OrganisationClocks
from licensing.service.plan_book import Calendars, PlanTerms

EVERY = timedelta(days=1)
"""While a version is on its way to running licences, whoever has an older one is looked for so often; they
are told that much earlier."""
LONGEST = timedelta(days=33)
"""From the instant at which a version may reach somebody to the one by which it has reached all."""
EASTERNMOST, WESTERNMOST = timedelta(hours=14), timedelta(hours=12)
UTC_MONTHS = Calendar.of("UTC")
AT_ONCE = 1_000
log = structlog.get_logger("plan-notices")


class Notices(Protocol):
    async def all_noticed(self, notices: Collection[str]) -> set[str]: ...

    async def save_plan_notice(self, notice: PlanChangeAnnounced) -> None: ...


class Holders(Protocol):
    async def older(
        self, plan: str, version: int, *, after: str, limit: int
    ) -> list[tuple[str, OrganisationId]]:
        """Living licences of an earlier version, oldest first: id and owner."""
        ...

    async def living(self, organisation: OrganisationId) -> list[Licence]: ...


class PlanNoticeService:
    """Safe to run anywhere, any number of times: a notice is written once, in the commit that says it."""

    def __init__(
        self,
        notices: Notices,
        holders: Holders,
        plans: PlanTerms,
        calendars: Calendars,
        clocks: OrganisationClocks,
    ) -> None:
        self._notices = notices
        self._holders = holders
        self._plans = plans
        self._calendars = calendars
        self._clocks = clocks
        self._looked: tuple[Catalogue, Mapping[OrganisationId, timedelta], datetime] | None = None

    async def next_due(self) -> datetime | None:
        """Nothing is looked for when no version is on its way."""
        catalogue, clocks = await self._plans.catalogue(), await self._ahead()
        real = self._clocks.real()
        moving = _moving(catalogue, real, always=bool(clocks))
        opens = min((real if clocks else _opens(version) for version in moving), default=None)
        if opens is None or self._looked is None:
            return opens
        known, ahead, at = self._looked
        return max(opens, at + EVERY) if known is catalogue and ahead == clocks else opens

    async def tell(self) -> None:
        real, catalogue, clocks = self._clocks.real(), await self._plans.catalogue(), await self._ahead()
        for version in _moving(catalogue, real, always=bool(clocks)):
            if not clocks and real < _opens(version):
                continue
            after = ""
            while found := await self._holders.older(
                version.name, version.version, after=after, limit=AT_ONCE
            ):
                await self._tell_all({owner for _, owner in found}, version)
                after = found[-1][0]
        self._looked = (catalogue, clocks, real)

    async def _ahead(self) -> dict[OrganisationId, timedelta]:
        return {who: clock.ahead for who, clock in (await self._clocks.moved()).items()}

    async def _tell_all(self, organisations: Collection[OrganisationId], version: Plan) -> None:
        ids = {_notice_id(one, version): one for one in organisations}
        for notice in ids.keys() - await self._notices.all_noticed(ids):
            await self._tell(ids[notice])

    async def _tell(self, organisation: OrganisationId) -> None:
        """Of every version that is due to be told of; those of one version together."""
        licences = await self._holders.living(organisation)
        renewals = await self._plans.renewals(organisation, licences)
        now = await self._clocks.now(organisation)
        coming: dict[tuple[str, int], tuple[Renewal, list[Licence]]] = {}
        for one in licences:
            renewal = renewals.next(one.plan)
            if renewal is not None and renewal.told_from - EVERY <= now < renewal.at:
                key = (renewal.plan.name, renewal.plan.version)
                coming.setdefault(key, (renewal, []))[1].append(one)
        for renewal, moved in coming.values():
            try:
                await self._notices.save_plan_notice(await self._announced(renewal, moved, now))
            except Conflict as conflict:
                if conflict.code not in LOST:  # else they were told
                    log.warning("plan change not told", organisation=organisation, why=str(conflict))

    async def _announced(
        self, renewal: Renewal, licences: Sequence[Licence], now: datetime
    ) -> PlanChangeAnnounced:
        organisation, plan = licences[0].organisation, renewal.plan
        information = await self._calendars.known(organisation)
        details = information.of(information.calendar.month_at(renewal.at).name)
        catalogue, currency = await self._plans.catalogue(), details.currency
        before = (catalogue.priced(one.plan, currency).monthly(currency, one.add_ons) for one in licences)
        return PlanChangeAnnounced(
            organisation=organisation,
            version=1,
            at=now,
            notice=_notice_id(organisation, plan),
            plan=plan.name,
            plan_version=plan.version,
            name=plan.title(details.language),
            effective_at=renewal.at,
            cameras=len(licences),
            currency=currency,
            amount_before=sum(before),
            amount_after=sum(plan.monthly(currency, one.add_ons) for one in licences),
        )


def _moving(catalogue: Catalogue, now: datetime, *, always: bool) -> list[Plan]:
    """Versions that have not reached everybody. `always`: clocks were moved, anybody may be anywhere."""
    return [
        version
        for plan in catalogue.plans.values()
        for version in plan.versions[1:]
        if always or now <= version.reaches_from + LONGEST
    ]


def _opens(version: Plan) -> datetime:
    """Before this instant nobody is told, in whatever zone: a month begins up to fourteen hours before it
    does in UTC, and up to twelve hours after."""
    earliest = version.reaches_from
    month = UTC_MONTHS.month_at(earliest - WESTERNMOST - timedelta(microseconds=1))
    first = max(earliest, month.end - EASTERNMOST)
    return first - timedelta(days=version.notice_days) - EVERY


def _notice_id(organisation: OrganisationId, version: Plan) -> str:
    return f"{organisation}:plan:{version.name}:{version.version}"
