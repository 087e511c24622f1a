"""Access tokens: made, signed, and the public keys that verify them (RFC 7519, RFC 9068, RFC 8037)."""

import contextlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Protocol

import orjson
from joserfc.jwk import OKPKey
from joserfc.util import urlsafe_b64decode, urlsafe_b64encode
from nacl.signing import SigningKey as SigningKeyOfSodium

from common.auth import Role
from common.auth.tokens import ALGORITHM, AUDIENCE, ISSUER, TYPE, TokenVerifier
from common.clock import Clock
from common.contracts import Event
from common.contracts.audit import ActRecorded
from common.errors import Conflict, Unavailable
from common.ids import new_id
from identity.domain.keys import LEAD, SigningKey, private_key_purpose, signer
from identity.domain.sessions import ACCESS_LIFETIME, Session
from identity.service.secrets import Secrets
from identity.service.staff import STAFF

LOOK_AGAIN = timedelta(minutes=1)
"""How soon a replica learns of a key that another made; a new key signs only later than that."""


class KeyStore(Protocol):
    async def signing_keys(self) -> list[SigningKey]: ...

    async def save(self, *things: SigningKey, events: tuple[Event, ...] = ()) -> None: ...


@dataclass(frozen=True, slots=True)
class Rotation:
    """The key that will sign, and the one that signs until then."""

    successor: SigningKey
    current: SigningKey


class Signer:
    """Signs tokens with one key. The header is always the same, so it is made once (RFC 7515, 7.1)."""

    def __init__(self, key: OKPKey) -> None:
        private = key.as_dict(private=True)
        self._key = SigningKeyOfSodium(urlsafe_b64decode(str(private["d"]).encode()))
        self._header = urlsafe_b64encode(orjson.dumps({"alg": ALGORITHM, "typ": TYPE, "kid": key.kid}))

    def token(self, claims: dict[str, Any]) -> str:
        text = self._header + b"." + urlsafe_b64encode(orjson.dumps(claims))
        return (text + b"." + urlsafe_b64encode(self._key.sign(text).signature)).decode()


class KeyRing:
    """The signing keys, the same on all replicas. The first one is made by whoever starts first."""

    def __init__(
        self,
        store: KeyStore,
        secrets: Secrets,
        clock: Clock,
        verifier: TokenVerifier,
        rotate_after: timedelta,
    ) -> None:
        self._store = store
        self._secrets = secrets
        self._clock = clock
        self._verifier = verifier
        self._rotate_after = rotate_after
        self._keys: tuple[SigningKey, ...] = ()
        self._signers: dict[int, Signer] = {}
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
        return self._signers[key.number].token({**claims, **usual})

    async def published(self) -> list[dict[str, Any]]:
        """The public keys, as the members of a JSON Web Key Set."""
        now = self._clock.now()
        await self._look_again(now)
        public = [key.public for key in self._keys if key.published(now)]
        if not public:
            raise _not_ready()  # an empty set would be cached as the truth
        return public

    async def rotate(self) -> Rotation:
        """A new key, which signs when everybody has had time to learn of it; the old one goes when its last
        token has expired. `Conflict` while an earlier rotation is under way."""
        await self._read()
        now, old = self._clock.now(), max(self._keys, key=lambda key: key.number)
        if old.signs_from > now:
            raise Conflict(
                "rotation_under_way",
                f"A new key signs from {old.signs_from:%H:%M:%S} UTC on",
                next_step="Rotate again after that, if you still want to.",
            )
        new = self._new(old.number + 1, now + LEAD)
        old = old.succeeded(new)
        event = ActRecorded(
            organisation=STAFF,
            act="signing_key.rotated",
            object=new.kid,
            details={"previous": old.kid, "signs_from": new.signs_from.isoformat()},
            version=1,
            at=now,
        )
        await self._store.save(new, old, events=(event,))
        await self._read()
        return Rotation(new, old)

    async def next_rotation(self) -> datetime | None:
        """When the newest key is old enough."""
        await self._read()
        return max(key.signs_from for key in self._keys) + self._rotate_after

    async def rotate_when_due(self) -> None:
        with contextlib.suppress(Conflict):  # another replica was faster
            await self.rotate()

    async def _look_again(self, now: datetime) -> None:
        if self._read_at is None or now - self._read_at >= LOOK_AGAIN:
            await self._read()

    async def _read(self) -> None:
        now = self._clock.now()
        keys = tuple(key for key in await self._store.signing_keys() if key.published(now))
        for key in keys:
            if key.number not in self._signers:
                plain = self._secrets.open_lasting(key.sealed, private_key_purpose(key.number))
                self._signers[key.number] = Signer(OKPKey.import_key(json.loads(plain)))
        self._keys = keys
        self._signers = {key.number: self._signers[key.number] for key in keys}
        self._read_at = now
        # Our own routes verify with our own keys; asking ourselves over HTTP could wait for ourselves.
        self._verifier.keys.learn({"keys": [key.public for key in keys]})

    async def _make_first(self) -> None:
        try:
            await self._store.save(self._new(1, self._clock.now()))
        except Conflict:
            return  # another replica was first: its key is the one

    def _new(self, number: int, signs_from: datetime) -> SigningKey:
        pair = OKPKey.generate_key("Ed25519", auto_kid=True)
        public = {**pair.as_dict(private=False), "alg": ALGORITHM, "use": "sig"}
        private = json.dumps(pair.as_dict(private=True)).encode()
        sealed = self._secrets.seal_lasting(private, private_key_purpose(number))
        return SigningKey(
            number=number, kid=pair.kid or "", public=public, sealed=sealed, signs_from=signs_from
        )


def _not_ready() -> Unavailable:
    return Unavailable("keys_unavailable", "No signing key is ready yet", retry_after=1)
