"""What would happen: one route."""

from typing import Annotated, Literal, Self

from pydantic import BaseModel, Field, StringConstraints, model_validator

from common.auth import Action
from common.contracts.base import Instant
from common.http import Body, Call, NoQuery, Route
from common.ids import LicenceId
from licensing.domain.standing import FOLLOWS
from licensing.service.what_if import Consequences, MonthSaved, WhatIfService

MANY = 1_000


class SwitchOff(Body):
    licences: list[Annotated[str, StringConstraints(max_length=64)]] = Field(min_length=1, max_length=MANY)
    until: Instant = Field(description="At most a year ahead")


class Question(Body):
    """Exactly one of the two."""

    switch_off: SwitchOff | None = Field(None, description="These licences, from now on")
    unpaid: str | None = Field(None, max_length=64, description="Number of an invoice that stays unpaid")

    @model_validator(mode="after")
    def _one(self) -> Self:
        if (self.switch_off is None) == (self.unpaid is None):
            raise ValueError("ask either for `switch_off` or for `unpaid`")
        return self


class MonthSavedView(BaseModel):
    """Minor units, without tax, as the month's bill would have it."""

    month: str
    currency: str
    as_is: int
    switched_off: int
    saves: int

    @classmethod
    def of(cls, month: MonthSaved) -> "MonthSavedView":
        return cls(
            month=month.month,
            currency=month.currency,
            as_is=month.as_is,
            switched_off=month.switched_off,
            saves=month.as_is - month.switched_off,
        )


class TurnView(BaseModel):
    at: Instant
    state: Literal["active", "suspended", "inactive"] = Field(description="Of cameras that are switched on")


class UnpaidView(BaseModel):
    """If everything else is paid and this is not."""

    invoice: str
    number: str
    amount: int
    currency: str
    state: Literal["active", "suspended", "inactive"] = Field(description="Once everything else is paid")
    turns: list[TurnView]
    cameras: int = Field(description="How many it is about")

    @classmethod
    def of(cls, found: Consequences) -> "UnpaidView":
        return cls.model_validate(
            {
                "invoice": found.invoice.invoice,
                "number": found.invoice.number,
                "amount": found.invoice.amount,
                "currency": found.invoice.currency,
                "state": FOLLOWS[found.standing][0].value,
                "turns": [
                    {"at": turn.since, "state": FOLLOWS[turn.standing][0].value} for turn in found.turns
                ],
                "cameras": found.cameras,
            }
        )


class AnswerView(BaseModel):
    months: list[MonthSavedView] | None = Field(None, description="Of `switch_off`")
    saves: dict[str, int] | None = Field(None, description="By currency, in minor units without tax")
    unpaid: UnpaidView | None = None


class WhatIfApi:
    def __init__(self, what_if: WhatIfService) -> None:
        self._what_if = what_if

    def routes(self) -> list[Route]:
        return [
            Route(
                method="POST",
                path="/api/v1/what-if",
                handler=self.ask,
                summary="What switching cameras off would save; what follows from a bill that stays unpaid",
                tag="fees",
                allow=Action.READ_BILLING,
                body=Question,
                answer=AnswerView,
                problems=(404, 409),
            )
        ]

    async def ask(self, call: Call[Question, NoQuery]) -> AnswerView:
        organisation, question = call.actor.organisation, call.body
        if question.switch_off is None:
            assert question.unpaid is not None, "one of the two is asked"
            return AnswerView(unpaid=UnpaidView.of(await self._what_if.unpaid(organisation, question.unpaid)))
        wanted = [LicenceId(one) for one in question.switch_off.licences]
        found = await self._what_if.switched_off(organisation, wanted, question.switch_off.until)
        saves: dict[str, int] = {}
        for month in found:
            saved = month.as_is - month.switched_off
            saves[month.currency] = saves.get(month.currency, 0) + saved
        return AnswerView(months=[MonthSavedView.of(one) for one in found], saves=saves)
