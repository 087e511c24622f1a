"""The forgotten password."""

from pydantic import Field

from common.http import Body, Call, NoQuery, Route, SecretBody
from identity.api.fields import Code, Password, RevokeApiKeys
from identity.api.origin import Origins
from identity.api.registrations import Message
from identity.service.recoveries import Recoveries

ON_ITS_WAY = "If there is such an account, an e-mail is on its way to it."
CHANGED = "Your new password is set. Please sign in."


class NewReset(Body):
    login: str = Field(min_length=1, max_length=254, description="E-mail address or username")


class Reset(SecretBody):
    login: str = Field(min_length=1, max_length=254, description="As it was asked with")
    code: Code
    password: Password
    revoke_api_keys: RevokeApiKeys = False


class RecoveriesApi:
    def __init__(self, recoveries: Recoveries, origins: Origins) -> None:
        self._recoveries = recoveries
        self._origins = origins

    def routes(self) -> list[Route]:
        path = "/api/v1/password-resets"
        return [
            Route(
                method="POST", path=path, handler=self.ask, tag="Sign-in", public=True,
                summary="Forgotten password: mail a code", body=NewReset, answer=Message, status=202,
            ),
            Route(
                method="POST", path=f"{path}/confirm", handler=self.reset, tag="Sign-in", public=True,
                summary="Set a new password with the mailed code", body=Reset, answer=Message,
            ),
        ]  # fmt: skip

    async def ask(self, call: Call[NewReset, NoQuery]) -> Message:
        """Answers the same whether or not there is such an account. Asking again mails the same code while it
        holds, and nothing when the last e-mail has only just left: so it needs no Idempotency-Key."""
        await self._recoveries.ask(call.body.login, self._origins.of(call.request))
        return Message(message=ON_ITS_WAY)

    async def reset(self, call: Call[Reset, NoQuery]) -> Message:
        """Ends all sessions of the account. Second factors stay as they are, and so do personal API keys
        unless they are to be revoked; the e-mail that tells of it says how many live on."""
        body = call.body
        await self._recoveries.reset(
            body.login,
            body.code.get_secret_value(),
            body.password.get_secret_value(),
            self._origins.of(call.request),
            revoke_keys=body.revoke_api_keys,
        )
        return Message(message=CHANGED)
