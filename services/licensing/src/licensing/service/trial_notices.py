"""People are warned of what the end of a trial will cost: once for all cameras with trials to one day."""

from collections.abc import Collection, Sequence
from datetime import datetime, timedelta
from typing import Protocol
from zoneinfo import ZoneInfo

from common.contracts.licensing import NoticeDue
from common.errors import Conflict
from common.ids import OrganisationId
from common.races import LOST
from licensing.domain.billing_information import BillingInformation, Details
from licensing.domain.licence import Licence
from licensing.domain.months import first_instant_after
from licensing.domain.notices import notice_due
from licensing.service.clocks import OrganisationClocks

BATCH = 200


class Trials(Protocol):
    async def next_trial_notice(self, besides: Collection[OrganisationId]) -> datetime | None: ...

    async def trial_notices_in(
        self, organisations: Collection[OrganisationId]
    ) -> list[tuple[OrganisationId, datetime]]: ...

    async def trials_to_tell(
        self, by: datetime, *, besides: Collection[OrganisationId], limit: int
    ) -> list[Licence]: ...

    async def trials_running(self, organisation: OrganisationId, until: datetime) -> list[Licence]: ...

    async def noticed(self, notice: str) -> bool: ...

    async def save_trial_notice(
        self, licences: Sequence[Licence], now: datetime, notice: NoticeDue | None
    ) -> None: ...


class Calendars(Protocol):
    async def known(self, organisation: OrganisationId) -> BillingInformation: ...


class TrialNoticeService:
    """A camera that was switched off or removed has no running trial any more: nobody is warned of it."""

    def __init__(self, store: Trials, calendars: Calendars, clocks: OrganisationClocks) -> None:
        self._store = store
        self._calendars = calendars
        self._clocks = clocks

    async def next_due(self) -> datetime | None:
        return await self._clocks.next_due(self._store.trial_notices_in, self._store.next_trial_notice)

    async def tell(self) -> None:
        real = self._clocks.real()
        clocks = await self._clocks.moved()
        found = await self._store.trials_to_tell(real, besides=clocks, limit=BATCH)
        for who in dict.fromkeys(licence.organisation for licence in found):
            await self._tell(who, real)
        for who in dict.fromkeys(
            who for who, at in await self._store.trial_notices_in(clocks) if at <= clocks[who].shows(real)
        ):
            await self._tell(who, clocks[who].shows(real))

    async def _tell(self, organisation: OrganisationId, now: datetime) -> None:
        """Day by day, as the organisation counts them."""
        information = await self._calendars.known(organisation)
        details = information.of(information.calendar.month_at(now).name)
        zone = ZoneInfo(details.time_zone)
        # Whatever ends on a day that is a week off, or sooner.
        until = first_instant_after((now + timedelta(days=7)).astimezone(zone).date(), zone)
        days: dict[str, list[Licence]] = {}
        for licence in await self._store.trials_running(organisation, until):
            assert licence.trial_ends is not None, "found by the end of its trial"
            days.setdefault(f"{licence.trial_ends.astimezone(zone).date()}", []).append(licence)
        for day, licences in days.items():
            notice = await self._notice(organisation, day, licences, details, now)
            try:
                await self._store.save_trial_notice(licences, now, notice)
            except Conflict as conflict:
                if conflict.code not in LOST:
                    raise  # else somebody else has told it

    async def _notice(
        self,
        organisation: OrganisationId,
        day: str,
        licences: Sequence[Licence],
        details: Details,
        now: datetime,
    ) -> NoticeDue | None:
        end = licences[0].trial_ends
        assert end is not None, "found by the end of its trial"
        before = notice_due(end, min(licence.since for licence in licences), now)
        identity = f"{organisation}:trial:{day}:{before}"
        if before is None or await self._store.noticed(identity):
            return None
        if any(details.currency not in one.plan.prices for one in licences):
            return None  # what it costs must be agreed on first
        return NoticeDue(
            organisation=organisation,
            version=1,
            at=now,
            notice=identity,
            kind="trial_ends",
            days=before,
            effective_at=end,
            amount=sum(one.plan.monthly(details.currency, one.add_ons) for one in licences),
            currency=details.currency,
            cameras=len(licences),
            invoices=[],
        )
