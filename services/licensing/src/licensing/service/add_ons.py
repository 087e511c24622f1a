"""What may be added to a camera's plan, and what it would cost: shown before anybody takes it."""

from dataclasses import dataclass
from datetime import datetime
from fractions import Fraction
from typing import Protocol

from common.ids import LicenceId, OrganisationId
from licensing.domain.billing_information import BillingInformation
from licensing.domain.fees import round_half_up
from licensing.domain.licence import Licence
from licensing.domain.months import Month, whole_seconds
from licensing.domain.plans import AddOn
from licensing.domain.states import EFFECTS, State
from licensing.domain.timeline import Interval
from licensing.service.clocks import OrganisationClocks


class Licences(Protocol):
    async def history(
        self, organisation: OrganisationId, licence: LicenceId
    ) -> tuple[Licence, list[Interval]]: ...


class Calendars(Protocol):
    async def known(self, organisation: OrganisationId) -> BillingInformation: ...


@dataclass(frozen=True, slots=True)
class AddOnOffer:
    add_on: AddOn
    taken: bool
    currency: str
    monthly: int
    rest_of_month: int
    """Minor units from now to the month's end, if the camera stays as it is."""
    charged_from: datetime | None
    """None: nothing is charged for the camera as it is."""


class AddOnService:
    def __init__(self, licences: Licences, calendars: Calendars, clocks: OrganisationClocks) -> None:
        self._licences = licences
        self._calendars = calendars
        self._clocks = clocks

    async def offers(self, organisation: OrganisationId, licence: LicenceId) -> list[AddOnOffer]:
        """Those of the licence's own version of its plan."""
        now = await self._clocks.now(organisation)
        found, _ = await self._licences.history(organisation, licence)
        information = await self._calendars.known(organisation)
        month = information.calendar.month_at(now)
        currency = information.of(month.name).currency
        since = _charged_from(found, now)
        return [
            AddOnOffer(
                add_on=one,
                taken=one.key in found.add_ons,
                currency=currency,
                monthly=one.price(currency),
                rest_of_month=_rest(one.price(currency), month, since),
                charged_from=since,
            )
            for one in found.plan.add_ons
        ]


def _charged_from(licence: Licence, now: datetime) -> datetime | None:
    if licence.state is State.DEMO:
        return licence.trial_ends
    return now if EFFECTS[licence.state].charged else None


def _rest(price: int, month: Month, since: datetime | None) -> int:
    if since is None or since >= month.end:
        return 0
    return round_half_up(Fraction(price * whole_seconds(since, month.end), month.seconds))
