"""Access tokens: made, signed, and the public keys that verify them (RFC 7519, RFC 9068, RFC 8037)."""

import json
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any, Protocol

from joserfc import jwt
from joserfc.jwk import OKPKey

from common.auth import Role
from common.auth.tokens import ALGORITHM, AUDIENCE, ISSUER, TYPE, TokenVerifier
from common.clock import Clock
from common.errors import Conflict, Unavailable
from common.ids import new_id
from identity.domain.keys import SigningKey, signer
from identity.domain.sessions import ACCESS_LIFETIME, Session
from identity.service.secrets import Secrets

LOOK_AGAIN = timedelta(minutes=1)
"""How soon a replica learns of a key that another made; a new key signs only later than that."""


class KeyStore(Protocol):
    async def signing_keys(self) -> list[SigningKey]: ...

    async def save(self, *things: SigningKey) -> None: ...


class KeyRing:
    """The signing keys, the same on all replicas. The first one is made by whoever starts first."""

    def __init__(self, store: KeyStore, secrets: Secrets, clock: Clock, verifier: TokenVerifier) -> None:
        self._store = store
        self._secrets = secrets
        self._clock = clock
        self._verifier = verifier
        self._keys: tuple[SigningKey, ...] = ()
        self._private: dict[int, OKPKey] = {}
        self._read_at: datetime | None = None

    async def open(self) -> None:
        await self._read()
        if not self._keys:
            await self._make_first()
            await self._read()

    async def close(self) -> None:
        """Nothing to close."""

    async def access_token(self, session: Session, role: Role, *, strong: bool, scoped: bool = False) -> str:
        """A token for the session's person, in the session's organisation, for `ACCESS_LIFETIME`, or until
        the grant ends that the session stands on."""
        visit = session.visit
        claims: dict[str, Any] = {
            "sub": session.user,
            "org": session.organisation,
            "role": role.value,
            "sid": session.id,
            "mfa": strong,
            "scoped": visit.scoped if visit else scoped,
        }
        if visit:
            claims |= {"via": visit.via, "grant": visit.grant}
        return await self.signed(claims, visit.until if visit else None)

    async def signed(self, claims: Mapping[str, Any], until: datetime | None = None) -> str:
        """A token that says `claims`, for `ACCESS_LIFETIME` and not beyond `until`."""
        now = self._clock.now()
        await self._look_again(now)
        key = signer(self._keys, now)
        if key is None:
            raise _not_ready()
        ends = now + ACCESS_LIFETIME
        usual = {
            "iss": ISSUER,
            "aud": AUDIENCE,
            "iat": now.timestamp(),
            "exp": int(min(ends, until or ends).timestamp()),
            "jti": new_id(),
        }
        header = {"alg": ALGORITHM, "typ": TYPE, "kid": key.kid}
        return jwt.encode(header, {**claims, **usual}, self._private[key.number], [ALGORITHM])

    async def published(self) -> list[dict[str, Any]]:
        """The public keys, as the members of a JSON Web Key Set."""
        now = self._clock.now()
        await self._look_again(now)
        public = [key.public for key in self._keys if key.published(now)]
        if not public:
            raise _not_ready()  # an empty set would be cached as the truth
        return public

    async def _look_again(self, now: datetime) -> None:
        if self._read_at is None or now - self._read_at >= LOOK_AGAIN:
            await self._read()

    async def _read(self) -> None:
        keys = tuple(await self._store.signing_keys())
        for key in keys:
            if key.number not in self._private:
                plain = self._secrets.open(key.sealed, _purpose(key.number))
                self._private[key.number] = OKPKey.import_key(json.loads(plain))
        self._keys = keys
        self._read_at = self._clock.now()
        # Our own routes verify with our own keys; asking ourselves over HTTP could wait for ourselves.
        self._verifier.keys.learn({"keys": [key.public for key in keys]})

    async def _make_first(self) -> None:
        pair = OKPKey.generate_key("Ed25519", auto_kid=True)
        public = {**pair.as_dict(private=False), "alg": ALGORITHM, "use": "sig"}
        sealed = self._secrets.seal(json.dumps(pair.as_dict(private=True)).encode(), _purpose(1))
        first = SigningKey(
            number=1, kid=pair.kid or "", public=public, sealed=sealed, signs_from=self._clock.now()
        )
        try:
            await self._store.save(first)
        except Conflict:
            return  # another replica was first: its key is the one


def _not_ready() -> Unavailable:
    return Unavailable("keys_unavailable", "No signing key is ready yet", retry_after=1)


def _purpose(number: int) -> str:
    return f"signing_key:{number}"
