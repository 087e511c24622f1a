"""Which second factors somebody has, and whether the one that was shown is right (ID-20 to ID-27)."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from common.clock import Clock
from common.errors import Forbidden
from common.ids import UserId
from identity.domain.accounts import User
from identity.domain.authenticators import Authenticator, RecoveryCodes, totp_purpose
from identity.domain.factors import Factor
from identity.domain.mails import Mail
from identity.domain.names import masked
from identity.domain.policies import SignInPolicy
from identity.domain.sign_ins import CODE_TRIES, Proof, SignIn
from identity.service.mails import PostOffice
from identity.service.passkeys import Passkeys, credential_of, owner_of
from identity.service.secrets import Secrets
from identity.service.totp import matching_step


@dataclass(frozen=True, slots=True)
class Shown:
    """A factor as it was shown: digits, letters, or a passkey's answer as JSON."""

    factor: Factor
    text: str


@dataclass(frozen=True, slots=True)
class Owned:
    """What somebody has beside the mailbox."""

    authenticators: list[Authenticator]
    recovery: RecoveryCodes | None

    def of(self, kind: str) -> list[Authenticator]:
        return [one for one in self.authenticators if one.kind == kind]


@dataclass(frozen=True, slots=True)
class Offer:
    """A factor that may be shown now. `options` go to `navigator.credentials.get`."""

    factor: Factor
    recipient: str | None = None
    options: dict[str, Any] | None = None


@dataclass(frozen=True, slots=True)
class Checked:
    """A sign-in after a try, and what else the try changed; to be saved together."""

    sign_in: SignIn
    right: bool
    used: tuple[Authenticator | RecoveryCodes, ...] = ()


class FactorStore(Protocol):
    async def authenticators(self, user: UserId) -> list[Authenticator]: ...

    async def passkey(self, credential: bytes) -> Authenticator | None: ...

    async def recovery_codes(self, user: UserId) -> RecoveryCodes | None: ...


class Factors:
    def __init__(
        self, store: FactorStore, secrets: Secrets, passkeys: Passkeys, post: PostOffice, clock: Clock
    ) -> None:
        self._store = store
        self._secrets = secrets
        self._passkeys = passkeys
        self._post = post
        self._clock = clock

    async def owned(self, user: UserId) -> Owned:
        authenticators, recovery = await asyncio.gather(
            self._store.authenticators(user), self._store.recovery_codes(user)
        )
        return Owned(authenticators, recovery)

    def offers(
        self, sign_in: SignIn, user: User, owned: Owned, policies: Sequence[SignInPolicy]
    ) -> list[Offer]:
        """What may be shown, the strongest first. The mailbox is there where a policy takes it, and for those
        who have nothing else: they begin with it and add something stronger (rule 14)."""
        found = []
        if keys := owned.of("passkey"):
            found.append(Offer("passkey", options=self._passkeys.request(self.challenge(sign_in.id), keys)))
        if owned.of("totp"):
            found.append(Offer("totp"))
        if not found or any(policy.email_factor for policy in policies):
            found.append(Offer("email", recipient=masked(user.email)))
        if owned.recovery and owned.recovery.digests:
            found.append(Offer("recovery_code"))
        return found

    def mailed(self, sign_in: SignIn, user: User) -> tuple[SignIn, Mail]:
        """The one-time password on its way, the same one as long as the sign-in lives (rule 11)."""
        now, purpose = self._clock.now(), _purpose(sign_in.id)
        lifetime = sign_in.expires_at - now
        new = self._secrets.one_time_password(purpose, now, lifetime, CODE_TRIES)
        sign_in = sign_in.mailed(new, now)
        code = sign_in.code or new
        mail = self._post.mail(
            f"one_time_password:{sign_in.id}:{code.sends}",
            "one_time_password",
            user.language,
            user.email,
            {"name": user.first_name},
            code=self._secrets.reveal(code, purpose),
            worthless_at=code.expires_at,
        )
        return sign_in, mail

    async def check(self, sign_in: SignIn, shown: Shown) -> Checked:
        """Is it right? What was right in this sign-in before is right again, without being used twice."""
        proof = self.proof(sign_in.id, shown)
        if sign_in.shows(proof):
            return Checked(sign_in.counted(right=True), True)
        if shown.factor == "email":
            digest = self._secrets.code_digest(_purpose(sign_in.id), shown.text)
            tried, right = sign_in.tried(digest, self._clock.now())
            return Checked(tried.proved(proof) if right else tried, right)
        used = await self._use(sign_in, shown)
        tried = sign_in.counted(right=used is not None)
        return Checked(tried.proved(proof), True, (used,)) if used else Checked(tried, False)

    async def alone(self, ceremony: str, shown: Shown) -> Authenticator | None:
        """The passkey that signs in without a password, used; None when it does not hold."""
        key = await self._store.passkey(credential_of(shown.text) or b"")
        if key is None or owner_of(shown.text) != key.user:
            return None
        return self._signed(key, shown.text, self.challenge(ceremony), alone=True)

    def challenge(self, identity: str) -> bytes:
        """What a passkey signs: nobody can know it before we say it, and nobody has to remember it."""
        return self._secrets.digest("webauthn", identity)

    def proof(self, sign_in: str, shown: Shown) -> Proof:
        return Proof(shown.factor, self._secrets.digest("proof", f"{sign_in} {shown.factor} {shown.text}"))

    def step_of(self, authenticator: Authenticator, code: str) -> int | None:
        """The step whose code this is, if it is one of the authenticator's and was not used."""
        totp = authenticator.totp
        if totp is None:
            return None
        secret = self._secrets.open_lasting(totp.sealed, totp_purpose(authenticator.id)).decode()
        return matching_step(secret, code.replace(" ", ""), totp.last_step, self._clock.now())

    async def _use(self, sign_in: SignIn, shown: Shown) -> Authenticator | RecoveryCodes | None:
        """The authenticator or the codes after this use; None when what was shown is wrong."""
        now = self._clock.now()
        if shown.factor == "recovery_code":
            codes = await self._store.recovery_codes(sign_in.user)
            digest = self._secrets.code_digest(recovery_purpose(sign_in.user), shown.text)
            return codes.used(digest) if codes else None
        claimed = credential_of(shown.text) if shown.factor == "passkey" else None
        for one in await self._store.authenticators(sign_in.user):
            if shown.factor == "totp" and (step := self.step_of(one, shown.text)):
                return one.used_code(step, now)
            if shown.factor == "passkey" and one.passkey and one.passkey.credential == claimed:
                return self._signed(one, shown.text, self.challenge(sign_in.id), alone=False)
        return None

    def _signed(
        self, key: Authenticator, text: str, challenge: bytes, *, alone: bool
    ) -> Authenticator | None:
        assert key.passkey is not None, "not a passkey"
        count = self._passkeys.sign_count(text, key.passkey, challenge, alone=alone)
        return None if count is None else key.used_passkey(count, self._clock.now(), alone=alone)


def recovery_purpose(user: UserId) -> str:
    return f"recovery:{user}"


def stale_factor() -> Forbidden:
    """What changes factors needs one that was shown a moment ago."""
    return Forbidden(
        "second_factor_needed",
        "This needs a second factor shown in the last ten minutes",
        next_step="Confirm this session with a second factor, then try again.",
    )


def _purpose(sign_in: str) -> str:
    return f"sign_in:{sign_in}"
