"""Who tried what how often, kept in the database so that all replicas count together."""

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
        identity = self._identity(what, who)
        for _ in range(2):
            now = self._clock.now()
            throttle = await self._store.throttle(identity) or Throttle.unused(identity, now)
            try:
                await self._store.save(throttle.tried(now, policy))
            except Conflict:
                continue
            return Forgiven(identity)
        message = "Another try for this account is being made at this moment."
        raise Throttled("too_many_tries", message, retry_after=1)

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
        identity = self._identity(f"{what}:address", origin.address)
        now = self._clock.now()
        throttle = await self._store.throttle(identity) or Throttle.unused(identity, now)
        throttle.check(now, self._per_address)
        afresh = now >= throttle.forget_at
        return Counted(id=identity, at=now, forget_at=now + self._per_address.forget, afresh=afresh)

    def _identity(self, what: str, who: str) -> str:
        return f"{what}:{self._secrets.digest('throttle', who).hex()[:32]}"
