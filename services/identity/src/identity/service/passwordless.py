"""Signing in with a passkey and nothing else: what you have and what you are (or know), in one touch."""

from datetime import timedelta
from typing import Any, Protocol

from common.clock import Clock
from common.errors import Conflict, Unauthenticated
from common.ids import OrganisationId
from common.races import settled
from identity.domain.authenticators import Authenticator
from identity.domain.sign_ins import CODE_LIFETIME, SignIn, over
from identity.domain.throttles import Counted, Origin
from identity.service.entrance import Step
from identity.service.factors import Factors, Shown
from identity.service.passkeys import Passkeys
from identity.service.secrets import Secrets
from identity.service.sign_ins import SignIns
from identity.service.throttles import Throttles


class PasswordlessStore(Protocol):
    async def sign_in(self, identity: str) -> SignIn | None: ...

    async def save(self, *things: SignIn | Authenticator | Counted) -> None: ...


class Passwordless:
    """Nothing is kept until a passkey has answered: strangers cannot fill the database."""

    def __init__(
        self,
        store: PasswordlessStore,
        secrets: Secrets,
        throttles: Throttles,
        factors: Factors,
        passkeys: Passkeys,
        sign_ins: SignIns,
        clock: Clock,
    ) -> None:
        self._store = store
        self._secrets = secrets
        self._throttles = throttles
        self._factors = factors
        self._passkeys = passkeys
        self._sign_ins = sign_ins
        self._clock = clock

    def start(self) -> tuple[str, dict[str, Any]]:
        """An id, and the options for `navigator.credentials.get`."""
        identity = self._secrets.ceremony(self._clock.now())
        return identity, self._passkeys.request(self._factors.challenge(identity))

    async def verify(
        self,
        identity: str,
        answer: str,
        organisation: OrganisationId | None,
        *,
        permanent: bool,
        origin: Origin,
    ) -> Step:
        """Check the passkey's answer; the rest is as after any second factor. An answer works once."""
        shown = Shown("passkey", answer)
        if await self._store.sign_in(identity) is None:
            await self._open(identity, shown, permanent, origin)
        return await self._sign_ins.verify(identity, shown, organisation, origin)

    async def _open(self, identity: str, shown: Shown, permanent: bool, origin: Origin) -> None:
        now, began = self._clock.now(), self._secrets.ceremony_began(identity)
        if began is None or now >= began + CODE_LIFETIME:
            raise over()
        counted = await self._throttles.address("sign_in", origin)
        used = await self._factors.alone(identity, shown)
        if used is None:
            await settled(lambda: self._store.save(counted))
            raise Unauthenticated("sign_in_refused", "This passkey was not accepted")
        sign_in = SignIn(
            id=identity,
            user=used.user,
            network=origin.network,
            permanent=permanent,
            proof=self._factors.proof(identity, shown),
            expires_at=began + CODE_LIFETIME,
            forget_at=now + timedelta(days=1),
        )
        try:
            await self._store.save(sign_in, used)
        except Conflict:
            raise over() from None  # the same answer, shown twice at once
