"""Who may pass, and how often."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from common.auth import Actor, TokenVerifier
from common.errors import Throttled, Unauthenticated
from gateway.domain.buckets import Buckets, Pace, header
from gateway.domain.tokens import Tokens
from gateway.service.browsers import Browsers, Signed
from gateway.service.keys import Holder, KeyTokens


class Admission:
    """Checks tokens and counts requests. `now` tells seconds and never goes back."""

    def __init__(
        self,
        verifier: TokenVerifier,
        keys: KeyTokens,
        browsers: Browsers,
        organisation: Pace,
        session: Pace,
        address: Pace,
        now: Callable[[], float],
    ) -> None:
        self._verifier = verifier
        self._keys = keys
        self._browsers = browsers
        self._now = now
        self._organisations = Buckets(organisation)
        self._sessions = Buckets(session)
        self._addresses = Buckets(address)
        self._failures = Buckets(address)

    def known(self, token: str) -> Actor | None:
        """The actor of a token that was verified before; None when it has to be verified first."""
        return self._verifier.known(token)

    async def actor(self, token: str, address: str) -> Actor:
        """Who asks."""
        with self._patience(address):
            return await self._verifier.verify(token)

    async def holder(self, key: str, address: str) -> Holder:
        """Whose API key this is, and the access token it stands for."""
        with self._patience(address):
            return await self._keys.holder(key, address)

    async def signed(self, access: str | None, refresh: str | None, address: str) -> Signed:
        """Who uses this browser; its tokens may have been refreshed on the way."""
        with self._patience(address):
            return await self._browsers.signed(access, refresh, address)

    async def switched(
        self, refresh: str | None, organisation: str | None, address: str
    ) -> tuple[Actor, Tokens]:
        """A browser's next tokens, for the same organisation or another one."""
        with self._patience(address):
            return await self._browsers.switched(refresh, organisation, address)

    @contextmanager
    def _patience(self, address: str) -> Iterator[None]:
        """An address that keeps showing bad tokens is not listened to for a while."""
        if self._failures.empty(address, self._now()):
            raise _throttled("address", 1 / self._failures.pace.rate)
        try:
            yield
        except Unauthenticated:
            self._failures.take(address, self._now())
            raise

    def count(self, actor: Actor) -> bytes:
        """Count one request of somebody signed in. Returns the `RateLimit` line; raises Throttled."""
        now = self._now()
        left = self._sessions.take(actor.session, now)
        if left < 0:
            raise _throttled("session", -left)
        left = self._organisations.take(actor.organisation, now)
        if left < 0:
            raise _throttled("organisation", -left)
        return header("organisation", left, self._organisations.pace)

    def count_address(self, address: str) -> bytes:
        """Count one request without a token. Returns the `RateLimit` line; raises Throttled."""
        left = self._addresses.take(address, self._now())
        if left < 0:
            raise _throttled("address", -left)
        return header("address", left, self._addresses.pace)


def _throttled(whose: str, seconds: float) -> Throttled:
    return Throttled(
        "rate_limited",
        f"Too many requests of this {whose}",
        next_step="Wait as long as Retry-After says.",
        retry_after=seconds,
    )
