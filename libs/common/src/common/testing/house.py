"""The whole house in memory: what `common.app.running` gives to a service, without servers."""

import base64
import os
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from joserfc import jwt
from joserfc.jwk import OKPKey
from pydantic import SecretStr

from common import rights
from common.app import Assembly, Parts
from common.auth import KeySet, Revocations, Role, TokenVerifier
from common.auth.tokens import ALGORITHM, AUDIENCE, ISSUER, TYPE
from common.clock import Clock
from common.contracts import Event
from common.contracts.identity import AccessChanged, SessionRevoked
from common.ids import new_id
from common.sealing import Sealer
from common.testing.bus import MemoryBus
from common.testing.database import MemoryDatabase


class FixedClock:
    """A clock that stands until it is moved."""

    def __init__(self, now: datetime = datetime(2026, 3, 1, 12, tzinfo=UTC)) -> None:
        self._now = now

    def now(self) -> datetime:
        return self._now

    def timestamp(self) -> float:
        return self._now.timestamp()

    def advance(self, by: timedelta) -> None:
        self._now += by


class TestKeys(KeySet):
    """A signing key of the test's own; makes tokens that the verifier of the same parts accepts."""

    __test__ = False

    def __init__(self) -> None:
        super().__init__("", None)
        self._private = OKPKey.generate_key("Ed25519", {"kid": "test"}, auto_kid=False)
        self._keys["test"] = self._private

    def published(self) -> dict[str, Any]:
        """The public key as identity publishes it (RFC 7517)."""
        return {"keys": [dict(self._private.as_dict(private=False))]}

    def token(
        self,
        *,
        organisation: str = "org-a",
        role: Role = Role.SUPER_ADMIN,
        user: str = "user-a",
        session: str = "session-a",
        expires: datetime | None = None,
        strong: bool = True,
        **more: Any,
    ) -> str:
        """`more` are further claims: `via`, `grant`, `scoped`, `actions`, another `iat`."""
        expires = expires or datetime(2100, 1, 1, tzinfo=UTC)
        claims = {
            "iss": ISSUER,
            "aud": AUDIENCE,
            "sub": user,
            "org": organisation,
            "role": role.value,
            "sid": session,
            "exp": int(expires.timestamp()),
            "iat": int(expires.timestamp()) - 300,
            "jti": new_id(),
            "mfa": strong,
        } | more
        return jwt.encode({"alg": ALGORITHM, "typ": TYPE, "kid": "test"}, claims, self._private, [ALGORITHM])


def memory_sealer() -> Sealer:
    return Sealer(SecretStr(base64.b64encode(os.urandom(32)).decode()))


@dataclass(slots=True)
class MemoryHouse:
    """What `common.app.running` gives to a service, in memory, for one or several services on one bus."""

    clock: FixedClock = field(default_factory=FixedClock)
    bus: MemoryBus = field(default_factory=MemoryBus)
    keys: TestKeys = field(default_factory=TestKeys)
    revocations: Revocations = field(default_factory=Revocations)
    databases: dict[str, MemoryDatabase] = field(default_factory=dict)
    time: Clock | None = None
    """Another time than that of `clock`: the machine's, to measure."""

    def __post_init__(self) -> None:
        async def hear(event: Event) -> None:
            rights.take(event, self.revocations)

        self.bus.listen("rights", {SessionRevoked: hear, AccessChanged: hear})

    def parts(self, service: str) -> Parts:
        database = self.databases.setdefault(service, MemoryDatabase(self.bus))
        clock = self.time or self.clock
        verifier = TokenVerifier(self.keys, clock, self.revocations)
        return Parts(database, clock, memory_sealer(), verifier, self.revocations)

    def move_in(self, service: str, assemble: Callable[[Parts], Assembly]) -> Assembly:
        """Assemble a service into the house: its indexes hold, its subscriptions listen."""
        parts = self.parts(service)
        assembly = assemble(parts)
        self.databases[service].indexes.extend(assembly.indexes)
        self.bus.listen(service, assembly.subscriptions)
        return assembly
