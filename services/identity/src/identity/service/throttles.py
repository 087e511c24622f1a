"""Who tried what how often, kept in the database so that all replicas count together."""

import asyncio
from typing import Protocol

from common.clock import Clock
from common.errors import Conflict, Throttled
from common.ids import UserId
from identity.domain.factors import GUESSABLE, Factor
from identity.domain.throttles import SECOND_FACTOR, Counted, Forgiven, Origin, Policy, Throttle
from identity.service.secrets import Secrets


class ThrottleStore(Protocol):
    async def throttle(self, identity: str) -> Throttle | None: ...

    async def save(self, *things: Throttle | Counted) -> None: ...


class Throttles:
    """Counts tries. Names and addresses are kept as digests only: the list tells nobody who signs in."""

    def __init__(self, store: ThrottleStore, secrets: Secrets, clock: Clock, per_address: Policy) -> None:
        self._store = store
        self._secrets = secrets
        self._clock = clock
        self._per_address = per_address

    async def claim(self, what: str, who: str, policy: Policy) -> Forgiven:
        """Count one try before it is made; returns what makes it forgotten when it was right.

        `Throttled` when it is too early, or when another try for the same is being counted this instant.
        """
        return await self._claimed(await self._known(self._identity(what, who)), policy)

    async def claim_from(
        self, origin: Origin, what: str, who: str, policy: Policy
    ) -> tuple[Counted, Forgiven]:
        """`address`, then `claim`, in one question."""
        address, account = self._identity(f"{what}:address", origin.address), self._identity(what, who)
        there, here = await asyncio.gather(self._known(address), self._known(account))
        counted = self._counted(there)
        return counted, await self._claimed(here, policy)

    async def factor(self, user: UserId, factor: Factor) -> tuple[Forgiven, ...]:
        """Count one try of a second factor, if it is one that could be guessed: whoever has found out a
        password must not use up what its owner still has."""
        if factor not in GUESSABLE:
            return ()
        return (await self.claim("second_factor", user, SECOND_FACTOR),)

    async def address(self, what: str, origin: Origin) -> Counted:
        """`Throttled` when this address has to wait; returns the count to save with a failure.

        Shared by all behind one address, so it is looked at first and counted after, without a race to lose.
        """
        return self._counted(await self._known(self._identity(f"{what}:address", origin.address)))

    async def _known(self, identity: str) -> Throttle:
        return await self._store.throttle(identity) or Throttle.unused(identity, self._clock.now())

    def _counted(self, throttle: Throttle) -> Counted:
        now = self._clock.now()
        throttle.check(now, self._per_address)
        afresh = now >= throttle.forget_at
        return Counted(id=throttle.id, at=now, forget_at=now + self._per_address.forget, afresh=afresh)

    async def _claimed(self, throttle: Throttle, policy: Policy) -> Forgiven:
        for _ in range(2):
            try:
                await self._store.save(throttle.tried(self._clock.now(), policy))
            except Conflict:  # another try was counted meanwhile: this one comes on top
                throttle = await self._known(throttle.id)
            else:
                return Forgiven(throttle.id)
        message = "Another try for this account is being made at this moment."
        raise Throttled("too_many_tries", message, retry_after=1)

    def _identity(self, what: str, who: str) -> str:
        return f"{what}:{self._secrets.digest('throttle', who).hex()[:32]}"
