"""Honest advice on a password while it is being typed (ID-6)."""

from typing import Annotated

from pydantic import BaseModel, Field

from common.http import Call, NoQuery, Route, SecretBody
from identity.api.fields import Password
from identity.domain.accounts import Language
from identity.domain.strength import Hint, words_for
from identity.service.strength import StrengthMeter


class NewPassword(SecretBody):
    password: Password
    about: list[Annotated[str, Field(max_length=254)]] = Field(
        [], max_length=5, description="What others know of the person: username, e-mail address, name"
    )
    language: Language = "en"


class HintView(BaseModel):
    code: Hint
    message: str = Field(description="In the language asked for")


class StrengthView(BaseModel):
    score: int = Field(ge=0, le=4, description="0: guessed at once; 4: hardly ever guessed")
    accepted: bool = Field(
        description="It would be taken: long enough, and not among those that are tried first"
    )
    hints: list[HintView]


class PasswordHintsApi:
    def __init__(self, meter: StrengthMeter) -> None:
        self._meter = meter

    def routes(self) -> list[Route]:
        return [
            Route(
                method="POST", path="/api/v1/password-hints", handler=self.measure, tag="Sign-up",
                summary="How good a password is", public=True, body=NewPassword, answer=StrengthView,
                problems=(503,),
            ),
        ]  # fmt: skip

    async def measure(self, call: Call[NewPassword, NoQuery]) -> StrengthView:
        """A password of 6 characters is taken unless it is among those that are tried first: the commonest
        ones, and what `about` says. The rest is advice. Nothing of it is kept."""
        body = call.body
        found = await self._meter.measure(body.password.get_secret_value(), tuple(body.about))
        hints = [HintView(code=hint, message=words_for(hint, body.language)) for hint in found.hints]
        return StrengthView(score=found.score, accepted=found.accepted, hints=hints)
