"""Another e-mail address for one's account."""

from datetime import datetime

from pydantic import BaseModel, Field, SecretStr

from common.http import Body, Call, NoQuery, Route, SecretBody
from identity.api.fields import Code, Email
from identity.api.origin import Origins
from identity.domain.email_changes import EmailChange
from identity.service.email_changes import EmailChanges

CHANGE = "/api/v1/me/email-change"


class NewEmail(SecretBody):
    email: Email
    current_password: SecretStr = Field(min_length=1, max_length=1000)


class EmailCode(Body):
    code: Code


class EmailChangeView(BaseModel):
    """`email` None: no change is waiting."""

    email: str | None = Field(description="The new address")
    old_confirmed: bool = False
    new_confirmed: bool = False
    expires_at: datetime | None = None

    @classmethod
    def of(cls, change: EmailChange | None) -> "EmailChangeView":
        if change is None:
            return cls(email=None)
        return cls(
            email=change.email,
            old_confirmed=change.old_confirmed,
            new_confirmed=change.new_confirmed,
            expires_at=change.forget_at,
        )


class EmailChangesApi:
    def __init__(self, changes: EmailChanges, origins: Origins) -> None:
        self._changes = changes
        self._origins = origins

    def routes(self) -> list[Route]:
        return [
            Route(
                method="GET", path=CHANGE, handler=self.get, tag="My address",
                summary="The change of my e-mail address that waits", answer=EmailChangeView,
            ),
            Route(
                method="POST", path=CHANGE, handler=self.start, tag="My address",
                summary="Change my e-mail address: mail a code to both", body=NewEmail,
                answer=EmailChangeView, status=202,
            ),
            Route(
                method="POST", path=f"{CHANGE}/confirm", handler=self.confirm, tag="My address",
                summary="Enter one of the two codes", body=EmailCode, answer=EmailChangeView,
                problems=(404, 409),
            ),
            Route(
                method="DELETE", path=CHANGE, handler=self.cancel, tag="My address",
                summary="Keep my e-mail address",
            ),
        ]  # fmt: skip

    async def get(self, call: Call[None, NoQuery]) -> EmailChangeView:
        return EmailChangeView.of(await self._changes.pending(call.actor))

    async def start(self, call: Call[NewEmail, NoQuery]) -> EmailChangeView:
        """The answer is the same when the address belongs to somebody else. Beginning again voids the codes
        of before."""
        body = call.body
        password = body.current_password.get_secret_value()
        origin = self._origins.of(call.request)
        return EmailChangeView.of(await self._changes.start(call.actor, body.email, password, origin))

    async def confirm(self, call: Call[EmailCode, NoQuery]) -> EmailChangeView:
        """In any order. With the second one the address is changed, and both mailboxes are told."""
        _, change = await self._changes.confirm(call.actor, call.body.code.get_secret_value())
        return EmailChangeView.of(change)

    async def cancel(self, call: Call[None, NoQuery]) -> None:
        await self._changes.cancel(call.actor)
