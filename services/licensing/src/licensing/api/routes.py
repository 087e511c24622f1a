"""The table of routes, and a few lines for each."""

from datetime import timedelta

from common.auth import Action
from common.http import Call, NoQuery, Page, Route
from common.ids import CameraId, LicenceId, OrganisationId
from licensing.api.bodies import (
    FeesView,
    LicenceHistory,
    LicencesQuery,
    LicenceView,
    NewTestClock,
    TestClockView,
)
from licensing.service import FeeService, LicenceService, OrganisationClocks


class Api:
    def __init__(self, licences: LicenceService, fees: FeeService, clocks: OrganisationClocks) -> None:
        self._licences = licences
        self._fees = fees
        self._clocks = clocks

    def routes(self) -> list[Route]:
        one, clock = "/api/v1/licences/{licence}", "/api/v1/test-clocks/{organisation}"
        return [
            Route(
                method="GET",
                path="/api/v1/licences",
                handler=self.page,
                summary="Licences of the organisation, ended ones too, oldest first",
                tag="licences",
                allow=Action.READ_LICENCES,
                query=LicencesQuery,
                answer=Page[LicenceView],
            ),
            Route(
                method="GET",
                path=one,
                handler=self.show,
                summary="A licence and its timeline",
                tag="licences",
                allow=Action.READ_LICENCES,
                answer=LicenceHistory,
                problems=(404,),
            ),
            Route(
                method="POST",
                path=f"{one}/off",
                handler=self.turn_off,
                summary="Take a camera out of service: no functions, no fees; repeating it changes nothing",
                tag="licences",
                allow=Action.CHANGE_LICENCE,
                answer=LicenceView,
                problems=(404, 409),
            ),
            Route(
                method="POST",
                path=f"{one}/on",
                handler=self.turn_on,
                summary="Put a camera back in service; repeating it changes nothing",
                tag="licences",
                allow=Action.CHANGE_LICENCE,
                answer=LicenceView,
                problems=(404, 409),
            ),
            Route(
                method="GET",
                path="/api/v1/fees",
                handler=self.fees,
                summary="Fees of this month so far, to the second, for each licence and in total",
                tag="fees",
                allow=Action.READ_FEES,
                answer=FeesView,
                problems=(409,),
            ),
            Route(
                method="GET",
                path=clock,
                handler=self.read_clock,
                summary="What time it is in an organisation (development only)",
                tag="test clocks",
                allow=Action.MOVE_TEST_CLOCK,
                answer=TestClockView,
                problems=(404,),
                development=True,
            ),
            Route(
                method="PUT",
                path=clock,
                handler=self.move_clock,
                summary="Set an organisation's clock ahead of the real one, forward only (development only)",
                tag="test clocks",
                allow=Action.MOVE_TEST_CLOCK,
                body=NewTestClock,
                answer=TestClockView,
                problems=(404, 409),
                development=True,
            ),
        ]

    async def page(self, call: Call[None, LicencesQuery]) -> Page[LicenceView]:
        query = call.query
        camera = CameraId(query.camera) if query.camera else None
        found = await self._licences.page(
            call.actor.organisation, after=query.after(), limit=query.limit, camera=camera
        )
        return Page[LicenceView].of([LicenceView.of(one) for one in found], query.limit, lambda one: one.id)

    async def show(self, call: Call[None, NoQuery]) -> LicenceHistory:
        licence, history = await self._licences.history(call.actor.organisation, _licence(call))
        return LicenceHistory.told(licence, history)

    async def turn_off(self, call: Call[None, NoQuery]) -> LicenceView:
        return LicenceView.of(await self._licences.turn_off(call.actor.organisation, _licence(call)))

    async def turn_on(self, call: Call[None, NoQuery]) -> LicenceView:
        return LicenceView.of(await self._licences.turn_on(call.actor.organisation, _licence(call)))

    async def fees(self, call: Call[None, NoQuery]) -> FeesView:
        return FeesView.of(await self._fees.month_to_date(call.actor.organisation))

    async def read_clock(self, call: Call[None, NoQuery]) -> TestClockView:
        clock = await self._clocks.read(OrganisationId(call.path["organisation"]))
        return TestClockView.of(clock, self._clocks.real())

    async def move_clock(self, call: Call[NewTestClock, NoQuery]) -> TestClockView:
        ahead = timedelta(seconds=call.body.ahead_seconds)
        clock = await self._clocks.move(OrganisationId(call.path["organisation"]), ahead)
        return TestClockView.of(clock, self._clocks.real())


def _licence(call: Call[None, NoQuery]) -> LicenceId:
    return LicenceId(call.path["licence"])
